"""How do the checks of a site share one Chromium, and one visit of each page?

Each check has a seat. When every check waits for pages, or is over, the first of those pages is opened, and all that
ask for it in the same window are answered from that one visit; so a check that asks anew, to confirm a failure, is
never answered from a visit of before. What a check waits for a browser, or for pages of others, is none of its time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from aem_checks.browser.asks import Handwriting, Open, PageSeen, Reason, Unopened, traffic_of
from aem_checks.browser.blob import Blob, Spill
from aem_checks.browser.finding import NoChromium
from aem_checks.browser.open_page import PageLost
from aem_checks.text import plain
from aem_checks.urls import uncached

if TYPE_CHECKING:
    from aem_checks.browser.browser import Browser
    from aem_checks.browser.looks import Looking
    from aem_checks.browser.open_page import OpenPage
    from aem_checks.time_limit import Clock
    from aem_checks.visit import Visit

BUSY_SECONDS = 3600.0
"""How long a browser is waited for, in all, while those of other tasks run on this machine."""
Opens = Callable[["Open | Handwriting"], Awaitable[Any]]
"""Answers a question about a page."""
OpensBrowser = Callable[["Visit", bool], Any]
"""Enters a browser for the pages of a site, ``alone`` or not."""
_LATE = Unopened(Reason.LATE)


@dataclass(eq=False)
class _Wish:
    """A question that waits for its answer."""

    seat: Seat
    visit: Visit
    question: Open | Handwriting
    answer: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def alone(self) -> bool:
        return isinstance(self.question, Open) and self.question.alone

    def fulfil(self, answer: Any) -> None:
        """Whoever does not wait any more is not told."""
        if not self.answer.done():
            self.seat.ends_visit()
            self.answer.set_result(answer)

    def fail(self, error: BaseException) -> None:
        if not self.answer.done():
            self.seat.ends_visit()
            self.answer.set_exception(error)


class Seat:
    """Where one check asks for pages. ``close`` when it is over: others wait until then, or until it asks."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.wishes: list[_Wish] = []
        self.closed = False
        self._changed = changed
        self._clock: Clock | None = None
        self._began = 0.0
        self._alarm: asyncio.TimerHandle | None = None

    async def ask(self, visit: Visit, question: Open | Handwriting) -> Any:
        """Wait for the answer; when the check's time is over, it is ``Unopened``."""
        self._clock = clock = visit.clock
        if clock is not None and not self.wishes:
            clock.stand()
        wish = _Wish(self, visit, question)
        self.wishes.append(wish)
        try:
            if clock is not None and clock.is_over:
                return _LATE
            self._changed()
            return await wish.answer
        finally:
            self.wishes.remove(wish)
            if clock is not None and not self.wishes:
                clock.go_on()
            self._changed()

    def close(self) -> None:
        """Nothing is opened any more that it asked for, as where it broke off."""
        self.closed = True
        for wish in self.wishes:
            wish.answer.cancel()
        self._changed()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_thinking(self) -> bool:
        """Whether it may still ask for what is being opened."""
        return not self.closed and not any(not each.answer.done() for each in self.wishes)

    def begins_visit(self) -> None:
        """A page that it asked for is opened: now its time goes by."""
        loop = asyncio.get_running_loop()
        self._began = loop.time()
        if self._clock is not None:
            self._alarm = loop.call_later(max(0.0, self._clock.left), self._time_is_over)

    def ends_visit(self) -> None:
        if self._alarm is not None and self._clock is not None:
            self._alarm.cancel()
            self._alarm = None
            self._clock.left -= asyncio.get_running_loop().time() - self._began

    def _time_is_over(self) -> None:
        self.ends_visit()
        if self._clock is not None:
            self._clock.left = min(self._clock.left, 0.0)
        for wish in self.wishes:
            wish.fulfil(_LATE)


class Sharing:
    """One browser for all seats, for as long as ``async with`` lasts. Make all seats before the first check begins."""

    def __init__(self, opens: OpensBrowser | None = None) -> None:
        self.visits = 0
        """How many times a page was opened."""
        self._opens = opens or _open_browser
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
        if self._task is None and any(seat.wishes for seat in self._seats):
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        """Open page after page, as long as anybody may ask."""
        try:
            async with _Window(self._opens) as window:
                while (group := await self._next(window.alone)) is not None:
                    await self._answer(window, group)
        except BaseException as error:
            for wish in self._waiting():
                wish.fail(error)
            raise

    def _waiting(self) -> Iterator[_Wish]:
        yield from (wish for seat in self._seats for wish in seat.wishes if not wish.answer.done())

    async def _next(self, alone: bool) -> list[_Wish] | None:
        """All that one visit can answer, once nobody else may ask for it; ``None`` when all is over."""
        while any(seat.is_thinking for seat in self._seats) or not any(self._waiting()):
            if all(seat.closed for seat in self._seats):
                return None
            self._changed.clear()
            await self._changed.wait()
        first = min(self._waiting(), key=lambda wish: (isinstance(wish.question, Open), wish.alone != alone))
        group: dict[int, _Wish] = {}
        for wish in self._waiting():
            if _place(wish) == _place(first):
                group.setdefault(id(wish.seat), wish)
        group[id(first.seat)] = first
        return list(group.values())

    async def _answer(self, window: _Window, group: Sequence[_Wish]) -> None:
        try:
            browser = await window.browser(group[0].visit, alone=group[0].alone)
        except (NoChromium, TimeoutError) as error:
            for wish in self._waiting():
                wish.fulfil(_no_browser(error))
            return
        for wish in group:
            wish.seat.begins_visit()
        try:
            if isinstance(group[0].question, Handwriting):
                await _write(browser, group)
            else:
                self.visits += 1
                await _Shown(browser, group, self._spill).show()
        except NoChromium as error:
            for wish in group:
                wish.fulfil(_no_browser(error))
        except Exception as error:  # noqa: BLE001 - raised where it was asked
            for wish in group:
                wish.fail(error)


