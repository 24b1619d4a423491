"""Does H1 see that a page looks different, and only that?"""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from aem_checks.kinds.browser.visual import Visual, VisualSettings, picture_name
from unit.aem_checks.browser.browser_house import KEY, House, bad, environment, outcome
from unit.aem_checks.page_site import page, text

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
CLOCK = (
    "<p id=clock style='font-size:60px'></p>"
    "<script>setInterval(() => clock.textContent = Math.random().toFixed(9), 20)</script>"
)


def check(**settings: object) -> Visual:
    return Visual(VisualSettings.model_validate({"widths": [390], **settings}))


def test_the_same_page_is_the_same_picture_on_both_viewports(browsing: House, tmp_path: Path) -> None:
    both = check(widths=[1366, 390], most_differing=0)
    first = browsing.check(both, tmp_path / "before", environment())
    assert (outcome(first), first.examined) == ("warn passed", 2)
    assert "nothing to compare with yet" in first.findings[0].sentence
    again = browsing.check(both, tmp_path / "now", environment("stage"), baseline=tmp_path / "before")
    assert (outcome(again), again.examined, again.findings) == ("warn passed", 2, ())


def test_a_page_that_looks_different_is_shown_before_and_now(browsing: House, tmp_path: Path) -> None:
    browsing.check(check(), tmp_path / "before", environment())
    changed = environment("stage", "build-2", "shifted_title")
    result = browsing.check(check(), tmp_path / "now", changed, baseline=tmp_path / "before")
    assert outcome(result) == "warn failed"
    finding = bad(result)[0]
    assert finding.subject == f"{KEY} 390"
    assert "of its pixels differ" in finding.sentence
    assert Image.open(tmp_path / "now" / finding.evidence).width > 100
    blocking = check(block_pages=[KEY])
    result = browsing.check(blocking, tmp_path / "now", changed, baseline=tmp_path / "before")
    assert outcome(result) == "block failed"


def test_what_moves_by_itself_is_left_out_and_what_changes_beside_it_is_not(
    browsing: House, tmp_path: Path
) -> None:
    before, same = tmp_path / "before", {"/": page(CLOCK)}
    browsing.check(check(), before, same, pages=("/",))
    assert bad(browsing.check(check(), tmp_path / "now", same, pages=("/",), baseline=before)) == []
    other = {"/": page(CLOCK + "<h1 style='margin-top:200px;background:red'>Sale</h1>")}
    result = browsing.check(check(), tmp_path / "later", other, pages=("/",), baseline=before)
    assert outcome(result) == "warn failed"


def test_a_masked_region_may_change(browsing: House, tmp_path: Path) -> None:
    masked = check(masks=["#offer"])
    for folder, colour in (("before", "red"), ("now", "blue")):
        body = f"<div id=offer style='height:300px;background:{colour}'></div>"
        before = tmp_path / "before" if folder == "now" else None
        result = browsing.check(masked, tmp_path / folder, {"/": page(body)}, pages=("/",), baseline=before)
    assert result.findings == ()


@pytest.mark.parametrize(
    "mask", [":is(body)", "body.page", "html[lang]", "[class]", ":has(*)", "#root", "*:not(script)"]
)
def test_a_page_that_is_masked_but_for_little_is_not_compared(
    browsing: House, tmp_path: Path, mask: str
) -> None:
    body = "<!DOCTYPE html><html lang=en><body class=page><div id=root style='height:400px'>Hello</div></body></html>"
    hidden = check(masks=[mask], block_pages=["/"])
    result = browsing.check(hidden, tmp_path, {"/": text(body, "text/html")}, pages=("/",))
    assert outcome(result) == "block inconclusive"
    [finding] = bad(result)
    assert finding.code == "visual.masked"
    assert (
        "of what its picture shows, which is more than half. To do: let 'masks' select only"
        in finding.sentence
    )


def test_a_page_as_tall_as_a_mountain_is_photographed_to_a_limit(browsing: House, tmp_path: Path) -> None:
    answers = {"/": page("<div style='height:9000000px'></div>")}
    result = browsing.check(check(), tmp_path, answers, pages=("/",))
    assert outcome(result) == "warn passed"
    content = (tmp_path / picture_name("/", "390")).read_bytes()
    assert Image.open(io.BytesIO(content)).size == (390, 8000)


def test_a_worker_that_draws_letters_differently_compares_nothing_and_says_so(
    browsing: House, tmp_path: Path
) -> None:
    browsing.check(check(), tmp_path / "before", {"/": page()}, pages=("/",))
    (tmp_path / "before/visual/handwriting.txt").write_text("another")
    result = browsing.check(
        check(), tmp_path / "now", {"/": page()}, pages=("/",), baseline=tmp_path / "before"
    )
    assert outcome(result) == "warn passed"
    assert "draws letters differently" in result.findings[0].sentence


def test_a_baseline_that_is_no_picture_is_told(browsing: House, tmp_path: Path) -> None:
    browsing.check(check(), tmp_path / "before", {"/": page()}, pages=("/",))
    (tmp_path / "before" / picture_name("/", "390")).write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    result = browsing.check(
        check(), tmp_path / "now", {"/": page()}, pages=("/",), baseline=tmp_path / "before"
    )
    assert outcome(result) == "warn inconclusive"
    assert "can't be compared" in bad(result)[0].sentence
