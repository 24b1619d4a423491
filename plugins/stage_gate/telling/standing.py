"""How does a release stand, in one word, one colour and one sentence? A pure rule that all pages share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from aem_checks.outcomes import Outcome
from stage_gate.evidence.kept_decisions import DecisionRecord
from stage_gate.rules.decision import Decision, Mode


class Tone(StrEnum):
    """What a colour says; the word beside it says it too."""

    GOOD = "good"
    BAD = "bad"
    WAITS = "waits"
    """Somebody is wanted."""
    BUSY = "busy"
    QUIET = "quiet"


@dataclass(frozen=True)
class Standing:
    """How a release stands."""

    word: str
    tone: Tone
    sentence: str

    @property
    def is_over(self) -> bool:
        return self.tone not in (Tone.WAITS, Tone.BUSY)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the standing follows from."""

    mode: Mode
    pinned_at: datetime
    attempt: int = 0
    """Number of the newest one; 0 before the first."""
    testing: str = ""
    """How far an attempt is that is not sealed."""
    outcome: Outcome | None = None
    summary: str = ""
    sealed_at: datetime | None = None
    trouble: str = ""
    decision: DecisionRecord | None = None
    report_only: str = ""
    ended_badly: str = ""
    """Why the run failed, in the words of ``publish_report``."""


_IN_SHADOW = {Outcome.PASSED: Tone.GOOD, Outcome.FAILED: Tone.BAD, Outcome.INCONCLUSIVE: Tone.QUIET}
_OF_DECISION = {
    Decision.APPROVED: Tone.GOOD,
    Decision.OVERRIDDEN: Tone.QUIET,
    Decision.HALTED: Tone.BAD,
    Decision.HELD: Tone.WAITS,
    Decision.SUPERSEDED: Tone.QUIET,
}


def standing_of(facts: Facts) -> Standing:
    """The standing; where something can't be believed, that comes first."""
    if facts.trouble:
        return Standing("not to be trusted", Tone.BAD, facts.trouble)
    if facts.report_only:
        return Standing("reported only", Tone.QUIET, facts.report_only)
    if facts.decision is not None:
        return _decided(facts, facts.decision)
    if facts.outcome is not None:
        return _judged(facts, facts.outcome)
    if facts.ended_badly:
        return Standing("ended undecided", Tone.BAD, facts.ended_badly)
    if facts.attempt:
        return Standing(
            "testing stage", Tone.BUSY, facts.testing or f"Attempt {facts.attempt} is being tested."
        )
    began = f"The run began at {told(facts.pinned_at)} and waits for the stage deployment."
    return Standing("waits for stage", Tone.BUSY, began)


def _decided(facts: Facts, record: DecisionRecord) -> Standing:
    sentence = f"{record.decision.capitalize()} by {record.by} at {told(record.at)}: {record.sentence}"
    if record.decision is Decision.BYPASSED:
        return Standing("bypassed", _bypassed(record), sentence)
    if facts.ended_badly and record.decision in (Decision.APPROVED, Decision.OVERRIDDEN):
        return Standing(f"{record.decision}, trouble after", Tone.BAD, f"{facts.ended_badly} {sentence}")
    return Standing(str(record.decision), _OF_DECISION[record.decision], sentence)


def _bypassed(record: DecisionRecord) -> Tone:
    """Production was decided elsewhere; bad only where an unproven release went there."""
    return Tone.QUIET if not record.production_reached or record.outcome is Outcome.PASSED else Tone.BAD


def _judged(facts: Facts, outcome: Outcome) -> Standing:
    when = f" Sealed at {told(facts.sealed_at)}." if facts.sealed_at else ""
    if facts.mode is Mode.SHADOW:
        sentence = f"{facts.summary}{when} Shadow mode watches and does nothing."
        return Standing(f"shadow: {outcome}", _IN_SHADOW[outcome], sentence)
    if facts.ended_badly:
        return Standing(f"{outcome}, undecided", Tone.BAD, f"{facts.ended_badly} {facts.summary}")
    return Standing(f"{outcome}, deciding", Tone.BUSY, f"{facts.summary}{when} No decision is on record yet.")


def told(at: datetime | None) -> str:
    """A moment as people read it, always with its zone."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else "an unknown time"
