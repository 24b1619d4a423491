"""Where are people's answers to smoke tests kept, and which of them are believed?

``smoke-tests/<key>.json`` in the folder of an attempt, one signed file for each question. Results are made from these
files alone: a file among the results that says it came from a person is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from stage_gate.files import written
from stage_gate.plan import SMOKE_TESTS, RecordedResult
from stage_gate.signed import is_believed, read_signed
from stage_gate.signing import Keys
from stage_gate.smoke_tests import SmokeAnswer, result_of, unbelieved

if TYPE_CHECKING:
    from aem_checks.folders import Folder

FOLDER = "smoke-tests"


def with_answers(
    recorded: Iterable[RecordedResult],
    folder: Folder,
    attempt: int,
    keys: Keys,
    gate: str | None,
    execution_id: str | None,
) -> tuple[RecordedResult, ...]:
    """The results of checks, and those that the answers of people amount to.

    What is not believed makes a check inconclusive only where nobody's answer to it is: else whoever can write there
    could take an answer away.

    Raises ``EvidenceError`` for an answer that was changed, or was given to another gate or execution.
    """
    told = (_no_answer(entry) if entry.result.kind == SMOKE_TESTS else entry for entry in recorded)
    return (*told, *_answers(folder / FOLDER, attempt, keys, gate, execution_id))


def _answers(
    folder: Folder, attempt: int, keys: Keys, gate: str | None, execution_id: str | None
) -> Iterator[RecordedResult]:
    answers = [read_signed(path, SmokeAnswer, keys, gate, execution_id) for path in written(folder)]
    doubts = [doubt_of(answer, attempt, keys) for answer in answers]
    believed = {answer.key for answer, doubt in zip(answers, doubts, strict=True) if not doubt}
    for answer, doubt in zip(answers, doubts, strict=True):
        if not doubt:
            yield result_of(answer)
        elif answer.key not in believed:
            yield unbelieved(answer, doubt)


def doubt_of(answer: SmokeAnswer, attempt: int, keys: Keys) -> str:
    """Why it is not believed, as the end of a sentence; empty where it is."""
    if not is_believed(answer, keys):
        return f"is {answer.signature}"
    return f"was given in attempt {answer.attempt}" if answer.attempt != attempt else ""


def _no_answer(entry: RecordedResult) -> RecordedResult:
    """A result that no task of this gate writes."""
    return entry.without_answer(
        "unbelieved",
        f"{entry.result.key} has a result that is no signed answer of a person, so it counts for nothing.",
    )
