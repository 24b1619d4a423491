"""How do checks look at the recorded pages? Each is read and parsed once for all that look at it, then let go of."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from aem_checks.asks import Read, Steps, rest_of
from aem_checks.recording import Page, Recording
from aem_checks.response import HeldResponse, Response
from aem_checks.urls import plain_url

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aem_checks.time_limit import Clock

    Begin = Callable[[Steps[Any], "Reader", Clock | None], Awaitable[Steps[Any]]]
    """Gives back what is left of a conversation when all that it reads first is read."""

_BEFORE_ALL = -1
MOST_READ = 100_000
"""Pages that one conversation reads in a walk; it goes on alone after that."""


@dataclass(frozen=True)
class ReadPage(Page):
    """A recorded page that is being looked at."""

    before: Page | None = None
    """The same page at the last verified release, where it was an HTML document then."""


class Place(NamedTuple):
    """An answer in which something was seen, without the answer itself."""

    url: str
    """For people, without cache-buster."""
    evidence: str

    @classmethod
    def of(cls, response: Response, recording: Recording) -> Place:
        return cls(plain_url(response.url), recording.evidence(response))


class Reader:
    """Reads the pages of a recording, one at a time: the last one is at hand for whoever asks for it again."""

    def __init__(self, recording: Recording, before: Recording | None = None) -> None:
        """``before``: what was recorded at the last verified release."""
        self._pages = {page.path: page for page in recording.pages}
        self._before = {page.path: page for page in before.good_pages} if before else {}
        self._last: ReadPage | None = None

    def for_another_thread(self) -> Reader:
        """One of the same pages that shares none that is at hand: what is parsed is not for several threads."""
        other = copy(self)
        other._last = None
        return other

    @property
    def paths(self) -> Iterable[str]:
        """Of the recorded pages, in their order."""
        return self._pages

    def read(self, path: str) -> ReadPage:
        """The page of that path; its bodies are read when they are asked for. Raises ``LookupError``."""
        if self._last is None or self._last.path != path:
            if path not in self._pages:
                raise LookupError(f"{path[:200]!r} is no recorded page")
            before = self._before.get(path)
            self._last = ReadPage(
                **_held(self._pages[path]), before=Page(**_held(before)) if before else None
            )
        return self._last


def _held(page: Page) -> dict[str, Any]:
    hops = tuple(HeldResponse.of(hop) for hop in page.hops)
    return {"path": page.path, "url": page.url, "hops": hops, "references": page.references}


class Walk:
    """The way of several checks through one recording, in lock-step: no page is read before all are done with the last.

    It begins when each of them has begun or left, or when one has waited long enough: who comes late goes alone. What a
    check asks beside pages it asks alone, afterwards.
    """

    def __init__(self, checks: Iterable[str], patience: float = 5.0) -> None:
        """``checks``: the keys of those that take part; ``patience``: seconds that one waits for the others."""
        self._expected = set(checks)
        self._patience = patience
        self._is_over = False
        self._begun: list[_Walker] = []
        self._walkers: list[_Walker] = []
        self._looking: _Walker | None = None
        self._turn = 0
        self._lock = threading.Lock()

    def of(self, key: str) -> Begin | None:
        """How the check of that key begins; ``None`` where it does not take part."""
        return partial(self.begin, key) if key in self._expected else None

    async def begin(
        self, key: str, steps: Steps[Any], reader: Reader, clock: Clock | None = None
    ) -> Steps[Any]:
        """Take part; comes back with what is left of the conversation. The reader of any serves all.

        Of the time on the ``clock``, which is going, only that counts in which this conversation itself looks.
        """
        walker = _Walker(steps, reader, asyncio.get_running_loop().time)
        with self._lock:
            if self._is_over:
                return steps
            self._begun.append(walker)
        if clock is not None:
            clock.stand()
        self.leave(key)
        rest = asyncio.wrap_future(walker.rest)
        try:
            return await self._end_of(walker, rest, clock)
        except asyncio.CancelledError:
            rest.cancel()
            self._go_without(walker)
            raise

    async def _end_of(
        self, walker: _Walker, rest: asyncio.Future[Steps[Any]], clock: Clock | None
    ) -> Steps[Any]:
        await asyncio.wait((rest,), timeout=self._patience)
        self._start()
        if clock is not None:
            while not rest.done() and (left := clock.left - walker.spent) > 0:
                await asyncio.wait((rest,), timeout=left)
            clock.left -= walker.spent
            clock.go_on(grace=0)
        return await rest

    def leave(self, key: str) -> None:
        """Nobody waits any more for the check of that key."""
        with self._lock:
            if key not in self._expected:
                return
            self._expected.remove(key)
            wanted = not self._expected and self._begun
        if wanted:
            self._start()

    def _start(self) -> None:
        with self._lock:
            begins, self._is_over = not self._is_over, True
        if begins:
            threading.Thread(target=self._go, daemon=True).start()

    def _go(self) -> None:
        self._walkers = [each for each in self._begun if each.rest.set_running_or_notify_cancel()]
        self._lead(turn=0)

    def _go_without(self, walker: _Walker) -> None:
        """It is not waited for any more; where it is just looking, and may never end, another thread leads the others on."""
        with self._lock:
            walker.is_gone = True
            if self._looking is not walker:
                return
            self._turn += 1
            turn = self._turn
        threading.Thread(target=self._lead, args=(turn,), daemon=True).start()

    def _lead(self, turn: int) -> None:
        reader = self._begun[0].reader.for_another_thread()
        order = {path: number for number, path in enumerate(reader.paths)}
        try:
            for walker in _one_after_the_other(self._walkers):
                if not self._takes_turn(walker, turn):
                    return
                walker.look(reader, order)
                self._is_through(turn)
        except BaseException as error:  # noqa: BLE001 - raised again in each check
            for each in self._walkers:
                each.break_off(error)

    def _takes_turn(self, walker: _Walker, turn: int) -> bool:
        with self._lock:
            if self._turn == turn:
                self._looking = walker
            return self._turn == turn

    def _is_through(self, turn: int) -> None:
        with self._lock:
            if self._turn == turn:
                self._looking = None


class _Walker:
    """One conversation on its way, until it asks for anything but pages."""

    def __init__(self, steps: Steps[Any], reader: Reader, now: Callable[[], float]) -> None:
        self._steps = steps
        self._now = now
        self._watch: tuple[float, float | None] = (0.0, None)
        self._questions: Sequence[Read] = ()
        self._left = MOST_READ
        self.reader = reader
        self.rest: Future[Steps[Any]] = Future()
        self.is_gone = False
        """Whether nobody waits for it any more."""
        self.place = _BEFORE_ALL
        """Of the page that it asks for, in the order of the recording."""

    @property
    def goes_on(self) -> bool:
        return not self.is_gone and not self.rest.done()

    @property
    def spent(self) -> float:
        """Seconds in which it was its turn."""
        before, since = self._watch
        return before if since is None else before + self._now() - since

    def look(self, reader: Reader, order: Mapping[str, int]) -> None:
        """Begin, or be answered, and ask on. Whatever it raises is raised again in the check."""
        self._watch = self.spent, self._now()
        try:
            self._take(self._answered(reader) if self._questions else next(self._steps), order)
        except StopIteration as end:
            self.rest.set_result(_at_its_end(end.value))
        except BaseException as error:  # noqa: BLE001 - raised again in the check
            self.rest.set_exception(error)
        finally:
            self._watch = self.spent, None

    def break_off(self, error: BaseException) -> None:
        if not self.rest.done():
            self.rest.set_exception(error)

    def _answered(self, reader: Reader) -> Any:
        self._left -= len(self._questions)
        try:
            pages = [reader.read(each.path) for each in self._questions]
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer to this one
            return self._steps.throw(error)
        return self._steps.send(pages)

    def _take(self, questions: Any, order: Mapping[str, int]) -> None:
        if only_pages(questions) and self._left > 0:
            self._questions, self.place = questions, order.get(questions[0].path, _BEFORE_ALL)
        else:
            self.rest.set_result(rest_of(self._steps, questions))


def _one_after_the_other(walkers: Sequence[_Walker]) -> Iterator[_Walker]:
    """Whose turn it is: all who ask for the nearest page, before anybody is given the next."""
    while going := [each for each in walkers if each.goes_on]:
        nearest = min(each.place for each in going)
        yield from (each for each in going if each.place == nearest and each.goes_on)


def only_pages(questions: Any) -> bool:
    """Whether nothing but recorded pages is asked for."""
    return (
        isinstance(questions, list | tuple)
        and len(questions) > 0
        and all(type(each) is Read for each in questions)
    )


def _at_its_end(found: Any) -> Steps[Any]:
    yield from ()
    return found
