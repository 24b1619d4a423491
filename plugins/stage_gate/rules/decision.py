"""What follows from a verdict? Pure rules: where the Dag goes, and how an act is carried out at most once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
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
    ASK_FOR_HOTFIX = "ask_for_hotfix"
    WAIT_FOR_WINDOW = "wait_for_window"
    RETEST = "retest_stage"
    RECORD_BYPASS = "record_bypass"
    REPORT = ""


@dataclass(frozen=True)
class Policy:
    """What follows on each outcome. ``approve`` can follow ``passed`` only, whoever builds this value."""

    passed: Action = Action.APPROVE
    failed: Action = Action.HALT
    inconclusive: Action = Action.HOLD
    hotfix: bool = False
    """Somebody may be asked to release outside the window."""

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
        return self.approval in (Approval.APPROVED, Approval.ABSENT) or self.production_begun


@dataclass(frozen=True)
class Timing:
    """What the clock says: of the gate's calendar, and of the evidence."""

    is_open: bool = True
    """The calendar lets releases through just now."""
    sentence: str = ""
    """Which rule closes it, and until when."""
    opens_at: datetime | None = None
    """When the calendar opens next, as far as it is known; ``None`` while it is open."""
    too_old: str = ""
    """Why the evidence proves nothing any more, empty while it does."""


def next_step(
    outcome: Outcome | None, golive: GoLive, policy: Policy, mode: Mode, timing: Timing = Timing()
) -> tuple[Step, str]:
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
    unplaced = golive.approval is Approval.UNPLACED
    action = Action.HOLD if unplaced else policy.action(verdict)
    if mode is Mode.SHADOW:
        would = f"In guard mode this gate would now {_WOULD[action]}{_when(action, timing)}; in shadow mode it does nothing."
        return Step.REPORT, f"The verdict is {verdict}. {would}{f' {golive.sentence}' if unplaced else ''}"
    if unplaced:
        return Step.HOLD, f"The verdict is {verdict}, and the gate holds: {golive.sentence}"
    if golive.approval is not Approval.WAITING:
        return (
            Step.HOLD,
            f"The verdict is {verdict}, but the approval does not wait yet: {golive.sentence} The gate holds.",
        )
    if outcome is not None and timing.too_old:
        return Step.RETEST, f"The verdict is {verdict}, and stage is tested again: {timing.too_old}"
    sentence = f"The verdict is {verdict}; the policy of this gate is to {_WOULD[action]}."
    if action is Action.APPROVE and not timing.is_open:
        step = Step.ASK_FOR_HOTFIX if policy.hotfix else Step.WAIT_FOR_WINDOW
        return step, f"{sentence} {timing.sentence}"
    return _STEP_OF_ACTION[action], sentence


def _when(action: Action, timing: Timing) -> str:
    return "" if action is not Action.APPROVE or timing.is_open else f" as soon as it may ({timing.sentence})"


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


OVERRIDE, HALT, KEEP_WAITING, RETEST, APPROVE = "Override", "Halt", "Keep waiting", "Re-test", "Approve"
"""The options of the question to the release manager."""
HOTFIX = "Release now"
"""The option that lets a passed release go outside the window."""


class Phase(StrEnum):
    """How far an acting task has come. A task that died begins again at ``pinned``, whatever it had done.

    Two things in the evidence store make an act happen at most once, however many tasks are at it: the *claim*, which is
    the right of one run to act on the candidate, and the *ticket*, which is the right to send its one request. Where there
    is no ticket, nothing was sent; where there is one, something may have been.
    """

    PINNED = "pinned"
    """It knows its execution, from the run id alone."""
    SEALED = "sealed"
    """The seal was verified, and it gives the right to act on what was read then."""
    CLAIMED = "claimed"
    """The one claim of this candidate is its run's own."""
    CONFIRMED = "confirmed"
    """Step and surroundings were read once more, and the right still holds."""
    TICKETED = "ticketed"
    """The one ticket of this candidate is its own, taken just now, and the last look is not long ago."""
    IN_HAND = "ticket in hand"
    """The ticket is its own and unused, and too long ago was the last look."""
    ACKNOWLEDGED = "acknowledged"
    """The one request was sent, and Cloud Manager said 202."""
    UNKNOWN = "unknown"
    """The request was sent, or may have been: now, or before this task died."""
    RECORDED = "recorded"
    """The step was seen in the state that was asked for."""
    HELD = "held"
    """Production waits for a person, who is told why."""


