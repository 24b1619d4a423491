"""Does K4 see in pictures what stage does not show, and say where masks leave too little to see?"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from typing import Any

import pytest
from PIL import Image

from aem_checks.asking import lead
from aem_checks.asks import Question
from aem_checks.browser.asks import Open, PageSeen, Picture, Reason, Unopened
from aem_checks.browser.blob import Blob
from aem_checks.browser.comparing import masked
from aem_checks.browser.pictures import MASK
from aem_checks.kinds.parity._parity_settings import ResponseParitySettings
from aem_checks.kinds.parity._screenshots import compare_pictures
from aem_checks.outcomes import Finding, Outcome
from aem_checks.sites import SiteConfig
from aem_checks.visit import Visit

SIZE = 100


def picture(covered: int, *, shown: int = SIZE) -> bytes:
    """White and 100 pixels wide; the first rows are masked, and something is shown down to row ``shown``."""
    drawn = Image.new("RGB", (SIZE, SIZE), "white")
    drawn.paste((0, 0, 0), (0, 0, SIZE - 1, shown))
    drawn.paste(MASK, (0, 0, SIZE, covered))
    written = io.BytesIO()
    drawn.save(written, "PNG")
    return written.getvalue()


@pytest.mark.parametrize(
    ("covered", "shown", "share"), [(0, 100, 0), (50, 100, 0.5), (60, 100, 0.6), (30, 40, 0.75), (100, 0, 1)]
)
def test_masks_are_measured_by_what_is_shown(covered: int, shown: int, share: float) -> None:
    assert masked(picture(covered, shown=shown)) == pytest.approx(share, abs=0.01)


def judged(settings: ResponseParitySettings, answers: Sequence[Any]) -> list[Finding]:
    """What is said of pictures, where the pages are opened with these answers, one after the other."""
    site = SiteConfig.model_validate({"name": "wknd", "stage": "https://stage.example.com", "pages": ["/"]})
    visit = Visit(site, "stage")
    coming = iter(answers)
    return lead(compare_pictures(visit, settings), lambda _: next(coming))


def seen(shown: bytes) -> PageSeen:
    return PageSeen(200, False, blob(b"{}"), looks=((blob(shown),),))


def blob(content: bytes) -> Blob:
    return Blob(hashlib.sha256(content).hexdigest(), len(content), lambda: content)


@pytest.mark.parametrize(
    ("covered", "masks", "codes"),
    [(60, (":is(body)",), ["picture_masked"]), (40, (".date",), []), (60, (), [])],
)
def test_a_picture_that_masks_cover_for_more_than_half_is_inconclusive(
    covered: int, masks: tuple[str, ...], codes: list[str]
) -> None:
    settings = ResponseParitySettings(screenshots=("/us/en.html",), masks=masks)
    found = judged(settings, [seen(picture(covered))] * 3)
    assert [each.code for each in found] == codes
    for each in found:
        assert each.outcome is Outcome.INCONCLUSIVE
        assert each.sentence.startswith("The pictures of /us/en.html cannot be compared: masks cover 60%")


GOOD, OTHER = seen(picture(0)), seen(picture(0, shown=50))
LOST = Unopened(Reason.LOST, "it is lost")


@pytest.mark.parametrize(
    ("answers", "codes"),
    [
        ([GOOD, GOOD, GOOD] * 2, []),
        ([GOOD, GOOD, OTHER] * 2, ["picture", "picture"]),
        ([GOOD, OTHER, OTHER, GOOD, OTHER, GOOD], []),
        ([seen(b"no picture")] * 6, ["picture_unreadable", "picture_unreadable"]),
        ([Unopened(Reason.STATUS, status=404), *[GOOD] * 3], ["not_judged"]),
        ([GOOD, LOST, *[GOOD] * 3], ["not_judged"]),
        ([GOOD, GOOD, LOST, *[GOOD] * 3], ["not_judged"]),
        ([Unopened(Reason.NO_BROWSER, "there is no Chromium")], ["no_browser"]),
        ([*[GOOD] * 3, Unopened(Reason.BUSY, "none was free")], ["no_browser"]),
        ([GOOD, GOOD, OTHER, GOOD, Unopened(Reason.LATE)], ["picture", "time_limit"]),
    ],
)
def test_what_pages_show_and_what_could_not_be_seen(answers: list[Any], codes: list[str]) -> None:
    found = judged(ResponseParitySettings(screenshots=("/us/en.html", "/de/de.html")), answers)
    assert [each.code for each in found] == codes
    for each in found:
        wanted = Outcome.FAILED if each.code == "picture" else Outcome.INCONCLUSIVE
        assert each.outcome is wanted


def test_production_is_photographed_twice_then_stage() -> None:
    asked: list[Question[Any]] = []

    def answer(question: Question[Any]) -> Any:
        asked.append(question)
        return GOOD

    lead(compare_pictures(None, ResponseParitySettings(screenshots=("/a",), masks=("p",))), answer)  # type: ignore[arg-type]
    looks = (Picture(("p",)),)
    there, here = Open("/a", looks=looks, production=True), Open("/a", looks=looks)
    assert asked == [there, there, here]


def test_pages_that_there_was_no_time_for_are_named() -> None:
    settings = ResponseParitySettings(screenshots=("/us/en.html", "/de/de.html"))
    (found,) = judged(settings, [Unopened(Reason.LATE)])
    assert "did not take the pictures of 2 pages within 10m: /us/en.html, /de/de.html." in found.sentence
