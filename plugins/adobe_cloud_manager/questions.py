"""What does a snapshot of an execution mean: is the goal reached, can it still be, and who is waited for?

Everything here is pure. Statuses after a rejection, an expiry or a cancellation are not documented by Adobe,
so each answer is a sentence that quotes what was seen, and what is not understood is said to be so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from adobe_cloud_manager.models import Execution, StepState
from adobe_cloud_manager.unasked import steps_to_production, unplaced_approval
from adobe_cloud_manager.vocabulary import PRODUCTION, Action, ExecutionStatus, StepStatus

WAITS_AT_MOST = timedelta(days=14)
"""How long a step waits for a person on AEM as a Cloud Service.

``deploy-code.md#timeouts`` in Adobe's Cloud Service documentation; what follows the expiry is not documented.
"""
CANARY_WAITS = timedelta(hours=3)
"""After this at the latest a paused (canary) production deployment goes on by itself: the shorter of the two times,
3 h and 12 h, that the editions of ``canary-deployments.md`` (beta) state."""


class Goal(StrEnum):
    """What a wait is for: a step of one pinned execution."""

    STAGE_DEPLOYMENT = "stage deployment"
    PRODUCTION_APPROVAL = "production approval"
    """The go-live approval is asked for, or over."""
    DECISION = "decision about production"
    """The go-live approval is over, however it ended."""
    PRODUCTION_DEPLOYMENT = "production deployment"

    @property
    def asks_for_approval(self) -> bool:
        """It is about the approval step, whose every end is a value and no failure."""
        return self in (Goal.PRODUCTION_APPROVAL, Goal.DECISION)


class Approval(StrEnum):
    """How the go-live approval stands."""

    PENDING = "pending"
    """Not asked for yet."""
    WAITING = "waiting"
    """It waits for a decision."""
    UNPLACED = "unplaced"
    """One waits that does not say for which environment: a person has to look, and nothing may act on it."""
    APPROVED = "approved"
    REJECTED = "rejected"
    ABSENT = "absent"
    """There is none, and the steps behind its place have begun: nothing holds production."""
    ENDED = "ended"
    """There will be no decision: the execution is over or dead, or was never asked about production."""
    UNCLEAR = "unclear"
    """It left WAITING, or shows an unknown status, and the execution still goes on."""


@dataclass(frozen=True, slots=True)
class ApprovalState:
    """How the go-live approval stands, and the sentence that says why."""

    state: Approval
    sentence: str
    status: str = ""
    """The status of the approval step as Adobe sent it; empty without such a step."""

    @property
    def is_over(self) -> bool:
        """Nobody can decide any more, or ever could."""
        return self.state in (Approval.APPROVED, Approval.REJECTED, Approval.ABSENT, Approval.ENDED)

    @property
    def is_asked(self) -> bool:
        """An approval waits for a person, whether or not it says that it is production's."""
        return self.state in (Approval.WAITING, Approval.UNPLACED)


def goal_step(execution: Execution, goal: Goal) -> StepState | None:
    """The step that the goal is about, ``None`` where the execution has none (yet)."""
    match goal:
        case Goal.STAGE_DEPLOYMENT:
            return execution.stage_deployment
        case Goal.PRODUCTION_APPROVAL | Goal.DECISION:
            return execution.production_approval
        case Goal.PRODUCTION_DEPLOYMENT:
            return execution.production_deployment


def is_reached(execution: Execution, goal: Goal) -> bool:
    """A deployment is FINISHED, or the approval is asked for or decided. INCOMPLETE is no deployment."""
    step = goal_step(execution, goal)
    if step is None:
        return False
    asked = goal is Goal.PRODUCTION_APPROVAL and step.is_waiting and not execution.is_terminal
    return asked or step.is_finished


def culprit(execution: Execution, goal: Goal) -> StepState | None:
    """The last failed step up to the goal that the execution did not go past: whose log tells why.

    A failed step that others have followed did not stop the pipeline (the Experience Audit never does).
    """
    steps = execution.steps
    target = goal_step(execution, goal)
    upto = steps.index(target) + 1 if target is not None else len(steps)
    for position in range(upto - 1, -1, -1):
        if steps[position].failed:
            return None if any(later.has_begun for later in steps[position + 1 :]) else steps[position]
    return None


def dead_end(execution: Execution, goal: Goal) -> str | None:
    """Why the goal can't be reached any more, as a sentence; ``None`` while it can, or is reached."""
    if is_reached(execution, goal):
        return None
    failed = culprit(execution, goal)
    if failed is not None and (failed.action != Action.CONTENT_AUDIT or not execution.is_running):
        return _failed_sentence(execution, failed, goal)
    if execution.status == ExecutionStatus.CANCELLING:
        return f"Execution {execution.id} is being cancelled (CANCELLING) before its {goal}."
    if execution.is_terminal:
        return _ended_sentence(execution, goal)
    return _bypassed_sentence(execution) if goal.asks_for_approval else None


