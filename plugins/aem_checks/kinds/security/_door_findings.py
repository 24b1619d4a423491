"""What is said of a door that is open, or that could not be tried?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aem_checks.outcomes import Cause, Finding, Outcome, Severity
from aem_checks.reach import describe
from aem_checks.text import count, quoted

if TYPE_CHECKING:
    from aem_checks.kinds.security._doors import Door
    from aem_checks.response import Response

_CLOSED = "404, or another refusal"
_QUOTED_CHARACTERS = 160


def leak(door: Door, response: Response, text: str, evidence: str) -> Finding:
    """A 300 lists what else there is: the door is ajar, but nothing came through, so it is a warning."""
    severity = door.severity if response.status == 200 else Severity.WARN
    begin = ascii(response.text[:_QUOTED_CHARACTERS])[1:-1]
    actual = f"status {response.status} with {quoted(text)}, beginning {quoted(begin, _QUOTED_CHARACTERS)}"
    return Finding(
        code="open",
        subject=door.path,
        sentence=f"{quoted(door.path, 200)} is open to everybody and gives away {door.leak}: twice {actual}. "
        f"To do: deny it in the dispatcher's filters, or list {quoted(door.name)} under 'waive:' if it is meant.",
        expected=_CLOSED,
        actual=actual,
        severity=_milder(severity),
        evidence=evidence,
    )


def unconfirmed(door: Door, text: str, again: Response) -> Finding:
    actual = f"first {quoted(text)}, then {describe(again)}"
    return Finding(
        code="unconfirmed",
        subject=door.path,
        sentence=f"{quoted(door.path, 200)} gave away {door.leak} once, but not on a second request: {actual}. "
        "To do: test again; publish nodes may differ while a deployment rolls.",
        expected=_CLOSED,
        actual=actual,
        outcome=Outcome.INCONCLUSIVE,
        severity=_milder(door.severity),
    )


def broken(door: Door, response: Response) -> Finding:
    """A crash is no leak, and no proof of a closed door either; a site that is down shows in its own page."""
    return Finding(
        code="error",
        subject=door.path,
        sentence=f"{quoted(door.path, 200)} gave {describe(response)}, which does not prove that it is closed. "
        "To do: deny it in the dispatcher's filters, so that publish never sees it.",
        expected=_CLOSED,
        actual=describe(response),
        outcome=Outcome.INCONCLUSIVE,
        severity=Severity.WARN,
    )


def _milder(severity: Severity) -> Severity | None:
    """Only what is milder than the check itself is said; else the gate file's own severity counts."""
    return severity if severity is Severity.WARN else None


def moved(door: Door, response: Response) -> Finding:
    return Finding(
        code="moved",
        subject=door.path,
        sentence=f"{quoted(door.path, 200)} was redirected to the same path at "
        f"{quoted(response.location or '')}, so the dispatcher was not tested. To do: name the host that visitors "
        "end up at in the gate file.",
        expected="an answer of this host",
        actual=describe(response),
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )


def refused_before(home: Response) -> Finding:
    return Finding(
        code="no_answer",
        subject=home.url,
        sentence=f"The site's own page {home.url} gave {describe(home)} before anything was probed, so nothing "
        "was. To do: let the address of the Airflow workers through, or correct 'access:'.",
        expected="the site's own page",
        actual=describe(home),
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.NETWORK,
    )


def firewall(lost: list[str], asked: int, planned: int, after: Response) -> Finding:
    seen = f"{len(lost)} of {count(asked, 'probe')} met a firewall or no answer"
    paths = f" ({', '.join(quoted(path, 80) for path in lost[:3])})" if lost else ""
    home = f"the site's own page then gave {describe(after)}"
    return Finding(
        code="firewall",
        subject="firewall",
        sentence=f"Something before the dispatcher refuses the gate: {seen}{paths}, {planned - asked} of "
        f"{planned} were not sent, and {home}. To do: exempt the gate's address from the firewall on stage and "
        "test again, or list paths that the firewall closes for good under 'waive:'.",
        expected="answers of the dispatcher",
        actual=f"{seen}; {home}",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.NETWORK,
    )


def harmless(paths: list[str]) -> Finding:
    return Finding(
        code="soft_404",
        subject="soft 404",
        sentence=f"{count(len(paths), 'path')} answered 200 without anything that only AEM writes: "
        f"{', '.join(quoted(path, 80) for path in paths[:5])}.",
        outcome=Outcome.PASSED,
    )


def not_asked_for() -> Finding:
    return Finding(
        code="not_configured",
        subject="production",
        sentence="dispatcher_probes does not run on production unless its setting 'on_production' is true.",
        expected="on_production: true",
        actual="on_production: false",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )
