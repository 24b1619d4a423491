"""How is a conversation kept, so that it can be led again in a year? One file for each run of a check.

``told/<check>.json`` beside the recording: what the caller knew (``facts``), each question with its answer, and bodies
by their digest in ``told/bodies``. A conversation that changed something on the site, or is too large, says so in
its place: it can't be led again.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aem_checks.asks import Abroad, Follow, Fresh, Get, Now, Pause, Question
from aem_checks.browser import kept
from aem_checks.browser.asks import Handwriting, Open
from aem_checks.browser.open_page import Viewport
from aem_checks.recording import response_from_index, response_to_index, without_secrets
from aem_checks.stored_response import put_away
from aem_checks.urls import host_of

if TYPE_CHECKING:
    from aem_checks.asking import Exchange
    from aem_checks.folders import Folder
    from aem_checks.response import Response

FOLDER = "told"
FORMAT = 1
AGAIN = ".again"
"""Behind the name of a check: the run that was to confirm the first one."""
MOST_BYTES = 64 * 1024 * 1024
"""Of the bodies of one conversation together."""
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_HARMLESS = frozenset(
    (
        *("accept", "accept-encoding", "accept-language", "access-control-request-headers", "user-agent"),
        *("access-control-request-method", "cache-control", "if-modified-since", "if-none-match"),
        *("origin", "range", "referer", "x-aem-debug", "x-forwarded-host"),
    )
)
"""Headers of questions that open nothing; whatever else a check sends may be a credential."""
_QUESTIONS: Mapping[str, type[Question[Any]]] = {
    "get": Get,
    "follow": Follow,
    "abroad": Abroad,
    "fresh": Fresh,
    "now": Now,
    "pause": Pause,
    "open": Open,
    "handwriting": Handwriting,
}
"""By the name under which they are kept, which never changes."""
_NAMES = {kind: name for name, kind in _QUESTIONS.items()}


class NotKept(LookupError):
    """A conversation that can't be led again; the message says why, as the end of a sentence."""


@dataclass
class Told:
    """What a check was told, as far as there is room for it."""

    exchanges: list[Exchange] = field(default_factory=list)
    facts: Mapping[str, Any] = field(default_factory=dict)
    size: int = 0
    """Bytes of the bodies of all answers."""

    def hear(self, exchange: Exchange) -> None:
        """Remember it; from ``MOST_BYTES`` on nothing is kept, nor held in memory."""
        self.size += sum(response.size for response in _responses(exchange[1])) + kept.size_of(exchange[1])
        if self.size > MOST_BYTES:
            self.exchanges.clear()
        else:
            self.exchanges.append(exchange)


def keep(told: Told | None, folder: Folder, name: str, private: frozenset[str] = frozenset()) -> None:
    """Write it below the folder of the site's evidence, in place of what an earlier try of the check was told.

    ``None`` for a run that did not come to an end; ``private``: hosts whose answers are not kept. Blocks; raises what
    the folder raises.
    """
    bodies = folder / FOLDER / "bodies"
    bodies.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = {"format": FORMAT}
    if told is None:
        content["left_out"] = "it did not come to an end"
    elif why := _unfit(told, private):
        content["left_out"] = why
    else:
        content["facts"] = dict(told.facts)
        content["exchanges"] = [
            {**_question_to_index(question), "answer": _answer_to_index(answer, bodies)}
            for question, answer in told.exchanges
        ]
    (folder / FOLDER / f"{name}.json").write_bytes(json.dumps(content, indent=1).encode())


def is_kept(folder: Folder, name: str) -> bool:
    """Whether anything lies there of this run of a check."""
    return bool((folder / FOLDER / f"{name}.json").exists())


def read(folder: Folder, name: str) -> Told | None:
    """What was kept, ``None`` where nothing was. Raises ``NotKept``, and what damaged evidence raises."""
    if not is_kept(folder, name):
        return None
    content = json.loads((folder / FOLDER / f"{name}.json").read_bytes())
    if content["format"] != FORMAT:
        raise NotKept(f"it has the unknown format {content['format']!r}")
    if "left_out" in content:
        raise NotKept(content["left_out"])
    return Told([_exchange(entry, folder / FOLDER) for entry in content["exchanges"]], content["facts"])


def _unfit(told: Told, private: frozenset[str]) -> str:
    """Why this conversation is not kept, empty where it is."""
    if told.size > MOST_BYTES:
        return f"its answers have {told.size:,} bytes"
    asked = [each for each, _ in told.exchanges if isinstance(each, Get | Follow | Abroad)]
    if any(host_of(each.url) in private for each in asked):
        return "it was told what only authors may see"
    headers = {name.lower() for each in asked if not isinstance(each, Abroad) for name in each.headers}
    if headers - _HARMLESS:
        return "its questions may carry credentials"
    if changing := sorted({each.method for each in asked if isinstance(each, Get)} - _READS):
        return f"it may have changed something on the site ({', '.join(changing)})"
    return ""


def _responses(answer: Any) -> Sequence[Response]:
    from aem_checks.response import Response

    if isinstance(answer, Response):
        return [answer]
    return answer if isinstance(answer, tuple) else []


def _question_to_index(question: Question[Any]) -> dict[str, Any]:
    """Its name and what is not as usual about it."""
    usual = {each.name: each.default for each in fields(question)}
    told = {name: getattr(question, name) for name in usual if getattr(question, name) != usual[name]}
    return {
        "ask": _NAMES[type(question)],
        **{name: _plain(value) for name, value in told.items() if value != {}},
    }


def _plain(value: Any) -> Any:
    match value:
        case Viewport() | tuple():
            return kept.plain(value)
        case frozenset():
            return sorted(value)
        case bytes():
            return base64.b64encode(value).decode()
        case Mapping():
            return dict(value)
    return value


def _answer_to_index(answer: Any, bodies: Folder) -> Any:
    if kept.is_of_browser(answer):
        return kept.answer_to_index(answer, bodies)
    responses = [response_to_index(_put_away(without_secrets(each), bodies)) for each in _responses(answer)]
    if isinstance(answer, datetime):
        return answer.isoformat()
    if responses:
        return responses if isinstance(answer, tuple) else responses[0]
    return answer


def _put_away(response: Response, bodies: Folder) -> Response:
    """The same body is written once, as a default page that answers a hundred questions."""
    return response if (bodies / response.sha256).exists() else put_away(response, bodies)


def _exchange(entry: dict[str, Any], folder: Folder) -> Exchange:
    kind, answer = _QUESTIONS[entry.pop("ask")], entry.pop("answer")
    if "within" in entry:
        entry["within"] = frozenset(entry["within"])
    if "body" in entry:
        entry["body"] = base64.b64decode(entry["body"])
    if kind in (Open, Handwriting):
        entry = kept.question_from(entry)
    return kind(**entry), _answer(kind, answer, folder)


def _answer(kind: type[Question[Any]], answer: Any, folder: Folder) -> Any:
    if kind is Get:
        return response_from_index(answer, folder)
    if kind in (Follow, Abroad):
        return tuple(response_from_index(each, folder) for each in answer)
    if kind in (Open, Handwriting):
        return kept.answer_from(answer, folder / "bodies")
    return datetime.fromisoformat(answer) if kind is Now else answer
