"""Where is an execution, and what happens to it next? A state machine whose clock (seconds) is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simulator import acts
from simulator.pipelines import HUMAN_ACTIONS, StepBlueprint
from simulator.scenario import Timing

GOOD_ENDS = frozenset({"FINISHED", "INCOMPLETE"})
BAD_ENDS = {"FAILED": "FAILED", "ROLLED_BACK": "FAILED", "ERROR": "ERROR", "CANCELLED": "CANCELLED"}
ENDED = frozenset({"FINISHED", "FAILED", "ERROR", "CANCELLED"})
_FIRST_END = {
    "finished": "FINISHED",
    "incomplete": "INCOMPLETE",
    "failed": "FAILED",
    "error": "ERROR",
    "waiting": "WAITING",
    "rolled back": "ROLLING_BACK",
    "cancelled": "CANCELLED",
}


@dataclass(slots=True)
class Step:
    """A step state: what the API shows of one step."""

    blueprint: StepBlueprint
    status: str = "NOT_STARTED"
    started_at: float | None = None
    finished_at: float | None = None
    updated_at: float = 0.0
    input: Mapping[str, Any] | None = None

    @property
    def failing(self) -> frozenset[str]:
        """The important KPIs that failed; none unless code quality waits or has waited for a person."""
        waits = self.blueprint.action == "codeQuality" and self.blueprint.plan.outcome == "waiting"
        return frozenset(self.blueprint.plan.failing) if waits else frozenset()

    @property
    def links(self) -> frozenset[str]:
        return acts.links(self.blueprint.action, self.status)


@dataclass(frozen=True, slots=True)
class Event:
    """A step, or the execution (step None), got a status at that time."""

    at: float
    step: Step | None
    status: str


@dataclass(slots=True)
class Execution:
    """One run of a pipeline. `tick` moves it to a time; nothing moves by itself."""

    id: str
    release: str
    trigger: str
    artifacts_version: str
    commit_id: str
    created_at: float
    steps: tuple[Step, ...]
    timing: Timing = field(default_factory=Timing)
    user: str | None = None
    source: str | None = None  # id of the execution whose artifacts it takes; the API does not show it
    status: str = "RUNNING"
    updated_at: float = 0.0
    finished_at: float | None = None
    _current: int = -1
    _change: tuple[float, str] | None = None  # the current step gets this status then
    _act: tuple[float, acts.Effect] | None = None  # accepted, not yet in effect
    _end: tuple[float, str] | None = None  # the execution gets this status then

    def __post_init__(self) -> None:
        self.updated_at = self.created_at
        for step in self.steps:
            step.updated_at = self.created_at

    @classmethod
    def begin(cls, blueprints: Sequence[StepBlueprint], created_at: float, **fields: Any) -> Execution:
        return cls(created_at=created_at, steps=tuple(map(Step, blueprints)), **fields)

    @property
    def is_over(self) -> bool:
        return self.status in ENDED

    @property
    def current(self) -> Step | None:
        """The step that runs or waits, or that ended last."""
        return self.steps[self._current] if self._current >= 0 else None

    @property
    def next_due(self) -> float | None:
        """When the next change happens by itself; None when there is none."""
        if self._current < 0:
            return self.created_at
        return min((slot[0] for slot in (self._change, self._act, self._end) if slot), default=None)

    def tick(self, now: float) -> list[Event]:
        """Make all changes that are due up to `now`, at their own times, and return them in order."""
        events: list[Event] = []
        while not self.is_over and (due := self.next_due) is not None and due <= now:
            events += self._make_change(due)
        return events

    def advance(self, step: Step, body: Any, now: float) -> None:
        """Accept a PUT to the step's advance link; it takes effect `timing.act` later. Raises ActRefused."""
        self._accept(acts.advance(step.blueprint.action, self._open_status(step), body, step.failing), now)

    def cancel(self, step: Step, body: Any, now: float) -> None:
        """Accept a PUT to the step's cancel link; it takes effect `timing.act` later. Raises ActRefused."""
        self._accept(acts.cancel(step.blueprint.action, self._open_status(step), body), now)
        if step.status == "RUNNING":
            self.status, self.updated_at = "CANCELLING", now

    def abort(self, now: float) -> None:
        """A person cancels the whole execution in Cloud Manager's UI, whatever its step is doing."""
        if not self.is_over and self._end is None:
            self.status, self.updated_at = "CANCELLING", now
            self._accept(acts.Effect("CANCELLED", {"cancel": True}), now)

    def promote(self, source: Execution) -> None:
        """Take the artifacts of another execution instead of building them."""
        self.source, self.commit_id = source.id, source.commit_id
        self.artifacts_version = source.artifacts_version

    def _open_status(self, step: Step) -> str:
        return "CHANGING" if self._act is not None else step.status

    def _accept(self, effect: acts.Effect, now: float) -> None:
        self._act = (now + self.timing.act, effect)

    def _make_change(self, at: float) -> list[Event]:
        if self._current < 0:
            return self._start_next(at)
        if self._act is not None and self._act[0] <= at:
            return self._take_effect(at, self._act[1])
        if self._change is not None and self._change[0] <= at:
            return self._set_step(at, self._change[1])
        assert self._end is not None
        self.status, self.finished_at, self.updated_at = self._end[1], at, at
        return [Event(at, None, self.status)]

    def _take_effect(self, at: float, effect: acts.Effect) -> list[Event]:
        self._act = None
        step = self.steps[self._current]
        step.input = effect.input
        events = self._set_step(at, effect.status)
        if effect.until is not None:
            self._change = (max(at, effect.until), "FINISHED")
        return events

    def _start_next(self, at: float) -> list[Event]:
        self._current += 1
        if self._current == len(self.steps):
            self._current -= 1
            self._end, self._change = (at + self.timing.tail, "FINISHED"), None
            return []
        step = self.steps[self._current]
        if step.blueprint.action != "codeQuality":  # Adobe shows no startedAt there
            step.started_at = at
        return self._set_step(at, "WAITING" if step.blueprint.action in HUMAN_ACTIONS else "RUNNING")

    def _set_step(self, at: float, status: str) -> list[Event]:
        step = self.steps[self._current]
        step.status, step.updated_at = status, at
        self._change = self._what_follows(step, at)
        events = [Event(at, step, status)]
        if status in GOOD_ENDS:
            step.finished_at = at
            return events + self._start_next(at)
        if status in BAD_ENDS:
            step.finished_at = at
            self._end = (at + self.timing.tail, BAD_ENDS[status])
        return events

    def _what_follows(self, step: Step, at: float) -> tuple[float, str] | None:
        plan = step.blueprint.plan
        if step.status == "RUNNING":
            return (at + plan.seconds, _FIRST_END.get(plan.outcome, plan.shows))
        if step.status == "WAITING":
            return (at + self.timing.wait, "CANCELLED")
        return (at + self.timing.rollback, "ROLLED_BACK") if step.status == "ROLLING_BACK" else None
