"""How does a team's check ask from its own process, and how much of what comes from there is taken for a question?

One frame for the questions that are asked at once, one for their answers: four bytes that say how long it is, then JSON
as ``told`` keeps it; bodies lie in a folder that only this side can write into. What comes from the check's side is read
strictly: anything unusual ends the conversation.
"""

from __future__ import annotations

import asyncio
import base64
import json
import math
import os
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from aem_checks.asking import Exchange, NoQuestion, answer_live
from aem_checks.asks import Abroad, Fact, Files, Follow, Fresh, Get, Now, Pause, Question
from aem_checks.browser import kept
from aem_checks.browser.asks import DataLayer, Look, Open, Picture
from aem_checks.checkout import Source
from aem_checks.text import plain
from aem_checks.told import answer_to_index, responses_of, size_of

if TYPE_CHECKING:
    from pathlib import Path

    from aem_checks.browser.sharing import Opens
    from aem_checks.client import Client
    from aem_checks.code_user import CodeUser
    from aem_checks.house import House

LENGTH = struct.Struct(">I")
MOST_FRAME = 2 * 1024 * 1024
"""Bytes of the questions that are asked at once."""
MOST_AT_ONCE = 1000
MOST_QUESTIONS = 20_000
"""Of one run; a check that asks more does not come to an end."""
MOST_TOLD = 512 * 1024 * 1024
"""Bytes of the bodies of all answers."""
ASKED: Mapping[str, type[Question[Any]]] = {
    "get": Get,
    "follow": Follow,
    "abroad": Abroad,
    "fresh": Fresh,
    "now": Now,
    "pause": Pause,
    "fact": Fact,
    "files": Files,
    "open": Open,
}
"""What a team's check may ask; recorded pages it has beside it."""
_LONGEST = 8000
_LONGEST_PATTERN, _MOST_STARS = 200, 8
_MOST_LOOKS, _LARGEST_WINDOW = 20, 4000
_MOST = {"tries": 5, "hops": 20, "timeout": 120, "seconds": 3600, "per_second": 1_000_000}
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


async def answer_across(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    client: Client,
    house: House,
    answers: Answers,
    told: Callable[[Exchange], None],
    opens: Opens | None = None,
) -> None:
    """Answer until the other side asks nothing more. Raises ``NoQuestion`` for what is none."""
    asked = size = 0
    while (frame := await _frame(reader)) is not None:
        questions = questions_in(frame)
        asked += max(1, len(questions))
        if asked > MOST_QUESTIONS:
            raise NoQuestion(f"it asked more than {MOST_QUESTIONS} questions, and came to no end")
        try:
            given = await asyncio.gather(*(answer_live(each, client, house, opens) for each in questions))
        except ValueError as error:  # a foreign host, or what is no URL
            reply: dict[str, Any] = {"trouble": plain(str(error), 500)}
        else:
            size += sum(map(size_of, given))
            if size > MOST_TOLD:
                raise NoQuestion(f"it was told more than {MOST_TOLD // 1024**2} MiB")
            for exchange in zip(questions, given, strict=True):
                told(exchange)
            reply = {"answers": await asyncio.to_thread(answers.index, given)}
        content = json.dumps(reply).encode()
        writer.write(LENGTH.pack(len(content)) + content)
        await writer.drain()


class Answers:
    """The folder for the bodies of answers: this side's own, in which the other reads the files that it is given."""

    def __init__(self, folder: Path, user: CodeUser | None) -> None:
        self._bodies, self._user = folder / "bodies", user
        self._given: set[str] = set()
        self._bodies.mkdir(parents=True)
        for each in (folder, self._bodies):
            each.chmod(0o711)

    def index(self, answers: Sequence[Any]) -> list[Any]:
        """How they are told, their bodies put into the folder. Blocks."""
        told = [answer_to_index(each, self._bodies) for each in answers]
        for name in {name for each in answers for name in self._names(each)} - self._given:
            self._give(self._bodies / name)
        return told

    def _names(self, answer: Any) -> Iterable[str]:
        """Of the files that an answer needs; those of a browser and of the source are found by looking."""
        if kept.is_of_browser(answer) or isinstance(answer, Source):
            return [each.name for each in self._bodies.iterdir()]
        return [each.sha256 for each in responses_of(answer) if each.size]

    def _give(self, file: Path) -> None:
        self._given.add(file.name)
        file.chmod(0o400)
        if self._user is not None:
            os.chown(file, self._user.uid, self._user.gid)


