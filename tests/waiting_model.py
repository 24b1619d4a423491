"""What would the waits of many gates ask of Cloud Manager, and how soon would they see what happens? Without real time.

The real waits (``Vigil``) run here on a clock of their own. One look answers all waits of an execution, as on the
board of a triggerer. How long releases take is the stated distribution: ``STATED`` in words, ``Pipeline`` in numbers.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from adobe_cloud_manager.ending import Ending, Kind
from adobe_cloud_manager.models import Execution, StepState
from adobe_cloud_manager.pinned import PinnedExecution
from adobe_cloud_manager.questions import Goal
from adobe_cloud_manager.triggers.hints import HINTS_EVERY
from adobe_cloud_manager.vigil import Memory, Pause, Read, Steps, Vigil, Woken
from adobe_cloud_manager.waiting import advance

MINUTE = 60.0
SPREAD = 0.2
STATED = (
    "Each pipeline has its own usual minutes: build 5–12, code scanning 3–6, images 4–8, stage deployment 20–45, product",
    "tests 5–12, custom tests 3–15, UI tests 5–20 (three in ten have none), audit 4–8, production deployment 15–40.",
    f"Each execution differs from them by a factor, log-normal with sigma {SPREAD}; 5–20 s pass between two steps. A person",
    "decides after 30 min in the median (log-normal, sigma 1). Each pipeline has ended 3 to 20 executions before.",
)
_USUAL = {
    ("validate", None): (0.3, 1.0),
    ("build", None): (5, 12),
    ("codeQuality", None): (3, 6),
    ("buildImage", None): (4, 8),
    ("deploy", "stage"): (20, 45),
    ("productTest", "stage"): (5, 12),
    ("functionalTest", "stage"): (3, 15),
    ("uiTest", "stage"): (5, 20),
    ("contentAudit", "stage"): (4, 8),
    ("approval", "prod"): (30, 30),
    ("deploy", "prod"): (15, 40),
}
_BEGAN = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
_PINNED = PinnedExecution("1", "2", "3")


@dataclass(frozen=True)
class Slot:
    """A step of one execution: from when to when it runs (or waits), in seconds from the execution's creation."""

    action: str
    kind: str | None
    begins: float
    ends: float

    def at(self, position: int, seconds: float) -> StepState:
        """The step as Cloud Manager shows it at that time."""
        over, begun = seconds >= self.ends, seconds >= self.begins
        empty = self.begins == self.ends
        running = "WAITING" if self.action == "approval" else "RUNNING"
        status = ("INCOMPLETE" if empty else "FINISHED") if over else running if begun else "NOT_STARTED"
        told = self.action != "codeQuality"  # Adobe shows no startedAt there
        return StepState(
            id=str(position), step_id=str(position), phase_id="1", execution_id="3", pipeline_id="2", program_id="1",
            action=self.action, status=status, environment_type=self.kind,
            started_at=_time(self.begins) if begun and told else None,
            finished_at=_time(self.ends) if over else None,
        )  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """One execution from its first step to its last."""

    slots: tuple[Slot, ...]

    def at(self, seconds: float) -> Execution:
        """The execution as Cloud Manager shows it at that time, in seconds from its creation."""
        steps = tuple(slot.at(position, seconds) for position, slot in enumerate(self.slots))
        status = "FINISHED" if seconds >= self.slots[-1].ends else "RUNNING"
        return Execution("3", "1", "2", status, created_at=_BEGAN, steps=steps)

    @staticmethod
    def shown(seconds: float) -> datetime:
        """What an execution shows for so many seconds after its creation."""
        return _time(seconds)

    @staticmethod
    def seconds_of(at: datetime) -> float:
        """How many seconds after its creation a time is that ``at`` shows."""
        return (at - _BEGAN).total_seconds()

    def slot(self, action: str, kind: str) -> Slot:
        return next(slot for slot in self.slots if (slot.action, slot.kind) == (action, kind))

    @property
    def changes(self) -> list[float]:
        """When Adobe I/O Events tells of something: steps begin and end."""
        return sorted(
            {at for slot in self.slots for at in (slot.begins, slot.ends) if slot.begins != slot.ends}
        )


@dataclass(frozen=True)
class Pipeline:
    """One pipeline of the stated distribution: how long its steps usually take, in seconds."""

    usual: dict[tuple[str, str | None], float]
    earlier: int

    @classmethod
    def drawn(cls, dice: random.Random) -> Pipeline:
        usual = {step: dice.uniform(*span) * MINUTE for step, span in _USUAL.items()}
        if dice.random() < 0.3:
            usual["uiTest", "stage"] = 0.0
        return cls(usual, dice.randint(3, 20))

    def plan(self, dice: random.Random) -> Plan:
        slots, at = [], 0.0
        for (action, kind), usual in self.usual.items():
            took = usual * math.exp(dice.gauss(0, 1.0 if action == "approval" else SPREAD))
            slots.append(Slot(action, kind, at, at + took))
            at += took + (dice.uniform(5, 20) if took else 0.0)
        return Plan(tuple(slots))

    def history(self, dice: random.Random) -> list[Execution]:
        return [_renamed(self.plan(dice).at(math.inf), str(100 + n)) for n in range(self.earlier)]


