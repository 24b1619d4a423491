"""Where are people's answers to smoke tests kept, and which of them are believed?

``smoke-tests/<key>.json`` in the folder of an attempt, one signed file for each question. Results are made from these
files alone: a file among the results that says it came from a person is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from aem_checks.outcomes import Cause, Finding, Outcome
from stage_gate.files import EvidenceError, safe_name, write, written
from stage_gate.plan import SMOKE_TESTS, RecordedResult
from stage_gate.signed import read_signed, signed_file
from stage_gate.signing import Keys
from stage_gate.smoke_tests import SmokeAnswer, result_of, unbelieved

if TYPE_CHECKING:
    from stage_gate.evidence import Evidence

FOLDER = "smoke-tests"


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
    path = _path(evidence.attempt_folder(answer.attempt), answer.key)
    write(path, signed_file(answer, evidence.gate, evidence.execution_id, evidence.keys))


def read_smoke_answer(evidence: Evidence, attempt: int, key: str) -> SmokeAnswer | None:
    """The answer that stands, ``None`` where nobody answered or what is there is not believed."""
    path = _path(evidence.attempt_folder(attempt), key)
    if not path.exists():
        return None
    try:
        answer = read_signed(path, SmokeAnswer, evidence.keys, evidence.gate, evidence.execution_id)
    except EvidenceError:
        return None
    return None if _doubt(answer, attempt, evidence.keys) or answer.key != key else answer


def with_answers(
    recorded: Iterable[RecordedResult],
    folder: Path,
    attempt: int,
    keys: Keys,
    gate: str | None,
    execution_id: str | None,
) -> tuple[RecordedResult, ...]:
    """The results of checks, and those that the answers of people amount to.

    Raises ``EvidenceError`` for an answer that was changed, or was given to another gate or execution.
    """
    told = (_no_answer(entry) if entry.result.kind == SMOKE_TESTS else entry for entry in recorded)
    return (*told, *_answers(folder / FOLDER, attempt, keys, gate, execution_id))


def _answers(
    folder: Path, attempt: int, keys: Keys, gate: str | None, execution_id: str | None
) -> Iterator[RecordedResult]:
    for path in written(folder):
        answer = read_signed(path, SmokeAnswer, keys, gate, execution_id)
        doubt = _doubt(answer, attempt, keys)
        yield unbelieved(answer, doubt) if doubt else result_of(answer)


def _doubt(answer: SmokeAnswer, attempt: int, keys: Keys) -> str:
    """Why it is not believed, as the end of a sentence; empty where it is. Only where no key is known, any one counts."""
    if not answer.is_trusted and keys.believed:
        return f"is {answer.signature}"
    return f"was given in attempt {answer.attempt}" if answer.attempt != attempt else ""


def _no_answer(entry: RecordedResult) -> RecordedResult:
    """A result that no task of this gate writes."""
    sentence = (
        f"{entry.result.key} has a result that is no signed answer of a person, so it counts for nothing."
    )
    finding = Finding(
        subject=entry.result.key, sentence=sentence, outcome=Outcome.INCONCLUSIVE, cause=Cause.CHECK
    )
    values = {"outcome": Outcome.INCONCLUSIVE, "cause": Cause.CHECK, "examined": 0, "findings": (finding,)}
    return entry.model_copy(update={"result": entry.result.model_copy(update=values)})


def _path(folder: Path, key: str) -> Path:
    return folder / FOLDER / f"{safe_name(key)}.json"
