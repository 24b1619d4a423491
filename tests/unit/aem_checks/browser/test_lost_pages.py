"""Does a page that nobody could judge count as much as a page that is bad? No browser: what it saw is told."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from aem_checks.asking import lead
from aem_checks.baseline import Baseline
from aem_checks.browser.asks import Audit, Axe, Cookies, Open, PageSeen, Picture, Reason, Unopened, traffic_of
from aem_checks.browser.blob import Spill
from aem_checks.browser.check import BrowserCheck
from aem_checks.browser.seen import Asked, Seen
from aem_checks.check import Check
from aem_checks.kinds.browser.accessibility import Accessibility, AccessibilitySettings
from aem_checks.kinds.browser.consent import Consent, ConsentSettings
from aem_checks.kinds.browser.page_errors import PageErrors, PageErrorsSettings
from aem_checks.kinds.browser.page_weight import PageWeight, PageWeightSettings
from aem_checks.kinds.browser.tags import Tags, TagsSettings
from aem_checks.kinds.browser.visual import Visual, VisualSettings, picture_name
from aem_checks.kinds.browser.web_vitals import WebVitals, WebVitalsSettings
from aem_checks.outcomes import Cause, Outcome, Severity
from unit.aem_checks.browser.fake_browser import STAGE, site_visit

SPILL = Spill()
VITALS: dict[str, float] = {"lcp": 100, "cls": 0, "tbt": 0}
SLOW: dict[str, float] = {"lcp": 9000, "cls": 0, "tbt": 0}
TAGS = {"tags": [{"name": "analytics", "stage": "a.js", "production": "b.js"}], "data_layer": ""}


def picture(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (390, 900), colour).save(file, "PNG")
    return file.getvalue()


def answers(value: Any = None, colours: tuple[str, ...] = ("white",)) -> Callable[[Any], Any]:
    """``/lost`` is lost, and every other page is seen."""
    looks = {Axe: [], Cookies: [], Picture: tuple(SPILL.put(picture(each)) for each in colours)}
    traffic = SPILL.put(traffic_of(Seen(requests=[Asked(f"{STAGE}/a.js", "Script", status=200)])))

    def answer(question: Any) -> Any:
        if isinstance(question, Audit):
            return Unopened(Reason.NO_LIGHTHOUSE, "there is none")
        if not isinstance(question, Open):
            return "a hand"
        if question.path == "/lost":
            return Unopened(Reason.LOST, "it is lost")
        return PageSeen(200, False, traffic, tuple(looks.get(type(look), value) for look in question.looks))

    return answer


def weighed(
    check: BrowserCheck[Any],
    folder: Path,
    answer: Callable[[Any], Any],
    pages: tuple[str, ...] = ("/a", "/lost"),
    baseline: Path | None = None,
) -> tuple[Severity, Outcome, Cause | None]:
    before = Baseline("execution 1 of 2026-11-01", baseline) if baseline else None
    visit = replace(site_visit(folder, pages), baseline=before).visit
    judgement = lead(check.judge(visit), answer)
    return judgement.weigh(check.weight, capped=check.settings.severity is not None)


@pytest.mark.parametrize(
    ("kind", "settings", "value"),
    [
        (Accessibility, AccessibilitySettings, None),
        (Consent, ConsentSettings, []),
        (PageErrors, PageErrorsSettings, None),
        (PageWeight, PageWeightSettings, None),
        (Tags, TagsSettings, None),
        (Visual, VisualSettings, None),
        (WebVitals, WebVitalsSettings, VITALS),
    ],
)
def test_a_lost_page_leaves_no_blocking_check_passed(
    tmp_path: Path, kind: Callable[[Any], BrowserCheck[Any]], settings: Any, value: Any
) -> None:
    own = TAGS if kind is Tags else {}
    check = kind(settings.model_validate({"severity": "block", **own}))
    severity, outcome, _ = weighed(check, tmp_path, answers(value))
    assert (severity, outcome) == (Severity.BLOCK, Outcome.INCONCLUSIVE)


def test_a_lost_page_among_many_that_are_only_slow_is_not_cut_off_with_them(tmp_path: Path) -> None:
    pages = (*(f"/{number}" for number in range(40)), "/lost")
    check = WebVitals(WebVitalsSettings.model_validate({"severity": "block", "most_pages": 50}))
    severity, outcome, _ = weighed(check, tmp_path, answers(SLOW), pages)
    assert (severity, outcome) == (Severity.BLOCK, Outcome.INCONCLUSIVE)


@pytest.mark.parametrize(("block", "severity"), [({"lcp": 10_000}, "block"), ({}, "warn")])
def test_a_page_that_can_not_be_measured_may_be_beyond_what_blocks(
    tmp_path: Path, block: dict[str, int], severity: str
) -> None:
    check = WebVitals(WebVitalsSettings.model_validate({"block": block}))
    assert weighed(check, tmp_path, answers(VITALS))[:2] == (severity, Outcome.INCONCLUSIVE)


@pytest.mark.parametrize(("block_pages", "severity"), [(["/lost"], "block"), (["/a"], "warn")])
def test_a_lost_page_whose_looks_block_blocks(tmp_path: Path, block_pages: list[str], severity: str) -> None:
    check = Visual(VisualSettings.model_validate({"block_pages": block_pages, "widths": [390]}))
    assert weighed(check, tmp_path, answers())[:2] == (severity, Outcome.INCONCLUSIVE)


def test_a_picture_that_can_not_be_read_blocks_where_its_page_does(tmp_path: Path) -> None:
    before = tmp_path / "before"
    kept = before / picture_name("/a", "390")
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"no picture")
    (before / "visual" / "handwriting.txt").write_text("a hand")
    check = Visual(VisualSettings.model_validate({"block_pages": ["/a"], "widths": [390]}))
    found = weighed(check, tmp_path, answers(), ("/a",), baseline=before)
    assert found == (Severity.BLOCK, Outcome.INCONCLUSIVE, Cause.CHECK)


def test_what_a_finding_weighs_is_what_the_gate_file_says_else_the_kind() -> None:
    kinds: list[Check[Any]] = [
        Consent(ConsentSettings()),
        Consent(ConsentSettings.model_validate({"severity": "block"})),
    ]
    assert [check.weight for check in kinds] == [Severity.WARN, Severity.BLOCK]
