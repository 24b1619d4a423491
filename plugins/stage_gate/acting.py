"""May this act be sent, and was it? The one road to an approval or a rejection, walked by each acting task itself.

The order is fixed: read the execution afresh; load the seal and verify it; recompute the verdict from the sealed
results; check that a person's answer belongs to this seal; take the claim; read the step and the surroundings of
stage once more; send one PUT. Whatever is missing on the way holds production and says what it was.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from adobe_cloud_manager.exceptions import CloudManagerError
from adobe_cloud_manager.golive import ActKind, ActOutcome, Verb, act_once
from adobe_cloud_manager.models import Execution, StepState
from adobe_cloud_manager.questions import Approval
from stage_gate.candidate import Candidate, changes
from stage_gate.claims import Claim, ClaimTaken, ClaimUnsupported, claim_path, held_claim, take
from stage_gate.decision import (
    APPROVE,
    HALT,
    OVERRIDE,
    Answer,
    Decision,
    GoLive,
    Mode,
    Proof,
    refusal_to_approve,
    refusal_to_halt,
)
from stage_gate.evidence import Evidence, EvidenceError, Sealed
from stage_gate.observe import NotDeployed, go_live, read_candidate
from stage_gate.pin import Pin
from stage_gate.record import DecisionRecord, StoredAnswer, read_answer, read_decision
from stage_gate.verdict import judge

if TYPE_CHECKING:
    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
    from stage_gate.gate import Gate

log = logging.getLogger(__name__)

_VERB_OF = {
    Decision.APPROVED: Verb.APPROVE,
    Decision.OVERRIDDEN: Verb.APPROVE,
    Decision.HALTED: Verb.REJECT,
}


_READ_BACK_EVERY = timedelta(seconds=5)


class Held(RuntimeError):
    """The act was not sent, or nobody can tell whether it was: production waits, and the sentence says why."""


@dataclass(frozen=True)
class Act:
    """Everything an acting task needs; it is built from the run id and the gate, never from an XCom."""

    gate: Gate
    mode: Mode
    pin: Pin
    evidence: Evidence
    reading: CloudManagerHook
    deciding: CloudManagerHook
    dag_id: str
    run_id: str
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def perform(self, decision: Decision) -> DecisionRecord:
        """Approve, override or halt production once, and return the record of it.

        Raises ``Held`` when the act is not allowed, was claimed before without a visible effect, or got lost.
        """
        try:
            sealed = self._load_seal()
            answer = read_answer(self.evidence)
            outcome = self._send(decision, sealed, answer)
        except ClaimTaken as taken:
            return self._after_someone_elses_claim(decision, taken)
        except (EvidenceError, ClaimUnsupported, CloudManagerError, NotDeployed) as error:
            raise Held(f"Production is held: {error}") from error
        return self._record(decision, sealed, answer, outcome)

    def _load_seal(self) -> Sealed:
        attempt = self.evidence.latest_sealed()
        if attempt == 0:
            raise EvidenceError("there is no sealed verdict of the newest attempt, so nothing is proven.")
        return self.evidence.load_seal(attempt)

    def _send(self, decision: Decision, sealed: Sealed, answer: StoredAnswer | None) -> ActOutcome:
        def allow(execution: Execution, step: StepState) -> None:
            self._require_right(decision, sealed, answer, execution)

        def claim(step: StepState) -> None:
            self._take_claim(decision, sealed, step)

        execution = self._read_execution()
        self._require_unclaimed(decision, sealed, answer, execution)
        self._require_right(decision, sealed, answer, execution)
        return act_once(
            self.deciding,
            program_id=self.pin.program_id,
            pipeline_id=self.pin.pipeline_id,
            execution_id=self.pin.execution_id,
            verb=_VERB_OF[decision],
            claim=claim,
            before_send=allow,
            read_back_for=self.gate.waits.read_back.total_seconds(),
            read_back_every=min(_READ_BACK_EVERY, (self.gate.waits.poll or _READ_BACK_EVERY)).total_seconds(),
        )

    def _read_execution(self) -> Execution:
        return self.reading.get_execution(self.pin.program_id, self.pin.pipeline_id, self.pin.execution_id)

    def _require_unclaimed(
        self, decision: Decision, sealed: Sealed, answer: StoredAnswer | None, execution: Execution
    ) -> None:
        """Raise ``ClaimTaken`` where this step was claimed before, as when a task is cleared that has acted."""
        step = execution.production_approval
        if step is not None:
            own = self._claim_of(decision, sealed, step)
            claim = held_claim(self._claim_path(own))
            if claim is not None and (claim.decision, claim.seal_digest) == (own.decision, own.seal_digest):
                self._require_answer(decision, answer, sealed)
                raise ClaimTaken(claim)

    def _require_answer(self, decision: Decision, answer: StoredAnswer | None, sealed: Sealed) -> None:
        """An override is one only with its answer, whoever claimed what."""
        given = _answer_for(decision, answer, sealed.digest)
        if decision is Decision.OVERRIDDEN and not (given and given.by and given.reason):
            raise Held("Production is held: nobody has answered Override to this verdict.")

    def _require_right(
        self, decision: Decision, sealed: Sealed, answer: StoredAnswer | None, execution: Execution
    ) -> None:
        """Raise ``Held`` unless everything that was sealed still allows this act, on what is read now."""
        proof = self._proof(decision, sealed, answer, execution)
        refuse = refusal_to_halt if decision is Decision.HALTED else refusal_to_approve
        refusal = refuse(proof)
        if refusal:
            raise Held(f"Production is held: {refusal}")

    def _proof(
        self, decision: Decision, sealed: Sealed, answer: StoredAnswer | None, execution: Execution
    ) -> Proof:
        live = go_live(execution)
        now = read_candidate(self.reading, execution) if decision is not Decision.HALTED else sealed.candidate
        return Proof(
            mode=self.mode,
            policy=self.gate.policy.rules,
            seal_digest=sealed.digest,
            sealed_outcome=sealed.verdict.outcome,
            recomputed_outcome=judge(sealed.plan, sealed.candidate, sealed.recorded).outcome,
            changes=self._changes(sealed, now),
            golive=live,
            answer=_answer_for(decision, answer, sealed.digest),
        )

    def _changes(self, sealed: Sealed, now: Candidate) -> list[str]:
        """What differs between what was sealed, what was pinned and what is there now."""
        sentences = changes(sealed.candidate, now)
        if sealed.candidate.execution_id != self.pin.execution_id:
            sentences.append(f"The seal is of execution {sealed.candidate.execution_id}.")
        if sealed.plan.gate_digest != self.pin.gate_digest or sealed.plan.gate != self.gate.name:
            sentences.append("The seal is of another gate file than the one pinned when this run began.")
        return sentences

    def _claim_path(self, claim: Claim) -> Path:
        return claim_path(self.evidence.store, claim.program_id, claim.pipeline_id, claim.execution_id)

    def _claim_of(self, decision: Decision, sealed: Sealed, step: StepState) -> Claim:
        return Claim(
            act=_VERB_OF[decision],
            decision=decision,
            program_id=self.pin.program_id,
            pipeline_id=self.pin.pipeline_id,
            execution_id=self.pin.execution_id,
            step_id=step.step_id,
            seal_digest=sealed.digest,
            dag_id=self.dag_id,
            run_id=self.run_id,
            at=self.now(),
        )

    def _take_claim(self, decision: Decision, sealed: Sealed, step: StepState) -> None:
        claim = self._claim_of(decision, sealed, step)
        path = self._claim_path(claim)
        take(path, claim)
        log.info(
            "Claimed the right to %s step %s of execution %s: %s",
            claim.act,
            step.step_id,
            claim.execution_id,
            path,
        )

    def _after_someone_elses_claim(self, decision: Decision, taken: ClaimTaken) -> DecisionRecord:
        """The act was claimed before: never send it again, say what came of it."""
        live = go_live(self._read_execution())
        effect = Approval.REJECTED if decision is Decision.HALTED else Approval.APPROVED
        if live.approval is not effect:
            raise Held(f"Production is held: {taken} {live.sentence} Decide in Cloud Manager.") from taken
        known = read_decision(self.evidence)
        if known is not None and known.decision is decision:
            log.info("This was done and recorded already; nothing is sent again. %s", taken)
            return known
        return self._record_of(
            decision,
            f"{live.sentence} It was claimed earlier by run {taken.claim.run_id}; who did it can't be told apart.",
            by="unattributed",
            live=live,
            seal_digest=taken.claim.seal_digest,
        )

    def _record(
        self, decision: Decision, sealed: Sealed, answer: StoredAnswer | None, outcome: ActOutcome
    ) -> DecisionRecord:
        if outcome.kind is ActKind.UNRESOLVED:
            raise Held(f"Production is held: {outcome.sentence}")
        person = _answer_for(decision, answer, sealed.digest)
        why = f" {person.by} answered {person.option}: {person.reason}" if person else ""
        return DecisionRecord(
            decision=decision,
            sentence=f"{outcome.sentence} {sealed.verdict.summary}{why}",
            by=(person.by if person else "Stage Gate")
            if outcome.kind is ActKind.ACKNOWLEDGED
            else "unattributed",
            at=self.now(),
            outcome=sealed.verdict.outcome,
            seal_digest=sealed.digest,
            production_reached=decision is not Decision.HALTED,
            request_id=outcome.request_id or "",
        )

    def _record_of(
        self, decision: Decision, sentence: str, *, by: str, live: GoLive, seal_digest: str
    ) -> DecisionRecord:
        return DecisionRecord(
            decision=decision,
            sentence=sentence,
            by=by,
            at=self.now(),
            seal_digest=seal_digest,
            production_reached=live.is_bypassed,
        )


_OPTION_OF = {Decision.APPROVED: APPROVE, Decision.OVERRIDDEN: OVERRIDE, Decision.HALTED: HALT}


def _answer_for(decision: Decision, answer: StoredAnswer | None, seal_digest: str) -> Answer | None:
    """The person's answer that is meant for this act, if there is one.

    Another option, or an answer to an earlier verdict, is no answer to this question. An override without its
    answer gets an empty one, which every rule refuses.
    """
    if answer is not None and answer.option == _OPTION_OF[decision] and answer.seal_digest == seal_digest:
        return Answer(answer.option, answer.by, answer.reason, answer.seal_digest)
    return Answer("", "", "", "") if decision is Decision.OVERRIDDEN else None
