"""How is a conversation kept, so that it can be led again in a year? One file for each run of a check.

``told/<check>.json`` beside the recording: which recording was read, each question with its answer, and bodies by their
digest, packed into the same file. A conversation that changed something on the site, is too large or holds what looks like a
secret of the source says so in its place: it can't be led again.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from aem_checks.asks import (
    Abroad,
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
)
from aem_checks.browser import kept
from aem_checks.browser.asks import Audit, Handwriting, OfBrowser, Open
from aem_checks.browser.open_page import Viewport
from aem_checks.changes.values import ChangeMap
from aem_checks.checkout import Source
from aem_checks.packed import Packed
from aem_checks.recording import response_from_index, response_to_index, without_secrets
from aem_checks.secret_looking import looks_secret
from aem_checks.stored_response import put_away, read_body
from aem_checks.tls import Certificate
from aem_checks.urls import host_of

if TYPE_CHECKING:
    from aem_checks.asking import Exchange
    from aem_checks.folders import Folder
    from aem_checks.response import Response

FOLDER, BODIES = "told", "bodies"
FORMAT = 1
AGAIN = ".again"
"""Behind the name of a check: the run that was to confirm the first one."""
_ABOUT_A_CHANGE = 500
"""Bytes that a changed file takes, with its part of the commits."""
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
    "audit": Audit,
    "fact": Fact,
    "files": Files,
    "changed": Changed,
    "handshake": Handshake,
}
"""By the name under which they are kept, which never changes."""
_NAMES = {kind: name for name, kind in _QUESTIONS.items()}


class NotKept(LookupError):
    """A conversation that can't be led again; the message says why, as the end of a sentence."""


@dataclass
class Told:
    """What a check was told, as far as there is room for it."""

    exchanges: list[Exchange] = field(default_factory=list)
    recording: str = ""
    """The name of the recording whose pages it could read; empty where there was none."""
    size: int = 0
    """Bytes of the bodies of all answers."""
    asked: int = 0
    """How many questions were answered by anything but the recording."""

    def hear(self, exchange: Exchange) -> None:
        """Remember it; from ``MOST_BYTES`` on nothing is kept, nor held in memory."""
        self.asked += 1
        self.size += size_of(exchange[1])
        if self.size > MOST_BYTES:
            self.exchanges.clear()
        else:
            self.exchanges.append(exchange)


def keep(
    told: Told | None, folder: Folder, name: str, private: frozenset[str] = frozenset(), runs: int = 1
) -> None:
    """Write it below the folder of the site's evidence, in place of what an earlier try of the check was told.

    ``None`` for a run that did not come to an end; ``private``: hosts whose answers are not kept; ``runs``: how often
    the check ran. Blocks; raises what the folder raises.
    """
    place, packed = folder / FOLDER, Packed()
    place.mkdir(parents=True, exist_ok=True)
    content: dict[str, Any] = {"format": FORMAT, "runs": runs}
    if told is None:
        content["left_out"] = "it did not come to an end"
    elif why := _unfit(told, private):
        content["left_out"] = why
    else:
        content["recording"] = told.recording
        content["exchanges"] = [
            {**question_to_index(question), "answer": answer_to_index(answer, packed / BODIES)}
            for question, answer in told.exchanges
        ]
    if packed.files:
        content[BODIES] = base64.b64encode(packed.pack()).decode()
    (place / f"{name}.json").write_bytes(json.dumps(content, indent=1).encode())


def _kept(folder: Folder, name: str) -> bytes | None:
    try:
        content: bytes = (folder / FOLDER / f"{name}.json").read_bytes()
    except FileNotFoundError:
        return None
    return content


def read(folder: Folder, name: str) -> Told | None:
    """What was kept, ``None`` where nothing was. Raises ``NotKept``, and what damaged evidence raises."""
    kept_file = None if _ran_once(folder, name) else _kept(folder, name)
    if kept_file is None:
        return None
    content = json.loads(kept_file)
    if content["format"] != FORMAT:
        raise NotKept(f"it has the unknown format {content['format']!r}")
    if "left_out" in content:
        raise NotKept(content["left_out"])
    where = folder / FOLDER  # what was kept before bodies were packed has them in a folder
    if BODIES in content:
        where = Packed.unpack(base64.b64decode(content[BODIES]), where / f"{name}.json")
    exchanges = [_exchange(entry, where) for entry in content["exchanges"]]
    return Told(exchanges, content["recording"])


def _ran_once(folder: Folder, name: str) -> bool:
    """Whether this is a second run, and the first one says that there was none: it is what an earlier try left."""
    first = _kept(folder, name.removesuffix(AGAIN)) if name.endswith(AGAIN) else None
    return first is not None and json.loads(first).get("runs") == 1


