"""Does a recorded decision follow from what was sealed? The rules of ``proof``, applied to what lies in the evidence.

What evidence can't show is taken as right: that the approval waited, that the window was open, that the person who
answered had not started the execution.
"""

from __future__ import annotations

from collections.abc import Sequence

from adobe_cloud_manager.questions import Approval
from stage_gate.configuration.gate import GateSettings
from stage_gate.evidence.kept_decisions import CARRIED_OUT, DecisionRecord, StoredAnswer, halt_sentence
from stage_gate.evidence.seal import Sealed
from stage_gate.rules.decision import Decision, GoLive, Timing
from stage_gate.rules.proof import REFUSALS, Proof
from stage_gate.rules.verdict import judge


def refusal_of_decision(
    record: DecisionRecord,
    sealed: Sealed | None,
    seals: Sequence[Sealed],
    answer: StoredAnswer | None,
    halt: StoredAnswer | None,
    settings: GateSettings | None,
) -> str | None:
    """Why this decision does not follow, ``None`` if it does.

    ``sealed`` is the seal of the newest attempt, ``seals`` are all that are intact, ``halt`` is a
    person's that stood then, ``settings`` are those of the pinned gate.
    """
    if record.decision not in CARRIED_OUT:
        return _refusal_of_finding(record, seals)
    if sealed is None or record.seal_digest != sealed.digest:
        return f"it names seal {record.seal_digest[:12] or 'none'}, which is not the intact one of the newest attempt"
    if settings is None:
        return "the gate that was pinned can't be read, so nobody can tell its policy"
    if record.outcome is not sealed.verdict.outcome or record.at < sealed.sealed_at:
        return f"it names the verdict {record.outcome} at {record.at}, and sealed is another"
    if record.production_reached == (record.decision is Decision.HALTED):
        return "what it says of production contradicts it"
    meant = answer if answer and answer.is_for(record.decision, sealed.digest) else None
    return REFUSALS[record.decision](_proof(sealed, meant, halt, settings)) or _wrong_name(record, meant)


def _refusal_of_finding(record: DecisionRecord, seals: Sequence[Sealed]) -> str | None:
    """What was found, not done: held, bypassed, superseded. It has to speak of a verdict that there was."""
    outcomes = {None, *(seal.verdict.outcome for seal in seals)}
    return None if record.outcome in outcomes else f"no attempt was {record.outcome}"


def _proof(
    sealed: Sealed, stored: StoredAnswer | None, halt: StoredAnswer | None, settings: GateSettings
) -> Proof:
    verdict = judge(sealed.plan, sealed.candidate, sealed.recorded)
    return Proof(
        mode=settings.mode,
        policy=settings.policy.rules,
        seal_digest=sealed.digest,
        sealed_outcome=sealed.verdict.outcome,
        recomputed_outcome=verdict.outcome,
        not_passed=verdict.not_passed,
        changes=(),
        doubts=(),
        golive=GoLive(Approval.WAITING, "Evidence can't tell."),
        timing=Timing(),
        entitled=settings.policy.entitled(verdict.outcome),
        answer=stored.given if stored else None,
        halt=halt_sentence(halt) if halt else "",
    )


def _wrong_name(record: DecisionRecord, answer: StoredAnswer | None) -> str | None:
    """An act is the gate's own, that of whoever answered, or nobody's in particular."""
    rightly = {answer.by if answer else "Stage Gate", "unattributed"}
    return None if record.by in rightly else f"{record.by} gave no answer that is kept here"
