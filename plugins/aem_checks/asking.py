"""Who answers a check? The site just now (``ask_live``), or what was told then (``ask_then``)."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextvars import copy_context
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from aem_checks.asks import (
    Abroad,
    BrokenOff,
    Changed,
    Command,
    Fact,
    Files,
    Follow,
    Fresh,
    Get,
    Handshake,
    Now,
    Pause,
    Question,
    Read,
    Steps,
)
from aem_checks.browser.asks import OfBrowser
from aem_checks.house import House
from aem_checks.reading import only_pages
from aem_checks.urls import uncached

if TYPE_CHECKING:
    from aem_checks.browser.sharing import Opens
    from aem_checks.client import Client
    from aem_checks.network_guard.rule import Rule
    from aem_checks.reading import Reader
    from aem_checks.response import Response

FoundT = TypeVar("FoundT")
MOST_QUESTIONS = 250_000
"""Of one conversation: more is a check that does not come to an end."""


TAKE_BACK_SECONDS = 120.0
"""For a check that is ended from outside to take back what it made on the site."""
_STEP_SECONDS = 5.0
"""For the step that it is at just then; one that takes longer is not waited for, and takes back nothing."""


class NoQuestion(TypeError):
    """A check yielded what is none, or too many. The message says what."""


class NotTold(LookupError):
    """Today's check asks what nobody asked then."""


Exchange = tuple[Question[Any], Any]
"""A question and its answer."""


async def ask_live(
    steps: Steps[FoundT],
    client: Client,
    told: Callable[[Exchange], None] = lambda _: None,
    house: House | None = None,
    opens: Opens | None = None,
) -> FoundT:
    """Lead a conversation with the site; ``told`` hears each question with its answer, but for recorded pages.

    ``house`` answers what the site is not asked for, and says which other hosts may be asked: none without it; ``opens``:
    opens pages in a browser. A question for a foreign host raises ``HostNotAllowed`` where it is asked; when this is
    cancelled, ``BrokenOff`` is. Raises ``NoQuestion``.
    """
    house = house or House()

    def answer(question: Question[Any]) -> Awaitable[Any]:
        return answer_live(question, client, house, opens)

    live = _Live(Led(steps, house.reader), answer, told)
    try:
        return await live.lead()  # type: ignore[no-any-return]
    except asyncio.CancelledError:
        await live.break_off()
        raise


class _Live:
    """A conversation with whoever answers just now."""

    def __init__(
        self, led: Led, answer: Callable[[Question[Any]], Awaitable[Any]], told: Callable[[Exchange], None]
    ) -> None:
        self._led, self._answer, self._told = led, answer, told
        self._step: asyncio.Future[Sequence[Question[Any]] | End] | None = None

    async def lead(self, trouble: BaseException | None = None) -> Any:
        """To its end. Raises what the check raises."""
        answers: Sequence[Any] | None = None
        while not isinstance(questions := await self._next(answers, trouble), End):
            answers, trouble = None, None
            try:
                answers = await asyncio.gather(*map(self._answer, questions))
            except ValueError as error:  # a foreign host, or what is no URL
                trouble = error
            else:
                for question, answer in zip(questions, answers, strict=True):
                    if not isinstance(question, Read):
                        self._told((question, answer))
        return questions.found

    async def _next(
        self, answers: Sequence[Any] | None, trouble: BaseException | None
    ) -> Sequence[Question[Any]] | End:
        loop = asyncio.get_running_loop()
        self._step = loop.run_in_executor(None, copy_context().run, self._led.next, answers, trouble)
        return await asyncio.shield(self._step)

    async def break_off(self) -> None:
        """Let it take back what it made; then it is over, whatever becomes of that."""
        if self._step is None or not (await asyncio.wait({self._step}, timeout=_STEP_SECONDS))[0]:
            return
        with contextlib.suppress(BrokenOff, Exception):
            async with asyncio.timeout(TAKE_BACK_SECONDS):
                await self.lead(BrokenOff())


def ask_then(steps: Steps[FoundT], told: Sequence[Exchange], reader: Reader | None = None) -> FoundT:
    """Lead a conversation with what was told, and the pages that were recorded then.

    Raises ``NotTold`` for what nobody asked then, ``NoQuestion``.
    """
    left = list(told)
    return lead(steps, lambda question: _take(question, left), reader)


def lead(
    steps: Steps[FoundT], answer: Callable[[Question[Any]], Any], reader: Reader | None = None
) -> FoundT:
    """Lead a conversation with whatever ``answer`` says. Raises ``NoQuestion``, and what ``answer`` raises."""
    led = Led(steps, reader)
    answers: Sequence[Any] | None = None
    while True:
        questions = led.next(answers, None)
        if isinstance(questions, End):
            return questions.found  # type: ignore[no-any-return]
        answers = [
            read(reader, question) if isinstance(question, Read) else answer(question)
            for question in questions
        ]


