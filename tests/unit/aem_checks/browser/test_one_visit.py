"""Do all checks that are on by default see in one shared visit what each sees in its own?"""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aem_checks.access import NO_ACCESS
from aem_checks.baseline import Baseline
from aem_checks.browser.sharing import Sharing
from aem_checks.check import Check
from aem_checks.client import Client
from aem_checks.kinds import all_kinds
from aem_checks.means import Means
from aem_checks.outcomes import CheckResult
from aem_checks.rate_limit import RateLimit
from aem_checks.runner import run_check
from aem_checks.sites import SiteConfig
from unit.aem_checks.browser.browser_house import House, environment
from unit.aem_checks.page_site import PageSite, page
from unit.simulator.aem_visitor import served

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
NAMES = ("page_errors", "visual", "accessibility", "page_weight")
LAZY = "<div style='height:9000px'></div><img loading=lazy src=https://pictures.example/far-below.png width=9 height=9>"
PAGES = ("/us/en.html", "/us/en/magazine.html")
DEFECTS = ("script_error", "heavy_image", "button_without_name", "shifted_title")


def default_checks() -> list[Check[Any]]:
    kinds = all_kinds()
    return [kinds[name](kinds[name].settings_type()) for name in NAMES]


async def together(browsing: House, visits: list[Means]) -> tuple[list[CheckResult], int]:
    """All of them with the browser of the house, and how often a page was opened."""
    browser = await browsing.prepared(visits[0])
    async with Sharing(lambda visit, alone: nullcontext(browser)) as sharing:
        seated = [replace(visit, seat=sharing.seat()) for visit in visits]
        return list(await asyncio.gather(*map(_run, default_checks(), seated))), sharing.visits


async def _run(check: Check[Any], visit: Means) -> CheckResult:
    assert visit.seat is not None
    with visit.seat:
        return await run_check(check, visit, may_rerun=lambda: False)


def told(results: list[CheckResult]) -> list[dict[str, Any]]:
    return [each.model_dump(exclude={"started_at", "finished_at"}) for each in results]


def test_what_one_visit_shows_is_what_each_sees_by_itself(browsing: House, tmp_path: Path) -> None:
    def of(url: str, folder: str, before: str) -> Means:
        config = SiteConfig.model_validate(
            {"name": "larkfell", "stage": url, "pages": PAGES, "requests_per_second": 1000}
        )
        limit = RateLimit(5000, folder=tmp_path / "rate")
        baseline = Baseline("execution 1 of 2026-11-01", tmp_path / before) if before else None
        client = Client.for_site(config, lambda _: NO_ACCESS, rate_limit=limit)
        return Means(config, "stage", client, None, tmp_path / folder, baseline=baseline)

    async def shared(url: str, folder: str, before: str = "") -> tuple[list[CheckResult], int]:
        return await together(browsing, [of(url, folder, before)] * len(NAMES))

    async def apart(url: str, folder: str, before: str) -> list[CheckResult]:
        return [await browsing.look(check, of(url, folder, before)) for check in default_checks()]

    with served(environment().app()) as visitor:
        url = f"http://127.0.0.1:{visitor.port}"
        clean, _ = browsing.run(lambda: shared(url, "before"))
    assert {each.outcome for each in clean} == {"passed"}
    with served(environment("stage", "build-2", *DEFECTS).app()) as visitor:
        url = f"http://127.0.0.1:{visitor.port}"
        found, visits = browsing.run(lambda: shared(url, "shared", "before"))
        each_alone = browsing.run(lambda: apart(url, "apart", "before"))
    assert visits == 2 * len(PAGES), "once as a laptop and once as a phone"
    assert [each.outcome for each in found] == ["failed"] * len(NAMES)
    assert told(found) == told(each_alone)


def test_what_a_picture_makes_a_page_load_is_not_told_of_those_that_take_none(
    browsing: House, tmp_path: Path
) -> None:
    async def scene() -> list[CheckResult]:
        async with PageSite({"/": page(LAZY)}) as site:
            config = SiteConfig.model_validate(
                {"name": "wknd", "stage": site.url, "pages": ["/"], "requests_per_second": 1000}
            )
            limit = RateLimit(5000, folder=tmp_path / "rate")
            async with Client.for_site(config, lambda _: NO_ACCESS, rate_limit=limit) as client:
                visit = Means(config, "stage", client, None, tmp_path)
                results, _ = await together(browsing, [visit] * len(NAMES))
                return results

    refused = {
        each.kind: [finding.subject for finding in each.findings if finding.subject == "allow_hosts"]
        for each in browsing.run(scene)
    }
    assert refused == {"page_errors": [], "visual": ["allow_hosts"], "accessibility": [], "page_weight": []}