def _place(wish: _Wish) -> tuple[Any, ...]:
    """What has to be the same for one visit."""
    asked = wish.question
    if isinstance(asked, Handwriting):
        return (asked,)
    return asked.path, asked.viewport, asked.slow, asked.alone, asked.click


def _no_browser(error: Exception) -> Unopened:
    if isinstance(error, NoChromium):
        return Unopened(Reason.NO_BROWSER, str(error))
    return Unopened(Reason.BUSY, f"no browser was free on this machine within {BUSY_SECONDS / 60:.0f} min")


class _Window:
    """The browser that is open now, if any."""

    def __init__(self, opens: OpensBrowser) -> None:
        self.alone = False
        self._opens = opens
        self._stack = AsyncExitStack()
        self._browser: Browser | None = None
        self._patience = BUSY_SECONDS

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def browser(self, visit: Visit, *, alone: bool) -> Browser:
        """Raises ``NoChromium``, and ``TimeoutError`` where none is free."""
        if self._browser is None or self.alone != alone:
            await self._stack.aclose()
            self._browser, self.alone = None, alone
            began = asyncio.get_running_loop().time()
            async with asyncio.timeout(self._patience):
                self._browser = await self._stack.enter_async_context(self._opens(visit, alone))
            self._patience -= asyncio.get_running_loop().time() - began
        assert self._browser is not None
        return self._browser


@asynccontextmanager
async def _open_browser(visit: Visit, alone: bool) -> AsyncIterator[Browser]:
    from aem_checks.browser.browser import open_browser

    async with open_browser(visit, alone=alone) as browser:
        yield browser


async def _write(browser: Browser, group: Sequence[_Wish]) -> None:
    from aem_checks.browser.pictures import handwriting

    for wish in group:
        try:
            wish.fulfil(await handwriting(browser, wish.question.viewport))
        except PageLost as error:
            wish.fulfil(Unopened(Reason.LOST, str(error)))


class _Shown:
    """One visit of one page."""

    def __init__(self, browser: Browser, group: Sequence[_Wish], spill: Spill) -> None:
        self._browser, self._spill = browser, spill
        self._wishes = sorted(group, key=_disturbs)
        self._asked = _question(group[0])

    async def show(self) -> None:
        """Answer them all."""
        from aem_checks.browser.looks import slow_down

        wishes, visit = self._wishes, self._wishes[0].visit
        self._browser.refused.clear()
        answer = _LATE
        try:
            async with self._browser.page(
                uncached(visit.url(self._asked.path)),
                self._asked.viewport,
                warm=all(_question(wish).warm for wish in wishes),
                prepare=slow_down if self._asked.slow else None,
                shared_by=len(wishes),
            ) as page:
                if not 200 <= page.status < 300:
                    answer = Unopened(Reason.STATUS, status=page.status)
                else:
                    await page.quiet()
                    await self._look(page)
        except PageLost as error:
            answer = Unopened(Reason.LOST, str(error))
        refused = tuple(sorted(self._browser.refused))
        for wish in wishes:
            wish.fulfil(Unopened(answer.reason, answer.why, answer.status, refused))

    async def _look(self, page: OpenPage) -> None:
        from playwright.async_api import Error

        from aem_checks.browser.looks import Looking, click

        clicked = await click(page, self._asked.click) if self._asked.click else True
        traffic = await asyncio.to_thread(self._spill.put, traffic_of(page.seen))
        for wish in self._wishes:
            if not wish.answer.done():
                looking = Looking(self._spill, wish.visit.baseline)
                try:
                    wish.fulfil(await self._seen(page, wish, looking, traffic, clicked=clicked))
                except (Error, PageLost) as error:
                    if not self._browser.is_well:
                        raise
                    why = plain(str(error), 200) if isinstance(error, Error) else str(error)
                    wish.fulfil(Unopened(Reason.LOST, why, refused=self._refused(page)))
                except Exception as error:  # noqa: BLE001 - it is raised where it was asked, and the others go on
                    wish.fail(error)

    async def _seen(
        self, page: OpenPage, wish: _Wish, looking: Looking, traffic: Blob, *, clicked: bool
    ) -> PageSeen:
        asked = _question(wish)
        looks = [await looking.take(look, page, asked.viewport) for look in asked.looks]
        return PageSeen(page.status, page.slow, traffic, tuple(looks), self._refused(page), clicked)

    def _refused(self, page: OpenPage) -> tuple[str, ...]:
        return tuple(sorted(self._browser.unlisted(page)))


def _question(wish: _Wish) -> Open:
    assert isinstance(wish.question, Open)
    return wish.question


def _disturbs(wish: _Wish) -> int:
    """Who only reads what was asked for comes first, and who clicks last."""
    return max((look.order for look in _question(wish).looks), default=0)


@asynccontextmanager
async def seated(visit: Visit) -> AsyncIterator[Opens]:
    """The seat that a check was given, or one at a browser of its own."""
    if visit.seat is not None:
        yield partial(visit.seat.ask, visit)
        return
    async with Sharing() as sharing:
        yield partial(sharing.seat().ask, visit)
