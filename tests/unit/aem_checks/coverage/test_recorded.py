"""Which pages are recorded of a real site, how much is asked of it for that, and what is kept of the choice?"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from aem_checks.access import NO_ACCESS
from aem_checks.baseline import Baseline, baseline_in
from aem_checks.client import Client
from aem_checks.coverage import look
from aem_checks.coverage.record import FILE, Coverage, coverage_of, read_coverage
from aem_checks.coverage.recorded import choose_pages, record_site, told
from aem_checks.kinds.availability.key_pages import KeyPages
from aem_checks.means import Means
from aem_checks.outcomes import Outcome
from aem_checks.rate_limit import RateLimit
from aem_checks.recording import Recording
from aem_checks.runner import run_check
from aem_checks.session import run_site
from aem_checks.sites import SiteConfig
from unit.aem_checks.page_site import Answer, PageSite, page, status

pytestmark = pytest.mark.asyncio


def of(*components: str) -> Answer:
    return page("".join(f'<div class="cmp-{name}"></div>' for name in components))


def sitemap(*paths: str) -> Answer:
    def answer(request: web.BaseRequest) -> web.Response:
        urls = "".join(f"<url><loc>http://{request.host}{path}</loc></url>" for path in paths)
        return web.Response(text=f"<urlset>{urls}</urlset>", content_type="application/xml")

    return answer


SHOP = {
    "/": of("title"),
    "/shop.html": of("title", "product", "basket"),
    "/shop/tent.html": of("title", "product"),
    "/form.html": of("form-text"),
}
LISTED = {**SHOP, "/sitemap.xml": sitemap(*SHOP)}


async def recorded(
    site: PageSite, folder: Path, *, baseline: Baseline | None = None, **settings: Any
) -> tuple[Recording, Coverage]:
    config = site.config(**{"coverage": {}, **settings})
    async with site.client() as client:
        made = await record_site(
            config, "stage", client, folder / "recording", evidence=folder, baseline=baseline
        )
    coverage = read_coverage((folder / FILE).read_bytes())
    assert coverage is not None
    return made, coverage


def paths(recording: Recording) -> list[str]:
    return [each.path for each in recording.pages]


async def test_named_pages_are_recorded_with_the_fewest_others_that_show_the_rest(tmp_path: Path) -> None:
    async with PageSite(LISTED) as site:
        recording, coverage = await recorded(site, tmp_path)
    assert paths(recording) == ["/", "/form.html", "/shop.html"]
    assert coverage.chosen == ("/form.html", "/shop.html")
    assert coverage.seen["component:product"] == ["/shop.html", "/shop/tent.html"]
    assert (coverage.missed, coverage.is_least, coverage.listed) == ((), True, 4)
    numbers = json.loads((tmp_path / "coverage" / "measures.json").read_bytes())
    assert numbers == {"parts_seen": 4, "parts_tested": 4, "pages_tested": 3, "pages_looked_at": 4}


async def test_each_page_is_looked_at_once_past_all_caches_and_no_more_than_were_allowed(
    tmp_path: Path,
) -> None:
    many = {f"/p/{number}.html": of("title") for number in range(40)}
    async with PageSite({**many, "/sitemap.xml": sitemap(*many)}) as site:
        _, coverage = await recorded(site, tmp_path, coverage={"look_at": 10})
    asked = [each.path for each in site.requests if each.path.startswith("/p/")]
    assert len(coverage.pages) == 10
    assert len(asked) == 9 + len(coverage.chosen), "the named page is one of the ten"
    assert all("stage-gate=" in each.path_qs for each in site.requests if each.path.startswith("/p/"))


async def test_without_coverage_nothing_but_the_named_pages_is_asked(tmp_path: Path) -> None:
    async with PageSite(LISTED) as site, site.client() as client:
        made = await record_site(site.config(), "stage", client, tmp_path / "recording", evidence=tmp_path)
    assert paths(made) == ["/"]
    assert not (tmp_path / FILE).exists()
    assert "/sitemap.xml" not in [each.path for each in site.requests]


async def test_production_is_never_crawled(tmp_path: Path) -> None:
    async with PageSite() as stage, PageSite(LISTED) as site:
        config = stage.config(production=site.url, coverage={})
        async with site.client() as client:
            made = await record_site(config, "production", client, tmp_path / "recording", evidence=tmp_path)
    assert paths(made) == ["/"]
    assert "/sitemap.xml" not in [each.path for each in site.requests]


async def test_a_stage_without_a_sitemap_is_looked_at_where_production_s_leads(tmp_path: Path) -> None:
    async with PageSite(LISTED) as production, PageSite(SHOP) as stage:
        config = stage.config(production=production.url, coverage={})
        limit = RateLimit(5000, folder=tmp_path / "rate")
        async with Client.for_site(config, lambda _: NO_ACCESS, rate_limit=limit) as client:
            made = await record_site(config, "stage", client, tmp_path / "recording", evidence=tmp_path)
    assert paths(made) == ["/", "/form.html", "/shop.html"]
    assert {each.path for each in production.requests} == {"/robots.txt", "/sitemap.xml"}


async def test_without_any_sitemap_links_are_followed(tmp_path: Path) -> None:
    link = '<a href="{}">more</a>'.format
    site_of_links = {
        "/": page(link("/a.html") + link("http://elsewhere.invalid/x.html") + link("/a.pdf")),
        "/a.html": page(link("b.html") + '<div class="cmp-teaser"></div>'),
        "/b.html": of("tabs"),
    }
    async with PageSite(site_of_links) as site:
        recording, coverage = await recorded(site, tmp_path)
    assert paths(recording) == ["/", "/a.html", "/b.html"]
    assert coverage.source == "the links of the site's own pages"


async def test_a_site_that_refuses_the_gate_is_asked_for_nothing_more(tmp_path: Path) -> None:
    async with PageSite(everything=status(405)) as site:
        recording, coverage = await recorded(site, tmp_path)
    assert paths(recording) == ["/"]
    assert [each.path for each in site.requests] == ["/", "/"], "one look and the recording"
    assert "None of the site's own pages answers" in " ".join(told(coverage))


async def test_a_site_that_is_too_slow_is_judged_by_what_was_seen_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def late(_: web.BaseRequest) -> web.Response:
        waiting.append("/form.html")
        await asyncio.sleep(600)
        return web.Response()

    async def wait(asking: set[Any], timeout: float) -> tuple[set[Any], set[Any]]:  # noqa: ASYNC109
        """The time is over when nothing is missing but an answer that does not come."""
        left = asking
        while len(left) > len(waiting):
            _, left = await asyncio.wait(asking, timeout=0.02)
        return asking - left, left

    waiting: list[str] = []
    monkeypatch.setattr(look, "asyncio", SimpleNamespace(**{**vars(asyncio), "wait": wait}))
    async with PageSite({**LISTED, "/form.html": late}) as site, site.client() as client:
        coverage = await choose_pages(site.config(coverage={}), client)
    assert coverage.chosen == ("/shop.html",)
    assert "1 pages were not looked at" in coverage.problems[0]


def baseline(folder: Path, recording: Recording) -> Baseline:
    return Baseline(release="execution 1 of 2026-11-01", folder=folder, recording=recording)


async def test_the_last_release_s_choice_is_kept_and_the_trend_is_carried_along(tmp_path: Path) -> None:
    async with PageSite(LISTED) as site:
        first, _ = await recorded(site, tmp_path / "1", coverage={"pages": 3})
        shorter = {**LISTED, "/s.html": of("title", "product", "basket"), "/f.html": of("form-text")}
        site.answers = {**shorter, "/sitemap.xml": sitemap("/s.html", "/f.html", *SHOP)}
        again, coverage = await recorded(site, tmp_path / "2", baseline=baseline(tmp_path / "1", first))
        fresh, _ = await recorded(site, tmp_path / "3")
    assert paths(again) == paths(first)
    assert paths(fresh) == ["/", "/f.html", "/s.html"], "without a baseline the shorter ones are better"
    [point] = coverage.history
    assert (point.release, point.seen, point.shown) == ("execution 1 of 2026-11-01", 4, 4)


async def test_a_chosen_page_that_breaks_is_judged_and_not_replaced_by_a_good_one(tmp_path: Path) -> None:
    async with PageSite(LISTED) as site:
        first, _ = await recorded(site, tmp_path / "1")
        site.answers = {**LISTED, "/shop.html": status(500), "/b.html": of("basket")}
        folder = tmp_path / "2"
        recording, coverage = await recorded(site, folder, baseline=baseline(tmp_path / "1", first))
        async with site.client() as client:
            visit = Means(site.config(coverage={}), "stage", client, recording, folder)
            result = await run_check(KeyPages(KeyPages.settings_type()), visit)
    assert coverage.broken == ("/shop.html",)
    assert "component:basket" in coverage.lost
    assert result.outcome is Outcome.FAILED
    assert "/shop.html" in result.findings[0].subject
    confirmed = Recording.load(folder / "confirmation" / "key_pages")
    assert "/shop.html" in paths(confirmed), "the re-run looks at the chosen pages too"


async def test_a_chosen_page_whose_content_was_removed_is_no_failure(tmp_path: Path) -> None:
    async with PageSite(LISTED) as site:
        first, _ = await recorded(site, tmp_path / "1")
        site.answers = {path: answer for path, answer in LISTED.items() if path != "/form.html"}
        recording, coverage = await recorded(site, tmp_path / "2", baseline=baseline(tmp_path / "1", first))
    assert paths(recording) == ["/", "/shop.html"]
    assert coverage.lost == ("component:form-text",)
    assert coverage.broken == ()


async def test_where_nothing_can_be_looked_at_the_last_choice_is_recorded(tmp_path: Path) -> None:
    async with PageSite(LISTED) as site:
        first, _ = await recorded(site, tmp_path / "1")
        site.everything = status(405)
        recording, coverage = await recorded(site, tmp_path / "2", baseline=baseline(tmp_path / "1", first))
    assert paths(recording) == paths(first)
    assert coverage.lost == ()


@pytest.mark.parametrize("content", [b"", b"{}", b'{"format": 99}', b"\xff", b"[" * 10_000])
async def test_a_stored_choice_that_can_t_be_read_is_none(content: bytes) -> None:
    assert read_coverage(content) is None


async def test_the_command_line_chooses_as_a_gate_does(tmp_path: Path) -> None:
    from aem_checks.access import access_from_environment
    from aem_checks.config import ConfiguredCheck
    from aem_checks.outcomes import CheckResult, Severity

    check = ConfiguredCheck(
        key="key_pages",
        kind="key_pages",
        site="wknd",
        target="stage",
        settings=KeyPages.settings_type(),
        severity=Severity.BLOCK,
        after="settled",
        check_type=KeyPages,
        path=("checks", "key_pages"),
    )
    seen: list[CheckResult] = []
    async with PageSite(LISTED) as site:
        await recorded(site, tmp_path / "gate")
        config = site.config(coverage={})
        await run_site(
            config,
            "stage",
            [check],
            resolver=access_from_environment,
            evidence=tmp_path / "laptop",
            report=seen.append,
        )
        later = baseline_in(tmp_path / "laptop", "wknd")
        _, again = await recorded(site, tmp_path / "later", baseline=later)
    mine, theirs = (
        read_coverage((tmp_path / place / FILE).read_bytes()) for place in ("gate", "laptop/chosen/wknd")
    )
    assert mine is not None
    assert theirs is not None
    assert mine.recorded == theirs.recorded == again.recorded
    assert [point.pages for point in again.history] == [3], (
        "an earlier run can be the baseline of a later one"
    )
    assert (seen[0].examined, seen[0].sentences) == (3, [])


async def test_a_path_of_the_site_forges_no_line_of_a_log() -> None:
    site = {"name": "wknd", "stage": "https://stage.wknd.site", "pages": ["/"], "coverage": {}}
    coverage = coverage_of(SiteConfig.model_validate(site), look.Look(), datetime.now(UTC), None, "")
    hostile = coverage.model_copy(update={"broken": ("/a::endgroup::\u202eb", "/\x85::group::c")})
    (line,) = [each for each in told(hostile) if "no page now" in each]
    assert "::endgroup::" not in line
    assert "::group::" not in line
    assert line.isprintable()