def approval_state(execution: Execution) -> ApprovalState:
    """How the go-live approval of this execution stands."""
    step = execution.production_approval
    status = step.status if step else ""
    if step is not None and step.is_waiting and not execution.is_terminal:
        return ApprovalState(Approval.WAITING, describe_wait(step), status)
    if step is not None and step.is_finished:
        return _decided(execution, step)
    if step is not None and step.failed:
        return ApprovalState(
            Approval.REJECTED,
            f"Production was not approved: {step.name} of execution {execution.id} is {step.status}"
            f", the execution is {execution.status}.",
            status,
        )
    reason = dead_end(execution, Goal.PRODUCTION_APPROVAL)
    if reason is not None:
        return ApprovalState(Approval.ENDED, reason, status)
    unplaced = unplaced_approval(execution)
    if unplaced is not None and unplaced.is_waiting:
        return ApprovalState(Approval.UNPLACED, describe_wait(unplaced), unplaced.status)
    unheld = why_unheld(execution)
    if unheld is not None and any(step.has_begun for step in steps_to_production(execution)):
        return ApprovalState(Approval.ABSENT, unheld)
    if step is not None and status != StepStatus.NOT_STARTED:
        sentence = (
            f"{step.name} of execution {execution.id} shows {status or 'no status'}, which is no decision."
        )
        return ApprovalState(Approval.UNCLEAR, sentence, status)
    return ApprovalState(
        Approval.PENDING, f"Execution {execution.id} has not reached its approval for production.", status
    )


def why_unheld(execution: Execution) -> str | None:
    """Why nothing holds production, as far as the steps show: they lead there, and no approval can still be asked for.

    All steps are listed from the beginning (fixtures of github.com/adobe/aio-lib-cloudmanager). ``None`` where there
    is an approval, be it of stage; where no step leads to production (yet); and where the execution is over.
    """
    leading, unplaced = steps_to_production(execution), unplaced_approval(execution)
    approvals = [step for step in execution.steps if step.action == Action.APPROVAL]
    is_past = unplaced is not None and unplaced.is_finished
    if execution.is_terminal or not leading or (approvals and not (is_past and approvals == [unplaced])):
        return None
    seen = next((step for step in leading if step.is_waiting), leading[0])
    now = describe_wait(seen) if seen.is_waiting else f"{seen.name} is {seen.status or 'without a status'}."
    if unplaced is not None:
        return f"Nothing holds production of execution {execution.id}: {_past(unplaced)} {now}"
    return (
        f"Execution {execution.id} has no approval among its {len(execution.steps)} steps, so nothing can hold "
        f"production. {now} {_NO_PAUSE}"
    )


def deadline_of(step: StepState) -> datetime | None:
    """When a waiting step stops waiting; ``None`` where Cloud Manager does not say since when it waits.

    The earlier of the two times it may mean is taken, so that a reminder comes rather too early.
    """
    since = step.started_at or step.updated_at
    limit = CANARY_WAITS if step.action == Action.DEPLOY else WAITS_AT_MOST
    return since + limit if since else None


def describe_wait(step: StepState, link: str = "") -> str:
    """What waits for whom, until when, and where to do it."""
    subject = f"{step.name} of execution {step.execution_id}"
    sentence = f"{subject} waits for a person: {_what_to_do(step)}, {_until(step)}."
    return f"{sentence} {link}" if link else sentence


def last_step_seen(execution: Execution) -> StepState | None:
    """The step that says best where the execution is: waiting, else running, else the last one that began."""
    live = [step for step in execution.steps if step.has_begun and not step.is_terminal]
    begun = [step for step in execution.steps if step.has_begun]
    candidates = execution.waiting_steps[:1] or live or begun
    return candidates[-1] if candidates else None


def describe(execution: Execution) -> str:
    """Where the execution is, in a few words for a log line."""
    step = last_step_seen(execution)
    where = f"{step.name} is {step.status}" if step else "no step has begun"
    note = "" if execution.is_running or execution.is_terminal else " (a status this version does not know)"
    return f"execution {execution.id} is {execution.status}{note}, {where}"


def counted_from(execution: Execution, goal: Goal) -> datetime | None:
    """From when the time to the goal is counted: the creation of the execution.

    For the production deployment it is that step's own start, since people decide before it.
    """
    if goal is Goal.PRODUCTION_DEPLOYMENT:
        step = execution.production_deployment
        return step.started_at if step else None
    return execution.created_at


def time_to(execution: Execution, goal: Goal) -> timedelta | None:
    """How long the execution took to the goal, as ``counted_from``; ``None`` where it did not get there.

    The approval's goal is the moment at which it began to wait.
    """
    step, begun = goal_step(execution, goal), counted_from(execution, goal)
    if step is None or not step.is_finished or begun is None:
        return None
    reached = step.started_at if goal is Goal.PRODUCTION_APPROVAL else step.finished_at
    return reached - begun if reached and reached > begun else None


