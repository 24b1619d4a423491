"""Does I1 tell new barriers from old ones?"""

from __future__ import annotations

from pathlib import Path

import pytest

from aem_checks.kinds.browser.accessibility import Accessibility, AccessibilitySettings
from unit.aem_checks.browser.browser_house import KEY, House, bad, environment, outcome
from unit.aem_checks.page_site import page

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
