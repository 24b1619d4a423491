"""What does one row of the table run on? Stage and production of the simulator on free ports, shared by all rows.

The servers run in a thread of their own, as they are elsewhere for a real check. Between two rows the defects
change and all that the CDNs keep runs out. Slow answers, lifetimes in caches and the patience of checks are of one
clock, which stands still but for them: a verdict about time is the same on a busy machine.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from aiohttp.test_utils import TestServer

from aem_checks import asking
from aem_checks import client as client_module
from aem_checks.access import NO_ACCESS, Access
from aem_checks.baseline import Baseline
from aem_checks.check import Check
from aem_checks.client import Client
from aem_checks.kinds import all_kinds
from aem_checks.means import Means
from aem_checks.outcomes import CheckResult
from aem_checks.rate_limit import RateLimit
from aem_checks.recording import Recording, record
from aem_checks.runner import run_check
from aem_checks.sites import SiteConfig
from catalogue.seeds import AUTHOR_ACCESS, Clean, Seed, Where
from catalogue.table import needs_chromium
from simulator.aem import AemEnvironment, Build
from simulator.aem.clock import Clock
from unit.aem_checks.browser.patience import patient

PAGES = (
    "/us/en.html",
    "/us/en/magazine.html",
    "/us/en/about.html",
    "/us/en/search.html",
    "/us/en/contact.html",
    "/us/en/adventures/camping-corven-tarn.html",
    "/de/de.html",
)
"""One page of each template, and one of the other language; a browser opens the first two."""
TOKEN = "catalogue-token"
_LONG = 100_000_000.0
"""Seconds after which no cache has anything."""
_TIMEOUT = 120.0
"""Seconds for one answer: each comes at once, as soon as its server has its turn."""
_T = TypeVar("_T")


class World:
    """Stage, author of stage and production. Use ``World.running()``."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._clock = Clock()
        self.environments: dict[Where, AemEnvironment] = {
            name: AemEnvironment(
                name,
                Build("build-1"),
                program_id="12345",
                environment_id=number,
                pages=12,
                time_scale=1.0,
                clock=self._clock,
                sleep=self._clock.sleep,
            )
            for name, number in (("stage", "67890"), ("production", "67891"))
        }
        self._servers: list[TestServer] = []
        self._folder = Path(tempfile.mkdtemp(prefix="catalogue-"))
        self._number = 0
        self._baselines: dict[str, Baseline] = {}

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[World]:
        world = cls()
        thread = threading.Thread(target=world._loop.run_forever, daemon=True)
        thread.start()
        try:
            world._on_servers(world._start())
            with patient(), world._clock.rules(client_module, asking):
                yield world
        finally:
            world._on_servers(world._stop())
            world._loop.call_soon_threadsafe(world._loop.stop)
            thread.join(30)
            world._loop.close()
            shutil.rmtree(world._folder, ignore_errors=True)

    def _on_servers(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    async def _start(self) -> None:
        for aem in self.environments.values():
            publish, author = TestServer(aem.app()), TestServer(aem.author_app())
            for server in (publish, author):
                await server.start_server(shutdown_timeout=0.1)
                self._servers.append(server)
            aem.set_urls(publish=_url(publish), author=_url(author))
            aem.accepts_token = lambda token: token == TOKEN
        self.environments["stage"].public_url = self.environments["production"].publish_url

    async def _stop(self) -> None:
        for server in self._servers:
            await server.close()

    # What a row needs

    def prepare(self, **defects: set[str]) -> None:
        """Give the environments these defects, and let all that the CDNs keep run out."""

        async def change() -> None:
            self._clock.now += _LONG
            for name, aem in self.environments.items():
                aem.set_defects(defects.get(name, set()))

        self._on_servers(change())

    @contextmanager
    def rolling(self) -> Iterator[None]:
        """One of the nodes of stage has the next build already, and goes back afterwards."""
        stage = self.environments["stage"]

        async def roll(build: str) -> None:
            stage._nodes[-1] = Build(build)

        self._on_servers(roll("build-2"))
        try:
            yield
        finally:
            self._on_servers(roll("build-1"))

    def run(self, row: Seed | Clean, *, warm: bool = False, key: str | None = None) -> CheckResult:
        """Run the check of one row on the environments as they are. ``warm``: after a round of visitors."""
        baseline = self._baseline(row) if row.baseline else None
        if isinstance(row, Seed):
            self.prepare(**{name: set(row.defects) for name in row.on})
        return asyncio.run(self._visited(row, self._fresh_folder(), baseline, warm=warm))

    def _baseline(self, row: Seed | Clean) -> Baseline:
        """The evidence of the same check on the clean build, made once for all rows with the same settings."""
        name = f"{row.kind} {sorted(row.settings.items())!r} {row.site!r} {row.facts!r} {row.facts_before!r} {row.target}"
        if name not in self._baselines:
            self.prepare()
            folder = self._fresh_folder()
            before = replace(row, facts=row.facts_before or row.facts)
            asyncio.run(self._visited(before, folder, None, warm=False))
            recording = Recording.load(folder / "recording")
            self._baselines[name] = Baseline("execution 4710 of 2026-11-16", folder, recording)
        return self._baselines[name]

    def _fresh_folder(self) -> Path:
        self._number += 1
        folder = self._folder / str(self._number)
        folder.mkdir()
        return folder

    async def _visited(
        self, row: Seed | Clean, folder: Path, baseline: Baseline | None, *, warm: bool
    ) -> CheckResult:
        filled = self._filler(folder)
        site = self._site(row, filled)
        limit = RateLimit(5000, folder=self._folder / "rate")
        async with Client.for_site(
            site, self.resolver, rate_limit=limit, timeout=_TIMEOUT, backoff=0.01
        ) as client:
            if warm:
                await _visitors(site, client)
            recording = await record(site, row.target, client, folder / "recording")
            name = site.endpoint(row.target).access
            visit = Means(
                site=site,
                target=row.target,
                client=client,
                recording=recording,
                evidence=folder,
                access=self.resolver(name) if name else NO_ACCESS,
                facts=filled(row.facts),
                resolver=self.resolver,
                baseline=baseline,
            )
            return await run_check(_check(row, filled(row.settings), folder), visit)

    def _filler(self, folder: Path) -> Callable[[Any], Any]:
        stage, production = self.environments["stage"], self.environments["production"]
        words = {
            "{stage}": stage.publish_url,
            "{production}": production.publish_url,
            "{author}": stage.author_url,
            "{folder}": str(folder),
        }
        return lambda value: filled_in(value, words)

    def _site(self, row: Seed | Clean, filled: Callable[[Any], Any]) -> SiteConfig:
        pages = PAGES[:2] if needs_chromium(row) else PAGES
        usual = {"name": "larkfell", "stage": "{stage}", "production": "{production}", "pages": pages}
        return SiteConfig.model_validate(filled({**usual, "requests_per_second": 1000, **row.site}))

    def resolver(self, name: str) -> Access:
        """Credentials of the simulated author; nothing else is protected here."""
        return Access({"Authorization": f"Bearer {TOKEN}"}) if name == AUTHOR_ACCESS else NO_ACCESS


def _url(server: TestServer) -> str:
    return f"http://127.0.0.1:{server.port}"


def _check(row: Seed | Clean, settings: Any, folder: Path) -> Check[Any]:
    kind = all_kinds()[row.kind]
    return kind(kind.settings_type.model_validate(settings, context={"folder": str(folder)}))


async def _visitors(site: SiteConfig, client: Client) -> None:
    """People who look at each page twice, so that caches are warm."""
    for _ in range(2):
        for page in site.pages:
            await client.get(site.stage.url + page)


def filled_in(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        for word, meaning in words.items():
            value = value.replace(word, meaning)
        return value
    if isinstance(value, Mapping):
        return {key: filled_in(each, words) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [filled_in(each, words) for each in value]
    return value
