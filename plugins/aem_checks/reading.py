"""How do checks look at the recorded pages? Each is read and parsed once for all that look at it, then let go of."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Sequence
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

    Begin = Callable[[Steps[Any], "Reader"], Awaitable[Steps[Any]]]
    """Gives back what is left of a conversation when all that it reads first is read."""

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
        self._lock = threading.Lock()

    def of(self, key: str) -> Begin | None:
        """How the check of that key begins; ``None`` where it does not take part."""
        return partial(self.begin, key) if key in self._expected else None

    async def begin(self, key: str, steps: Steps[Any], reader: Reader) -> Steps[Any]:
        """Take part; comes back with what is left of the conversation. The reader of any serves all."""
        walker = _Walker(steps, reader)
        with self._lock:
            if self._is_over:
                return steps
            self._begun.append(walker)
        self.leave(key)
        rest = asyncio.wrap_future(walker.rest)
        try:
            await asyncio.wait((rest,), timeout=self._patience)
        except asyncio.CancelledError:
            rest.cancel()
            raise
        self._start()
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
        walkers = [each for each in self._begun if each.rest.set_running_or_notify_cancel()]
        try:
            _walk(walkers, self._begun[0].reader.for_another_thread())
        except BaseException as error:  # noqa: BLE001 - raised again in each check
            for each in walkers:
                each.break_off(error)


class _Walker:
    """One conversation on its way, until it asks for anything but pages."""

    def __init__(self, steps: Steps[Any], reader: Reader) -> None:
        self._steps = steps
        self.reader = reader
        self._left = MOST_READ
        self.rest: Future[Steps[Any]] = Future()
        self.questions: Sequence[Read] = ()

    @property
    def goes_on(self) -> bool:
        return not self.rest.done()

    def begin(self) -> None:
        self._next(partial(next, self._steps))

    def look(self, reader: Reader) -> None:
        """Be answered, and ask on."""
        self._left -= len(self.questions)
        try:
            pages = [reader.read(each.path) for each in self.questions]
        except (LookupError, ValueError, OSError) as error:
            self._next(partial(self._steps.throw, error))
        else:
            self._next(partial(self._steps.send, pages))

    def break_off(self, error: BaseException) -> None:
        if self.goes_on:
            self.rest.set_exception(error)

    def _next(self, step: Callable[[], Any]) -> None:
        try:
            questions = step()
        except StopIteration as end:
            self.rest.set_result(_at_its_end(end.value))
        except BaseException as error:  # noqa: BLE001 - raised again in the check
            self.rest.set_exception(error)
        else:
            if only_pages(questions) and self._left > 0:
                self.questions = questions
            else:
                self.rest.set_result(rest_of(self._steps, questions))


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


def _walk(walkers: Sequence[_Walker], reader: Reader) -> None:
    order = {path: number for number, path in enumerate(reader.paths)}
    for each in walkers:
        each.begin()
    while going := [each for each in walkers if each.goes_on]:
        asked = [order.get(each.questions[0].path, -1) for each in going]
        nearest = min(asked)
        for each, number in zip(going, asked, strict=True):
            if number == nearest:
                each.look(reader)
