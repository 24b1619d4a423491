"""Where does a check ask for pages in a browser that others use, too, and how much of its time goes by meanwhile?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from aem_checks.browser.asks import Audit, OfBrowser, Open, Reason, Unopened

if TYPE_CHECKING:
    from aem_checks.means import Means
    from aem_checks.time_limit import Clock

_LATE = Unopened(Reason.LATE)


@dataclass(eq=False)
class Wish:
    """A question that waits for its answer."""

    seat: Seat
    means: Means
    question: OfBrowser
    answer: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def alone(self) -> bool:
        return isinstance(self.question, Audit) or (isinstance(self.question, Open) and self.question.alone)

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
        self.wishes: list[Wish] = []
        self.closed = False
        self._changed = changed
        self._clock: Clock | None = None
        self._began = 0.0
        self._alarm: asyncio.TimerHandle | None = None

    async def ask(self, means: Means, question: OfBrowser) -> Any:
        """Wait for the answer; when the check's time is over, it is ``Unopened``."""
        self._clock = clock = means.clock
        if clock is not None and not self.wishes:
            clock.stand()
        wish = Wish(self, means, question)
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
