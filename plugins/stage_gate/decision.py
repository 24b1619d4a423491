"""What follows from a verdict? Pure rules: what to do next, whether an act is allowed, how a run ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from adobe_cloud_manager.questions import Approval
from aem_checks.outcomes import Outcome


class Mode(StrEnum):
    """``shadow`` watches and says what it would do; ``guard`` acts."""

    SHADOW = "shadow"
    GUARD = "guard"


class Action(StrEnum):
    """What a gate's policy can ask for after a verdict."""

    APPROVE = "approve"
    HALT = "halt"
    HOLD = "hold"
    ASK = "ask"


class Decision(StrEnum):
    """How a candidate's story ended, as far as the gate is concerned."""

    APPROVED = "approved"
    OVERRIDDEN = "overridden"
    HALTED = "halted"
    HELD = "held"
    BYPASSED = "bypassed"
    SUPERSEDED = "superseded"


class Step(StrEnum):
    """Where the Dag goes after ``decide``; the value is the task id, or empty where nothing is left to do."""

    APPROVE = "approve_production"
    HALT = "halt_production"
    HOLD = "hold_production"
    ASK = "ask_release_manager"
    RECORD_BYPASS = "record_bypass"
    REPORT = ""


@dataclass(frozen=True)
class Policy:
    """What follows on each outcome. ``approve`` can follow ``passed`` only, whoever builds this value."""

    passed: Action = Action.APPROVE
    failed: Action = Action.HALT
    inconclusive: Action = Action.HOLD

    def __post_init__(self) -> None:
        if Action.APPROVE in (self.failed, self.inconclusive):
            raise ValueError("approve can follow a passed verdict only; choose halt, hold or ask")

    def action(self, outcome: Outcome) -> Action:
        return {
            Outcome.PASSED: self.passed,
            Outcome.FAILED: self.failed,
            Outcome.INCONCLUSIVE: self.inconclusive,
        }[outcome]


_STEP_OF_ACTION = {
    Action.APPROVE: Step.APPROVE,
    Action.HALT: Step.HALT,
    Action.HOLD: Step.HOLD,
    Action.ASK: Step.ASK,
}


@dataclass(frozen=True)
class GoLive:
    """What Cloud Manager says of production just now."""

    approval: Approval
    sentence: str
    """Why, as ``adobe_cloud_manager.questions`` puts it."""
    production_begun: bool = False
    """The production deployment has begun, whoever let it."""

    @property
    def is_bypassed(self) -> bool:
        """Production was decided elsewhere: approved, or never held because the pipeline does not pause."""
        return self.approval is Approval.APPROVED or self.production_begun


def next_step(outcome: Outcome | None, golive: GoLive, policy: Policy, mode: Mode) -> tuple[Step, str]:
    """Where to go after the verdict, and the sentence that says why.

    ``outcome`` is ``None`` when no verdict could be sealed; that is treated as inconclusive, never better.
    """
    verdict = outcome or Outcome.INCONCLUSIVE
    if golive.is_bypassed:
        return Step.RECORD_BYPASS, bypass_sentence(golive, verdict)
    if golive.approval is Approval.REJECTED:
        return Step.RECORD_BYPASS, f"{golive.sentence} Somebody decided before this gate did."
    if golive.approval is Approval.ENDED:
        return Step.REPORT, f"{golive.sentence} Production was not reached and there is nothing to decide."
    action = policy.action(verdict)
    if mode is Mode.SHADOW:
        would = f"In guard mode this gate would now {_WOULD[action]}; in shadow mode it does nothing."
        return Step.REPORT, f"The verdict is {verdict}. {would}"
    if golive.approval is not Approval.WAITING:
        return (
            Step.HOLD,
            f"The verdict is {verdict}, but the approval does not wait yet: {golive.sentence} The gate holds.",
        )
    return _STEP_OF_ACTION[
        action
    ], f"The verdict is {verdict}; the policy of this gate is to {_WOULD[action]}."


_WOULD = {
    Action.APPROVE: "approve production",
    Action.HALT: "halt production",
    Action.HOLD: "hold production and wait for a person",
    Action.ASK: "ask the release manager",
}


def bypass_sentence(golive: GoLive, verdict: Outcome) -> str:
    """What to say of a release that was decided elsewhere: alarming unless the verdict is ``passed``."""
    if verdict is Outcome.PASSED:
        return f"{golive.sentence} This gate did not decide it; its verdict is passed."
    return (
        f"{golive.sentence} This gate did not decide it, and its verdict is {verdict}: "
        "a release that is not proven is on its way to production."
    )


@dataclass(frozen=True)
class Answer:
    """A person's answer to the gate's question, as it was stored before any branching."""

    option: str
    by: str
    reason: str
    seal_digest: str


