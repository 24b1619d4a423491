"""Who answers a check? The site just now (``ask_live``), or what was told then (``ask_then``)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Generator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from aem_checks.asks import Abroad, Follow, Fresh, Get, Now, Pause, Question, Steps
from aem_checks.browser.asks import Handwriting, Open
from aem_checks.urls import uncached

if TYPE_CHECKING:
    from aem_checks.browser.sharing import Opens
    from aem_checks.client import Client
    from aem_checks.network_guard.rule import Rule
    from aem_checks.response import Response

FoundT = TypeVar("FoundT")
MOST_QUESTIONS = 250_000
"""Of one conversation: more is a check that does not come to an end."""


class NoQuestion(TypeError):
    """A check yielded what is none, or too many. The message says what."""


class NotTold(LookupError):
    """Today's check asks what nobody asked then."""


Exchange = tuple[Question[Any], Any]
"""A question and its answer."""


async def ask_live(
    steps: Steps[FoundT],
    client: Client,
    told: Callable[[Exchange], None],
    rule: Rule | None = None,
    opens: Opens | None = None,
) -> FoundT:
    """Lead a conversation with the site; ``told`` hears each question with its answer.

    ``rule``: which other hosts may be asked, none where it is absent; ``opens``: opens pages in a browser. A question
    for a foreign host raises ``HostNotAllowed`` where it is asked. Raises ``NoQuestion``.
    """
    answers: Sequence[Any] | None = None
    trouble: Exception | None = None
    asked = 0
    while True:
        questions = await asyncio.to_thread(_next, steps, answers, trouble)
        if isinstance(questions, _End):
            return questions.found  # type: ignore[no-any-return]
        asked += len(questions)
        if asked > MOST_QUESTIONS:
            raise NoQuestion(f"it asked more than {MOST_QUESTIONS} questions, and came to no end")
        answers, trouble = None, None
        try:
            answers = await asyncio.gather(
                *(_answer(question, client, rule, opens) for question in questions)
            )
        except ValueError as error:  # a foreign host, or what is no URL
            trouble = error
        else:
            for exchange in zip(questions, answers, strict=True):
                told(exchange)


def ask_then(steps: Steps[FoundT], told: Sequence[Exchange]) -> FoundT:
    """Lead a conversation with what was told then. Raises ``NotTold`` for what nobody asked then, ``NoQuestion``."""
    left = list(told)
    return lead(steps, lambda question: _take(question, left))


def lead(steps: Steps[FoundT], answer: Callable[[Question[Any]], Any]) -> FoundT:
    """Lead a conversation with whatever ``answer`` says. Raises ``NoQuestion``, and what ``answer`` raises."""
    answers: Sequence[Any] | None = None
    while True:
        questions = _next(steps, answers, None)
        if isinstance(questions, _End):
            return questions.found  # type: ignore[no-any-return]
        answers = [answer(question) for question in questions]


class _End:
    """A conversation is over."""

    def __init__(self, found: Any) -> None:
        self.found = found


def _next(
    steps: Generator[Any, Any, Any], answers: Sequence[Any] | None, trouble: Exception | None
) -> Sequence[Question[Any]] | _End:
    try:
        questions = steps.send(answers) if trouble is None else steps.throw(trouble)
    except StopIteration as end:
        return _End(end.value)
    if not isinstance(questions, list | tuple) or not all(isinstance(each, Question) for each in questions):
        raise NoQuestion(f"it yielded {str(questions)[:100]!r}, which is no list of questions")
    return questions


def _take(question: Question[Any], left: list[Exchange]) -> Any:
    for number, (asked, answer) in enumerate(left):
        if asked == question:
            del left[number]
            return answer
    raise NotTold(f"it asks what nobody asked then: {str(question)[:200]}")


async def _answer(question: Question[Any], client: Client, rule: Rule | None, opens: Opens | None) -> Any:
    match question:
        case Open() | Handwriting() if opens is not None:
            return await opens(question)
        case Get():
            url = uncached(question.url) if question.past_caches else question.url
            return await client.request(
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
            return await client.follow(
                url,
                hops=question.hops,
                tries=question.tries,
                headers=question.headers,
                within=question.within,
            )
        case Abroad():
            return await _abroad(question, client, rule)
        case Fresh():
            return secrets.token_hex(8)
        case Now():
            return datetime.now(UTC)
        case Pause():
            await asyncio.sleep(question.seconds)
            return None
    raise NoQuestion(f"nobody can answer {type(question).__name__}")


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
