"""How many pages a second are recorded and judged, against fetching the same responses with nothing done to them?"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
import lxml.html
import yaml

from aem_checks.access import NO_ACCESS
from aem_checks.client import USER_AGENT, Client
from aem_checks.folders import NOWHERE
from aem_checks.house import House
from aem_checks.kinds import all_kinds
from aem_checks.means import Means
from aem_checks.outcomes import Outcome
from aem_checks.rate_limit import RateLimit
from aem_checks.reading import Walk
from aem_checks.recording import Recording, record
from aem_checks.sites import Endpoint, SiteConfig
from aem_checks.urls import as_written, uncached
from benchmarks.figures import Figure, ratio, say
from simulator.aem.content import site as content_of

Work = Callable[[], Coroutine[Any, Any, object]]
TESTS = Path(__file__).resolve().parents[1]
PAGES = 100
"""Per language tree; there are two."""
REPETITIONS = 7
CONNECTIONS = 8
DELAY = 0.05
"""Seconds that an uncached answer of a quick AEM publish takes."""
KINDS = frozenset(
    (
        *("client_libraries", "head_regression", "host_leaks", "indexing", "key_pages", "placeholders"),
        *("structure", "structured_data"),
    )
)
"""Those that look at the recording alone."""
_NO_LIMIT = 1e9
TITLE = f"3. Recording and page checks: {2 * PAGES} pages of the simulator's site and all that they need"
NOTES = (
    "Plain: the same URLs (pages past the caches, then style sheets and scripts) over aiohttp with the client's settings,",
    f"{CONNECTIONS} requests at once, bodies read and dropped. Ours: fetch, find references, write to disk, then every page",
    "check that is on by default. The rate limit's lock file is passed, its pace is off. The simulator has a process of its",
    f"own; in turns, medians of {REPETITIONS}. The last line: each answer takes time, as a real publish does.",
)


def measure() -> list[Figure]:
    """Fetch in turns, plainly and as a recording that is then judged: from a site that answers at once, and a slower one."""
    at_once = _measure(delay=0.0)
    slower = _measure(delay=DELAY)
    slow = f"  from a site that takes {DELAY * 1000:.0f} ms an answer"
    told = f"{slower.pages / median(slower.wall):.0f} pages/s against {slower.pages / median(slower.plain_wall):.0f}"
    return [
        Figure("recording and page checks against plain", ratio(at_once.wall, at_once.plain_wall), "times", 1.3,
               f"{at_once.pages / median(at_once.wall):.0f} pages/s against {at_once.pages / median(at_once.plain_wall):.0f}"),
        Figure("  processor time of this side alone", ratio(at_once.cpu, at_once.plain_cpu), "times", None,
               f"{_a_page(at_once.cpu, at_once.pages)} against {_a_page(at_once.plain_cpu, at_once.pages)}"),
        Figure("  the same, where plain parses each page once (lxml)", ratio(at_once.cpu, at_once.parsed_cpu), "times", 3,
               f"{_a_page(at_once.cpu, at_once.pages)} against {_a_page(at_once.parsed_cpu, at_once.pages)}"),
        Figure(slow, ratio(slower.wall, slower.plain_wall), "times", None, told),
    ]  # fmt: skip


@dataclass
class Taken:
    """Seconds by the clock and of this process's processor time, turn by turn."""

    pages: int
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    plain_wall: list[float] = field(default_factory=list)
    plain_cpu: list[float] = field(default_factory=list)
    parsed_cpu: list[float] = field(default_factory=list)
    """Of the plain side where it parses each page, too."""


def _measure(*, delay: float) -> Taken:
    with _simulator(delay) as addresses, tempfile.TemporaryDirectory(prefix="stage-gate-bench-") as folder:
        site = _site(addresses)
        resources = list(asyncio.run(_record(site, Path(folder) / "0")).resources)
        taken = Taken(pages=len(site.pages))
        for turn in range(1, REPETITIONS + 1):
            sides: list[tuple[list[float], list[float], Work]] = [
                (taken.plain_wall, taken.plain_cpu, partial(_fetch, site, resources)),
                (taken.wall, taken.cpu, partial(_record_and_judge, site, Path(folder) / str(turn))),
            ]
            for wall, cpu, work in sides if turn % 2 else reversed(sides):
                seconds = _timed(work)
                wall.append(seconds[0])
                cpu.append(seconds[1])
            taken.parsed_cpu.append(_timed(partial(_fetch, site, resources, parses=True))[1])
            say(
                f"  turn {turn}: recording and checks {taken.wall[-1]:.2f} s, plain {taken.plain_wall[-1]:.2f} s"
            )
        return taken


