"""Does J2 weigh what a browser really loads?"""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web

from aem_checks.kinds.browser._weight import Weights
from aem_checks.kinds.browser.page_weight import PageWeight, PageWeightSettings
from unit.aem_checks.browser.browser_house import KEY, House, bad, environment, outcome
from unit.aem_checks.page_site import page

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def check(**settings: object) -> PageWeight:
    return PageWeight(PageWeightSettings.model_validate(settings))


def script(size: int) -> object:
    return lambda _: web.Response(text="/*" + "x" * size + "*/", content_type="application/javascript")


def test_a_clean_site_is_light_and_its_weight_is_kept(browsing: House, tmp_path: Path) -> None:
    result = browsing.check(check(), tmp_path, environment(), pages=("/us/en.html", KEY))
    assert (outcome(result), result.examined, bad(result)) == ("warn passed", 2, [])
    weights = Weights.read((tmp_path / "page_weight/weights.json").read_bytes())
    assert weights is not None
    assert weights.pages[KEY].requests >= 8
    assert weights.pages[KEY].parts["images"] > 10_000


def test_a_heavy_image_is_named(browsing: House, tmp_path: Path) -> None:
    broken = environment("stage", "build-1", "heavy_image")
    result = browsing.check(check(), tmp_path, broken)
    assert outcome(result) == "warn failed"
    assert "magazine.jpeg' has 2.0 MB" in bad(result)[0].sentence
    strict = browsing.check(check(severity="block"), tmp_path, broken)
    assert outcome(strict) == "block failed"


def test_a_page_that_grew_is_told_though_it_is_within_its_budget(browsing: House, tmp_path: Path) -> None:
    body = page("<script src=/a.js></script>")
    for folder, size in (("before", 1000), ("now", 90_000)):
        before = tmp_path / "before" if folder == "now" else None
        answers = {"/": body, "/a.js": script(size)}
        result = browsing.check(check(), tmp_path / folder, answers, pages=("/",), baseline=before)  # type: ignore[arg-type]
    assert sorted(finding.subject for finding in bad(result)) == ["/ growth", "/a.js compression"]


def test_each_budget_is_kept(browsing: House, tmp_path: Path) -> None:
    answers = {"/": page("<script src=/a.js></script>"), "/a.js": script(5000)}
    tight = check(most_bytes=3000, most_script_bytes=4000, most_requests=2)
    result = browsing.check(tight, tmp_path, answers, pages=("/",))  # type: ignore[arg-type]
    assert sorted(finding.subject for finding in bad(result)) == ["/ requests", "/ scripts", "/ weight"]
