"""How soon is the next look worth its call? By how long the steps took in this pipeline's earlier executions. Pure, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from adobe_cloud_manager.models import Execution, StepState
from adobe_cloud_manager.questions import Goal, goal_step
from adobe_cloud_manager.vocabulary import GO_LIVE, PRODUCTION, StepStatus

SPARSE = 300.0
"""Seconds between two looks while the goal can't be reached yet."""
USUAL = 55.0
"""Seconds between two looks while the goal may be reached: it is seen within 60 s, the look itself included."""
DENSE = 10.0
"""Seconds between two looks while the goal is due."""
PERSON = 120.0
"""Seconds between two looks while a step waits for a person."""
_CALM = 2.0
"""Where events tell of the execution, these two times are so many times as long: a look then only finds lost events."""
_CERTAIN = ((10, 0.7), (5, 0.6), (0, 0.45))
"""From how many executions on which part of the shortest duration among them is taken for certain."""


@dataclass(frozen=True, slots=True)
class Took:
    """How long a step took in earlier executions, in seconds."""

    shortest: float
    middle: float
    times: int

    @property
    def at_least(self) -> float:
        """What it takes for certain, in seconds."""
        return self.shortest * next(part for times, part in _CERTAIN if self.times >= times)


@dataclass(frozen=True, slots=True)
class Left:
    """The time to the goal in seconds: at least, and as usual. Negative when it is overdue, ``None`` if unknown."""

    at_least: float
    usually: float | None


Durations = Mapping[str, Took]


def durations_of(history: Iterable[Execution], *, besides: str) -> dict[str, Took]:
    """How long each step took in these executions, by ``step_key``; steps that people decide are left out."""
    found: dict[str, list[float]] = {}
    for execution in history:
        for step in execution.steps if execution.id != besides else ():
            seconds = _seconds(step)
            if seconds is not None:
                found.setdefault(step_key(step), []).append(seconds)
    return {key: Took(min(all_), median(all_), len(all_)) for key, all_ in found.items()}


def step_key(step: StepState) -> str:
    """What a step is called from one execution to the next: its action and its environment's type."""
    return f"{step.action} {step.environment_type or ''}".rstrip()


def to_json(durations: Durations) -> dict[str, list[float]]:
    """The durations for the arguments of a trigger, rounded to seconds."""
    return {key: [int(took.shortest), round(took.middle), took.times] for key, took in durations.items()}


def from_json(kept: object) -> dict[str, Took]:
    """The durations that ``to_json`` made; what is not understood is left out."""
    entries = kept.items() if isinstance(kept, Mapping) else ()
    return {
        str(key): Took(float(values[0]), float(values[1]), int(values[2]))
        for key, values in entries
        if isinstance(values, list) and len(values) == 3 and all(isinstance(v, int | float) for v in values)
    }


def next_look(
    goal: Goal, execution: Execution, now: datetime, durations: Durations, *, told: bool = False
) -> float:
    """Seconds until the next look. ``told``: events have lately told of the execution.

    300 s at most while the steps that must still come can't be over yet, then 55 s, and denser, down to 10 s, the
    nearer the usual end is; overdue it is 55 s again. While a person is waited for it is 120 s.
    """
    calm = _CALM if told else 1.0
    if execution.waiting_steps:
        return PERSON * calm
    left = time_left(goal, execution, now, durations)
    if left.at_least > USUAL:
        return min(SPARSE, left.at_least)
    if left.usually is None or told:
        return USUAL * calm
    return min(USUAL, max(DENSE, abs(left.usually)))


def time_left(goal: Goal, execution: Execution, now: datetime, durations: Durations) -> Left:
    """How long the steps that must still come take: the running one less what it ran already."""
    coming = [step for step in _steps_to(goal, execution) if not step.is_terminal]
    running = coming[0] if coming and coming[0].status == StepStatus.RUNNING else None
    later = coming[1:] if running else coming
    took = [durations.get(step_key(step)) for step in later if step.status == StepStatus.NOT_STARTED]
    at_least = sum(one.at_least for one in took if one)
    usually = sum(one.middle for one in took if one)
    ran = _ran(execution, running, now)
    now_runs = durations.get(step_key(running)) if running else Took(0.0, 0.0, 0)
    if ran is None or now_runs is None:
        return Left(at_least, None)
    at_least += max(0.0, now_runs.at_least - ran)
    known = bool(durations) and all(took) and len(took) == len(later)
    rest = now_runs.middle - ran
    return Left(at_least, usually + (max(0.0, rest) if later else rest) if known else None)


def _steps_to(goal: Goal, execution: Execution) -> list[StepState]:
    """The steps that have to be over before the goal is reached, a deployment's own step included."""
    steps = list(execution.steps)
    target = goal_step(execution, goal)
    if target is not None:
        end = steps.index(target) + (0 if goal.asks_for_approval else 1)
    else:
        end = next((i for i, step in enumerate(steps) if step.environment_type == PRODUCTION), len(steps))
    return [step for step in steps[:end] if step.action not in GO_LIVE]


def _ran(execution: Execution, running: StepState | None, now: datetime) -> float | None:
    """Seconds for which the running step runs, or since the last one ended; ``None`` where nothing tells."""
    ended = [step.finished_at for step in execution.steps if step.finished_at and step.is_terminal]
    since = running.started_at if running else max(ended, default=execution.created_at)
    return max(0.0, (now - since).total_seconds()) if since else None


def _seconds(step: StepState) -> float | None:
    """How long a step took that went well; a step without tests took no time."""
    if not step.succeeded or step.action in GO_LIVE:
        return None
    if step.started_at and step.finished_at:
        return max(0.0, (step.finished_at - step.started_at).total_seconds())
    return None if step.is_finished else 0.0
