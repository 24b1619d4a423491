"""What does the page of a release show, also where its evidence is missing, broken, away, or of another version?"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from stage_gate.evidence.files import EvidenceError, exists
from stage_gate.evidence.signing import Keys
from stage_gate.evidence.store import Evidence
from stage_gate.pages.pinned_gate import gate_pinned_in
from stage_gate.pages.tickets import Ticket
from stage_gate.rules.decision import Mode
from stage_gate.telling.addresses import NOWHERE, Addresses
from stage_gate.telling.release import mode_of, read_release
from stage_gate.telling.rendering import render
from stage_gate.telling.report import render_report

log = logging.getLogger(__name__)

_NO_PIN = (
    "Nothing is on record of execution {id} under gate {gate}: its run has not pinned it yet, or its evidence is gone. If this "
    "goes on, see the log of pin_candidate."
)


def page_of(
    opened: Ticket,
    store: Callable[[], Path],
    keys: Callable[[], Keys],
    gates_folder: Callable[[], Path],
    addresses: Addresses,
) -> str:
    """The page; whatever is wrong with the evidence is said on it."""
    try:
        evidence = Evidence(store(), opened.gate, opened.execution_id, keys())
        return _page(evidence, opened, gates_folder, addresses)
    except (EvidenceError, OSError, ValueError) as error:
        return page_without(f"The evidence can't be read: {error}", addresses)
    except Exception as error:
        log.exception(
            "The page of execution %s under gate %s can't be drawn.", opened.execution_id, opened.gate
        )
        return page_without(
            f"The page can't be drawn ({type(error).__name__}); report this. {_LAST}", addresses
        )


_LAST = "What the run wrote last is in report.html."


def _page(evidence: Evidence, opened: Ticket, gates_folder: Callable[[], Path], addresses: Addresses) -> str:
    if not evidence.is_pinned:
        why = _NO_PIN.format(id=opened.execution_id, gate=opened.gate)
        return page_without(why, addresses, report=exists(evidence.folder / "report.html"))
    pin = evidence.read_pin()
    if mode_of(pin, None) is Mode.GUARD and not pin.is_trusted:
        return page_without(
            f"The pin of execution {opened.execution_id} is {pin.signature}, so nothing of this release is believed here. "
            "Either this server does not know the public key: set [stage_gate] trusted_keys on the API server too. Or "
            f"somebody else wrote {evidence.folder / 'pin.json'}: find out who.",
            addresses,
        )
    return render_report(read_release(evidence, pin, gate_pinned_in(pin, gates_folder())), addresses)


def page_without(why: str, addresses: Addresses = NOWHERE, *, report: bool = False) -> str:
    """A page that says why there is nothing to show; with a link to what an earlier version wrote, if that is there."""
    return render("nothing.html", addresses=addresses, why=why, report=report)
