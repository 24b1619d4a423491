"""What was decided, by whom, when and why: the record that every page and every later task reads."""

from __future__ import annotations

import logging

from pydantic import AwareDatetime, BaseModel, ConfigDict

from aem_checks.outcomes import Outcome
from stage_gate.decision import Decision
from stage_gate.evidence import Evidence, EvidenceError, read_model, write

log = logging.getLogger(__name__)


class DecisionRecord(BaseModel):
    """A decision as it was taken or found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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


class StoredAnswer(BaseModel):
    """A person's answer, stored before anything branches on it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    option: str
    by: str
    reason: str
    at: AwareDatetime
    seal_digest: str


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
    write(evidence.folder / "decision.json", record.model_dump_json(indent=1).encode())


def read_decision(evidence: Evidence) -> DecisionRecord | None:
    path = evidence.folder / "decision.json"
    return read_model(path, DecisionRecord) if path.exists() else None


def write_answer(evidence: Evidence, answer: StoredAnswer) -> None:
    """Keep an answer; a later one replaces it, and the first ones stay beside it under their own time."""
    content = answer.model_dump_json(indent=1).encode()
    write(evidence.folder / f"answer-{answer.at:%Y%m%dT%H%M%S}.json", content)
    write(evidence.folder / "answer.json", content)


def read_answer(evidence: Evidence) -> StoredAnswer | None:
    path = evidence.folder / "answer.json"
    return read_model(path, StoredAnswer) if path.exists() else None


def write_question(evidence: Evidence, seal_digest: str) -> None:
    """Note which verdict a person is shown, so that an answer to it is not taken for one to another."""
    write(evidence.folder / "question.txt", seal_digest.encode())


def read_question(evidence: Evidence) -> str | None:
    path = evidence.folder / "question.txt"
    return path.read_text() if path.exists() else None