def time_last(history: Iterable[Execution], goal: Goal, *, besides: str) -> timedelta | None:
    """How long the newest earlier execution that reached the goal took; ``history`` is newest first.

    An execution that went well to its end counts before one that only reached the goal.
    """
    earlier = [execution for execution in history if execution.id != besides]
    took = [(execution.ended_badly, time_to(execution, goal)) for execution in earlier]
    reached = [(badly, duration) for badly, duration in took if duration is not None]
    return min(reached, key=lambda entry: entry[0])[1] if reached else None


def _decided(execution: Execution, step: StepState) -> ApprovalState:
    """A FINISHED approval: approved, unless the answer or what became of the execution says otherwise."""
    deployment = execution.production_deployment
    went_on = deployment is not None and deployment.has_begun
    if step.input_of("approved") is False:
        sentence = f"Production was rejected: {step.name} of execution {execution.id} was answered with no."
        return ApprovalState(Approval.REJECTED, sentence, step.status)
    stopped = execution.ended_badly or execution.status == ExecutionStatus.CANCELLING
    if stopped and not went_on and step.input_of("approved") is not True:
        sentence = (
            f"{step.name} of execution {execution.id} is FINISHED, but the execution is {execution.status} "
            "and its production deployment never began: nothing shows that production was approved."
        )
        return ApprovalState(Approval.ENDED, sentence, step.status)
    sentence = f"Production was approved: {step.name} of execution {execution.id} is FINISHED."
    return ApprovalState(Approval.APPROVED, sentence, step.status)


def _failed_sentence(execution: Execution, step: StepState, goal: Goal) -> str:
    at = f" at {step.finished_at:%Y-%m-%d %H:%M:%S %Z}" if step.finished_at else ""
    return (
        f"{step.name} of execution {execution.id} is {step.status}{at}, so its {goal} can't be reached. "
        f"{_WHY_FAILED.get(step.action, 'The log of the step tells why.')}"
    )


def _ended_sentence(execution: Execution, goal: Goal) -> str:
    step = goal_step(execution, goal)
    if step is not None:
        return (
            f"Execution {execution.id} ended {execution.status} while {step.name} is "
            f"{step.status or 'without a status'}: its {goal} did not happen."
        )
    if execution.ended_badly:
        return f"Execution {execution.id} ended {execution.status} before its {goal}."
    return f"Execution {execution.id} ended FINISHED without a step for its {goal}. {_NO_SUCH_STEP[goal]}"


def _bypassed_sentence(execution: Execution) -> str | None:
    deployment = execution.production_deployment
    if execution.production_approval is not None or deployment is None or not deployment.has_begun:
        return None
    unplaced = unplaced_approval(execution)
    why = _past(unplaced) if unplaced is not None else f"no approval step. {_NO_PAUSE}"
    return f"{deployment.name} of execution {execution.id} is {deployment.status}: {why}"


def _past(unplaced: StepState) -> str:
    return f"{unplaced.name}, which does not say for which environment it was, is {unplaced.status}."


def _until(step: StepState) -> str:
    deadline = deadline_of(step)
    if step.action == Action.DEPLOY:
        hours = CANARY_WAITS // timedelta(hours=1)
        when = f"at {deadline:%Y-%m-%d %H:%M %Z}" if deadline else f"{hours} hours after the pause began"
        return f"or Cloud Manager goes on by itself, as far as Adobe documents it, {when} at the latest"
    if deadline is None:
        return "within 14 days of the moment it began to wait"
    return f"until {deadline:%Y-%m-%d %H:%M %Z} (14 days)"


def _what_to_do(step: StepState) -> str:
    place = "production" if step.environment_type == PRODUCTION else step.environment_type
    if step.action == Action.APPROVAL and place is None:
        return (
            "it does not say for which environment (no environmentType), so nothing here approves or rejects it; look at "
            "it in Cloud Manager and decide there"
        )
    known = {
        Action.CODE_QUALITY: "an important quality metric failed and has to be overridden or rejected",
        Action.APPROVAL: f"{place} has to be approved or rejected",
        Action.SCHEDULE: "the production deployment has to be scheduled or cancelled",
        Action.DEPLOY: "the paused deployment has to be promoted or cancelled",
        Action.MANAGED: "Adobe's customer success engineer has to start the deployment",
    }
    for action, what in known.items():
        if step.action == action:
            return what
    return "this version does not know the step; look at it in Cloud Manager"


_WHY_FAILED: dict[str, str] = {
    Action.CODE_QUALITY: "The code was rejected, by a metric or by a person: see the step's metrics and log.",
    Action.APPROVAL: "Production was rejected, or nobody decided in time.",
    Action.SCHEDULE: "The scheduled production deployment was cancelled.",
}
_NO_PAUSE = (
    "The pipeline does not pause before production: tick 'Pause before deploying to Production' "
    "in the pipeline's settings in Cloud Manager, or nothing can hold a release."
)
_NO_SUCH_STEP = {
    Goal.STAGE_DEPLOYMENT: "Is this a production pipeline that deploys to stage?",
    Goal.PRODUCTION_APPROVAL: _NO_PAUSE,
    Goal.DECISION: _NO_PAUSE,
    Goal.PRODUCTION_DEPLOYMENT: "Is this a pipeline that deploys to production?",
}
