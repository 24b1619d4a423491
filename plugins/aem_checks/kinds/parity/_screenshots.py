"""Does stage look as production does, but for what moves on production itself?"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from aem_checks.outcomes import Cause, Finding, Outcome
from aem_checks.text import plain
from aem_checks.urls import uncached

if TYPE_CHECKING:
    from aem_checks.browser.asks import Unopened
    from aem_checks.browser.browser import Browser
    from aem_checks.visit import Visit

_MOST_DIFFERING = 0.001
"""Share of pixels: a line of text on a long page. Repeated pictures differ in none."""


class _NotOpened(Exception):
    """A page that can't be judged."""

    def __init__(self, answer: Unopened) -> None:
        super().__init__(answer.why)
        self.answer = answer


async def compare_pictures(visit: Visit, paths: Iterable[str], masks: tuple[str, ...]) -> list[Finding]:
    """Photograph each page on production twice and on stage once, and say where stage differs."""
    from aem_checks.browser.asks import Reason, Unopened
    from aem_checks.browser.browser import open_browser
    from aem_checks.browser.check import no_browser, unopened
    from aem_checks.browser.finding import NoChromium

    findings: list[Finding] = []
    try:
        async with open_browser(visit) as browser:
            for path in paths:
                try:
                    findings += await _compare(visit, browser, path, masks)
                except _NotOpened as error:
                    findings += unopened(path, error.answer, None).findings
    except NoChromium as error:
        findings.append(no_browser("response_parity", Unopened(Reason.NO_BROWSER, str(error))))
    return findings


async def _compare(visit: Visit, browser: Browser, path: str, masks: tuple[str, ...]) -> list[Finding]:
    """What differs between the two pictures of production changes by itself and is left out."""
    from aem_checks.browser.comparing import NotComparable, compare, masked, shown
    from aem_checks.browser.pictures import MOST_MASKED

    production = replace(visit, target="production")
    live, again = [await _photograph(production, browser, path, masks) for _ in range(2)]
    stage = await _photograph(visit, browser, path, masks)
    try:
        if masks and (share := max(map(masked, (live, stage)))) > MOST_MASKED:
            return [_masked(path, share)]
        difference = compare(stage, live, again)
    except NotComparable as error:
        return [_unreadable(path, str(error))]
    if difference.share <= _MOST_DIFFERING:
        return []
    name = hashlib.sha256(path.encode()).hexdigest()[:12]
    evidence = visit.keep(f"response_parity/{name}/pictures.png", shown(live, stage, difference))
    return [
        Finding(
            code="picture",
            subject=f"picture of {path}",
            sentence=f"{path} looks different on stage: {difference.share:.2%} of its pixels differ from production, "
            f"{difference.place}. To do: see the picture; mask the region under 'masks:' if it changes by itself.",
            expected=f"at most {_MOST_DIFFERING:.2%} of pixels differ",
            actual=f"{difference.share:.2%}",
            evidence=evidence,
        )
    ]


async def _photograph(visit: Visit, browser: Browser, path: str, masks: tuple[str, ...]) -> bytes:
    from aem_checks.browser.asks import Reason, Unopened
    from aem_checks.browser.open_page import DESKTOP, PageLost
    from aem_checks.browser.pictures import photograph

    try:
        async with browser.page(uncached(visit.url(path)), DESKTOP) as page:
            if not 200 <= page.status < 300:
                raise _NotOpened(Unopened(Reason.STATUS, status=page.status))
            await page.quiet()
            return await photograph(page, DESKTOP, masks)
    except PageLost as error:
        raise _NotOpened(Unopened(Reason.LOST, str(error))) from error


def _masked(path: str, share: float) -> Finding:
    return Finding(
        code="picture_masked",
        subject=f"picture of {path}",
        sentence=f"The pictures of {path} cannot be compared: masks cover {share:.0%} of what one shows, which is "
        "more than half. To do: let 'masks' select only the regions that change by themselves.",
        expected="masks over at most half of what is shown",
        actual=f"{share:.0%}",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )


def _unreadable(path: str, why: str) -> Finding:
    return Finding(
        code="picture_unreadable",
        subject=f"picture of {path}",
        sentence=f"The pictures of {path} cannot be compared: {plain(why, 200)}.",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )
