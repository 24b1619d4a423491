"""What does a comparison of stage with production cost, what does it find, and how often is it wrong?"""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp

from aem_checks.access import NO_ACCESS
from aem_checks.asking import ask_then
from aem_checks.asks import Steps
from aem_checks.client import USER_AGENT, Client
from aem_checks.house import House
from aem_checks.kinds.parity._parity_settings import ResponseParitySettings
from aem_checks.kinds.parity.response_parity import ResponseParity
from aem_checks.means import Means
from aem_checks.outcomes import Outcome
from aem_checks.parity.compare import Suspicion
from aem_checks.parity.facts import Facts, Reader
from aem_checks.parity.rules import Normaliser
from aem_checks.parity.sampling import SideName, compare
from aem_checks.rate_limit import RateLimit
from aem_checks.sites import Endpoint, SiteConfig
from aem_checks.urls import as_written, uncached
from benchmarks.figures import Figure, ratio, say
from benchmarks.page_checks import _simulator
from benchmarks.parity_pages import HOSTS, Page, Parts
from benchmarks.parity_regressions import REGRESSIONS
from simulator.aem.content import site as content_of

PAGES = 100
"""Per language tree; there are two."""
REPETITIONS = 7
CONNECTIONS = 8
CLEAN = 1000
PAGES_PER_REGRESSION = 20
ROUNDS = ResponseParitySettings().rounds
DELAY = 0.05
"""Seconds that an answer of a quick AEM publish takes."""
_NO_LIMIT = 1e9
_SEED = "STAGE_GATE_BENCH_SEED"
TITLE = (
    f"11. Parity of stage and production: {2 * PAGES} pages of the simulator's site, and {CLEAN} made-up ones"
)
NOTES = (
    f"Each answer takes {DELAY * 1000:.0f} ms, as of a quick publish; the second line is processor time more than waiting.",
    "Plain: the same three answers of each page over aiohttp with the client's settings, bodies read and dropped. Ours:",
    "response_parity as it runs in a gate, without .model.json: sitemap, facts, comparison, evidence on disk.",
    "False alarms: made-up pages without a difference, each compared by itself, whose answers differ by tokens, nonces,",
    "times, sessions, rotating teasers, experiments, hashes (tests/benchmarks/parity_pages.py). Recall: the same pages with",
    f"one of {len(REGRESSIONS)} regressions on stage. {_SEED}=N repeats a run.",
)


def measure() -> list[Figure]:
    """Compare and fetch in turns; then look for false alarms and for what is missed."""
    seed = int(os.environ.get(_SEED, secrets.randbelow(10**9)))
    say(f"  {_SEED}={seed}")
    at_once, slower = _speed(delay=0.0), _speed(delay=DELAY)
    alarms, asked = false_alarms(seed, CLEAN)
    missed, compared = misses(seed, PAGES_PER_REGRESSION)
    return [
        _figure("parity against fetching the same three answers", slower, 1.3),
        _figure("  where answers cost no time to wait for", at_once, None),
        Figure(
            "false alarms", len(alarms), "pages", 0, f"of {CLEAN}; {asked / CLEAN:.2f} requests more a page"
        ),
        Figure(
            "regressions missed",
            len(missed),
            "pages",
            0,
            f"of {compared}: recall {1 - len(missed) / compared:.2%}",
        ),
    ]


def false_alarms(seed: int, pages: int) -> tuple[list[Suspicion], int]:
    """What is taken for a difference on pages without one, and how many requests more it took."""
    found = [examine(Page(number, seed)) for number in range(pages)]
    return [suspicion for suspicion, _ in found if suspicion], sum(asked for _, asked in found)


def misses(seed: int, pages: int) -> tuple[list[tuple[str, str]], int]:
    """Regressions that are not found, with the page; and how many comparisons there were."""
    missed: list[tuple[str, str]] = []
    for name, change in REGRESSIONS.items():
        for number in range(pages):
            page = Page(number, seed + len(name))
            suspicion, _ = examine(page, change)
            missed += [] if suspicion else [(name, page.path)]
    return missed, pages * len(REGRESSIONS)


