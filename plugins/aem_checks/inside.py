"""What happens in the process that runs a team's own check? It reads a request, asks the house, leaves an answer.

Started by ``aem_checks.isolated`` as ``python -I -c … FOLDER`` with a socket to the house as standard input. It knows what
the request says and nothing else: no Airflow, no credentials, no network. Whatever it asks, and whatever it leaves in
``FOLDER/answer``, is judged by the other side, which believes nothing of it.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict

from aem_checks.no_network import give_up_network
from aem_checks.outcomes import Judgement
from aem_checks.sites import SiteConfig, Target

if TYPE_CHECKING:
    from aem_checks.asks import Question, Steps
    from aem_checks.reading import Reader

FoundT = TypeVar("FoundT")
ANSWER = "judgement.json"
FILES = "files"
TOLD = "told"


class Request(BaseModel):
    """All that a team's check is told before it asks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    module: Path
    settings: dict[str, Any]
    site: SiteConfig
    target: Target
    recording: str | None
    """The recording's path in the evidence; a copy of it lies in ``FOLDER/recording``."""


class Line:
    """The way to the house. Standard input is the check's own after that, and empty."""

    def __init__(self) -> None:
        self._socket = socket.socket(fileno=os.dup(0))
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)

    def receive(self) -> bytes:
        """One frame. Raises ``ConnectionError`` where the house is gone."""
        from aem_checks.crossing import LENGTH

        (length,) = LENGTH.unpack(self._exactly(LENGTH.size))
        return self._exactly(length)

    def send(self, told: Any) -> None:
        from aem_checks.crossing import LENGTH

        content = json.dumps(told).encode()
        self._socket.sendall(LENGTH.pack(len(content)) + content)

    def _exactly(self, size: int) -> bytes:
        chunks = []
        while size:
            chunk = self._socket.recv(min(size, 1 << 20))
            if not chunk:
                raise ConnectionError("the house does not answer any more")
            chunks.append(chunk)
            size -= len(chunk)
        return b"".join(chunks)


def main(folder: Path) -> None:
    """Run the check that the house asks for; what it raises ends the process with a trace."""
    line = Line()
    request = Request.model_validate_json(line.receive())
    give_up_network()
    answer = folder / "answer"
    (answer / FILES).mkdir()
    judgement = _judge(request, folder, line)
    (answer / ANSWER).write_text(judgement.model_dump_json())


def _judge(request: Request, folder: Path, line: Line) -> Judgement:
    from aem_checks.kinds import kind_of_file
    from aem_checks.recording import Recording
    from aem_checks.visit import Visit

    kind = kind_of_file(request.module)
    check = kind(kind.settings_type.model_validate(request.settings))
    recording = None
    if request.recording is not None:
        recording = Recording.load(folder / "recording", name=request.recording)
    visit = Visit(request.site, request.target, recording)
    judgement = ask_across(check.judge(visit), line, folder / TOLD, visit.reader())
    for name, content in visit.kept.items():
        place = folder / "answer" / FILES / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return judgement


def ask_across(steps: Steps[FoundT], line: Line, told: Path, reader: Reader | None) -> FoundT:
    """Lead a conversation with the house. Raises ``NoQuestion``, and what the check raises."""
    from aem_checks.asking import End, Led
    from aem_checks.client import HostNotAllowed

    led = Led(steps, reader)
    answers: Sequence[Any] | None = None
    trouble: Exception | None = None
    while True:
        questions = led.next(answers, trouble)
        if isinstance(questions, End):
            return questions.found  # type: ignore[no-any-return]
        reply = _ask(questions, line)
        answers, trouble = None, None
        if "trouble" in reply:
            trouble = HostNotAllowed(reply["trouble"])
        else:
            answers = _heard(questions, reply["answers"], told, reader)


def _ask(questions: Sequence[Question[Any]], line: Line) -> dict[str, Any]:
    from aem_checks.asking import NoQuestion
    from aem_checks.asks import Read
    from aem_checks.told import question_to_index

    try:
        asked = [question_to_index(each) for each in questions if not isinstance(each, Read)]
    except KeyError as error:
        raise NoQuestion(f"nobody can answer {error}") from None
    line.send(asked)
    reply: dict[str, Any] = json.loads(line.receive())
    return reply


def _heard(
    questions: Sequence[Question[Any]], answers: list[Any], told: Path, reader: Reader | None
) -> list[Any]:
    """The answers in the order of the questions; recorded pages lie here."""
    from aem_checks.asking import read
    from aem_checks.asks import Read
    from aem_checks.told import answer_from_index

    coming = iter(answers)
    return [
        read(reader, each) if isinstance(each, Read) else answer_from_index(type(each), next(coming), told)
        for each in questions
    ]
