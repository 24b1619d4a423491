"""What does the evidence of one release say? Read back without Airflow and without Cloud Manager; broken evidence says so."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict

from aem_checks.outcomes import CheckResult, Outcome
from stage_gate.acting.retest import tell
from stage_gate.configuration.flaky import Proposal, proposals
from stage_gate.configuration.policy import Flakes
from stage_gate.evidence.files import EvidenceError, dump, exists, read_model, write, written
from stage_gate.evidence.kept_decisions import (
    CARRIED_OUT,
    DecisionRecord,
    QuestionAsked,
    StoredAnswer,
    read_answers,
    read_decision,
    read_record,
    read_retest,
)
from stage_gate.evidence.ledger import Ledger, read_ledger
from stage_gate.evidence.seal import Sealed, require_trusted
from stage_gate.rules.decision import Decision, Mode
from stage_gate.telling.coverage_report import SiteCoverage, read_coverages

if TYPE_CHECKING:
    from stage_gate.configuration.gate import Gate
    from stage_gate.evidence.pin import Pin
    from stage_gate.evidence.store import Evidence
    from stage_gate.rules.candidate import Candidate
    from stage_gate.rules.plan import Plan, RecordedResult

log = logging.getLogger(__name__)

T = TypeVar("T")
END = "end.json"


class RunEnded(BaseModel):
    """What ``publish_report`` said when the run ended. Nothing rests on it, so nobody signs it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    well: bool
    sentence: str
    at: AwareDatetime


@dataclass(frozen=True)
class Testing:
    """The attempt that is open: what is planned and what has answered so far."""

    attempt: int
    plan: Plan
    candidate: Candidate
    recorded: tuple[RecordedResult, ...]

    @property
    def sentence(self) -> str:
        """How far it is, with numbers."""
        answered = {entry.result.key: entry.result.outcome for entry in self.recorded}
        bad = sum(outcome is not Outcome.PASSED for outcome in answered.values())
        planned = len(self.plan.stage_checks)
        return f"{len(answered)} of {planned} checks have answered, {bad} of them did not pass."


@dataclass(frozen=True, kw_only=True)
class Release:
    """Everything that a page tells of one execution under one gate."""

    gate_name: str
    execution_id: str
    folder: str
    pin: Pin
    gate: Gate | None
    """The gate as it was pinned; ``None`` where it can't be built here, as with a check of a team's own."""
    sealed: Sealed | None = None
    trouble: str = ""
    """Why there is no trustworthy seal or decision, empty where there is one or none was due."""
    decision: DecisionRecord | None = None
    production: tuple[CheckResult, ...] = ()
    earlier: list[str] = field(default_factory=list)
    """One sentence on each attempt before the newest: its verdict, who wanted another one, and why."""
    ledger: Ledger = field(default_factory=lambda: Ledger(""))
    """The releases before this one, as many as the flake policy looks at."""
    flaky: list[Proposal] = field(default_factory=list)
    """Checks that were flaky too often, this release included."""
    coverage: tuple[SiteCoverage, ...] = ()
    """What the sites are made of and what of it was tested, where pages are chosen for that."""
    testing: Testing | None = None
    asked: tuple[QuestionAsked, ...] = ()
    answers: tuple[StoredAnswer, ...] = ()
    ended: RunEnded | None = None

    @property
    def mode(self) -> Mode:
        return mode_of(self.pin, self.gate)

    @property
    def outcome(self) -> Outcome | None:
        return self.sealed.verdict.outcome if self.sealed else None

    @property
    def is_asked(self) -> bool:
        """Whether a question about the newest verdict has no answer yet."""
        seal = self.sealed.digest if self.sealed else "-"
        if self.decision is not None and self.decision.decision is not Decision.HELD:
            return False
        asked = any(seal.startswith(each.question.rpartition("-")[2]) for each in self.asked)
        return asked and not any(each.seal_digest == seal for each in self.answers)

    @property
    def ended_for_now(self) -> RunEnded | None:
        """How the run ended, unless something happened since."""
        begun = [self.sealed.sealed_at] if self.sealed else []
        begun += [self.testing.plan.made_at] if self.testing else []
        late = self.ended is not None and all(self.ended.at >= at for at in begun)
        return self.ended if late else None

    @property
    def attempt(self) -> int:
        return self.sealed.attempt if self.sealed else self.testing.attempt if self.testing else 0


def mode_of(pin: Pin, gate: Gate | None) -> Mode:
    """As it was pinned; guard, which believes less, where the pin says nothing that is known."""
    if gate is not None:
        return gate.mode
    said = pin.gate_content.get("mode", Mode.SHADOW)
    return Mode(said) if said in set(Mode) else Mode.GUARD


