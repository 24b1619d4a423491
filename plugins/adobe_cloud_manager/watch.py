"""What follows from one look at the pinned execution: keep waiting, done, or a dead end? Pure, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from adobe_cloud_manager.models import Execution, StepState
from adobe_cloud_manager.pace import Durations, next_look
from adobe_cloud_manager.questions import (
    Approval,
    ApprovalState,
    Goal,
    approval_state,
    culprit,
    dead_end,
    deadline_of,
    describe,
    describe_wait,
    goal_step,
    is_reached,
    why_unheld,
)
from adobe_cloud_manager.unasked import unplaced_approval
from adobe_cloud_manager.vocabulary import PRODUCTION, Action

Value = dict[str, str | float | None]
"""What a wait returns: small, and JSON."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Somebody is waited for, or the wait is in vain. A ``key`` that was not there at the last look is announced."""

    key: str
    sentence: str
    is_goal: bool = False
    """It is about what the wait is for, so that this is no surprise."""


@dataclass(frozen=True, slots=True)
class KeepWaiting:
    """Look again in ``next_look`` seconds; ``sentence`` says what was seen."""

    next_look: float
    sentence: str
    waits: tuple[Wait, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """The goal is reached."""

    value: Value
    sentence: str
    waits: tuple[Wait, ...] = ()
    """Other steps that wait for somebody: whoever is told of them by this wait is told before it ends."""


@dataclass(frozen=True, slots=True)
class DeadEnd:
    """The goal can't be reached any more; the log of ``step`` may tell why."""

    reason: str
    step: StepState | None = None


Seen = KeepWaiting | Done | DeadEnd


def look(
    goal: Goal,
    execution: Execution,
    now: datetime,
    *,
    durations: Durations = MappingProxyType({}),
    told: bool = False,
    poll_interval: float | None = None,
    link: str = "",
) -> Seen:
    """Judge one snapshot of the execution.

    ``durations`` is how long the steps took in earlier executions, ``told`` whether events tell of this one: the pace
    follows from both (``pace.next_look``), unless ``poll_interval``, in seconds, fixes it.
    """
    if goal.asks_for_approval:
        state = approval_state(execution)
        if state.is_over or (goal is Goal.PRODUCTION_APPROVAL and state.is_asked):
            live = state.state is not Approval.ENDED
            others = [wait for wait in _waits(goal, execution, link) if live and not wait.is_goal]
            return Done(approval_value(execution, state), state.sentence, tuple(others))
    elif is_reached(execution, goal):
        value = deployment_value(execution, goal)
        return Done(value, f"The {goal} of execution {execution.id} is FINISHED.")
    else:
        reason = dead_end(execution, goal)
        if reason is not None:
            return DeadEnd(reason, culprit(execution, goal))
    pace = (
        poll_interval if poll_interval is not None else next_look(goal, execution, now, durations, told=told)
    )
    return KeepWaiting(pace, describe(execution), _waits(goal, execution, link))


def deployment_value(execution: Execution, goal: Goal) -> Value:
    """What a wait for a deployment returns."""
    step = goal_step(execution, goal)
    finished = step.finished_at if step else None
    took = (finished - execution.created_at).total_seconds() if finished and execution.created_at else None
    return {
        "execution_id": execution.id,
        "status": step.status if step else "",
        "step_id": step.step_id if step else "",
        "phase_id": step.phase_id if step else "",
        "environment_id": step.environment_id if step else None,
        "finished_at": finished.isoformat() if finished else None,
        "commit_id": execution.commit_id,
        "artifacts_version": execution.artifacts_version,
        "trigger": execution.trigger,
        "seconds": took,
    }


def approval_value(execution: Execution, state: ApprovalState) -> Value:
    """What a wait for the approval returns, however it ended."""
    step = execution.production_approval or unplaced_approval(execution)
    deadline = deadline_of(step) if step and step.is_waiting else None
    return {
        "execution_id": execution.id,
        "state": str(state.state),
        "sentence": state.sentence,
        "status": state.status,
        "execution_status": execution.status,
        "step_id": step.step_id if step else None,
        "phase_id": step.phase_id if step else None,
        "waits_until": deadline.isoformat() if deadline else None,
    }


def ended_value(execution_id: str, sentence: str) -> Value:
    """What a wait for the approval returns where the execution itself is gone."""
    return {"execution_id": execution_id, "state": str(Approval.ENDED), "sentence": sentence, "status": ""}


def _waits(goal: Goal, execution: Execution, link: str) -> tuple[Wait, ...]:
    """Who is waited for; and of a wait for the approval, first of all, that it may be in vain."""
    unheld = why_unheld(execution) if goal.asks_for_approval else None
    in_vain = (Wait("unheld", unheld, is_goal=True),) if unheld else ()
    return (*in_vain, *(_wait(goal, step, link) for step in execution.waiting_steps))


def _wait(goal: Goal, step: StepState, link: str) -> Wait:
    return Wait(step.path, describe_wait(step, link), goal.asks_for_approval and _is_approval(step))


def _is_approval(step: StepState) -> bool:
    return step.action == Action.APPROVAL and step.environment_type == PRODUCTION
