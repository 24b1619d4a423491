"""How does a check open pages in a browser, with bounded time and memory?

    async with open_browser(means) as browser, browser.page(url) as opened:
        ...  # opened.seen, await opened.ask("document.title"), opened.page for Playwright's own page

One Chromium per task; it is started anew after ``PAGES_PER_BROWSER`` pages, or when it holds too much memory.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from aem_checks.browser.credentials import Doorkeeper
from aem_checks.browser.finding import Chromium, find_chromium
from aem_checks.browser.launching import end_browser, first_process, launched, memory_of
from aem_checks.browser.open_page import DESKTOP, OpenPage, PageLost, Prepare, Viewport
from aem_checks.browser.seen import Seen
from aem_checks.browser.slots import slot
from aem_checks.network_guard.forward_proxy import ForwardProxy, guard_proxy
from aem_checks.text import plain
from aem_checks.urls import host_of

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Page

    from aem_checks.means import Means

PAGES_PER_BROWSER = 25
MAX_MEMORY = 1536 * 1024 * 1024
"""Bytes that one Chromium may hold; above, it is ended and what it showed is not judged."""
PAGE_SECONDS = 90.0
"""For all that is done with one page."""
_MEMORY_EVERY = 1.0


@asynccontextmanager
async def open_browser(means: Means, *, alone: bool = False) -> AsyncIterator[Browser]:
    """A browser for the pages of a site; it waits until one may run on this machine.

    ``alone``: while no other browser of any gate runs here, for measuring. Raises ``NoChromium``.
    """
    chromium = find_chromium()
    async with slot(alone=alone), guard_proxy(means) as proxy:
        browser = Browser(chromium, proxy, Doorkeeper.of(means), means.access.secrets)
        async with browser:
            yield browser


class Browser:
    """One Chromium; ``page`` opens one page after the other."""

    def __init__(
        self,
        chromium: Chromium,
        proxy: ForwardProxy,
        doorkeeper: Doorkeeper,
        hidden: frozenset[str] = frozenset(),
        *,
        pages_per_browser: int = PAGES_PER_BROWSER,
        max_memory: int = MAX_MEMORY,
    ) -> None:
        self.chromium, self.proxy = chromium, proxy
        self.starts = 0
        """How often Chromium was started."""
        self.most_memory = 0
        """Bytes, the most that was seen."""
        self.refused: set[str] = set()
        """Hosts that pages wanted and the gate does not contact."""
        self.handwriting = ""
        """A digest of how it draws letters, once somebody asked (``pictures``)."""
        self._doorkeeper, self._hidden = doorkeeper, hidden
        self._pages_per_browser, self._max_memory = pages_per_browser, max_memory
        self._stack = AsyncExitStack()
        self._first: BrowserContext | None = None
        self._profile = Path()
        self._processes: list[Any] = []
        self._warm: dict[Viewport, BrowserContext] = {}
        self._opening = False
        self._closing: set[asyncio.Future[None]] = set()
        self._opened = 0
        self._lost = ""

    async def __aenter__(self) -> Self:
        await self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    @property
    def version(self) -> str:
        """Chromium's version number."""
        assert self._first is not None
        running = self._first.browser
        return running.version if running else ""

    def use(self, doorkeeper: Doorkeeper, hidden: frozenset[str]) -> None:
        """Open further pages with other credentials."""
        self._doorkeeper, self._hidden = doorkeeper, hidden

    async def _start(self) -> None:
        self._first, self._profile = await self._stack.enter_async_context(
            launched(self.chromium, self.proxy.url)
        )
        self._processes = await asyncio.to_thread(first_process, self._profile)
        self._opened, self._lost = 0, ""
        self.starts += 1

    async def _stop(self) -> None:
        self._first = None
        self._warm.clear()
        await self._stack.aclose()
        self._stack = AsyncExitStack()

    async def _ready(self) -> BrowserContext:
        """A browser that may open one more page."""
        spent = self._opened >= self._pages_per_browser
        if self._first is None or self._lost or spent or not self._is_connected():
            await self._stop()
            await self._start()
        self._opened += 1
        assert self._first is not None
        return self._first

    @property
    def is_well(self) -> bool:
        """Whether it still shows the page that is open."""
        return not self._lost and self._is_connected()

    def _is_connected(self) -> bool:
        running = self._first.browser if self._first else None
        return running is not None and running.is_connected()

    @asynccontextmanager
    async def page(
        self,
        url: str,
        viewport: Viewport = DESKTOP,
        *,
        warm: bool = False,
        prepare: Prepare | None = None,
        shared_by: int = 1,
    ) -> AsyncIterator[OpenPage]:
        """Open a URL in a window without history: no cookies, nothing stored, no cache. Raises ``PageLost``.

        ``warm``: with the HTTP cache of the pages before, which spares the site most requests. ``prepare`` is called
        with the empty window before.

        All that is done with it has to end within ``PAGE_SECONDS`` for each check that shares it, else ``PageLost`` is
        raised there.
        """
        from playwright.async_api import Error

        seconds = PAGE_SECONDS * shared_by
        first = await self._ready()
        watching = asyncio.create_task(self._watch_memory())
        try:
            async with asyncio.timeout(seconds), self._window(first, viewport, warm=warm) as context:
                opened = None
                try:
                    opened = await self._open(context, url)
                    if prepare is not None:
                        await prepare(opened)
                    await opened.go(url)
                    yield opened
                finally:
                    self.refused |= self.unlisted(opened)
                if warm:
                    await _forget(opened)
        except TimeoutError:
            self._end(f"it did not come to an end within {seconds:.0f} s")
            raise PageLost(self._lost) from None
        except (Error, PageLost) as error:
            if self._lost:
                raise PageLost(self._lost) from error
            if not self._is_connected():
                self._lost = "Chromium crashed on it"
                raise PageLost(self._lost) from error
            raise error if isinstance(error, PageLost) else PageLost(plain(str(error), 200)) from error
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    @asynccontextmanager
    async def _window(
        self, first: BrowserContext, viewport: Viewport, *, warm: bool
    ) -> AsyncIterator[BrowserContext]:
        """A new context, or the one with the cache; that one is given up after whatever went wrong in it."""
        context = self._warm.pop(viewport, None) if warm else None
        if context is None:
            assert first.browser is not None
            context = await first.browser.new_context(**_options(viewport))
            context.on("page", self._close_if_popup)
        try:
            yield context
        except BaseException:
            await _close(context)
            raise
        if warm:
            self._warm[viewport] = context
        else:
            await _close(context)

    def _close_if_popup(self, page: Page) -> None:
        if not self._opening:
            self._closing.add(task := asyncio.ensure_future(_close(page)))
            task.add_done_callback(self._closing.discard)

    def unlisted(self, opened: OpenPage | None) -> set[str]:
        """Hosts that a page wanted so far and the gate does not contact."""
        asked = opened.seen.requests if opened else []
        return {host_of(each.url) for each in asked if not self.proxy.rule.allows_url(each.url)} - {""}

    async def _open(self, context: BrowserContext, url: str) -> OpenPage:
        self._opening = True
        try:
            page = await context.new_page()
        finally:
            self._opening = False
        page.on("crash", lambda _: self._end("its process crashed"))
        session = await context.new_cdp_session(page)
        seen = Seen(self._hide)
        seen.listen(session)
        nothing_kept = {"maxTotalBufferSize": 0, "maxResourceBufferSize": 0}
        await session.send("Network.enable", nothing_kept)
        for domain in ("Runtime", "Log"):
            await session.send(f"{domain}.enable")
        await self._doorkeeper.watch(session)
        return OpenPage(url, page, session, seen, self._hide)

    async def _watch_memory(self) -> None:
        while True:
            await asyncio.sleep(_MEMORY_EVERY)
            used = await asyncio.to_thread(memory_of, self._processes)
            self.most_memory = max(self.most_memory, used)
            if used > self._max_memory:
                self._end(
                    f"Chromium holds {used >> 20} MB with it; up to {self._max_memory >> 20} MB are allowed"
                )
                return

    def _hide(self, text: str) -> str:
        for secret in self._hidden:
            text = text.replace(secret, "[hidden]")
        return text

    def _end(self, why: str) -> None:
        self._lost = self._lost or why
        end_browser(self._profile)


def _options(viewport: Viewport) -> dict[str, Any]:
    return {
        "viewport": {"width": viewport.width, "height": viewport.height},
        "is_mobile": viewport.mobile,
        "has_touch": viewport.mobile,
        "device_scale_factor": 1,
        "locale": "en-US",
        "timezone_id": "UTC",
        "reduced_motion": "reduce",
        "color_scheme": "light",
        "accept_downloads": False,
        "service_workers": "block",
        "permissions": [],
        "ignore_https_errors": False,
    }


async def _forget(opened: OpenPage) -> None:
    """Close the page and remove all that it stored; the HTTP cache stays."""
    from playwright.async_api import Error

    try:
        await opened.session.send(
            "Storage.clearDataForOrigin", {"origin": _origin(opened.page.url), "storageTypes": "all"}
        )
        await opened.page.context.clear_cookies()
        await opened.page.close()
    except Error as error:
        raise PageLost(f"what it stored can't be removed ({plain(str(error), 200)})") from error


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


async def _close(what: Any) -> None:
    """Close a window or what is in it; a browser that is gone has closed it already."""
    from playwright.async_api import Error

    with contextlib.suppress(Error, TimeoutError):
        async with asyncio.timeout(5):
            await what.close()
