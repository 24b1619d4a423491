"""What was decided, by whom, when and why: the record that every page and every later task reads."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from aem_checks.outcomes import Outcome
from stage_gate.decision import Decision
from stage_gate.evidence import Evidence
from stage_gate.files import EvidenceError, read, write
from stage_gate.signing import Keys, Signature, open_signed, sign

log = logging.getLogger(__name__)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    signature: Signature = Field(default=Signature.ABSENT, exclude=True)
    """What the file's signature is worth here; found out at each reading, never part of what was written."""


RecordT = TypeVar("RecordT", bound=_Record)


class DecisionRecord(_Record):
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


class StoredAnswer(_Record):
    """A person's answer, stored before anything branches on it."""

    option: str
    by: str
    reason: str
    at: AwareDatetime
    seal_digest: str
    accepts: tuple[str, ...] = ()
    """What an override accepts: the keys of the checks that did not pass."""


class RetestRecord(_Record):
    """Why stage is tested once more; it grants nothing, the report tells it."""

    attempt: int
    """The number of the attempt that it begins."""
    by: str
    """An Airflow user, or ``Stage Gate`` where the evidence was too old."""
    reason: str
    at: AwareDatetime
    seal_digest: str
    """Of the attempt before, whose verdict this does away with."""
    outcome: Outcome
    """Of that verdict."""
    summary: str


CARRIED_OUT = frozenset({Decision.APPROVED, Decision.OVERRIDDEN, Decision.HALTED})


def write_decision(evidence: Evidence, record: DecisionRecord) -> None:
    """Keep a decision. What the gate itself carried out is final: nothing that is found later replaces it."""
    try:
        earlier = read_decision(evidence)
    except EvidenceError:
        earlier = None
    if earlier is not None and earlier.decision in CARRIED_OUT:
        log.info("The record stays: %s by %s: %s", earlier.decision, earlier.by, earlier.sentence)
        return
    _write(evidence, evidence.folder / "decision.json", record)


def read_decision(evidence: Evidence) -> DecisionRecord | None:
    """The decision on record, ``None`` where there is none. Raises ``EvidenceError`` for a changed one."""
    return _read(evidence, evidence.folder / "decision.json", DecisionRecord)


def write_answer(evidence: Evidence, answer: StoredAnswer) -> None:
    """Keep an answer; a later one replaces it, and the first ones stay beside it under their own time."""
    _write(evidence, evidence.folder / f"answer-{answer.at:%Y%m%dT%H%M%S}.json", answer)
    _write(evidence, evidence.folder / "answer.json", answer)


def read_answer(evidence: Evidence) -> StoredAnswer | None:
    """The newest answer, ``None`` where there is none. Raises ``EvidenceError`` for a changed one."""
    return _read(evidence, evidence.folder / "answer.json", StoredAnswer)


def write_retest(evidence: Evidence, record: RetestRecord) -> None:
    """Keep why an attempt is begun, before it is."""
    _write(evidence, evidence.folder / f"retest-{record.attempt}.json", record)


def read_retest(evidence: Evidence, attempt: int) -> RetestRecord | None:
    """Why this attempt was begun, ``None`` where nobody recorded it. Raises ``EvidenceError`` for a changed one."""
    return _read(evidence, evidence.folder / f"retest-{attempt}.json", RetestRecord)


def _write(evidence: Evidence, path: Path, record: _Record) -> None:
    content = {"what": type(record).__name__, "record": record.model_dump(mode="json")}
    write(path, sign(content, evidence.keys))


def _read(evidence: Evidence, path: Path, model: type[RecordT]) -> RecordT | None:
    return read_record(path, model, evidence.keys) if path.exists() else None


def read_record(path: Path, model: type[RecordT], keys: Keys) -> RecordT:
    """Read one signed record. Raises ``EvidenceError`` when it was changed or is something else."""
    opened = open_signed(read(path), keys, str(path))
    try:
        if opened.content["what"] != model.__name__:
            raise EvidenceError(f"{path} is no {model.__name__}.")
        record = model.model_validate_json(json.dumps(opened.content["record"]))
    except (KeyError, ValidationError) as error:
        raise EvidenceError(f"{path} is no {model.__name__}: {error}") from error
    return record.model_copy(update={"signature": opened.signature})
