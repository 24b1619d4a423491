"""May this act be sent? Pure rules over what the acting task has read for itself just now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from adobe_cloud_manager.questions import Approval
from aem_checks.outcomes import Outcome
from stage_gate.rules.asking import SILENCE, not_entitled
from stage_gate.rules.decision import (
    APPROVE,
    HALT,
    HOTFIX,
    OVERRIDE,
    Action,
    Decision,
    GoLive,
    Mode,
    Policy,
    Timing,
)


@dataclass(frozen=True)
class Answer:
    """A person's answer to the gate's question, as it was stored and signed before any branching."""

    option: str
    by: str
    reason: str
    seal_digest: str
    accepts: tuple[str, ...] = ()
    """What an override accepts: the keys of the checks that did not pass."""
    name: str = ""
    """The user name that Airflow has besides the id in ``by``; often the one that Cloud Manager knows."""


@dataclass(frozen=True)
class Entitled:
    """Whose word counts, as the pinned gate says."""

    release_managers: tuple[str, ...] = ()
    """Who is asked about a verdict like this one."""
    hotfix: tuple[str, ...] = ()
    """Who may release outside the window."""
    never: tuple[str, ...] = ()
    """Names of whoever started the execution: nobody approves a release of their own."""
    silence_halts: bool = False

    def refuse(self, answer: Answer) -> str | None:
        """Why this answer is nobody's whose word counts, ``None`` if it counts."""
        if not (answer.by.strip() and answer.reason.strip()):
            return "The answer names no person or no reason."
        if answer.by == SILENCE:
            counts = answer.option == HALT and self.silence_halts
            return None if counts else "Nobody answered, and silence is no consent."
        asked = self.hotfix if answer.option == HOTFIX else self.release_managers
        return not_entitled(answer.by, answer.name, asked, () if answer.option == HALT else self.never)


@dataclass(frozen=True)
class Proof:
    """Everything an acting task has read for itself just now. Nothing in it comes from an XCom."""

    mode: Mode
    policy: Policy
    seal_digest: str
    sealed_outcome: Outcome
    recomputed_outcome: Outcome
    not_passed: Sequence[str]
    """What stands against the release, by key: an override has to accept each."""
    changes: Sequence[str]
    """Sentences on what is not as it was tested."""
    doubts: Sequence[str]
    """Sentences on what could not be made sure, such as the time."""
    golive: GoLive
    timing: Timing
    entitled: Entitled
    answer: Answer | None = None
    halt: str = ""
    """That a person wanted production halted, whatever verdict that was about, and took nothing of it back, as a sentence."""


def refusal_to_approve(proof: Proof) -> str | None:
    """Why this approval must not be sent, or ``None`` if it may."""
    answer = proof.answer
    if answer is not None and answer.option not in (APPROVE, HOTFIX):
        return f"The answer was {answer.option or 'none'}, and that approves nothing by itself."
    refusal = _common_refusal(proof) or proof.halt or _closed(proof)
    if refusal:
        return refusal
    if proof.recomputed_outcome is not Outcome.PASSED:
        return f"The verdict is {proof.recomputed_outcome}; only passed can be approved."
    asked = proof.policy.passed is not Action.APPROVE
    if asked and (answer is None or answer.option != APPROVE):
        return "The policy asks a person even for a passed verdict, and nobody has approved."
    return None


def refusal_to_override(proof: Proof) -> str | None:
    """Why production must not be approved on a person's word, or ``None`` if it may."""
    answer = proof.answer
    if answer is None or answer.option != OVERRIDE:
        return f"Nobody has answered {OVERRIDE} to this verdict."
    refusal = _common_refusal(proof) or proof.halt or _closed(proof)
    if refusal:
        return refusal
    if proof.policy.action(proof.recomputed_outcome) is not Action.ASK:
        return f"The policy asks nobody about {proof.recomputed_outcome}, so nobody can override it."
    left = sorted(set(proof.not_passed) - set(answer.accepts))
    if left:
        return f"{answer.by} accepted {', '.join(answer.accepts) or 'nothing'}, but not {', '.join(left)}."
    return None


def refusal_to_halt(proof: Proof) -> str | None:
    """Why this rejection must not be sent, or ``None`` if it may. No window stands against a halt."""
    refusal = _common_refusal(proof)
    if refusal:
        return refusal
    if proof.answer is not None:
        return None if proof.answer.option == HALT else f"The answer was {proof.answer.option}, not {HALT}."
    if proof.policy.action(proof.recomputed_outcome) is not Action.HALT:
        return f"The policy does not halt on {proof.recomputed_outcome}."
    return None


def _common_refusal(proof: Proof) -> str | None:
    if proof.mode is not Mode.GUARD:
        return "The gate is in shadow mode."
    if proof.golive.approval is not Approval.WAITING:
        return f"The production approval does not wait: {proof.golive.sentence}"
    if proof.sealed_outcome is not proof.recomputed_outcome:
        return (
            f"The sealed verdict is {proof.sealed_outcome}, but the sealed results amount to "
            f"{proof.recomputed_outcome}."
        )
    if proof.doubts:
        return " ".join(proof.doubts)
    if proof.changes:
        return f"This is not what was tested: {' '.join(proof.changes)}"
    if proof.timing.too_old:
        return proof.timing.too_old
    if proof.answer is None:
        return None
    if proof.answer.seal_digest != proof.seal_digest:
        return "The answer was given to another verdict than the one that is sealed now; ask again."
    return proof.entitled.refuse(proof.answer)


def _closed(proof: Proof) -> str | None:
    if proof.timing.is_open or (proof.answer is not None and proof.answer.option == HOTFIX):
        return None
    return proof.timing.sentence


REFUSALS: Mapping[Decision, Callable[[Proof], str | None]] = {
    Decision.APPROVED: refusal_to_approve,
    Decision.OVERRIDDEN: refusal_to_override,
    Decision.HALTED: refusal_to_halt,
}
"""What refuses each act."""
OPTIONS: Mapping[Decision, tuple[str, ...]] = {
    Decision.APPROVED: (APPROVE, HOTFIX),
    Decision.OVERRIDDEN: (OVERRIDE,),
    Decision.HALTED: (HALT,),
}
"""The answers that are meant for each act; any other one is no answer to its question."""
