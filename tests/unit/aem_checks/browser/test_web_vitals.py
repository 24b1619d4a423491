"""Does J1 measure what a visitor with a phone would notice?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aem_checks.kinds.browser.web_vitals import WebVitals, WebVitalsSettings
from unit.aem_checks.browser.browser_house import KEY, House, bad, environment, outcome
from unit.aem_checks.page_site import page

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
PATIENT = {"lcp": 60_000, "tbt": 60_000}
"""Times mean nothing on a machine that runs other tests meanwhile; the layout's movement is the same everywhere."""


def check(**settings: object) -> WebVitals:
    return WebVitals(
        WebVitalsSettings.model_validate(
            {"runs": 1, "budgets": PATIENT, "measured_by": "chromium", **settings}
        )
    )


def test_a_clean_page_stands_still_and_the_median_of_the_runs_is_kept(
    browsing: House, tmp_path: Path
) -> None:
    result = browsing.check(check(runs=3), tmp_path, environment())
    assert (outcome(result), result.examined, bad(result)) == ("warn passed", 1, [])
    kept = json.loads((tmp_path / "web_vitals/vitals.json").read_text())["pages"][KEY]
    assert kept["lcp"] > 100
    assert kept["cls"] < 0.1


def test_a_banner_that_pushes_everything_down_is_seen_and_blocks_where_a_floor_says_so(
    browsing: House, tmp_path: Path
) -> None:
    broken = environment("stage", "build-1", "late_banner")
    result = browsing.check(check(), tmp_path, broken)
    assert outcome(result) == "warn failed"
    assert [finding.subject for finding in bad(result)] == [f"{KEY} cls"]
    assert outcome(browsing.check(check(block={"cls": 0.1}), tmp_path, broken)) == "block failed"


def test_scripts_that_block_are_seen(browsing: House, tmp_path: Path) -> None:
    busy = "<script>setTimeout(() => { const end = performance.now() + 900; while (performance.now() < end); }, 50)</script>"
    result = browsing.check(
        check(budgets={"lcp": 60_000, "tbt": 500}), tmp_path, {"/": page(busy)}, pages=("/",)
    )
    assert [finding.subject for finding in bad(result)] == ["/ tbt"]