def examine(page: Page, change: Callable[[Parts, Page], None] | None = None) -> tuple[Suspicion, int]:
    """One page, compared by itself as the check does; what differs, and how many requests more it took."""

    def ask(path: str, side: SideName, number: int) -> Steps[Facts | None]:
        yield from ()
        return _reader().read(page.answer(side, number, change if side == "stage" else None))

    compared = ask_then(compare([page.path], ask, rounds=ROUNDS), [])
    return compared.suspicions.get(page.path, Suspicion()), compared.asked_again


@cache
def _reader() -> Reader:
    settings = ResponseParitySettings()
    return Reader(Normaliser(frozenset(HOSTS.values())), settings.headers, settings.header_values)


def _figure(name: str, taken: tuple[list[float], list[float]], goal: float | None) -> Figure:
    ours, plain = taken
    told = f"{2 * PAGES / median(ours):.0f} pairs/s against {2 * PAGES / median(plain):.0f}"
    return Figure(name, ratio(ours, plain), "times", goal, told)


def _speed(*, delay: float) -> tuple[list[float], list[float]]:
    """Seconds of each turn, ours and plain."""
    ours: list[float] = []
    plain: list[float] = []
    with _both_sites(delay) as site, tempfile.TemporaryDirectory(prefix="stage-gate-bench-") as folder:
        for turn in range(REPETITIONS + 1):
            sides: list[tuple[list[float], Any]] = [
                (plain, partial(_fetch, site)),
                (ours, partial(_compare, site, Path(folder) / str(turn))),
            ]
            for seconds, work in sides if turn % 2 else reversed(sides):
                began = time.perf_counter()
                asyncio.run(work())
                if turn:
                    seconds.append(time.perf_counter() - began)
            if turn:
                say(f"  turn {turn}: compared in {ours[-1]:.2f} s, fetched in {plain[-1]:.2f} s")
    return ours, plain


@contextmanager
def _both_sites(delay: float) -> Iterator[SiteConfig]:
    with _simulator(delay, production_pages=PAGES) as addresses:
        yield SiteConfig(
            name="bench",
            stage=Endpoint(url=addresses["stage_url"]),
            production=Endpoint(url=addresses["production_url"]),
            pages=tuple(page.url for page in content_of(PAGES).pages.values()),
        )


async def _compare(site: SiteConfig, folder: Path) -> None:
    check = ResponseParity(ResponseParitySettings(model_json="off"))
    assert site.production is not None
    origins = {site.stage.url: NO_ACCESS, site.production.url: NO_ACCESS}
    async with Client(origins, rate_limit=RateLimit(_NO_LIMIT), connections=CONNECTIONS) as client:
        judgement = await House.lead(check, Means(site, "stage", client, None, folder))
    found = [finding for finding in judgement.findings if finding.outcome is not Outcome.PASSED]
    if found or judgement.examined != len(site.pages):
        raise RuntimeError(f"the comparison of equal sites went wrong: {found or judgement.examined}")


async def _fetch(site: SiteConfig) -> None:
    """The same three answers of each page with nothing done to them."""
    assert site.production is not None
    urls = [
        url
        for path in site.pages
        for url in (
            site.production.url + path,
            uncached(site.production.url + path),
            uncached(site.stage.url + path),
        )
    ]
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS, enable_cleanup_closed=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": USER_AGENT},
        timeout=aiohttp.ClientTimeout(total=30, connect=10),
        max_line_size=32768,
        max_field_size=32768,
    ) as session:
        await asyncio.gather(*(_get(session, url) for url in urls))


async def _get(session: aiohttp.ClientSession, url: str) -> None:
    async with session.get(as_written(url), allow_redirects=False) as answer:
        await answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{url} answers {answer.status}")
