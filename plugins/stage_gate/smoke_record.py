"""How is a person's answer to a smoke test kept, once, and found again?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stage_gate.files import EvidenceError, write
from stage_gate.signed import read_signed, signed_file
from stage_gate.smoke_answers import doubt_of, path_of
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
    path = path_of(evidence.attempt_folder(answer.attempt), answer.key)
    write(path, signed_file(answer, evidence.gate, evidence.execution_id, evidence.keys))


def read_smoke_answer(evidence: Evidence, attempt: int, key: str) -> SmokeAnswer | None:
    """The answer that stands, ``None`` where nobody answered or what is there is not believed."""
    path = path_of(evidence.attempt_folder(attempt), key)
    if not path.exists():
        return None
    try:
        answer = read_signed(path, SmokeAnswer, evidence.keys, evidence.gate, evidence.execution_id)
    except EvidenceError:
        return None
    return None if doubt_of(answer, attempt, evidence.keys) or answer.key != key else answer
