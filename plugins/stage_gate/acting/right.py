"""What gives an acting task its right? The seal, a person's answer, the execution and stage as read just now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from adobe_cloud_manager.models import Execution
from stage_gate.acting.wanting import Want
from stage_gate.configuration.planning import plan_of
from stage_gate.configuration.timing import clock_doubt, timing_at
from stage_gate.evidence.files import EvidenceError
from stage_gate.evidence.kept_decisions import (
    StoredAnswer,
    halt_sentence,
    read_answer,
    read_answers,
    standing_halt,
)
from stage_gate.evidence.pin import Pin
from stage_gate.evidence.seal import Sealed
from stage_gate.evidence.signing import Signature
from stage_gate.evidence.store import Evidence
from stage_gate.observing.observe import candidate_of, go_live, read_surroundings
from stage_gate.rules.candidate import changes, must_be_built_again
from stage_gate.rules.decision import Decision, Mode
from stage_gate.rules.demands import NO_DEMANDS, Demands
from stage_gate.rules.plan import NOT_AUTOMATIC
from stage_gate.rules.proof import REFUSALS, Proof
from stage_gate.rules.surroundings import newly_unread
from stage_gate.rules.verdict import judge

if TYPE_CHECKING:
    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
    from stage_gate.configuration.gate import Gate
    from stage_gate.rules.surroundings import Fact, Surroundings

_FROM_THE_PIN = ("mode", "checks", "covered", "waivers", "flakes", "build_marker")
"""What of a plan follows from the pin alone, whenever it is made on the same day."""


@dataclass(frozen=True)
class Basis:
    """What an act rests on: a verified seal, and the answer that is meant for this act on this seal."""

    sealed: Sealed
    answer: StoredAnswer | None
    halt: StoredAnswer | None = None
    """A person's Halt that stands, whatever verdict it was about."""


@dataclass(frozen=True)
class Doubt:
    """Something that can't be made sure."""

    sentence: str
    want: Want | None = None
    """What is missing to it, where that may come back by itself."""


@dataclass(frozen=True)
class Refusal:
    """Why an act is not allowed."""

    sentence: str
    want: Want | None
    """What alone is missing to it, where that may come back; ``None`` where anything else refuses it."""


