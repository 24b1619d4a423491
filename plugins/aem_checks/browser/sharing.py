"""How do the checks of a site share one Chromium, and one visit of each page?

Each check has a seat. When every check waits for pages, or is over, the first of those pages is opened, and all that
ask for it in the same window are answered from that one visit; so a check that asks anew, to confirm a failure, is
never answered from a visit of before. What a check waits for a browser, or for pages of others, is none of its time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from aem_checks.browser.asks import Audit, Audited, Handwriting, OfBrowser, Open, Reason, Unopened
from aem_checks.browser.blob import Spill
from aem_checks.browser.finding import NoChromium
from aem_checks.browser.lighthouse import NoLighthouse
from aem_checks.browser.seat import Seat, Wish
from aem_checks.browser.visiting import PageVisit, write

if TYPE_CHECKING:
    from aem_checks.browser.browser import Browser
    from aem_checks.means import Means

BUSY_SECONDS = 3600.0
"""How long a browser is waited for, in all, while those of other tasks run on this machine."""
Opens = Callable[[OfBrowser], Awaitable[Any]]
"""Answers a question about a page."""
OpensBrowser = Callable[["Means", bool], Any]
"""Enters a browser for the pages of a site, ``alone`` or not."""
Audits = Callable[["Means", str, Spill], Awaitable[Audited | Unopened]]
"""Has Lighthouse measure a page."""


class Sharing:
    """One browser for all seats, for as long as ``async with`` lasts. Make all seats before the first check begins."""

    def __init__(self, opens: OpensBrowser | None = None, audits: Callable[[], Any] | None = None) -> None:
        """``audits``: enters what measures pages with Lighthouse."""
        self.visits = 0
        """How many times a page was opened."""
        self._opens = opens or _open_browser
        self._audits = audits or _open_lighthouse
        self._seats: list[Seat] = []
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._spill = Spill()

    def seat(self) -> Seat:
        made = Seat(self._note)
        self._seats.append(made)
        return made

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and self._task is not None:
            self._task.cancel()
        await self.aclose()

    async def aclose(self) -> None:
        """End the browser; nobody asks any more."""
        for seat in self._seats:
            seat.close()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    def _note(self) -> None:
        self._changed.set()
        if (self._task is None or self._task.done()) and any(self._waiting()):
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        """Open page after page, as long as anybody may ask. An odd error is raised for all who wait now."""
        try:
            async with _Window(self._opens, self._audits) as window:
                while (group := await self._next(window.alone)) is not None:
                    await self._answer(window, group)
        except BaseException as error:
            for wish in self._waiting():
                wish.fail(error)
            if not isinstance(error, Exception):
                raise

    def _waiting(self) -> Iterator[Wish]:
        yield from (wish for seat in self._seats for wish in seat.wishes if not wish.answer.done())

    async def _next(self, alone: bool) -> list[Wish] | None:
        """All that one visit can answer, once nobody else may ask for it; ``None`` when all is over."""
        while any(seat.is_thinking for seat in self._seats) or not any(self._waiting()):
            if all(seat.closed for seat in self._seats):
                return None
            self._changed.clear()
            await self._changed.wait()
        first = min(
            self._waiting(),
            key=lambda wish: (not isinstance(wish.question, Handwriting), wish.alone != alone),
        )
        group: dict[int, Wish] = {}
        for wish in self._waiting():
            if _place(wish) == _place(first):
                group.setdefault(id(wish.seat), wish)
        group[id(first.seat)] = first
        return list(group.values())

    async def _answer(self, window: _Window, group: Sequence[Wish]) -> None:
        try:
            opened = await window.open_for(group[0])
        except NoLighthouse as error:
            for wish in group:
                wish.fulfil(Unopened(Reason.NO_LIGHTHOUSE, str(error)))
            return
        except (NoChromium, TimeoutError) as error:
            for wish in self._waiting():
                wish.fulfil(_no_browser(error))
            return
        for wish in group:
            wish.seat.begins_visit()
        try:
            await self._show(opened, group)
        except NoChromium as error:
            for wish in group:
                wish.fulfil(_no_browser(error))
        except Exception as error:  # noqa: BLE001 - raised where it was asked
            for wish in group:
                wish.fail(error)

    async def _show(self, opened: Any, group: Sequence[Wish]) -> None:
        """Answer them with what ``_Window.open_for`` gave."""
        question = group[0].question
        if isinstance(question, Handwriting):
            await write(opened, group)
            return
        self.visits += 1
        if isinstance(question, Open):
            await PageVisit(opened, group, self._spill).show()
            return
        for wish in group:
            wish.fulfil(await opened(wish.means, question.path, self._spill))


def _place(wish: Wish) -> tuple[Any, ...]:
    """What has to be the same for one visit."""
    asked = wish.question
    if not isinstance(asked, Open):
        return (asked,)
    return asked.path, asked.production, asked.viewport, asked.slow, asked.alone, asked.click


def _no_browser(error: Exception) -> Unopened:
    if isinstance(error, NoChromium):
        return Unopened(Reason.NO_BROWSER, str(error))
    return Unopened(Reason.BUSY, f"no browser was free on this machine within {BUSY_SECONDS / 60:.0f} min")


class _Window:
    """The browser that is open now, or Lighthouse, which opens one of its own for each page; if any."""

    def __init__(self, opens: OpensBrowser, audits: Callable[[], Any]) -> None:
        self.alone = False
        self._opens, self._audits = opens, audits
        self._stack = AsyncExitStack()
        self._opened: Any = None
        self._way = ""
        self._patience = BUSY_SECONDS

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def open_for(self, wish: Wish) -> Any:
        """Raises ``NoChromium``, ``NoLighthouse``, and ``TimeoutError`` where none is free."""
        is_audit = isinstance(wish.question, Audit)
        way = "audit" if is_audit else "alone" if wish.alone else "shared"
        if self._opened is None or self._way != way:
            await self._stack.aclose()
            self._opened, self._way, self.alone = None, way, wish.alone
            began = asyncio.get_running_loop().time()
            async with asyncio.timeout(self._patience):
                entered = self._audits() if is_audit else self._opens(wish.means, wish.alone)
                self._opened = await self._stack.enter_async_context(entered)
            self._patience -= asyncio.get_running_loop().time() - began
        return self._opened


@asynccontextmanager
async def _open_browser(means: Means, alone: bool) -> AsyncIterator[Browser]:
    from aem_checks.browser.browser import open_browser

    async with open_browser(means, alone=alone) as browser:
        yield browser


@asynccontextmanager
async def _open_lighthouse() -> AsyncIterator[Audits]:
    from aem_checks.browser.auditing import audit
    from aem_checks.browser.lighthouse import find_lighthouse
    from aem_checks.browser.slots import slot

    found = await asyncio.to_thread(find_lighthouse)
    async with slot(alone=True):
        yield partial(audit, found)


@asynccontextmanager
async def seated(means: Means) -> AsyncIterator[Opens]:
    """The seat that a check was given, or one at a browser of its own."""
    if means.seat is not None:
        yield partial(means.seat.ask, means)
        return
    async with Sharing() as sharing:
        yield partial(sharing.seat().ask, means)