@dataclass
class Tally:
    """What the waits of all gates cost and how late they saw their goals, in seconds."""

    calls: int = 0
    seconds: float = 0.0
    late: dict[Goal, list[float]] = field(default_factory=dict)

    @property
    def calls_per_hour(self) -> float:
        """Calls for each gate and hour of waiting."""
        return self.calls / (self.seconds / 3600)

    def all_late(self, *goals: Goal) -> list[float]:
        return sorted(seconds for goal in goals or self.late for seconds in self.late.get(goal, []))


def play(gates: int, *, seed: int, events: bool) -> Tally:
    """Take that many releases through the waits of a gate."""
    dice, tally = random.Random(seed), Tally()
    for _ in range(gates):
        pipeline = Pipeline.drawn(dice)
        Release(pipeline.plan(dice), pipeline.history(dice), tally, dice, events=events).run()
    return tally


class Release:
    """The waits of one gate: stage deployment and approval at once, then the decision, then production."""

    def __init__(
        self, plan: Plan, history: list[Execution], tally: Tally, dice: random.Random, *, events: bool
    ) -> None:
        self.plan, self.history, self.tally, self.dice = plan, history, tally, dice
        self.now = 0.0
        heard = [at + dice.uniform(0.5, 2.0) for at in plan.changes] if events else []
        self._events = [math.ceil(at / HINTS_EVERY) * HINTS_EVERY for at in heard]
        self._late_by = dice.uniform(5, 240)

    def run(self) -> None:
        self.now = self._late_by  # the run begins that long after the execution
        self._wait({
            Goal.STAGE_DEPLOYMENT: self.plan.slot("deploy", "stage").ends,
            Goal.PRODUCTION_APPROVAL: self.plan.slot("approval", "prod").begins,
        })  # fmt: skip
        self._wait({Goal.DECISION: self.plan.slot("approval", "prod").ends})
        self._wait({Goal.PRODUCTION_DEPLOYMENT: self.plan.slot("deploy", "prod").ends})

    def _wait(self, goals: dict[Goal, float]) -> None:
        """Wait for these goals at once; one look serves all."""
        began = self.now
        waits = [_Waiting(self, goal) for goal in goals]
        for wait in waits:
            wait.go_on(None)
        while waits:
            woken = self._go_to_next_look(waits)
            self.tally.calls += 1
            look = self.plan.at(self.now)
            asked = set().union(*(wait.take(look, woken) for wait in waits))
            self.tally.calls += len(asked)
            for wait in [wait for wait in waits if wait.ending]:
                assert wait.ending.kind is Kind.DONE, wait.ending
                self.tally.late.setdefault(wait.goal, []).append(self.now - max(goals[wait.goal], began))
                waits.remove(wait)
        self.tally.seconds += self.now - began

    def _go_to_next_look(self, waits: list[_Waiting]) -> Woken:
        """To the next time that one of them wants to look at, or an event wakes them at."""
        self._events = [at for at in self._events if at > self.now]
        planned = self.now if any(wait.reads for wait in waits) else min(wait.until for wait in waits)
        if self._events and self._events[0] < planned:
            self.now = self._events.pop(0)
            return Woken.BY_EVENT
        self.now = planned
        return Woken.BY_NEWS


class _Waiting:
    """One wait, driven as ``waiting.wait_in_trigger`` does."""

    def __init__(self, release: Release, goal: Goal) -> None:
        self.release, self.goal = release, goal
        self.ending: Ending | None = None
        self.until = math.inf
        self.reads = False
        self._vigil = self._new(Memory())
        self._steps = self._vigil.steps()
        self._asked: set[Read] = set()

    def take(self, look: Execution, woken: Woken) -> set[Read]:
        """Give it a look that it or another wait asked for; returns what it asked for besides."""
        self._asked = set()
        if not self.reads:
            self.go_on(woken if self.until > self.release.now else None)
        self.go_on(look)
        return self._asked

    def go_on(self, answer: Any) -> None:
        """Let the wait run until it pauses, wants a look or ends."""
        self.reads = False
        request = advance(self._steps, answer)
        while request in (Read.HISTORY, Read.CURRENT):
            self._asked.add(request)
            release = self.release
            release.tally.calls += request is Read.HISTORY
            answer = release.history if request is Read.HISTORY else release.plan.at(release.now)
            request = advance(self._steps, answer)
        self.reads = request is Read.EXECUTION
        if isinstance(request, Pause):
            self.until = self.release.now + request.seconds
        elif isinstance(request, Ending):
            self._end(request)

    def _end(self, ending: Ending) -> None:
        if ending.going_on is None:
            self.ending = ending
            return
        self._vigil = self._new(Memory.of(ending.going_on.memory))
        self._steps: Steps = self._vigil.steps()
        self.go_on(None)

    def _new(self, memory: Memory) -> Vigil:
        deadline = _BEGAN + timedelta(days=60)
        return Vigil(
            self.goal,
            _PINNED,
            deadline,
            say=lambda *_: None,
            memory=memory,
            now=lambda: _time(self.release.now),
        )


def percentile(values: list[float], share: float) -> float:
    """The value that this share of the sorted values does not exceed."""
    return values[min(len(values) - 1, math.ceil(share * len(values)) - 1)]


def _renamed(execution: Execution, name: str) -> Execution:
    return Execution(name, "1", "2", execution.status, created_at=_BEGAN, steps=execution.steps)


def _time(seconds: float) -> datetime:
    return _BEGAN + timedelta(seconds=min(seconds, 1e9))
