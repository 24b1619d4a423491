"""What was decided, by whom, when and why: the record that every page and every later task reads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path

from pydantic import AwareDatetime

from aem_checks.outcomes import Outcome
from stage_gate.evidence.claims import Rights, Ticket
from stage_gate.evidence.files import EvidenceError, exists, read, write, written
from stage_gate.evidence.signing import (
    RecordT,
    SignedRecord,
    find_signed,
    is_believed,
    keep_first,
    read_signed,
    signed_file,
)
from stage_gate.evidence.store import Evidence
from stage_gate.rules.asking import SILENCE
from stage_gate.rules.decision import HALT, RETEST, Decision
from stage_gate.rules.proof import OPTIONS, Answer

log = logging.getLogger(__name__)


class DecisionRecord(SignedRecord):
    """A decision as it was taken or found."""

    decision: Decision
    sentence: str
    by: str
    """``Stage Gate``, an Airflow user, or ``Cloud Manager`` where somebody decided there."""
    at: AwareDatetime
    outcome: Outcome | None = None
    """Of the verdict the decision rests on; ``None`` where there was none."""
    seal_digest: str = ""
    production_reached: bool = False
    """Production is or will be deployed."""
    request_id: str = ""
    """Adobe's ``x-request-id`` of the PUT, for a support ticket."""


class StoredAnswer(SignedRecord):
    """A person's answer, stored before anything branches on it."""

    option: str
    by: str
    reason: str
    at: AwareDatetime
    seal_digest: str
    accepts: tuple[str, ...] = ()
    """What an override accepts: the keys of the checks that did not pass."""
    name: str = ""
    """The user name that Airflow has besides the id in ``by``."""

    def is_for(self, decision: Decision, seal_digest: str) -> bool:
        """Whether it is meant for this act, on this verdict."""
        return self.option in OPTIONS[decision] and self.seal_digest == seal_digest

    @property
    def given(self) -> Answer:
        """The answer, as the rules of ``proof`` ask for it."""
        return Answer(self.option, self.by, self.reason, self.seal_digest, self.accepts, self.name)


class RetestRecord(SignedRecord):
    """Why stage is tested once more; it grants nothing, the report tells it."""

    attempt: int
    """The number of the attempt that it begins."""
    by: str
    """An Airflow user, or ``Stage Gate`` where the evidence was too old or something is back."""
    reason: str
    at: AwareDatetime
    seal_digest: str
    """Of the attempt before, whose verdict this does away with."""
    outcome: Outcome
    """Of that verdict."""
    summary: str


class QuestionAsked(SignedRecord):
    """When people were asked something first."""

    question: str
    at: AwareDatetime


DONE, NOTED = "decision.json", "noted.json"
"""What the gate carried out, and what it found: held, bypassed, superseded."""
TICKET = "ticket.json"
"""The copy of the ticket beside the decision."""
CARRIED_OUT = frozenset({Decision.APPROVED, Decision.OVERRIDDEN, Decision.HALTED})
_DECIDES = frozenset({RETEST, *chain.from_iterable(OPTIONS.values())})
"""Answers after which something else happens than before."""


def write_decision(evidence: Evidence, record: DecisionRecord) -> None:
    """Keep a decision. What the gate itself carried out has a file of its own, which is created once: it is final.

    What says so without a trusted signature is replaced, since anybody who can write here could have written it. What was
    found (held, bypassed, superseded) is replaced by what is found later.
    """
    if record.decision not in CARRIED_OUT:
        _write(evidence, evidence.folder / NOTED, record)
        return
    _copy_ticket(evidence)
    kept = _keep_first(evidence, evidence.folder / DONE, record, lambda known: known.decision in CARRIED_OUT)
    if kept.at != record.at:
        log.info("The record stays: %s by %s: %s", kept.decision, kept.by, kept.sentence)


def _copy_ticket(evidence: Evidence) -> None:
    """Put the ticket on which something was carried out beside its decision, so that the one folder has all of the proof.

    It grants nothing there; not to be able to copy it stops nothing.
    """
    try:
        pin = evidence.read_pin()
        rights = Rights(evidence.store, pin.program_id, pin.pipeline_id, pin.execution_id)
        write(evidence.folder / TICKET, read(rights.place(Ticket)))
    except EvidenceError as error:
        log.warning(
            "The ticket could not be copied to its decision, which goes on record all the same: %s", error
        )


def counts(evidence: Evidence, record: SignedRecord) -> bool:
    """Whether a record of this evidence is believed here."""
    return is_believed(record, evidence.keys)


def read_decision(evidence: Evidence) -> DecisionRecord | None:
    """What was carried out, else what was noted last, ``None`` where nothing was.

    What is not believed is what is on record only where nothing else is. Raises ``EvidenceError`` for a changed one.
    """
    noted = evidence.folder / NOTED
    try:
        done = _read(evidence, evidence.folder / DONE, DecisionRecord)
    except EvidenceError:
        if not exists(noted):
            raise
        done = None
    is_final = done is not None and done.decision in CARRIED_OUT and counts(evidence, done)
    return done if is_final or not exists(noted) else _read(evidence, noted, DecisionRecord)


