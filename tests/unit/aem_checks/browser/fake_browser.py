"""A browser without Chromium, on a loop whose clock a test moves: what was opened, how, and what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aem_checks.browser.asks import Look, PageSeen, Unopened, Value
from aem_checks.browser.open_page import PageLost, Viewport
from aem_checks.browser.seat import Seat
from aem_checks.browser.seen import Asked, Complaint, Seen
from aem_checks.check import Check
from aem_checks.means import Means
from aem_checks.outcomes import CheckResult
from aem_checks.runner import run_check
from aem_checks.sites import SiteConfig
from aem_checks.urls import plain_url

STAGE = "https://stage.example.com"
PRODUCTION = "https://www.example.com"


class MovedLoop(asyncio.SelectorEventLoop):
    """Its clock goes on by as much as a test says."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


def on_moved_loop(scene: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    with asyncio.Runner(loop_factory=MovedLoop) as runner:
        return runner.run(scene())


def later(seconds: float) -> None:
    """So much later it is at once."""
    if seconds:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, MovedLoop)
        loop.ahead += seconds


@dataclass
class FakePage:
    """A page that was opened; ``says`` answers what is asked of it."""

    seen: Seen
    status: int = 200
    slow: bool = False
    says: dict[str, Any] = field(default_factory=dict)

    async def quiet(self) -> None:
        await asyncio.sleep(0)

    async def ask(self, expression: str) -> Any:
        await asyncio.sleep(0)
        answer = self.says.get(expression)
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class FakeBrowser:
    """Pages by their path; ``takes`` seconds for each."""

    pages: dict[str, FakePage] = field(default_factory=dict)
    takes: float = 0.0
    opened: list[tuple[str, int, bool]] = field(default_factory=list)
    """Path, or URL on production, width of the window, and whether it was warm."""
    begun: list[bool] = field(default_factory=list)
    """Of each start, whether it was alone."""
    refused: set[str] = field(default_factory=set)
    is_well: bool = True
    handwriting: str = "a hand"
    waits: Callable[[], None] = field(default=lambda: None)
    """What happens before it is free."""

    def unlisted(self, page: FakePage) -> set[str]:
        return set()

    def opens(self, visit: Means, alone: bool) -> AbstractAsyncContextManager[Any]:
        self.waits()
        self.begun.append(alone)
        return nullcontext(self)

    @asynccontextmanager
    async def page(
        self, url: str, viewport: Viewport, *, warm: bool, prepare: Any, shared_by: int
    ) -> AsyncIterator[FakePage]:
        path = plain_url(url) if url.startswith(PRODUCTION) else urlsplit(url).path
        self.opened.append((path, viewport.width, warm))
        later(self.takes)
        await asyncio.sleep(0.001)
        page = self.pages.get(path) or FakePage(Seen())
        if page.status == 0:
            raise PageLost("it is lost")
        yield page


def throwing(text: str, script: str = f"{STAGE}/a.js") -> FakePage:
    """A page on which a script throws, by default one of its own."""
    return FakePage(Seen(complaints=[Complaint("exception", text, script, 1)]))


def asking(*urls: str) -> FakePage:
    return FakePage(Seen(requests=[Asked(url, "Script", status=200, finished=True) for url in urls]))


def site_visit(folder: Path, pages: tuple[str, ...] = ("/a", "/b", "/c")) -> Means:
    """Without a client: a browser is all that is asked."""
    config = SiteConfig.model_validate(
        {"name": "wknd", "stage": STAGE, "production": PRODUCTION, "pages": pages}
    )
    return Means(config, "stage", None, None, folder)  # type: ignore[arg-type]


async def run_seated(check: Check[Any], visit: Means, seat: Seat, **options: Any) -> CheckResult:
    with seat:
        return await run_check(check, replace(visit, seat=seat), **options)


def value(expression: str) -> tuple[Look, ...]:
    return (Value(expression),)


Answer = PageSeen | Unopened