class Command(StrEnum):
    """What an acting task does next."""

    PROVE = "prove"
    CLAIM = "claim"
    CONFIRM = "confirm"
    TAKE_TICKET = "take the ticket"
    SEND = "send"
    READ_BACK = "read back"


class Event(StrEnum):
    """What came of it."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    """Something is missing, changed or unreadable; nothing was sent."""
    WON = "won"
    RESUMED = "resumed"
    """The claim is this run's own, taken by a try before this one or beside it."""
    SENT_BEFORE = "sent before"
    """This very act has its ticket already, on this seal: whoever took it may have sent it."""
    TAKEN = "taken"
    """Somebody else holds the claim or the ticket, or was faster."""
    LATE = "late"
    """Too long ago was the last look; nothing was sent."""
    ACCEPTED = "accepted"
    LOST = "lost"
    """The request may have arrived, and nobody knows."""
    SEEN = "seen"
    NOT_SEEN = "not seen"
    """The step did not show the decision in time, or shows the opposite."""


_COMMANDS = {
    Phase.PINNED: Command.PROVE,
    Phase.SEALED: Command.CLAIM,
    Phase.CLAIMED: Command.CONFIRM,
    Phase.CONFIRMED: Command.TAKE_TICKET,
    Phase.TICKETED: Command.SEND,
    Phase.IN_HAND: Command.CONFIRM,
    Phase.ACKNOWLEDGED: Command.READ_BACK,
    Phase.UNKNOWN: Command.READ_BACK,
}

_AFTER = {
    (Phase.PINNED, Event.ALLOWED): Phase.SEALED,
    (Phase.PINNED, Event.SENT_BEFORE): Phase.UNKNOWN,
    (Phase.PINNED, Event.REFUSED): Phase.HELD,
    (Phase.SEALED, Event.WON): Phase.CLAIMED,
    (Phase.SEALED, Event.RESUMED): Phase.CLAIMED,
    (Phase.SEALED, Event.TAKEN): Phase.HELD,
    (Phase.SEALED, Event.REFUSED): Phase.HELD,
    (Phase.CLAIMED, Event.ALLOWED): Phase.CONFIRMED,
    (Phase.CLAIMED, Event.SENT_BEFORE): Phase.UNKNOWN,
    (Phase.CLAIMED, Event.REFUSED): Phase.HELD,
    (Phase.CONFIRMED, Event.WON): Phase.TICKETED,
    (Phase.CONFIRMED, Event.LATE): Phase.CLAIMED,
    (Phase.CONFIRMED, Event.SENT_BEFORE): Phase.UNKNOWN,
    (Phase.CONFIRMED, Event.TAKEN): Phase.HELD,
    (Phase.CONFIRMED, Event.REFUSED): Phase.HELD,
    (Phase.TICKETED, Event.LATE): Phase.IN_HAND,
    (Phase.TICKETED, Event.ACCEPTED): Phase.ACKNOWLEDGED,
    (Phase.TICKETED, Event.LOST): Phase.UNKNOWN,
    (Phase.TICKETED, Event.REFUSED): Phase.HELD,
    (Phase.IN_HAND, Event.ALLOWED): Phase.TICKETED,
    (Phase.IN_HAND, Event.REFUSED): Phase.HELD,
    (Phase.ACKNOWLEDGED, Event.SEEN): Phase.RECORDED,
    (Phase.ACKNOWLEDGED, Event.NOT_SEEN): Phase.HELD,
    (Phase.UNKNOWN, Event.SEEN): Phase.RECORDED,
    (Phase.UNKNOWN, Event.NOT_SEEN): Phase.HELD,
}
"""The whole protocol. ``SEND`` follows ``TICKETED`` only, and no way leads back to it once anything was sent."""


def command(phase: Phase) -> Command | None:
    """What to do in this phase, ``None`` where the act is over."""
    return _COMMANDS.get(phase)


def after(phase: Phase, event: Event) -> Phase:
    """The phase that follows. Raises ``ValueError`` for an event that can't happen in this phase."""
    try:
        return _AFTER[phase, event]
    except KeyError:
        raise ValueError(f"{event} can't happen to an act that is {phase}") from None