def _a_page(seconds: list[float], pages: int) -> str:
    return f"{median(seconds) / pages * 1000:.1f} ms a page"


def _timed(work: Work) -> tuple[float, float]:
    """Seconds by the clock, and seconds of this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    asyncio.run(work())
    return time.perf_counter() - wall, time.process_time() - cpu


async def _record(site: SiteConfig, folder: Path) -> Recording:
    origins = {site.stage.url: NO_ACCESS}
    async with Client(origins, rate_limit=RateLimit(_NO_LIMIT), connections=CONNECTIONS) as client:
        return await record(site, "stage", client, folder)


async def _record_and_judge(site: SiteConfig, folder: Path) -> None:
    recording = await _record(site, folder)
    kinds = all_kinds()
    checks: list[Any] = [kinds[name](kinds[name].settings_type()) for name in KINDS]
    walk = Walk(check.kind for check in checks)
    client = Client({}, rate_limit=RateLimit(_NO_LIMIT))
    visit = Means(site, "stage", client, recording, NOWHERE)
    for judgement, check in zip(
        await asyncio.gather(
            *(House.lead(check, replace(visit, begin=walk.of(check.kind))) for check in checks)
        ),
        checks,
        strict=True,
    ):
        if judgement.weigh(check.severity)[1] is not Outcome.PASSED:
            raise RuntimeError(
                f"{check.kind} finds on a site without defects: {judgement.findings[0].sentence}"
            )


async def _fetch(site: SiteConfig, resources: list[str], *, parses: bool = False) -> None:
    """The same responses with nothing done to them, or each page parsed once."""
    pages = [uncached(site.stage.url + path) for path in site.pages]
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS, enable_cleanup_closed=True),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": USER_AGENT},
        timeout=aiohttp.ClientTimeout(total=30, connect=10),
        max_line_size=32768,
        max_field_size=32768,
    ) as session:
        for urls, parsed in ((pages, parses), (resources, False)):
            await asyncio.gather(*(_get(session, url, parses=parsed) for url in urls))


async def _get(session: aiohttp.ClientSession, url: str, *, parses: bool) -> None:
    async with session.get(as_written(url), allow_redirects=False) as answer:
        body = await answer.read()
        if parses:
            lxml.html.fromstring(body)
        if answer.status != 200:
            raise RuntimeError(f"{url} answers {answer.status}")


def _site(addresses: dict[str, Any]) -> SiteConfig:
    pages = tuple(page.url for page in content_of(PAGES).pages.values())
    return SiteConfig(
        name="bench",
        stage=Endpoint(url=addresses["stage_url"]),
        production=Endpoint(url=addresses["production_url"]),
        pages=pages,
    )


@contextmanager
def _simulator(
    delay: float = 0.0, *, pages: int = PAGES, production_pages: int = 1
) -> Iterator[dict[str, Any]]:
    """The simulator in a process of its own, with that many pages per language tree; its addresses."""
    with tempfile.TemporaryDirectory(prefix="stage-gate-bench-") as folder:
        scenario, ready = Path(folder) / "scenario.yaml", Path(folder) / "ready.json"
        scenario.write_text(yaml.safe_dump(_scenario(delay, pages, production_pages)), encoding="utf-8")
        environment = os.environ | {"STAGE_GATE_SIMULATOR": "yes", "PYTHONPATH": str(TESTS)}
        command = [sys.executable, "-m", "simulator", str(scenario), "--ready", str(ready)]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        try:
            yield _addresses(ready, process)
        finally:
            process.terminate()
            process.wait(10)


def _addresses(ready: Path, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    until = time.monotonic() + 30
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError("the simulator did not start")
        time.sleep(0.05)
    told: dict[str, Any] = json.loads(ready.read_text(encoding="utf-8"))
    return told


def _scenario(delay: float, pages: int, production_pages: int) -> dict[str, Any]:
    environments = [
        {"id": "1", "name": "bench-stage", "type": "stage", "pages": pages},
        {"id": "2", "name": "bench-prod", "type": "prod", "pages": production_pages},
    ]
    pipelines = [{"id": "3", "name": "bench", "stage": "1", "production": "2"}]
    slow = ("stage", "production") if delay else ()
    faults = [{"effect": "delay", "service": each, "seconds": delay, "times": None} for each in slow]
    return {
        "faults": faults,
        "programs": [{"id": "12345", "name": "bench", "environments": environments, "pipelines": pipelines}],
    }