async def _frame(reader: asyncio.StreamReader) -> bytes | None:
    try:
        (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
        if length > MOST_FRAME:
            raise NoQuestion(f"it asked with {length} bytes at once; up to {MOST_FRAME} are read")
        return await reader.readexactly(length)
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise NoQuestion("it broke off in the middle of a question") from None
        return None
    except ConnectionError:
        return None


def questions_in(frame: bytes) -> list[Question[Any]]:
    """The questions of one frame. Raises ``NoQuestion``."""
    try:
        told = json.loads(frame)
    except (ValueError, RecursionError):
        raise NoQuestion(f"it asked {plain(repr(frame[:60]), 100)}, which is no question") from None
    if not isinstance(told, list) or len(told) > MOST_AT_ONCE:
        raise NoQuestion(f"it asked what is no list of at most {MOST_AT_ONCE} questions")
    return [_question(each) for each in told]


def _question(told: Any) -> Question[Any]:
    name = told.pop("ask", None) if isinstance(told, dict) else None
    kind = ASKED.get(name) if isinstance(name, str) else None
    if kind is None:
        raise NoQuestion(f"it asked {plain(str(name), 60)!r}, which a team's check can't ask")
    try:
        question = TypeAdapter(kind).validate_python(_as_python(told, kind))
        if isinstance(question, Open):
            looks = (TypeAdapter(type(look)).validate_python(vars(look)) for look in question.looks)
            question = replace(question, looks=tuple(looks))
    except (ValidationError, ValueError, TypeError, KeyError, AttributeError):
        raise NoQuestion(f"it asked a question {name!r} that is none") from None
    if why := _too_much(question):
        raise NoQuestion(f"it asked a question {name!r} with {why}")
    return question


def _as_python(told: dict[str, Any], kind: type[Question[Any]]) -> dict[str, Any]:
    if unknown := told.keys() - {each.name for each in fields(kind)}:
        raise ValueError(f"unknown: {unknown}")
    if isinstance(told.get("within"), list):
        told["within"] = frozenset(told["within"])
    if isinstance(told.get("body"), str):
        told["body"] = base64.b64decode(told["body"], validate=True)
    return kept.question_from(told) if kind is Open else told


def _too_much(question: Question[Any]) -> str:
    """What is beyond all bounds about it, empty where nothing is."""
    for name, most in _MOST.items():
        value = getattr(question, name, None)
        if value is not None and not (math.isfinite(value) and 0 < value <= most):
            return f"{name!r} of {value}"
    match question:
        case Files():
            return _too_many_files(question)
        case Open():
            return _too_much_of_a_page(question)
    if isinstance(question, Get) and question.method not in _METHODS:
        return f"the method {plain(question.method, 20)!r}"
    if len(str(getattr(question, "url", ""))) > _LONGEST:
        return f"a URL of more than {_LONGEST} characters"
    headers = getattr(question, "headers", {})
    if any(not f"{name}{value}".isprintable() for name, value in headers.items()):
        return "a header of more than one line"
    return ""


def _too_many_files(question: Files) -> str:
    """Patterns that would take long to match."""
    long = any(len(each) > _LONGEST_PATTERN or each.count("*") > _MOST_STARS for each in question.patterns)
    if long or len(question.patterns) > _MOST_LOOKS:
        return f"more than {_MOST_LOOKS} patterns, {_LONGEST_PATTERN} characters or {_MOST_STARS} stars"
    return ""


def _too_much_of_a_page(question: Open) -> str:
    window = question.viewport
    if not (0 < window.width <= _LARGEST_WINDOW and 0 < window.height <= _LARGEST_WINDOW):
        return f"a window of {window.width} x {window.height}"
    if len(question.looks) > _MOST_LOOKS:
        return f"more than {_MOST_LOOKS} looks"
    if max(len(question.path), len(question.click), len(str(question.looks))) > _LONGEST:
        return f"a path, a selector or looks of more than {_LONGEST} characters"
    return next((why for look in question.looks if (why := _not_for_a_team(look))), "")


def _not_for_a_team(look: Look) -> str:
    """What would reach beyond the page that is open."""
    if isinstance(look, Picture) and look.like:
        return "a picture of the baseline, whose files a team's check is not given"
    if isinstance(look, DataLayer) and not look.name.isidentifier():
        return "a data layer that is no name"
    return ""