def _unfit(told: Told, private: frozenset[str]) -> str:
    """Why this conversation is not kept, empty where it is."""
    if told.size > MOST_BYTES:
        return f"its answers have {told.size:,} bytes"
    if any(isinstance(each, Command) for each, _ in told.exchanges):
        return "it ran a command of the team"
    asked = [each for each, _ in told.exchanges if isinstance(each, Get | Follow | Abroad)]
    if any(host_of(each.url) in private for each in asked):
        return "it was told what only authors may see"
    headers = {name.lower() for each in asked if not isinstance(each, Abroad) for name in each.headers}
    if headers - _HARMLESS:
        return "its questions may carry credentials"
    if changing := sorted({each.method for each in asked if isinstance(each, Get)} - _READS):
        return f"it may have changed something on the site ({', '.join(changing)})"
    sources = (answer for _, answer in told.exchanges if isinstance(answer, Source))
    if any(looks_secret(text) for source in sources for text in source.texts.values()):
        return "the source of the release holds what looks like a secret"
    return ""


def size_of(answer: Any) -> int:
    """Bytes of the bodies of an answer."""
    if isinstance(answer, Source):
        return sum(map(len, (*answer.contents.values(), *answer.links.values())))
    if isinstance(answer, ChangeMap):
        return sum(_ABOUT_A_CHANGE + len(each.path) for each in answer.changes)
    return sum(response.size for response in responses_of(answer)) + kept.size_of(answer)


def responses_of(answer: Any) -> Sequence[Response]:
    """All answers of the site that an answer is made of."""
    from aem_checks.response import Response

    if isinstance(answer, Response):
        return [answer]
    return answer if isinstance(answer, tuple) else []


def question_to_index(question: Question[Any]) -> dict[str, Any]:
    """Its name and what is not as usual about it."""
    usual = {each.name: each.default for each in fields(question)}
    told = {name: getattr(question, name) for name in usual if getattr(question, name) != usual[name]}
    return {
        "ask": _NAMES[type(question)],
        **{name: _plain(value) for name, value in told.items() if value != {}},
    }


def _plain(value: Any) -> Any:
    match value:
        case tuple() if all(isinstance(each, str) for each in value):
            return list(value)
        case Viewport() | tuple():
            return kept.plain(value)
        case frozenset():
            return sorted(value)
        case bytes():
            return base64.b64encode(value).decode()
        case Mapping():
            return dict(value)
    return value


def answer_to_index(answer: Any, bodies: Folder) -> Any:
    """An answer as JSON has it, without secrets; its bodies are put into the folder. Blocks."""
    if kept.is_of_browser(answer):
        return kept.answer_to_index(answer, bodies)
    responses = [response_to_index(_put_away(without_secrets(each), bodies)) for each in responses_of(answer)]
    match answer:
        case datetime():
            return answer.isoformat()
        case Source():
            contents = {path: _put_file_away(content, bodies) for path, content in answer.contents.items()}
            told = {"files": answer.files, "problem": answer.problem, "links": dict(answer.links)}
            return {"contents": contents, **told}
        case ChangeMap():
            return asdict(answer)
        case Certificate():
            return {**asdict(answer), "ends": answer.ends.isoformat() if answer.ends else None}
    if responses:
        return responses if isinstance(answer, tuple) else responses[0]
    return answer


def _put_away(response: Response, bodies: Folder) -> Response:
    """The same body is written once, as a default page that answers a hundred questions."""
    return response if (bodies / response.sha256).exists() else put_away(response, bodies)


def _put_file_away(content: bytes, bodies: Folder) -> str:
    name = hashlib.sha256(content).hexdigest()
    if not (bodies / name).exists():
        (bodies / name).write_bytes(content)
    return name


def _exchange(entry: dict[str, Any], folder: Folder) -> Exchange:
    kind, answer = _QUESTIONS[entry.pop("ask")], entry.pop("answer")
    if "within" in entry:
        entry["within"] = frozenset(entry["within"])
    if "patterns" in entry:
        entry["patterns"] = tuple(entry["patterns"])
    if "body" in entry:
        entry["body"] = base64.b64decode(entry["body"])
    if issubclass(kind, OfBrowser):
        entry = kept.question_from(entry)
    return kind(**entry), answer_from_index(kind, answer, folder)


def answer_from_index(kind: type[Question[Any]], answer: Any, folder: Folder) -> Any:
    """The answer to a question of that kind; bodies lie in ``folder/bodies``. Raises as ``read`` does."""
    if kind is Get:
        return response_from_index(answer, folder)
    if kind in (Follow, Abroad):
        return tuple(response_from_index(each, folder) for each in answer)
    if issubclass(kind, OfBrowser):
        return kept.answer_from(answer, folder / "bodies")
    if kind is Files:
        contents = {path: read_body(folder / "bodies", name) for path, name in answer["contents"].items()}
        return Source(**{**answer, "contents": contents})
    if kind is Changed:
        return TypeAdapter(ChangeMap).validate_python(answer)
    if kind is Handshake:
        ends = answer["ends"]
        return Certificate(**{**answer, "ends": datetime.fromisoformat(ends) if ends else None})
    return datetime.fromisoformat(answer) if kind is Now else answer