@dataclass(frozen=True)
class Right:
    """Everything that a right to act is read from. Nothing in it comes from an XCom or another task's state."""

    gate: Gate
    """As pinned when the run began."""
    gate_now: Gate
    """As its file says now: it can only forbid."""
    gates_folder: Path
    pin: Pin
    evidence: Evidence
    reading: CloudManagerHook
    demands: Demands = NO_DEMANDS
    """Of the deployment, as it is now."""
    freezes: Path | None = None
    """The calendar of the deployment."""
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    @property
    def mode(self) -> Mode:
        """``guard`` only if the pinned gate and the file as it is now both say so."""
        return Mode.GUARD if self.gate.mode is self.gate_now.mode is Mode.GUARD else Mode.SHADOW

    def read_execution(self) -> Execution:
        return self.reading.get_execution(self.pin.program_id, self.pin.pipeline_id, self.pin.execution_id)

    def read_surroundings(self, execution: Execution) -> Surroundings:
        return read_surroundings(self.reading, execution, self.gate.pipeline.source_pipeline)

    def basis(self, decision: Decision) -> Basis:
        """Load and verify the newest seal and the answer for this act. Raises ``EvidenceError``."""
        attempt = self.evidence.latest_sealed()
        if attempt == 0:
            raise EvidenceError("there is no sealed verdict of the newest attempt, so nothing is proven.")
        sealed = self.evidence.load_seal(attempt)
        answer = read_answer(self.evidence)
        is_meant = answer is not None and answer.is_for(decision, sealed.digest)
        return Basis(sealed, answer if is_meant else None, standing_halt(read_answers(self.evidence)))

    def refusal(
        self, decision: Decision, basis: Basis, execution: Execution, surroundings: Surroundings
    ) -> Refusal | None:
        """Why what was sealed does not allow this act on what was read just now, ``None`` if it does."""
        doubts = self._doubts(basis, surroundings)
        proof = self._proof(basis, execution, surroundings, doubts)
        refuse = REFUSALS[decision]
        why = refuse(proof)
        if why is None:
            return None
        lasting = [doubt.sentence for doubt in doubts if doubt.want is None]
        want = next((doubt.want for doubt in doubts if doubt.want), None)
        return Refusal(why, want if refuse(replace(proof, doubts=lasting)) is None else None)

    def _proof(
        self, basis: Basis, execution: Execution, surroundings: Surroundings, doubts: Sequence[Doubt]
    ) -> Proof:
        sealed = basis.sealed
        verdict = judge(sealed.plan, sealed.candidate, sealed.recorded)
        gates = (self.gate, self.gate_now)
        return Proof(
            mode=self.mode,
            policy=self.gate.policy.rules,
            seal_digest=sealed.digest,
            sealed_outcome=sealed.verdict.outcome,
            recomputed_outcome=verdict.outcome,
            not_passed=verdict.not_passed,
            changes=self._changes(sealed, execution, surroundings),
            doubts=[doubt.sentence for doubt in doubts],
            golive=go_live(execution),
            timing=timing_at(self.now(), gates, self.gates_folder, sealed.plan.made_at, self.freezes),
            entitled=self.gate.policy.entitled(verdict.outcome, started_by=execution.user),
            answer=basis.answer.given if basis.answer else None,
            halt=halt_sentence(basis.halt) if basis.halt else "",
        )

    def _changes(self, sealed: Sealed, execution: Execution, surroundings: Surroundings) -> list[str]:
        """What differs between what was sealed, what was pinned and what is there now."""
        now = candidate_of(execution, surroundings)
        sentences = changes(sealed.candidate, now)
        rebuild = must_be_built_again(now, sealed.plan.build_marker) if sentences else None
        if rebuild:
            sentences.append(rebuild)
        if sealed.candidate.execution_id != self.pin.execution_id:
            sentences.append(f"The seal is of execution {sealed.candidate.execution_id}.")
        if sealed.plan.gate_digest != self.pin.gate_digest or sealed.plan.gate != self.gate.name:
            sentences.append("The seal is of another gate file than the one pinned when this run began.")
        elif not self._is_as_pinned(sealed):
            sentences.append(
                "The plan that was judged is not the one that follows from the pinned gate file: plan.json was changed "
                "before the seal, or Stage Gate was updated since. Clear settle_stage with its downstream tasks."
            )
        return sentences

    def _is_as_pinned(self, sealed: Sealed) -> bool:
        """Whether the plan follows from the signed pin, whatever lay in the store while stage was tested."""
        made_at = sealed.plan.made_at
        planned = plan_of(self.gate, self.pin, made_at, self.demands)
        same = all(getattr(planned, name) == getattr(sealed.plan, name) for name in _FROM_THE_PIN)
        return same and self.pin.pinned_at <= made_at <= sealed.manifest.sealed_at

    def accepted(self, sealed: Sealed) -> frozenset[Fact]:
        """Facts that may be unread: for the plan, for the gate file as it is now, and for the deployment as it is now."""
        return (
            frozenset(sealed.plan.accept_unread)
            & set(self.gate_now.policy.accept_unread) - self.demands.facts
        )

    def _unaccepted(self, sealed: Sealed, now: Surroundings) -> list[str]:
        """What was or is unread, was accepted when stage was tested, and is not any more."""
        withdrawn = set(sealed.plan.accept_unread) - self.accepted(sealed)
        unread = {each.fact for each in (*sealed.candidate.stage.unread, *now.unread)}
        return [
            f"{fact} was not read, and the gate file or the deployment does not accept that any more."
            for fact in sorted(withdrawn & unread)
        ]

    def _doubts(self, basis: Basis, now: Surroundings) -> list[Doubt]:
        """What can't be made sure, apart from the release itself."""
        sealed, answer = basis.sealed, basis.answer
        doubts = [
            Doubt(each.sentence, Want.CLOUD_MANAGER if each.passing else None)
            for each in newly_unread(sealed.candidate.stage, now, self.accepted(sealed))
        ]
        doubts += map(Doubt, self._unaccepted(sealed, now))
        if sealed.signature is not Signature.TRUSTED:
            doubts.append(
                Doubt(
                    f"The seal is {sealed.signature}; guard mode needs a signing key (docs/deployment.md, 'The signing key')."
                )
            )
        if answer is not None and answer.signature is not Signature.TRUSTED:
            doubts.append(Doubt(f"The answer of {answer.by} is {answer.signature}."))
        site_checks = {c.kind for c in sealed.plan.stage_checks if c.blocks and c.kind not in NOT_AUTOMATIC}
        missing = sorted(set(self.demands.checks) - site_checks)
        if missing:
            doubts.append(
                Doubt(f"The deployment wants {', '.join(missing)} to block, and in this plan it did not.")
            )
        exposed = [check.key for check in sealed.plan.checks if check.unisolated]
        if self.demands.isolation and exposed:
            doubts.append(
                Doubt(
                    "The deployment wants a team's code isolated, and in this plan "
                    f"{', '.join(exposed)} could run un-isolated."
                )
            )
        clock = clock_doubt(self.reading.clock_offset)
        return [*doubts, Doubt(clock, Want.CLOCK)] if clock else doubts
