"""Which gates wait at a moment of an ordinary day, each how far, and what would they have to see next?"""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adobe_cloud_manager.pace import durations_of, from_json, next_look, to_json
from adobe_cloud_manager.questions import Goal
from waiting_model import Pipeline, Plan, Slot

PROGRAM = "12345"
LOADING = 45.0
"""Seconds within which the triggerer has taken up all waits: it takes 50 a second."""
_LONGEST = 12 * 3600.0


@dataclass(frozen=True)
class Wait:
    """One trigger of a gate, and when its goal is reached (seconds since 1970)."""

    gate: Gate
    goal: Goal
    reached_at: float
    durations: dict[str, list[float]]
    number: int = 0
    """Its place among all waits, which is its task's map index."""

    @property
    def kwargs(self) -> dict[str, Any]:
        """The arguments of its ``ExecutionTrigger``, whose last look was at some moment before."""
        now, dice = time.time(), random.Random(self.gate.execution_id)
        seen = self.gate.plan.at(now - self.gate.created_at)
        shown = self.gate.plan.shown(now - self.gate.created_at)
        pace = next_look(self.goal, seen, shown, from_json(self.durations))
        memory = {
            "begun": True,
            "durations": self.durations,
            "current_checked": now - dice.uniform(0, 1200),
            "next_look": now + LOADING + dice.uniform(0, pace),
        }
        return {
            "goal": str(self.goal),
            "program_id": PROGRAM,
            "pipeline_id": self.gate.execution_id,
            "execution_id": self.gate.execution_id,
            "cloud_manager_conn_id": "cloud_manager_default",
            "deadline": time.time() + 14 * 86400,
            "poll_interval": None,
            "memory": memory,
            "wake_at": None,
        }


@dataclass(frozen=True)
class Gate:
    """One gate: its execution began at ``created_at`` (seconds since 1970). Its pipeline has the execution's id."""

    execution_id: str
    created_at: float
    plan: Plan
    program_id: str = PROGRAM

    @property
    def goals(self) -> dict[Goal, float]:
        """When it reaches what, in seconds since 1970."""
        approval, stage = self.plan.slot("approval", "prod"), self.plan.slot("deploy", "stage")
        reached = {
            Goal.STAGE_DEPLOYMENT: stage.ends,
            Goal.PRODUCTION_APPROVAL: approval.begins,
            Goal.DECISION: approval.ends,
            Goal.PRODUCTION_DEPLOYMENT: self.plan.slot("deploy", "prod").ends,
        }
        return {goal: self.created_at + seconds for goal, seconds in reached.items()}

    def waits(self, now: float, durations: dict[str, list[float]]) -> list[Wait]:
        """What it waits for now: stage deployment and approval at once, then one after the other."""
        ahead = [(goal, at) for goal, at in self.goals.items() if at > now]
        first = {goal for goal, _ in ahead[:1]}
        both = {Goal.PRODUCTION_APPROVAL} if Goal.STAGE_DEPLOYMENT in first else set()
        return [Wait(self, goal, at, durations) for goal, at in ahead if goal in first | both]


def draw(count: int, *, seed: int) -> list[Wait]:
    """The waits of so many gates at this moment: long releases are met more often, each at any of its moments."""
    dice, waits = random.Random(seed), list[Wait]()
    now = time.time()
    for number in range(count):
        while True:
            pipeline = Pipeline.drawn(dice)
            plan = pipeline.plan(dice)
            if dice.random() < plan.slots[-1].ends / _LONGEST:
                break
        gate = Gate(str(500000 + number), now - dice.uniform(0, plan.slots[-1].ends), plan)
        waits += gate.waits(now, to_json(durations_of(pipeline.history(dice), besides="")))
    return [replace(wait, number=number) for number, wait in enumerate(waits)]


def write(waits: list[Wait], path: Path) -> None:
    """The gates of these waits, for the server."""
    gates = {wait.gate.execution_id: wait.gate for wait in waits}
    entries = [
        [key, gate.created_at, [[s.action, s.kind, s.begins, s.ends] for s in gate.plan.slots]]
        for key, gate in gates.items()
    ]
    path.write_text(json.dumps(entries))


def gates_in(path: Path) -> list[Gate]:
    """The gates that ``write`` wrote."""
    return [
        Gate(key, created_at, Plan(tuple(Slot(*slot) for slot in slots)))
        for key, created_at, slots in json.loads(path.read_text())
    ]