def read_release(evidence: Evidence, pin: Pin, gate: Gate | None) -> Release:
    """Read it back. Never raises for broken evidence: it says so instead. Raises ``OSError`` as the store may."""
    mode = mode_of(pin, gate)
    sealed, trouble = _seal(evidence, mode)
    decision, doubt = _decision(evidence, mode)
    ledger, flaky = _history(evidence, pin, gate, sealed)
    return Release(
        gate_name=pin.gate,
        execution_id=pin.execution_id,
        folder=str(evidence.folder),
        pin=pin,
        gate=gate,
        sealed=sealed,
        trouble=" ".join(filter(None, (trouble, doubt))),
        decision=decision,
        production=_or(
            (), evidence.read_production_results, "The results of the production tests can't be read"
        ),
        earlier=earlier_attempts(evidence),
        ledger=ledger,
        flaky=flaky,
        coverage=_coverage(evidence, gate, sealed),
        testing=_or(None, lambda: _testing(evidence), "The attempt that is open can't be read"),
        asked=_or((), lambda: _asked(evidence), "The questions can't be read"),
        answers=_or((), lambda: tuple(read_answers(evidence)), "The answers can't be read"),
        ended=_or(None, lambda: read_end(evidence), "How the run ended can't be read"),
    )


def keep_end(evidence: Evidence, ended: RunEnded) -> None:
    """Keep how the run ended, for the pages. Raises ``EvidenceError``."""
    write(evidence.folder / END, dump(ended))


def read_end(evidence: Evidence) -> RunEnded | None:
    """How the run ended; ``None`` while it goes on. Raises ``EvidenceError``."""
    path = evidence.folder / END
    return read_model(path, RunEnded) if exists(path) else None


def _or(otherwise: T, look: Callable[[], T], problem: str) -> T:
    try:
        return look()
    except EvidenceError as error:
        log.error("%s: %s", problem, error)
        return otherwise


def _testing(evidence: Evidence) -> Testing | None:
    attempt = evidence.attempts()
    if attempt == 0 or evidence.is_sealed(attempt):
        return None
    plan, candidate = evidence.read_plan(attempt), evidence.read_candidate(attempt)
    return Testing(attempt, plan, candidate, evidence.read_results(attempt))


def _asked(evidence: Evidence) -> tuple[QuestionAsked, ...]:
    found = [read_record(path, QuestionAsked, evidence) for path in written(evidence.folder / "asked")]
    return tuple(sorted(found, key=lambda each: each.at))


def _coverage(evidence: Evidence, gate: Gate | None, sealed: Sealed | None) -> tuple[SiteCoverage, ...]:
    if sealed is None or gate is None:
        return ()
    folder = evidence.attempt_folder(sealed.attempt)
    return _or((), lambda: read_coverages(folder, gate, sealed), "The choice of pages can't be read")


def _history(
    evidence: Evidence, pin: Pin, gate: Gate | None, sealed: Sealed | None
) -> tuple[Ledger, list[Proposal]]:
    """How the checks fared before, and which of them were flaky too often."""
    rule, day = (gate.policy.flakes if gate else Flakes()), (sealed.sealed_at if sealed else pin.pinned_at)
    try:
        ledger = read_ledger(evidence.store, pin.gate, evidence.keys, last=rule.of_last + 1)
    except (EvidenceError, OSError) as error:
        log.error("The ledger can't be read: %s", error)
        return Ledger(pin.gate), []
    flaky = list(proposals(ledger, gate.policy, day.date())) if gate else []
    return ledger.before(pin.execution_id), flaky


def _seal(evidence: Evidence, mode: Mode) -> tuple[Sealed | None, str]:
    """The seal of the newest attempt, and why none can be trusted."""
    try:
        attempt = evidence.latest_sealed()
        if not attempt:
            return None, _why_none(evidence)
        sealed = evidence.load_seal(attempt)
        return require_trusted(sealed) if mode is Mode.GUARD else sealed, ""
    except EvidenceError as error:
        return None, f"The seal can't be trusted: {error}"


def _why_none(evidence: Evidence) -> str:
    return "The newest attempt was never sealed." if evidence.attempts() else ""


def _decision(evidence: Evidence, mode: Mode) -> tuple[DecisionRecord | None, str]:
    """The decision on record, and why there is none that counts.

    What was found may be unsigned, since ``decide`` and ``record_bypass`` hold no key; what was done may not.
    """
    try:
        record = read_decision(evidence)
    except EvidenceError as error:
        log.error("The decision can't be read: %s", error)
        return None, f"The decision on record does not count: {error}"
    doubt = doubt_of(record, mode) if record else ""
    if doubt:
        log.error("%s", doubt)
    return (None, doubt) if doubt else (record, "")


def doubt_of(record: DecisionRecord, mode: Mode) -> str:
    """Why a decision does not count, as a sentence; empty where it does."""
    needs_signature = record.decision in CARRIED_OUT and mode is Mode.GUARD
    if not needs_signature or record.is_trusted:
        return ""
    return (
        f"The decision on record, {record.decision} by {record.by}, is {record.signature} and does not count: "
        "find out who wrote it, and look at the execution in Cloud Manager."
    )


def earlier_attempts(evidence: Evidence) -> list[str]:
    """A sentence on each attempt that was done away with by another one, or is to be."""
    sentences = []
    for attempt in range(2, evidence.attempts() + 2):
        try:
            record = read_retest(evidence, attempt)
        except EvidenceError as error:
            sentences.append(f"Why attempt {attempt} was begun can't be read: {error}")
            continue
        begun = attempt <= evidence.attempts()
        if record is not None:
            sentences.append(
                tell(record) if begun else f"{tell(record)} (attempt {attempt} was not begun yet)"
            )
        elif begun:
            sentences.append(
                f"Attempt {attempt} was begun by running settle_stage again (cleared, or restarted by Airflow); "
                "nobody said why."
            )
    return sentences
