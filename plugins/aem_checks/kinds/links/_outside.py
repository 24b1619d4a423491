"""Are links to other hosts good, as far as the gate file lets anybody ask there?"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING

from aem_checks.asks import Abroad, ask_all
from aem_checks.outcomes import Finding, Outcome, Severity
from aem_checks.text import count, quoted
from aem_checks.urls import host_of

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.visit import Visit

_GONE = frozenset({404, 410})
"""Other hosts refuse programs in many ways; only these say that the page is not there."""
_MOST = 200
_AT_ONCE = 8


def check_outside(sources: Mapping[str, str], visit: Visit) -> Steps[list[Finding]]:
    """Findings on URLs of other hosts, each with a page that links to it. Only ``allow_hosts`` of the site are asked."""
    from aem_checks.network_guard.rule import Rule

    rule = Rule.for_site(visit.site)
    listed = [url for url in sources if rule.allows_url(url) and not visit.allows(url)]
    findings: list[Finding] = []
    waiting = iter(listed[:_MOST])
    while some := list(islice(waiting, _AT_ONCE)):
        chains = yield from ask_all(Abroad(url) for url in some)
        gone = ((url, chain[-1].status) for url, chain in zip(some, chains, strict=True))
        findings += [_gone(url, status, sources[url]) for url, status in gone if status in _GONE]
    unlisted = {host_of(url) for url in sources if not rule.allows_url(url)}
    return [*findings, *_notes(unlisted, len(listed) - _MOST)]


def _gone(url: str, status: int, page: str) -> Finding:
    return Finding(
        code="outside",
        subject=url,
        sentence=f"{quoted(url, 300)}, linked on {quoted(page)}, gives status {status}; expected status 200. "
        "To do: correct the link.",
        expected="status 200",
        actual=f"status {status}",
        severity=Severity.WARN,
    )


def _notes(unlisted: set[str], left: int) -> list[Finding]:
    says = []
    if unlisted:
        first = ", ".join(quoted(host, 60) for host in sorted(unlisted)[:3])
        says.append(
            f"Links to {count(len(unlisted), 'other host')} were not checked, such as {first}; 'allow_hosts' of the site "
            "names hosts that may be asked."
        )
    if left > 0:
        says.append(f"{count(left, 'link')} to other hosts beyond {_MOST} were not checked.")
    return [
        Finding(code="left_out", subject="other hosts", sentence=words, outcome=Outcome.PASSED)
        for words in says
    ]
