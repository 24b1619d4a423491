"""What does a check say that confirms a failure, or whose time is over? No Chromium, and no time goes by."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aem_checks.baseline import Baseline
from aem_checks.browser.sharing import Sharing
from aem_checks.check import Check
from aem_checks.kinds.browser.accessibility import Accessibility, AccessibilitySettings
from aem_checks.kinds.browser.page_errors import PageErrors, PageErrorsSettings
from aem_checks.kinds.browser.page_weight import PageWeight, PageWeightSettings
from aem_checks.outcomes import CheckResult, Outcome, Severity
from unit.aem_checks.browser.fake_browser import (
    FakeBrowser,
    FakePage,
    asking,
    on_moved_loop,
    run_seated,
    site_visit,
    throwing,
)

PAGES = ("/a", "/b", "/c", "/d")


def look(
    folder: Path, check: Check[Any], browser: FakeBrowser, baseline: Path | None = None, **options: Any
) -> CheckResult:
    before = Baseline("execution 1 of 2026-11-01", baseline) if baseline else None

    async def scene() -> CheckResult:
        async with Sharing(browser.opens) as sharing:
            visit = replace(site_visit(folder, PAGES), baseline=before)
            return await run_seated(check, visit, sharing.seat(), **options)

    return on_moved_loop(scene)  # type: ignore[no-any-return]


def errors(**settings: object) -> PageErrors:
    return PageErrors(PageErrorsSettings.model_validate({"within": "50s", **settings}))


def known(folder: Path) -> list[str]:
    return sorted(json.loads((folder / "page_errors/known.json").read_text())["problems"])


def test_a_failure_is_confirmed_by_pages_that_are_opened_anew_and_both_are_kept(tmp_path: Path) -> None:
    browser = FakeBrowser({"/b": throwing("b is null")})
    result = look(tmp_path, errors(), browser)
    assert (result.severity, result.outcome, result.attempts) == (Severity.BLOCK, Outcome.FAILED, 2)
    assert [path for path, *_ in browser.opened] == [*PAGES, *PAGES]
    told = [json.loads((tmp_path / f"told/page_errors{again}.json").read_text()) for again in ("", ".again")]
    assert [len(each["exchanges"]) for each in told] == [len(PAGES)] * 2


@pytest.mark.parametrize(
    ("settings", "severity"), [({}, Severity.WARN), ({"severity": "block"}, Severity.BLOCK)]
)
def test_what_is_missing_is_inconclusive_and_named(
    tmp_path: Path, settings: dict[str, str], severity: Severity
) -> None:
    result = look(tmp_path, errors(**settings), FakeBrowser(takes=20))
    assert (result.severity, result.outcome, result.examined) == (severity, Outcome.INCONCLUSIVE, 2)
    (late,) = [each for each in result.findings if each.code == "page_errors.time_limit"]
    assert late.sentence == (
        "page_errors opened 2 of 4 pages within 50s; 2 are missing: /c, /d. "
        "To do: see what is slow, raise 'within', or lower 'most_pages'."
    )


def test_a_blocking_fault_that_was_seen_before_stays(tmp_path: Path) -> None:
    browser = FakeBrowser({"/a": throwing("a is null")}, takes=20)
    result = look(tmp_path, errors(), browser)
    assert (result.severity, result.outcome, result.attempts) == (Severity.BLOCK, Outcome.FAILED, 1)
    assert [each.code for each in result.findings if each.outcome is not Outcome.PASSED] == [
        "page_errors.exception",
        "page_errors.time_limit",
    ]
    assert "its time was over" in result.findings[-1].sentence


def test_a_failure_that_a_re_run_has_no_time_to_look_at_stands(tmp_path: Path) -> None:
    """The second run sees only pages on which others do wrong: that confirms nothing, and clears nothing."""
    browser = FakeBrowser({"/d": throwing("d is null")}, takes=20)
    result = look(tmp_path, errors(within="130s"), browser, may_rerun=lambda: True)
    assert (result.severity, result.outcome, result.attempts) == (Severity.BLOCK, Outcome.FAILED, 2)
    assert any("could not be confirmed, so it stands" in each.sentence for each in result.findings)


def test_nothing_seen_is_inconclusive_too(tmp_path: Path) -> None:
    result = look(tmp_path, errors(within="1s"), FakeBrowser(takes=20))
    assert (result.severity, result.outcome, result.examined) == (Severity.WARN, Outcome.INCONCLUSIVE, 0)


def test_pages_that_are_missing_are_not_new_at_the_next_release(tmp_path: Path) -> None:
    before, now = tmp_path / "before", tmp_path / "now"
    pages = {"/a": throwing("a is null"), "/d": throwing("d is null")}
    look(before, errors(within="10m"), FakeBrowser(pages))
    assert len(known(before)) == 2
    look(now, errors(), FakeBrowser(pages, takes=20), baseline=before)
    assert known(now) == known(before)
    look(tmp_path / "first", errors(), FakeBrowser(pages, takes=20))
    assert not (tmp_path / "first/page_errors").exists(), (
        "the next one has nothing to compare with, and says so"
    )


@pytest.mark.parametrize(
    ("check", "record"),
    [
        (Accessibility(AccessibilitySettings.model_validate({"within": "50s"})), "accessibility/violations"),
        (PageWeight(PageWeightSettings.model_validate({"within": "50s"})), "page_weight/weights"),
    ],
)
def test_what_is_kept_by_page_has_the_pages_that_were_seen(
    tmp_path: Path, check: Check[Any], record: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def axe(page: FakePage) -> list[Any]:
        return []

    monkeypatch.setattr("aem_checks.browser.looks.ask_axe", axe)
    pages = {path: asking("https://stage.example.com/s.js") for path in PAGES}
    result = look(tmp_path, check, FakeBrowser(pages, takes=20))
    assert result.outcome is Outcome.INCONCLUSIVE
    assert sorted(json.loads((tmp_path / f"{record}.json").read_text())["pages"]) == ["/a", "/b"]
