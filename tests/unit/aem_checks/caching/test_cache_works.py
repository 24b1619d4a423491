"""C2: a CDN that answers second visitors, and others."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from aem_checks.kinds.caching.cache_works import CacheWorks, CacheWorksSettings
from aem_checks.means import Means
from aem_checks.outcomes import CheckResult, Outcome
from aem_checks.runner import run_check
from unit.aem_checks.page_site import PageSite, html


class Cdn:
    """Answers every path from its cache from the second time on; ``misses``: how often it forgets before."""

    def __init__(self, *, misses: int = 1, keeps_parameters: bool = False, **headers: str) -> None:
        self._misses, self._keeps = misses, keeps_parameters
        self._headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self._seen: dict[str, int] = {}

    def __call__(self, request: Any) -> web.Response:
        key = request.path_qs if self._keeps else request.path
        self._seen[key] = self._seen.get(key, 0) + 1
        said = {"X-Cache": "HIT" if self._seen[key] > self._misses else "MISS"}
        usual = {"Cache-Control": "max-age=300", **said}
        headers = {name: value for name, value in {**usual, **self._headers}.items() if value}
        return web.Response(text=html(), content_type="text/html", headers=headers)


def run(cdn: Any, folder: Path, access: str | None = None, **settings: Any) -> CheckResult:
    async def go() -> CheckResult:
        async with PageSite(everything=cdn) as site, site.client() as client:
            config = site.config(stage={"url": site.url, "access": access}, pages=["/", "/a.html"])
            check = CacheWorks(CacheWorksSettings(**settings))
            return await run_check(check, Means(config, "stage", client, None, folder))

    return asyncio.run(go())


def bad(result: CheckResult) -> list[str]:
    return [each.sentence for each in result.findings if each.outcome is not Outcome.PASSED]


def test_a_cache_that_works_passes_with_marketing_parameters_too(tmp_path: Path) -> None:
    result = run(Cdn(), tmp_path)
    assert (result.outcome, result.examined, result.findings) == ("passed", 2, ())
    assert "X-Cache: HIT" in (tmp_path / "cache_works" / "answers.txt").read_text()


def test_points_of_presence_may_miss_a_few_times(tmp_path: Path) -> None:
    assert run(Cdn(misses=3), tmp_path).outcome == "passed"
    assert run(Cdn(misses=99), tmp_path).outcome == "failed"


def test_age_alone_shows_a_hit(tmp_path: Path) -> None:
    assert run(Cdn(X_Cache="", Age="17"), tmp_path).outcome == "passed"


def test_a_cdn_that_never_answers_is_a_warning_with_the_headers(tmp_path: Path) -> None:
    result = run(Cdn(misses=99, Vary="User-Agent"), tmp_path)
    assert (result.severity, result.outcome) == ("warn", "failed")
    assert "came from publish 4 times in a row" in bad(result)[0]
    assert "Vary: 'User-Agent'" in bad(result)[0]


def test_marketing_parameters_in_the_key_are_a_warning_unless_they_belong_there(tmp_path: Path) -> None:
    result = run(Cdn(keeps_parameters=True), tmp_path)
    assert "whatever utm_source says" in bad(result)[0]
    assert run(Cdn(keeps_parameters=True), tmp_path, marketing_parameters=False).outcome == "passed"


@pytest.mark.parametrize(
    "headers", [{"Cache_Control": "private"}, {"Set_Cookie": "a=b"}, {"Cache_Control": ""}]
)
def test_pages_that_may_not_be_cached_are_no_success(tmp_path: Path, headers: dict[str, str]) -> None:
    result = run(Cdn(misses=99, **headers), tmp_path)
    assert (result.outcome, result.cause, result.examined) == ("inconclusive", "check", 0)


def test_a_cdn_that_says_nothing_is_inconclusive(tmp_path: Path) -> None:
    result = run(Cdn(X_Cache=""), tmp_path)
    assert (result.outcome, result.examined) == ("inconclusive", 0)
    assert "neither X-Cache nor Age" in bad(result)[0]


def test_a_cdn_that_may_not_keep_what_a_login_sees_is_inconclusive(tmp_path: Path) -> None:
    result = run(Cdn(misses=99), tmp_path, access="login")
    assert result.outcome == "inconclusive"
    assert "login" in bad(result)[0]


@pytest.mark.parametrize(("status", "cause"), [(405, "network"), (503, "check")])
def test_a_page_that_does_not_answer_is_inconclusive(tmp_path: Path, status: int, cause: str) -> None:
    result = run(lambda _: web.Response(status=status), tmp_path)
    assert (result.outcome, result.examined) == ("inconclusive", 0)
    assert result.findings[0].cause == cause