@dataclass(frozen=True)
class Proof:
    """Everything an acting task has read for itself just now. Nothing in it comes from an XCom."""

    mode: Mode
    policy: Policy
    seal_digest: str
    sealed_outcome: Outcome
    recomputed_outcome: Outcome
    changes: Sequence[str]
    golive: GoLive
    answer: Answer | None = None


OVERRIDE, HALT, KEEP_WAITING, RETEST, APPROVE = "Override", "Halt", "Keep waiting", "Re-test", "Approve"
"""The options of the question to the release manager."""


def refusal_to_approve(proof: Proof) -> str | None:
    """Why this approval must not be sent, or ``None`` if it may."""
    common = _common_refusal(proof)
    if common:
        return common
    if proof.changes:
        return f"The candidate is not the one that was tested: {' '.join(proof.changes)}"
    if proof.answer is not None and proof.answer.option == OVERRIDE:
        return None
    if proof.recomputed_outcome is not Outcome.PASSED:
        return f"The verdict is {proof.recomputed_outcome}; only passed can be approved."
    asked = proof.policy.passed is not Action.APPROVE
    if asked and (proof.answer is None or proof.answer.option != APPROVE):
        return "The policy asks a person even for a passed verdict, and nobody has approved."
    return None


def refusal_to_halt(proof: Proof) -> str | None:
    """Why this rejection must not be sent, or ``None`` if it may."""
    common = _common_refusal(proof)
    if common:
        return common
    if proof.changes:
        return f"What was judged is not this release: {' '.join(proof.changes)}"
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
    if proof.answer is not None and proof.answer.seal_digest != proof.seal_digest:
        return "The answer was given to another verdict than the one that is sealed now; ask again."
    if proof.answer is not None and not (proof.answer.by.strip() and proof.answer.reason.strip()):
        return "The answer names no person or no reason."
    return None


@dataclass(frozen=True)
class End:
    """What ``publish_report`` knows when it sets the state of the run."""

    mode: Mode
    decision: Decision | None
    outcome: Outcome | None
    production_reached: bool = False
    """Production was deployed, or is being deployed, whoever let it."""
    production_deployed: bool = False
    """Cloud Manager says that the deployment to production is finished."""
    production: Outcome | None = None
    """Of the production tests; ``None`` where none were planned or production was not reached."""
    production_planned: bool = False
    claimed: bool = False
    """The right to act was taken: a request may have left although no decision is on record."""
    let_through: bool = False
    """In guard mode: it only reported because production had been approved before."""
    reported_only: bool = False
    """The run only reported: an AEM update, or a run that pointed at the execution's own run."""


def run_succeeded(end: End) -> tuple[bool, str]:
    """Whether the run is a success, and the sentence that says so.

    Success is short: reported, halted, superseded, rejected by a person, shadow with a verdict, and production
    reached with a passed verdict (or a person's override) and passed production tests. Everything else is a
    failed run.
    """
    if end.reported_only and end.let_through:
        return False, "Not guarded: production was let through before this gate saw the execution."
    if end.reported_only:
        return True, "This run had nothing to decide."
    if end.decision is None:
        return _undecided(end)
    if end.decision is Decision.SUPERSEDED:
        return True, "Superseded: the execution ended before a decision was due; production was not touched."
    if end.decision is Decision.HALTED:
        return True, "Halted: production was not touched."
    if end.decision is Decision.HELD:
        return False, "Held: the gate did not decide and production was not touched by it."
    if not end.production_reached:
        return True, f"{end.decision.capitalize()}: production was rejected in Cloud Manager."
    if end.decision is Decision.BYPASSED and end.mode is Mode.GUARD and end.outcome is not Outcome.PASSED:
        verdict = end.outcome or Outcome.INCONCLUSIVE
        return False, f"Bypassed: production was approved elsewhere although the verdict is {verdict}."
    return _after_production(end)


def _undecided(end: End) -> tuple[bool, str]:
    if end.mode is Mode.SHADOW and end.outcome is not None:
        return True, f"Shadow: the verdict is {end.outcome} and nothing was done."
    if end.claimed:
        return False, (
            "Unclear: the gate began to act and left no record of how it ended. "
            "Look at the execution in Cloud Manager, then clear the acting task: it sends nothing again."
        )
    return False, "Undecided: the gate reached no decision; production was not touched by it."


def _after_production(end: End) -> tuple[bool, str]:
    decided = str(end.decision).capitalize()
    if not end.production_deployed:
        return (
            False,
            f"{decided}, but the production deployment is not finished: see wait_for_production_deployment.",
        )
    if not end.production_planned:
        return True, f"{decided}; no production tests are configured."
    if end.production is Outcome.PASSED:
        return True, f"{decided}, and the production tests passed."
    found = end.production or Outcome.INCONCLUSIVE
    return False, f"{decided}, but the production tests are {found}."
