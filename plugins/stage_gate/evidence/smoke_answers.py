"""Where are people's answers to smoke tests kept, which of them are believed, and what do they amount to?

``smoke-tests/<key>.json`` in the folder of an attempt, one signed file for each question. Results are made from these
files alone: a file among the results that says it came from a person is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import AwareDatetime

from aem_checks.outcomes import Cause, CheckResult, Finding, Outcome, Severity
from aem_checks.text import plain
from stage_gate.evidence.files import EvidenceError, written
from stage_gate.evidence.signing import Keys, SignedRecord, is_believed, read_signed, signed_file
from stage_gate.rules.asking import SILENCE
from stage_gate.rules.plan import SMOKE_TESTS, RecordedResult
from stage_gate.rules.smoke_tests import BROKEN, WORKS

if TYPE_CHECKING:
    from aem_checks.folders import Folder
    from stage_gate.evidence.store import Evidence

FOLDER = "smoke-tests"
_OUTCOMES: Mapping[str, Outcome] = {WORKS: Outcome.PASSED, BROKEN: Outcome.FAILED}


class SmokeAnswer(SignedRecord):
    """What a person answered, stored before anything rests on it."""

    key: str
    attempt: int
    candidate_digest: str
    settings_digest: str
    site: str
    severity: Severity
    question: str
    option: str
    by: str
    """An Airflow user, or ``silence``."""
    name: str = ""
    """The user name that Airflow has besides the id in ``by``."""
    reason: str
    asked_at: AwareDatetime
    at: AwareDatetime

    @property
    def outcome(self) -> Outcome:
        """Whatever is no clear yes or no of a person is no answer."""
        return (
            Outcome.INCONCLUSIVE if self.by == SILENCE else _OUTCOMES.get(self.option, Outcome.INCONCLUSIVE)
        )


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


def result_of(answer: SmokeAnswer) -> RecordedResult:
    """The result of the check. A believed answer that says ``Works`` has looked at one thing; no answer at none."""
    outcome = answer.outcome
    return _recorded(answer, _code(answer, outcome), outcome, _sentence(answer, outcome))


def unbelieved(answer: SmokeAnswer, why: str) -> RecordedResult:
    """What an answer amounts to that can't be believed: none. ``why`` is the end of a sentence."""
    sentence = (
        f"{answer.key} is no answer: what is kept as that of {plain(answer.by, 100)} {why}. To do: find out who wrote "
        "it, and clear settle_stage with its downstream tasks to ask again."
    )
    return _recorded(answer, "unbelieved", Outcome.INCONCLUSIVE, sentence)


def _code(answer: SmokeAnswer, outcome: Outcome) -> str:
    if outcome is Outcome.INCONCLUSIVE:
        return "silence" if answer.by == SILENCE else "cant_say"
    return "works" if outcome is Outcome.PASSED else "broken"


def _recorded(answer: SmokeAnswer, code: str, outcome: Outcome, sentence: str) -> RecordedResult:
    causes = {Outcome.PASSED: None, Outcome.FAILED: Cause.PRODUCT, Outcome.INCONCLUSIVE: Cause.CHECK}
    finding = Finding(
        code=f"{SMOKE_TESTS}.{code}",
        subject=answer.key,
        sentence=sentence,
        expected=plain(answer.question),
        actual=plain(answer.reason),
        outcome=outcome,
        cause=causes[outcome] or Cause.PRODUCT,
    )
    result = CheckResult(
        key=answer.key,
        kind=SMOKE_TESTS,
        site=answer.site,
        target="stage",
        severity=answer.severity,
        outcome=outcome,
        cause=causes[outcome],
        examined=int(outcome is not Outcome.INCONCLUSIVE),
        findings=(finding,),
        started_at=answer.asked_at,
        finished_at=answer.at,
    )
    return RecordedResult(
        candidate_digest=answer.candidate_digest,
        attempt=answer.attempt,
        settings_digest=answer.settings_digest,
        result=result,
    )


def _sentence(answer: SmokeAnswer, outcome: Outcome) -> str:
    by, said = plain(answer.by, 100), plain(answer.reason, 300)
    question = plain(answer.question, 200)
    if answer.by == SILENCE:
        return f"Nobody answered {question!r}: {said}. To do: try it out and decide, or test stage again."
    when = f"{answer.at:%Y-%m-%d %H:%M} UTC"
    if outcome is Outcome.INCONCLUSIVE:
        return f"{by} could not answer {question!r} ({when}): {said}. To do: try it out and decide, or test stage again."
    if outcome is Outcome.FAILED:
        return f"{by} tried out {question!r} and says that it is broken ({when}): {said}."
    return f"{by} tried out {question!r} and says that it works ({when}): {said}."
