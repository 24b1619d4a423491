"""Does stage look as production does, but for what moves on production itself?"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from aem_checks.asks import ask
from aem_checks.browser.asks import Open, PageSeen, Picture, Reason, Unopened
from aem_checks.browser.check import no_browser, unopened
from aem_checks.durations import format_duration
from aem_checks.outcomes import Cause, Finding, Outcome
from aem_checks.text import count, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aem_checks.asks import Steps
    from aem_checks.kinds.parity._parity_settings import ResponseParitySettings
    from aem_checks.visit import Visit

_MOST_DIFFERING = 0.001
"""Share of pixels: a line of text on a long page. Repeated pictures differ in none."""


def compare_pictures(visit: Visit, settings: ResponseParitySettings) -> Steps[list[Finding]]:
    """Photograph each page on production twice and on stage once, and say where stage differs."""
    findings: list[Finding] = []
    for number, path in enumerate(settings.screenshots):
        pictures = yield from _photographs(path, settings.masks)
        if not isinstance(pictures, Unopened):
            findings += _compare(visit, path, settings.masks, pictures)
        elif pictures.reason in (Reason.NO_BROWSER, Reason.BUSY):
            return [*findings, no_browser("response_parity", pictures)]
        elif pictures.reason is Reason.LATE:
            return [*findings, _too_late(settings, settings.screenshots[number:])]
        else:
            findings += unopened(path, pictures, None).findings
    return findings


def _photographs(path: str, masks: tuple[str, ...]) -> Steps[tuple[bytes, bytes, bytes] | Unopened]:
    """Production twice and stage once, or the first that could not be opened."""
    pictures = []
    for production in (True, True, False):
        seen: PageSeen | Unopened = yield from ask(Open(path, looks=(Picture(masks),), production=production))
        if isinstance(seen, Unopened):
            return seen
        pictures.append(seen.looks[0][0].read())
    live, again, stage = pictures
    return live, again, stage


def _compare(
    visit: Visit, path: str, masks: tuple[str, ...], pictures: tuple[bytes, bytes, bytes]
) -> list[Finding]:
    """What differs between the two pictures of production changes by itself and is left out."""
    from aem_checks.browser.comparing import NotComparable, compare, masked, shown
    from aem_checks.browser.pictures import MOST_MASKED

    live, again, stage = pictures
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


def _too_late(settings: ResponseParitySettings, missing: Sequence[str]) -> Finding:
    """That the time was over before the last picture was taken."""
    limit = format_duration(settings.within)
    shown = ", ".join(missing[:10]) + (" …" if len(missing) > 10 else "")
    return Finding(
        code="time_limit",
        subject="response_parity",
        sentence=f"response_parity did not take the pictures of {count(len(missing), 'page')} within {limit}: {shown}. "
        "To do: see what is slow, or raise 'within'.",
        expected=f"an end within {limit}",
        actual=f"{count(len(missing), 'page')} missing",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )


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
