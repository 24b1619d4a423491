"""A real Chromium for all tests of a module, and checks that look at a site with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aem_checks.access import NO_ACCESS, Access
from aem_checks.baseline import Baseline
from aem_checks.browser.browser import Browser
from aem_checks.browser.check import BrowserCheck
from aem_checks.browser.credentials import Doorkeeper
from aem_checks.browser.finding import find_chromium
from aem_checks.browser.sharing import Sharing
from aem_checks.client import Client
from aem_checks.means import Means
from aem_checks.network_guard.forward_proxy import ForwardProxy
from aem_checks.network_guard.rule import Rule
from aem_checks.outcomes import CheckResult, Finding, Outcome
from aem_checks.rate_limit import RateLimit
from aem_checks.runner import run_check
from aem_checks.sites import SiteConfig
from simulator.aem import AemEnvironment
from unit.aem_checks.browser.patience import patient
from unit.aem_checks.page_site import Answer, PageSite
from unit.simulator.aem_visitor import environment, served

KEY = "/us/en/magazine.html"
"""The page that the simulator's defects of one page hit."""


@dataclass
class House:
    """One event loop with one Chromium; ``run`` runs a check on a site."""

    runner: asyncio.Runner
    folder: Path
    browser: Browser | None = None
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    def run(self, scene: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        return self.runner.run(scene())

    async def opened(self) -> Browser:
        """The browser that the tests of a module share."""
        if self.browser is None:
            limit = RateLimit(5000, folder=self.folder / "rate")
            proxy = await self.stack.enter_async_context(ForwardProxy(Rule.of([]), limit))
            keeper = Doorkeeper({}, frozenset(), limit)
            made = Browser(find_chromium(), proxy, keeper)
            self.browser = await self.stack.enter_async_context(made)
        return self.browser

    async def prepared(self, visit: Means) -> Browser:
        """The same for the pages of a site."""
        browser = await self.opened()
        browser.proxy.rule = Rule.for_site(visit.site)
        browser.use(Doorkeeper.of(visit), visit.access.secrets)
        return browser

    async def look(self, check: BrowserCheck[Any], visit: Means) -> CheckResult:
        """Run the check with the shared browser instead of one of its own."""
        browser = await self.prepared(visit)
        async with Sharing(lambda visit, alone: nullcontext(browser)) as sharing:
            seated = replace(visit, seat=sharing.seat())
            return await run_check(check, seated, may_rerun=lambda: False)

    def check(
        self,
        check: BrowserCheck[Any],
        folder: Path,
        site: AemEnvironment | Mapping[str, Answer],
        *,
        pages: tuple[str, ...] = (KEY,),
        baseline: Path | None = None,
        access: Access = NO_ACCESS,
        **settings: Any,
    ) -> CheckResult:
        """What the check says of a running site, the simulator's or a small one."""

        async def scene(url: str) -> CheckResult:
            config = SiteConfig.model_validate(
                {"name": "larkfell", "stage": url, "pages": pages, "requests_per_second": 1000, **settings}
            )
            before = Baseline("execution 1 of 2026-11-01", baseline) if baseline else None
            limit = RateLimit(5000, folder=self.folder / "rate")
            async with Client.for_site(config, lambda _: access, rate_limit=limit) as client:
                visit = Means(config, "stage", client, None, folder, access, baseline=before)
                return await self.look(check, visit)

        async def small(answers: Mapping[str, Answer]) -> CheckResult:
            async with PageSite(dict(answers)) as running:
                return await scene(running.url)

        if isinstance(site, AemEnvironment):
            with served(site.app()) as visitor:
                return self.runner.run(scene(f"http://127.0.0.1:{visitor.port}"))
        return self.runner.run(small(site))


@contextmanager
def house(folder: Path) -> Iterator[House]:
    """A house whose browser is closed at the end."""
    with patient(), asyncio.Runner() as runner:
        made = House(runner, folder)
        try:
            yield made
        finally:
            runner.run(made.stack.aclose())


def bad(result: CheckResult) -> list[Finding]:
    """The findings that are not mere notes."""
    return [finding for finding in result.findings if finding.outcome is not Outcome.PASSED]


def outcome(result: CheckResult) -> str:
    """``block failed``, ``warn passed`` and the like."""
    return f"{result.severity} {result.outcome}"


__all__ = ["KEY", "House", "bad", "environment", "house", "outcome"]
