"""Does I1 tell new barriers from old ones?"""

from __future__ import annotations

from pathlib import Path

import pytest

from aem_checks.browser import axe
from aem_checks.browser.axe import axe_version
from aem_checks.browser.finding import find_chromium
from aem_checks.kinds.browser._axe import Violations
from aem_checks.kinds.browser.accessibility import Accessibility, AccessibilitySettings
from unit.aem_checks.browser.browser_house import KEY, House, bad, environment, outcome
from unit.aem_checks.page_site import Answer, PageSite, page

LIST = "<ul>" + "".join(f"<li><button class=more data-n={n}></button></li>" for n in range(3)) + "</ul>"
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
BARRIER = "<button></button>"


def check(**settings: object) -> Accessibility:
    return Accessibility(AccessibilitySettings.model_validate(settings))


def test_a_clean_site_has_no_barrier_and_nothing_to_compare_with_at_first(
    browsing: House, tmp_path: Path
) -> None:
    result = browsing.check(check(), tmp_path, environment(), pages=("/us/en.html", KEY))
    assert (outcome(result), result.examined, bad(result)) == ("warn passed", 2, [])
    assert "nothing to compare with yet" in result.findings[0].sentence


def test_a_new_barrier_blocks_and_an_old_one_warns(browsing: House, tmp_path: Path) -> None:
    browsing.check(check(), tmp_path / "before", environment())
    broken = environment("stage", "build-2", "button_without_name")
    new = browsing.check(check(), tmp_path / "now", broken, baseline=tmp_path / "before")
    assert outcome(new) == "block failed"
    assert [finding.subject for finding in bad(new)] == [f"{KEY} button-name"]
    assert "at 1 element that did not break it" in bad(new)[0].sentence
    old = browsing.check(check(), tmp_path / "later", broken, baseline=tmp_path / "now")
    assert outcome(old) == "warn failed"
    assert [finding.subject for finding in bad(old)] == ["button-name"]


def test_without_a_baseline_a_barrier_warns_and_a_rule_can_be_ignored(
    browsing: House, tmp_path: Path
) -> None:
    answers = {"/": page(BARRIER)}
    assert outcome(browsing.check(check(), tmp_path, answers, pages=("/",))) == "warn failed"
    ignoring = check(ignore_rules=["button-name"])
    assert outcome(browsing.check(ignoring, tmp_path, answers, pages=("/",))) == "warn passed"


def test_a_page_that_forges_the_answer_of_axe_gains_nothing(browsing: House, tmp_path: Path) -> None:
    forging = (
        "<script>window.axe = {run: () => Promise.resolve({violations: []})};"
        "Object.freeze(window.axe); Array.prototype.map = () => []; JSON.stringify = () => '[]';</script>"
    )
    result = browsing.check(check(), tmp_path, {"/": page(forging + BARRIER)}, pages=("/",))
    assert [finding.subject for finding in bad(result)] == ["button-name"]


@pytest.mark.parametrize(
    ("before", "now", "new"),
    [
        (LIST, LIST.replace("<ul>", "<ul><li>A new item</li>"), 0),
        (LIST, LIST.replace("<ul>", "<ul><li><button class=more></button></li>"), 1),
        (LIST + BARRIER, LIST, 0),
        (f"<p>x</p>{BARRIER}", BARRIER, 0),
        ("<a id=teaser-1a2b href=/a></a>", "<a id=teaser-9f8e href=/a></a>", 0),
        ("<img src=/a.png>", "<div><section><img src=/a.png></section></div>", 0),
        ("<img src=/a.png>", "<img src=/b.png>", 0),
        ("<img src=/a.png>", "<img src=/a.png><div class=teaser><img src=/b.png></div>", 1),
    ],
)
def test_a_barrier_is_known_by_what_it_is_not_by_its_place(
    browsing: House, tmp_path: Path, before: str, now: str, new: int
) -> None:
    browsing.check(check(), tmp_path / "before", {"/": page(before)}, pages=("/",))
    result = browsing.check(
        check(), tmp_path / "now", {"/": page(now)}, pages=("/",), baseline=tmp_path / "before"
    )
    found = [finding for finding in bad(result) if finding.code == "accessibility.new_violation"]
    assert {finding.actual.split()[0] for finding in found} == ({str(new)} if new else set())


def test_no_barrier_is_left_out_of_the_comparison(browsing: House, tmp_path: Path) -> None:
    many = "".join(f"<button class=b{n}></button>" for n in range(300))
    browsing.check(check(), tmp_path / "before", {"/": page(many)}, pages=("/",))
    repaired = many.replace("<button class=b0></button>", "")
    result = browsing.check(
        check(), tmp_path / "now", {"/": page(repaired)}, pages=("/",), baseline=tmp_path / "before"
    )
    assert {finding.code for finding in bad(result)} == {"accessibility.violation"}


def test_axe_is_npms_and_says_here_what_it_says_plainly(browsing: House, tmp_path: Path) -> None:
    html = page(LIST + "<img src=/a.png><a href=/x></a><input><iframe src=/y></iframe>")
    browsing.check(check(), tmp_path, {"/": html}, pages=("/",))
    kept = Violations.read((tmp_path / "accessibility" / "violations.json").read_bytes())
    assert kept is not None
    assert kept.axe == axe_version()
    plain = browsing.run(lambda: _plainly(html))
    assert {each.rule: len(each.elements) for each in kept.pages["/"]} == plain


async def _plainly(html: Answer) -> dict[str, int]:
    """axe run by hand: a browser, a page, its own script, its own call."""
    from playwright.async_api import async_playwright

    async with PageSite({"/": html}) as site, async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=find_chromium().path, args=["--no-sandbox"]
        )
        opened = await browser.new_page()
        await opened.goto(site.url)
        await opened.add_script_tag(path=str(Path(axe.__file__).parent / "axe_core" / "axe.min.js"))
        found = await opened.evaluate("tags => axe.run({runOnly: tags})", list(axe.TAGS))
        await browser.close()
    return {each["id"]: len(each["nodes"]) for each in found["violations"]}