def write_answer(evidence: Evidence, answer: StoredAnswer) -> None:
    """Keep an answer; a later one replaces it, and the first ones stay beside it under their own time."""
    _write(evidence, evidence.folder / f"answer-{answer.at:%Y%m%dT%H%M%S%f}.json", answer)
    _write(evidence, evidence.folder / "answer.json", answer)


def read_answer(evidence: Evidence) -> StoredAnswer | None:
    """The newest answer, ``None`` where there is none.

    Raises ``EvidenceError`` for a changed one, and where a later answer is kept than the one that shall count.
    """
    answer = _read(evidence, evidence.folder / "answer.json", StoredAnswer)
    if answer is None:
        return None
    for path, kept in _kept_answers(evidence):
        if kept.at > answer.at and counts(evidence, kept):
            raise EvidenceError(
                f"answer.json is of {answer.at:%Y-%m-%d %H:%M:%S %Z} ({answer.option}), and {kept.by} answered "
                f"{kept.option} later, in {path}: somebody brought back an answer that was replaced. Ask again."
            )
    return answer


def read_answers(evidence: Evidence) -> list[StoredAnswer]:
    """All answers that are kept, oldest first, whatever verdict each is about. Raises ``EvidenceError`` for a changed one."""
    newest = _read(evidence, evidence.folder / "answer.json", StoredAnswer)
    kept = [answer for _, answer in _kept_answers(evidence)]
    if newest is not None and newest not in kept:
        kept.append(newest)
    return sorted(kept, key=lambda answer: answer.at)


def standing_halt(answers: Iterable[StoredAnswer]) -> StoredAnswer | None:
    """The Halt of a person that no person's later word takes back, whatever attempt that was about; signed answers only.

    *Keep waiting* takes nothing back, and silence is nobody's word.
    """
    said = [each for each in answers if each.is_trusted and each.by != SILENCE and each.option in _DECIDES]
    newest = max(said, key=lambda answer: answer.at, default=None)
    return newest if newest is not None and newest.option == HALT else None


def halt_sentence(halt: StoredAnswer) -> str:
    """Why nothing lets production through after this answer, and what to do."""
    return (
        f"{halt.by} answered {halt.option} at {halt.at:%Y-%m-%d %H:%M:%S %Z} ({halt.reason}), and no person has answered "
        "otherwise since, so the gate does not let production through, whatever was tested later: approve or reject it in "
        "Cloud Manager. Where Airflow asks about a later verdict, the answer given there counts instead."
    )


def _kept_answers(evidence: Evidence) -> Iterator[tuple[Path, StoredAnswer]]:
    for path in written(evidence.folder):
        if path.name.startswith("answer-"):
            yield path, read_record(path, StoredAnswer, evidence)


def keep_retest(evidence: Evidence, record: RetestRecord) -> RetestRecord:
    """Keep why an attempt is begun, before it is; what was said first stands. Raises ``EvidenceError``."""

    def is_about_the_same(known: RetestRecord) -> bool:
        return (known.attempt, known.seal_digest) == (record.attempt, record.seal_digest)

    path = evidence.folder / f"retest-{record.attempt}.json"
    return _keep_first(evidence, path, record, is_about_the_same)


def read_retest(evidence: Evidence, attempt: int) -> RetestRecord | None:
    """Why this attempt was begun, ``None`` where nobody recorded it. Raises ``EvidenceError`` for a changed one."""
    return _read(evidence, evidence.folder / f"retest-{attempt}.json", RetestRecord)


def asked_at(evidence: Evidence, question: str, now: datetime) -> datetime:
    """When this question was asked first: trying again gives nobody more time, and nobody without a key takes any.

    ``question`` is safe as a file's name. Raises ``EvidenceError``.
    """
    path = evidence.folder / "asked" / f"{question}.json"
    asked = QuestionAsked(question=question, at=now)
    return _keep_first(evidence, path, asked, lambda known: known.question == question).at


def _keep_first(
    evidence: Evidence, path: Path, record: RecordT, is_meant: Callable[[RecordT], bool]
) -> RecordT:
    return keep_first(path, record, evidence.keys, evidence.gate, evidence.execution_id, is_meant)


def _write(evidence: Evidence, path: Path, record: SignedRecord) -> None:
    write(path, signed_file(record, evidence.gate, evidence.execution_id, evidence.keys))


def _read(evidence: Evidence, path: Path, model: type[RecordT]) -> RecordT | None:
    return find_signed(path, model, evidence.keys, evidence.gate, evidence.execution_id)


def read_record(path: Path, model: type[RecordT], evidence: Evidence) -> RecordT:
    """Read one record of this evidence. Raises ``EvidenceError`` when it was changed or is something else."""
    return read_signed(path, model, evidence.keys, evidence.gate, evidence.execution_id)
