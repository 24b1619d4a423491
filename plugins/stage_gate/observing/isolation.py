"""May a team's code run on this worker, as its gate says?

A gate that acts runs suites and a team's own checks isolated: as a user of their own, with no way to the signing key,
the database, the evidence and the memory of other tasks (``exposure``). Where a worker can't, its gate file may accept
that (``isolation: accepted``), unless the deployment forbids it (``[stage_gate] require_isolation``); else the check
does not run there, and is inconclusive. A gate in shadow mode only says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aem_checks.kinds import file_of_own_kind
from aem_checks.text import count
from stage_gate.configuration.gate_rules import REQUIRE_ISOLATION
from stage_gate.observing.exposure import Code, Exposure, judge, look
from stage_gate.rules.decision import Mode
from stage_gate.rules.not_run import not_run
from stage_gate.rules.plan import UNISOLATED

if TYPE_CHECKING:
    from aem_checks.config import ConfiguredCheck
    from aem_checks.outcomes import CheckResult
    from stage_gate.configuration.gate import Gate

_ACCEPT = "or write 'isolation: accepted' for it in the gate file"
_FORBIDDEN = f"{REQUIRE_ISOLATION} of this deployment lets no gate accept that"


def teams_checks(gate: Gate) -> list[ConfiguredCheck]:
    """The suites of a gate and its team's own checks."""
    return [check for check in gate.plan.checks if check.is_code_of_a_team]


def refusal(gate: Gate, check: ConfiguredCheck) -> CheckResult | None:
    """The result of a check that must not run here, ``None`` for one that may; asked before any of its code starts.

    Takes up to a second for a team's check.
    """
    if not check.is_code_of_a_team or gate.mode is not Mode.GUARD or _is_accepted(check):
        return None
    found = [each for each in look_around(gate) if code_of(check) in each.opens]
    if not found:
        return None
    first, *others = found
    why = (
        f"{check.key} was not run: in guard mode a team's code runs isolated from the gate, and this worker can't. "
        f"{first.sentence} To do: {first.remedy.rstrip('.')}, {_way_out()} (docs/isolation.md)."
    )
    return not_run(check, "not_isolated", "isolation", [why, *map(str, others)])


def look_around(gate: Gate) -> list[Exposure]:
    """What a team's code of this gate could reach here, the gravest first. Takes up to a second."""
    return list(judge(look(gate.pipeline.acting)))


def code_of(check: ConfiguredCheck) -> Code:
    """Which of the two a team's check is."""
    return Code.SUITES if file_of_own_kind(check.check_type) is None else Code.OWN_CHECKS


def unaccepted(gate: Gate, exposure: Exposure) -> list[str]:
    """The keys of the team's checks that a gate which acts would not run where this is in reach."""
    return [
        check.key
        for check in teams_checks(gate)
        if code_of(check) in exposure.opens and not _is_accepted(check)
    ]


def forecast(gate: Gate) -> list[str]:
    """What is to be said before the checks of a gate run: what its team's code could reach here, and what follows."""
    if not teams_checks(gate):
        return []
    found = look_around(gate)
    stopped = list(dict.fromkeys(key for each in found for key in unaccepted(gate, each)))
    return [*map(str, found), *accepted(gate), *_consequence(gate, stopped)]


def accepted(gate: Gate) -> list[str]:
    """A sentence on each check whose gate file accepts that it runs un-isolated."""
    return [f"{check.key} {UNISOLATED}" for check in teams_checks(gate) if _is_accepted(check)]


def _consequence(gate: Gate, stopped: Sequence[str]) -> list[str]:
    if not stopped:
        return []
    would = "will" if gate.mode is Mode.GUARD else "would in guard mode"
    way_out = _FORBIDDEN if _is_required() else "'isolation: accepted' in the gate file lets it"
    return [
        f"{count(len(stopped), 'check')} of the team {would} not run on a worker like this one: {', '.join(stopped)}. "
        f"To do: isolate the team's code as said above (docs/isolation.md); {way_out}."
    ]


def _is_accepted(check: ConfiguredCheck) -> bool:
    return check.accepts_exposure and not _is_required()


def _way_out() -> str:
    return f"since {_FORBIDDEN}" if _is_required() else _ACCEPT


def _is_required() -> bool:
    from stage_gate.configuration.settings import demands

    return demands().isolation
