"""C1: what answers allow caches to do, class by class."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from aem_checks.baseline import Baseline
from aem_checks.kinds.caching._headers import from_cache, read_policy
from aem_checks.kinds.caching.cache_policy import CachePolicy, CachePolicySettings
from aem_checks.means import Means
from aem_checks.outcomes import CheckResult, Finding, Outcome
from aem_checks.recording import record
from aem_checks.response import Response, make_headers
from aem_checks.runner import run_check
from unit.aem_checks.page_site import SCRIPT, STYLE, Answer, PageSite, html, status

YEAR, MONTH = "public, max-age=31536000", "public, max-age=2592000, immutable"
IMAGE = "/content/wknd/en/_jcr_content/root/image.coreimg.90.600.jpeg/1763800000000/surf.jpeg"
ASSET = "/content/dam/wknd/guide.pdf"
ACCOUNT = "/us/en/account.html"
BODY = f'<img src="{IMAGE}"><a href="{ASSET}">Guide</a>'


def check(**settings: Any) -> CachePolicy:
    return CachePolicy(CachePolicySettings(**settings))


def kept(value: str, content: str = "text/html", body: str = "", **headers: str) -> Answer:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return lambda _: web.Response(
        text=body or html(BODY), content_type=content, headers={"Cache-Control": value, **named}
    )


GOOD = {
    "/": kept("max-age=300"),
    STYLE: kept(MONTH, "text/css", "body{}"),
    SCRIPT: kept(MONTH, "application/javascript", "run()"),
    IMAGE: kept("public, max-age=600, immutable", "image/jpeg", "x"),
    ASSET: kept("max-age=43200", "application/pdf", "x"),
}


def run(
    answers: dict[str, Answer], folder: Path, made: CachePolicy, baseline: Any = None, **settings: Any
) -> CheckResult:
    async def go() -> CheckResult:
        async with PageSite({**GOOD, **answers}) as site, site.client() as client:
            config = site.config(**settings)
            recording = await record(config, "stage", client, folder / "recording")
            return await run_check(made, Means(config, "stage", client, recording, folder, baseline=baseline))

    return asyncio.run(go())


def bad(result: CheckResult) -> list[Finding]:
    return [finding for finding in result.findings if finding.outcome is not Outcome.PASSED]


def told(result: CheckResult) -> tuple[str, str, list[str]]:
    return result.severity, result.outcome, [finding.subject for finding in bad(result)]


def test_adobes_defaults_pass_and_every_class_is_looked_at(tmp_path: Path) -> None:
    result = run({}, tmp_path, check())
    assert told(result) == ("warn", "passed", [])
    assert result.examined == 5


@pytest.mark.parametrize(
    ("path", "header", "subject", "words"),
    [
        ("/", "max-age=0", "lifetime of html", "at least 1m"),
        ("/", "private", "lifetime of html", "at least 1m"),
        ("/", "no-store", "lifetime of html", "at least 1m"),
        ("/", "", "lifetime of html", "no Cache-Control"),
        ("/", YEAR, "lifetime of html", "at most 1d"),
        ("/", "public, private, max-age=300", "lifetime of html", "either public or private"),
        (STYLE, "max-age=300", "lifetime of clientlib", "at least 30d"),
        (SCRIPT, "max-age=2592000", "lifetime of clientlib", "immutable"),
        (IMAGE, "max-age=10", "lifetime of coreimg", "at least 10m"),
        (ASSET, YEAR, "lifetime of dam", "at most 31d"),
    ],
)
def test_a_lifetime_outside_of_the_defaults_is_a_warning(
    tmp_path: Path, path: str, header: str, subject: str, words: str
) -> None:
    kinds = {
        STYLE: "text/css",
        SCRIPT: "application/javascript",
        IMAGE: "image/jpeg",
        ASSET: "application/pdf",
    }
    result = run({path: kept(header, kinds.get(path, "text/html"))}, tmp_path, check())
    assert (result.severity, result.outcome) == ("warn", "failed")
    assert subject in {finding.subject for finding in bad(result)}
    assert any(words in finding.sentence for finding in bad(result))


def test_what_the_cdn_is_told_counts_before_what_browsers_are_told(tmp_path: Path) -> None:
    answer = kept("max-age=0", Surrogate_Control="max-age=3600, stale-while-revalidate=60")
    assert bad(run({"/": answer}, tmp_path, check())) == []


def test_other_lifetimes_can_be_set(tmp_path: Path) -> None:
    lenient = check(lifetimes={"html": {"least": "0s", "most": "400d"}})
    assert bad(run({"/": kept(YEAR)}, tmp_path / "a", lenient)) == []
    assert bad(run({"/": kept("no-store")}, tmp_path / "b", lenient)) == []


def test_lifetimes_of_the_last_release_are_noted_only(tmp_path: Path) -> None:
    run({"/": kept(YEAR)}, tmp_path / "before", check())
    before = Baseline("execution 4711 of 2026-11-20", tmp_path / "before")
    same = run({"/": kept(YEAR)}, tmp_path / "same", check(), before)
    other = run({"/": kept("max-age=999999")}, tmp_path / "other", check(), before)
    assert told(same)[1] == "passed"
    assert any("as at the last verified release" in finding.sentence for finding in same.findings)
    assert told(other)[1:] == ("failed", ["lifetime of html"])


def test_a_cookie_on_a_cacheable_page_blocks_unless_it_is_named(tmp_path: Path) -> None:
    answer = kept("max-age=300", Set_Cookie="JSESSIONID=node0; Path=/")
    result = run({"/": answer}, tmp_path / "a", check())
    assert told(result) == ("block", "failed", ["/"])
    assert "JSESSIONID" in result.findings[0].sentence
    assert "node0" not in result.model_dump_json()
    assert bad(run({"/": answer}, tmp_path / "b", check(cookies=("JSESSION*",)))) == []
    uncached = run({"/": kept("private", Set_Cookie="a=b")}, tmp_path / "c", check())
    assert uncached.severity == "warn"


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (kept("max-age=300"), "block failed"),
        (kept("max-age=0", Surrogate_Control="max-age=60"), "block failed"),
        (kept("private, max-age=300"), "warn passed"),
        (kept("no-store"), "warn passed"),
        (status(401), "warn passed"),
        (status(403), "warn passed"),
        (status(404, headers={"Cache-Control": "max-age=60"}), "warn passed"),
        (status(302, headers={"Location": "/login", "Cache-Control": "max-age=300"}), "block failed"),
        (status(302, headers={"Location": "/login"}), "warn passed"),
        (status(405), "warn inconclusive"),
    ],
)
def test_a_private_page_that_caches_may_share_blocks(tmp_path: Path, answer: Answer, result: str) -> None:
    found = run({ACCOUNT: answer}, tmp_path, check(private=[ACCOUNT]))
    assert f"{found.severity} {found.outcome}" == result


@pytest.mark.parametrize("name", ["User-Agent", "Cookie", "*"])
def test_pages_that_vary_by_the_visitor_are_warned_of(tmp_path: Path, name: str) -> None:
    result = run({"/": kept("max-age=300", Vary=f"Accept-Encoding, {name}")}, tmp_path, check())
    assert told(result) == ("warn", "failed", [f"Vary: {name.lower()}"])


def test_persisted_queries_are_asked_for_when_they_are_named(tmp_path: Path) -> None:
    path = "/graphql/execute.json/wknd/all"
    answers = {path: kept("no-store", "application/json", "{}")}
    assert told(run(answers, tmp_path, check(queries=[path])))[2] == ["lifetime of persisted_query"]


def test_a_site_that_does_not_answer_is_inconclusive(tmp_path: Path) -> None:
    refused = dict.fromkeys(GOOD, status(405))
    result = run(refused, tmp_path, check())
    assert (result.outcome, result.examined) == ("inconclusive", 0)


@pytest.mark.parametrize(
    ("headers", "shared", "revalidating"),
    [
        ({"Cache-Control": "max-age=60, s-maxage=7200, stale-while-revalidate=86400"}, 7200, 86400),
        ({"Cache-Control": 'MAX-AGE="60"'}, 60, 0),
        ({"Cache-Control": "max-age=-5"}, None, 0),
        ({"Cache-Control": "max-age=999999999999999999999"}, None, 0),
        ({"Cache-Control": "max-age=ten, ,=,;;"}, None, 0),
        ({}, None, 0),
    ],
)
def test_headers_are_read_as_caches_read_them(
    headers: dict[str, str], shared: int | None, revalidating: int
) -> None:
    policy = read_policy(Response("https://a.example/", 200, make_headers(headers)))
    assert (policy.shared, policy.revalidating) == (shared, revalidating)


@pytest.mark.parametrize(
    ("headers", "hit"),
    [
        ({"X-Cache": "HIT"}, True),
        ({"X-Cache": "MISS, HIT"}, True),
        ({"X-Cache": "HIT, MISS", "Age": "0"}, False),
        ({"Age": "12"}, True),
        ({"Age": "0"}, False),
        ({}, None),
    ],
)
def test_where_an_answer_came_from_is_told_by_the_last_cache(
    headers: dict[str, str], hit: bool | None
) -> None:
    assert from_cache(Response("https://a.example/", 200, make_headers(headers))) is hit
