"""C4: caches that serve the new build, and those that still have the old one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from aem_checks.kinds.caching.stale_cache import StaleCache, StaleCacheSettings
from aem_checks.means import Means
from aem_checks.outcomes import CheckResult
from aem_checks.runner import run_check
from unit.aem_checks.page_site import PageSite

NEW, OLD = "a" * 32, "b" * 32
MARKER = {"build_marker": {"meta": "build", "pattern": "(.+)"}}


def page(digest: str, build: str = "") -> str:
    library = (
        f'<link rel="stylesheet" href="/etc.clientlibs/wknd/site.lc-{digest}-lc.min.css">' if digest else ""
    )
    return f'<html><head><meta name="build" content="{build}">{library}</head><body>Surfing</body></html>'


class Cache:
    """Serves the old page to visitors, and the new one to whoever comes with a new parameter."""

    def __init__(self, visitors: str, fresh: Any, **headers: str) -> None:
        self._visitors = visitors
        self._fresh = [fresh] if isinstance(fresh, str) else fresh
        self._headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self._turn = 0

    def __call__(self, request: Any) -> web.Response:
        if "stage-gate=" not in request.query_string:
            return web.Response(text=self._visitors, content_type="text/html", headers=self._headers)
        self._turn += 1
        return web.Response(text=self._fresh[self._turn % len(self._fresh)], content_type="text/html")


def run(cache: Any, folder: Path, settings: dict[str, Any] | None = None, **site: Any) -> CheckResult:
    async def go() -> CheckResult:
        async with PageSite(everything=cache) as running, running.client() as client:
            check = StaleCache(StaleCacheSettings(**(settings or {})))
            return await run_check(check, Means(running.config(**site), "stage", client, None, folder))

    return asyncio.run(go())


def test_the_same_build_for_all_passes(tmp_path: Path) -> None:
    result = run(Cache(page(NEW), page(NEW), Age="9999"), tmp_path)
    assert (result.outcome, result.examined, result.findings) == ("passed", 1, ())


@pytest.mark.parametrize(
    ("age", "control", "expected"),
    [
        ("120", "max-age=300", "warn passed"),
        ("300", "max-age=300", "warn passed"),
        ("301", "max-age=300", "warn failed"),
        ("600", "max-age=300", "warn failed"),
        ("601", "max-age=300", "block failed"),
        ("601", "max-age=300, stale-while-revalidate=400", "warn passed"),
        ("701", "max-age=300, stale-while-revalidate=400", "warn failed"),
        ("9000", "max-age=60, s-maxage=7200", "warn failed"),
        ("301", "", "warn failed"),
        ("250", "", "warn passed"),
    ],
)
def test_an_old_page_is_judged_by_its_age(tmp_path: Path, age: str, control: str, expected: str) -> None:
    result = run(Cache(page(OLD), page(NEW), Age=age, Cache_Control=control), tmp_path)
    assert f"{result.severity} {result.outcome}" == expected
    assert OLD in result.findings[0].sentence
    assert NEW in result.findings[0].sentence


def test_an_old_page_within_its_lifetime_is_noted_with_the_time_that_is_left(tmp_path: Path) -> None:
    result = run(Cache(page(OLD), page(NEW), Age="120", Cache_Control="max-age=300"), tmp_path)
    assert "gone in 3m" in result.findings[0].sentence


@pytest.mark.parametrize("headers", [{"Age": "0"}, {}, {"Age": "none"}])
def test_an_old_page_that_the_cdn_has_just_fetched_comes_from_behind_it(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    result = run(Cache(page(OLD), page(NEW), **headers), tmp_path)
    assert (result.severity, result.outcome) == ("warn", "failed")
    assert "a layer behind it is old" in result.findings[0].sentence
    assert "Surfing" in (tmp_path / result.findings[0].evidence).read_text()


def test_the_build_marker_tells_builds_apart_without_libraries(tmp_path: Path) -> None:
    cache = Cache(page("", "build-1"), page("", "build-2"), Age="900")
    assert run(cache, tmp_path, **MARKER).outcome == "failed"
    assert run(Cache(page("", "build-2"), page("", "build-2")), tmp_path, **MARKER).outcome == "passed"


def test_pages_that_name_no_build_are_no_success(tmp_path: Path) -> None:
    result = run(Cache(page(""), page("")), tmp_path)
    assert (result.outcome, result.cause, result.examined) == ("inconclusive", "check", 0)


def test_nodes_that_disagree_are_not_the_caches_fault(tmp_path: Path) -> None:
    result = run(Cache(page("c" * 32), [page(NEW), page(OLD)]), tmp_path)
    assert (result.outcome, result.findings[0].cause) == ("inconclusive", "product")
    assert run(Cache(page(OLD), [page(NEW), page(OLD)]), tmp_path).outcome == "passed"


def test_a_page_looks_old_only_where_no_node_gives_visitors_build_when_asked_again(tmp_path: Path) -> None:
    rolling = Cache(page(OLD), [page(NEW), page(NEW), page(NEW), page(OLD)])
    assert run(rolling, tmp_path).outcome == "passed"
    third_build = Cache(page("c" * 32), [page(NEW), page(NEW), page(NEW), page(OLD)])
    result = run(third_build, tmp_path)
    assert (result.outcome, result.findings[0].code) == ("inconclusive", "stale_cache.unsettled")


@pytest.mark.parametrize(("status", "cause"), [(405, "network"), (404, "product")])
def test_a_page_that_does_not_answer_is_inconclusive(tmp_path: Path, status: int, cause: str) -> None:
    result = run(lambda _: web.Response(status=status), tmp_path)
    assert (result.outcome, result.examined) == ("inconclusive", 0)
    assert result.findings[0].cause == cause


def test_a_page_of_nothing_but_libraries_is_survived(tmp_path: Path) -> None:
    many = "".join(f'<link href="/etc.clientlibs/x.lc-{n:032x}-lc.css">' for n in range(20_000))
    trap = "/etc.clientlibs/" * 20_000
    assert run(Cache(many + trap, many + trap), tmp_path).outcome == "passed"
