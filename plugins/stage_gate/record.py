"""What was decided, by whom, when and why: the record that every page and every later task reads."""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict

from aem_checks.outcomes import Outcome
from stage_gate.decision import Decision
from stage_gate.evidence import Evidence, read_model, write


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


def write_decision(evidence: Evidence, record: DecisionRecord) -> None:
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
