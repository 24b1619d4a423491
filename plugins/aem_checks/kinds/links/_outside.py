"""Are links to other hosts good, as far as the gate file lets anybody ask there?"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from aem_checks.kinds.links._lychee import Link, run_lychee
from aem_checks.outcomes import Finding, Outcome, Severity
from aem_checks.text import count, quoted
from aem_checks.urls import host_of

if TYPE_CHECKING:
    from aem_checks.visit import Visit

_GONE = frozenset({404, 410})
"""Other hosts refuse programs in many ways; only these say that the page is not there."""
_MOST = 200


async def check_outside(sources: Mapping[str, str], visit: Visit) -> list[Finding]:
    """Findings on URLs of other hosts, each with a page that links to it. Raises ``LycheeError``.

    Only hosts of the site and its ``allow_hosts`` are asked, through the guard proxy, which lets nothing else out.
    """
    from aem_checks.network_guard.forward_proxy import guard_proxy
    from aem_checks.network_guard.rule import Rule

    rule = Rule.for_site(visit.site)
    elsewhere = [url for url in sources if url.startswith(("http://", "https://"))]
    listed = [url for url in elsewhere if rule.allows_url(url) and not visit.client.allows(url)]
    findings = []
    if listed:
        async with guard_proxy(visit) as proxy:
            links = await _ask(listed[:_MOST], proxy.url, visit.site.requests_per_second)
        findings = [_gone(link, sources) for link in links if link.status in _GONE]
    unlisted = {host_of(url) for url in elsewhere if not rule.allows_url(url)}
    return [*findings, *_notes(unlisted, len(listed) - _MOST)]


async def _ask(urls: list[str], proxy: str, per_second: float) -> list[Link]:
    with tempfile.TemporaryDirectory(prefix="links-") as folder:
        interval = max(1, round(1000 / per_second))
        listing = _listing(urls, folder)
        return await run_lychee([listing], proxy, interval=interval, options=["--max-redirects", "5"])


def _listing(urls: list[str], folder: str) -> str:
    listing = Path(folder, "links.txt")
    listing.write_text("".join(f"<{url}>\n" for url in urls), encoding="utf-8")
    return str(listing)


def _gone(link: Link, sources: Mapping[str, str]) -> Finding:
    page = next((page for url, page in sources.items() if _same(url, link.url)), "a page")
    return Finding(
        code="outside",
        subject=link.url,
        sentence=f"{quoted(link.url, 300)}, linked on {quoted(page)}, gives status {link.status}; expected status 200. "
        "To do: correct the link.",
        expected="status 200",
        actual=f"status {link.status}",
        severity=Severity.WARN,
    )


def _same(url: str, other: str) -> bool:
    return url.rstrip("/") == other.rstrip("/")


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