def read(reader: Reader | None, question: Any) -> Any:
    """A recorded page. Raises ``LookupError``, and what damaged evidence raises."""
    if reader is None:
        raise LookupError("there is no recording")
    return reader.read(question.path)


class End:
    """A conversation is over."""

    def __init__(self, found: Any) -> None:
        self.found = found


class Led:
    """A conversation that is led. What it reads of the recording is answered here, at once."""

    def __init__(self, steps: Steps[Any], reader: Reader | None) -> None:
        """Raises ``NoQuestion`` for what can't be led."""
        if not isinstance(steps, Generator):
            raise NoQuestion(f"its judge gave {str(steps)[:100]!r} at once; it has to yield what it asks")
        self._steps, self._reader, self._asked = steps, reader, 0

    def next(
        self, answers: Sequence[Any] | None, trouble: BaseException | None
    ) -> Sequence[Question[Any]] | End:
        """What it asks beside recorded pages, or what it comes to. Raises ``NoQuestion``, and what the check raises."""
        while True:
            try:
                questions: Sequence[Question[Any]] = self._step(answers, trouble)
            except StopIteration as end:
                return End(end.value)
            self._count(questions)
            if not only_pages(questions):
                return questions
            answers, trouble = None, None
            try:
                answers = [read(self._reader, each) for each in questions]
            except (LookupError, ValueError, OSError) as error:
                trouble = error

    def _step(self, answers: Any, trouble: BaseException | None) -> Any:
        return self._steps.send(answers) if trouble is None else self._steps.throw(trouble)

    def _count(self, questions: Any) -> None:
        if not isinstance(questions, list | tuple) or not all(
            isinstance(each, Question) for each in questions
        ):
            raise NoQuestion(f"it yielded {str(questions)[:100]!r}, which is no list of questions")
        self._asked += len(questions)
        if self._asked > MOST_QUESTIONS:
            raise NoQuestion(f"it asked more than {MOST_QUESTIONS} questions, and came to no end")


def _take(question: Question[Any], left: list[Exchange]) -> Any:
    for number, (asked, answer) in enumerate(left):
        if asked == question:
            del left[number]
            return answer
    raise NotTold(f"it asks what nobody asked then: {str(question)[:200]}")


async def answer_live(
    question: Question[Any], client: Client, house: House, opens: Opens | None = None
) -> Any:
    """What the site, or the house, says to one question. Raises ``HostNotAllowed`` and ``NoQuestion``."""
    match question:
        case _ if isinstance(question, OfBrowser) and opens is not None:
            return await opens(question)
        case Get() | Follow() | Abroad() | Handshake():
            return await _ask_host(question, client, house)
        case Read():
            return await asyncio.to_thread(read, house.reader, question)
        case Fact():
            return house.facts.get(question.name)
        case Files():
            return await house.files(question.patterns)
        case Changed():
            return await house.changed(question.base)
        case Command() if house.runs is not None:
            return await house.runs(question)
        case Fresh():
            return secrets.token_hex(8)
        case Now():
            return datetime.now(UTC)
        case Pause():
            await asyncio.sleep(question.seconds)
            return None
    raise NoQuestion(f"nobody can answer {type(question).__name__}")


async def _ask_host(question: Get | Follow | Abroad | Handshake, client: Client, house: House) -> Any:
    match question:
        case Get():
            url = uncached(question.url) if question.past_caches else question.url
            return await house.client_for(url, client).request(
                question.method,
                url,
                headers=question.headers,
                body=question.body,
                tries=question.tries,
                per_second=question.per_second,
                timeout=question.timeout,
            )
        case Follow():
            url = uncached(question.url) if question.past_caches else question.url
            return await house.client_for(url, client).follow(
                url,
                hops=question.hops,
                tries=question.tries,
                headers=question.headers,
                within=question.within,
            )
        case Abroad():
            return await _abroad(question, client, house.rule)
        case Handshake():
            return await house.certificate(question.url, client)


async def _abroad(question: Abroad, client: Client, rule: Rule | None) -> tuple[Response, ...]:
    from aem_checks.access import NO_ACCESS
    from aem_checks.client import HostNotAllowed

    if rule is None or not rule.allows_url(question.url):
        raise HostNotAllowed(
            f"{question.url[:200]!r} is on a host that no gate file names, so it is not requested"
        )
    chain: list[Response] = []
    target: str | None = question.url
    while target is not None and rule.allows_url(target) and target not in {each.url for each in chain}:
        async with client.beside({target: NO_ACCESS}, rule) as there:
            chain.append(await there.get(target, tries=question.tries))
        further = chain[-1].location if len(chain) <= question.hops else None
        target = further.partition("#")[0] if further else None
    return tuple(chain)
