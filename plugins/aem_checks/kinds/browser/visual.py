"""H1: does every page look as it did at the last verified release?

Each page is photographed in Chromium on two viewports, with animations off and changing regions masked, and compared
pixel by pixel with the picture of the last release that was approved and verified. More than 0.1 % of differing
pixels warn, and block on pages that ``block_pages`` names; the evidence shows the region before and now. What differs
between two pictures taken now moves by itself and is left out. A page that masks cover for more than
half, whatever they select, is inconclusive.

It would have caught a page that lost its styles although everything answered with 200, as in Adobe KA-24147, where
templates and experience fragments were absent and the page came unstyled. AET compares AEM pages in the same way
(wttech/aet).

The first release has nothing to compare with, and neither has a worker that draws letters differently (another
Chromium, other fonts): both are said, and the new pictures are kept. Known false alarms: carousels and dates (mask
them), content that was edited on stage, images that load late.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from aem_checks.asks import ask
from aem_checks.browser.asks import Handwriting, Open, PageSeen, Picture, Unopened
from aem_checks.browser.check import (
    BrowserCheck,
    BrowserSettings,
    Unjudged,
    each_page,
    judged,
    nothing_to_compare,
)
from aem_checks.browser.open_page import DESKTOP, PHONE, PageLost, Viewport
from aem_checks.browser.pictures import MOST_MASKED
from aem_checks.codes import faults
from aem_checks.excuses import SELECTORS, above
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.shortened import shortened
from aem_checks.sites import PagePath

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.browser.blob import Blob
    from aem_checks.browser.comparing import Difference
    from aem_checks.visit import Visit

_HANDWRITING = "visual/handwriting.txt"


class VisualSettings(BrowserSettings):
    """What is compared, and how closely."""

    widths: tuple[int, ...] = Field(default=(1366, 390), min_length=1, max_length=6)
    """Widths of the window in CSS pixels: a usual laptop and a usual phone. Below 600 it is a phone."""
    masks: Annotated[tuple[str, ...], SELECTORS] = ()
    """CSS selectors of regions that change by themselves: carousels, dates, personal greetings."""
    most_differing: Annotated[float, above(0.01)] = Field(default=0.001, ge=0, le=1)
    """Share of pixels that may differ; 0.1 % is a line of text on a long page. Repeated pictures differ in none."""
    block_pages: tuple[PagePath, ...] = ()
    """Pages on which a difference, or that nobody can tell, blocks instead of warning, such as legal texts."""


class Visual(BrowserCheck[VisualSettings]):
    """Photographs the pages and compares with the pictures of the last verified release."""

    kind = "visual"
    number = "H1"
    title = "Looks as before"
    codes = faults(
        different="a page looks different from the last verified release",
        new_page="a note: a page has no picture of the last verified release",
        other_letters="a note: this worker draws letters differently, so nothing was compared",
        unreadable="a picture can't be read",
        masked="masks cover more than half of what a picture shows",
    )
    settings_type = VisualSettings

    def look(self, visit: Visit) -> Steps[Judgement]:
        viewports = [_viewport(width) for width in self.settings.widths]
        hand = yield from ask(Handwriting(viewports[0]))
        if isinstance(hand, Unopened):
            raise PageLost(hand.why)
        visit.keep(_HANDWRITING, hand)
        comparable = visit.baseline is not None and visit.baseline.read(_HANDWRITING) == hand.encode()
        questions = [
            Open(path, viewport, (self._picture(path, viewport, comparable=comparable),), warm=True)
            for path in self.paths(visit)
            for viewport in viewports
        ]
        looked = yield from each_page(
            questions, lambda asked, seen: self._compared(visit, asked, seen, comparable=comparable)
        )
        findings = [] if comparable else [self._incomparable(visit)]
        for asked, each in zip(questions, looked, strict=True):
            findings += self._not_seen(asked.path, each) if isinstance(each, Unjudged) else each
        return Judgement(examined=len(judged(looked)), findings=shortened(findings, severity=self.weight))

    def _picture(self, path: str, viewport: Viewport, *, comparable: bool) -> Picture:
        like = picture_name(path, viewport.name) if comparable else ""
        return Picture(self.settings.masks, like, self.settings.most_differing)

    def _compared(self, visit: Visit, asked: Open, seen: PageSeen, *, comparable: bool) -> list[Finding]:
        from aem_checks.browser.comparing import NotComparable

        pictures: tuple[Blob, ...] = seen.looks[0]
        now = pictures[0].read()
        name = visit.keep(picture_name(asked.path, asked.viewport.name), now)
        before = visit.baseline.read(name) if comparable and visit.baseline else None
        try:
            return self._difference(visit, asked, before, pictures, comparable=comparable)
        except NotComparable as error:
            return [_unreadable(asked.path, asked.viewport, str(error), self._gravity(asked.path))]

    def _not_seen(self, path: str, page: Unjudged) -> Iterator[Finding]:
        """As grave as a difference would be."""
        for each in page.findings:
            yield each.model_copy(update={"severity": self._gravity(path)})

    def _gravity(self, path: str) -> Severity | None:
        """Of a page of which nobody can tell whether it looks different."""
        return Severity.BLOCK if path in self.settings.block_pages else None

    def _difference(
        self, visit: Visit, asked: Open, before: bytes | None, pictures: tuple[Blob, ...], *, comparable: bool
    ) -> list[Finding]:
        """Raises ``NotComparable``."""
        from aem_checks.browser.comparing import compare, masked

        path, viewport, now = asked.path, asked.viewport, pictures[0].read()
        if self.settings.masks and (share := masked(now)) > MOST_MASKED:
            return [self._masked(path, viewport, share)]
        if before is None:
            return [_new_page(path, viewport)] if comparable else []
        if before == now:
            return []
        difference = compare(before, now, *(each.read() for each in pictures[1:]))
        if difference.share <= self.settings.most_differing:
            return []
        return [self._finding(visit, path, viewport, before, now, difference)]

    def _finding(
        self, visit: Visit, path: str, viewport: Viewport, before: bytes, now: bytes, difference: Difference
    ) -> Finding:
        from aem_checks.browser.comparing import shown

        name = picture_name(path, viewport.name).replace("visual/", "visual/differences/", 1)
        evidence = visit.keep(name, shown(before, now, difference))
        (_, tall_before), (_, tall_now) = difference.sizes
        height = (
            "" if tall_before == tall_now else f", and is {tall_now} instead of {tall_before} pixels high"
        )
        return Finding(
            code="different",
            subject=f"{path} {viewport.name}",
            sentence=(
                f"{path} looks different at {viewport.name} pixels: {difference.share:.2%} of its pixels differ, "
                f"{difference.place}{height}. To do: see the picture; mask the region if it changes by itself."
            ),
            expected=f"at most {self.settings.most_differing:.2%} of pixels differ",
            actual=f"{difference.share:.2%}",
            severity=Severity.BLOCK if path in self.settings.block_pages else Severity.WARN,
            evidence=evidence,
        )

    def _masked(self, path: str, viewport: Viewport, share: float) -> Finding:
        return Finding(
            code="masked",
            subject=f"{path} {viewport.name}",
            sentence=(
                f"{path} can't be compared at {viewport.name} pixels: masks cover {share:.0%} of what its picture "
                "shows, which is more than half. To do: let 'masks' select only the regions that change by themselves."
            ),
            expected="masks over at most half of what is shown",
            actual=f"{share:.0%}",
            outcome=Outcome.INCONCLUSIVE,
            cause=Cause.CHECK,
            severity=self._gravity(path),
        )

    def _incomparable(self, visit: Visit) -> Finding:
        if visit.baseline is None or visit.baseline.read(_HANDWRITING) is None:
            return nothing_to_compare(self.kind)
        sentence = (
            f"visual has nothing to compare with: this worker draws letters differently from that of "
            f"{visit.baseline.release} (another Chromium or other fonts). The new pictures are kept."
        )
        return Finding(code="other_letters", subject="baseline", sentence=sentence, outcome=Outcome.PASSED)


def picture_name(path: str, viewport: str) -> str:
    """Where the picture of a page is kept: readable, and different for each path."""
    readable = re.sub(r"[^A-Za-z0-9]+", "-", path).strip("-")[:60] or "root"
    return f"visual/{viewport}/{readable}-{sha256(path.encode()).hexdigest()[:8]}.png"


def _viewport(width: int) -> Viewport:
    known = {DESKTOP.width: DESKTOP, PHONE.width: PHONE}
    return known.get(width) or Viewport(width, 900, mobile=width < 600)


def _new_page(path: str, viewport: Viewport) -> Finding:
    sentence = f"{path} has no picture at {viewport.name} pixels from the last verified release; the new one is kept."
    subject = f"{path} {viewport.name}"
    return Finding(code="new_page", subject=subject, sentence=sentence, outcome=Outcome.PASSED)


def _unreadable(path: str, viewport: Viewport, why: str, severity: Severity | None) -> Finding:
    return Finding(
        code="unreadable",
        subject=f"{path} {viewport.name}",
        sentence=f"{path} can't be compared at {viewport.name} pixels: a picture can't be read, {why}.",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
        severity=severity,
    )
