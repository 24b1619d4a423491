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
from aem_checks.recording import opens_something, response_from_index, response_to_index, without_secrets
from aem_checks.stored_response import put_away

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
_QUESTIONS: Mapping[str, type[Question[Any]]] = {
    "get": Get,
    "follow": Follow,
    "abroad": Abroad,
    "fresh": Fresh,
    "now": Now,
    "pause": Pause,
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
        self.size += sum(response.size for response in _responses(exchange[1]))
        if self.size > MOST_BYTES:
            self.exchanges.clear()
        else:
            self.exchanges.append(exchange)


def keep(told: Told, folder: Folder, name: str) -> None:
    """Write it below the folder of the site's evidence. Blocks; raises what the folder raises."""
    bodies = folder / FOLDER / "bodies"
    bodies.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = {"format": FORMAT}
    if why := _unfit(told):
        content["left_out"] = why
    else:
        content["facts"] = dict(told.facts)
        content["exchanges"] = [
            {**_question_to_index(question), "answer": _answer_to_index(answer, bodies)}
            for question, answer in told.exchanges
        ]
    (folder / FOLDER / f"{name}.json").write_bytes(json.dumps(content, indent=1).encode())


def read(folder: Folder, name: str) -> Told | None:
    """What was kept, ``None`` where nothing was. Raises ``NotKept``, and what damaged evidence raises."""
    path = folder / FOLDER / f"{name}.json"
    if not path.exists():
        return None
    content = json.loads(path.read_bytes())
    if content["format"] != FORMAT:
        raise NotKept(f"it has the unknown format {content['format']!r}")
    if "left_out" in content:
        raise NotKept(content["left_out"])
    return Told([_exchange(entry, folder / FOLDER) for entry in content["exchanges"]], content["facts"])


def _unfit(told: Told) -> str:
    """Why this conversation is not kept, empty where it is."""
    if told.size > MOST_BYTES:
        return f"its answers have {told.size:,} bytes"
    asked = [question for question, _ in told.exchanges if isinstance(question, Get)]
    if any(opens_something(name) for question in asked for name in question.headers):
        return "its questions carry credentials"
    if changing := sorted({question.method for question in asked} - _READS):
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
        case frozenset():
            return sorted(value)
        case bytes():
            return base64.b64encode(value).decode()
        case Mapping():
            return dict(value)
    return value


def _answer_to_index(answer: Any, bodies: Folder) -> Any:
    responses = [response_to_index(put_away(without_secrets(each), bodies)) for each in _responses(answer)]
    if isinstance(answer, datetime):
        return answer.isoformat()
    if responses:
        return responses if isinstance(answer, tuple) else responses[0]
    return answer


def _exchange(entry: dict[str, Any], folder: Folder) -> Exchange:
    kind, answer = _QUESTIONS[entry.pop("ask")], entry.pop("answer")
    if "within" in entry:
        entry["within"] = frozenset(entry["within"])
    if "body" in entry:
        entry["body"] = base64.b64decode(entry["body"])
    return kind(**entry), _answer(kind, answer, folder)


def _answer(kind: type[Question[Any]], answer: Any, folder: Folder) -> Any:
    if kind is Get:
        return response_from_index(answer, folder)
    if kind in (Follow, Abroad):
        return tuple(response_from_index(each, folder) for each in answer)
    return datetime.fromisoformat(answer) if kind is Now else answer
