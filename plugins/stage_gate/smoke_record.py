"""How is a person's answer to a smoke test kept, once, and found again?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stage_gate.files import EvidenceError
from stage_gate.signed import read_signed, signed_file
from stage_gate.smoke_answers import FOLDER, doubt_of
from stage_gate.smoke_tests import SmokeAnswer

if TYPE_CHECKING:
    from stage_gate.evidence import Evidence


def write_smoke_answer(evidence: Evidence, answer: SmokeAnswer) -> None:
    """Keep an answer. Raises ``EvidenceError`` where one stands already, or the attempt takes no more results."""
    if evidence.open_attempt() != answer.attempt:
        raise EvidenceError(
            f"{answer.key} was answered for attempt {answer.attempt}, which is not the newest."
        )
    if (earlier := read_smoke_answer(evidence, answer.attempt, answer.key)) is not None:
        raise EvidenceError(
            f"{earlier.by} answered {earlier.key} before ({earlier.option}), and that stands."
        )
    content = signed_file(answer, evidence.gate, evidence.execution_id, evidence.keys)
    evidence.add(answer.attempt, answer.key, content, FOLDER)


def read_smoke_answer(evidence: Evidence, attempt: int, key: str) -> SmokeAnswer | None:
    """The answer that stands, ``None`` where nobody answered or what is there is not believed."""
    for path in evidence.kept(attempt, key, FOLDER):
        try:
            answer = read_signed(path, SmokeAnswer, evidence.keys, evidence.gate, evidence.execution_id)
        except EvidenceError:
            continue
        if answer.key == key and not doubt_of(answer, attempt, evidence.keys):
            return answer
    return None
