"""How did a wait end, and how does that come back from the triggerer without being misread?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from math import isfinite
from typing import Any

from adobe_cloud_manager.pinned import PinnedExecution
from adobe_cloud_manager.questions import Goal
from adobe_cloud_manager.watch import Value


class Kind(StrEnum):
    """The ways in which a wait ends."""

    DONE = "done"
    DEAD_END = "dead end"
    TIMED_OUT = "timed out"
    REFUSED = "refused"
    """Cloud Manager does not accept the credential, and went on not to."""
    WOKEN = "woken"
    """The time at which the wait wanted to be woken has come; it goes on after that."""
    WAITS_FOR_PERSON = "waits for a person"
    """A step on the way waits for somebody since this look; the wait goes on after that."""

    @property
    def is_interruption(self) -> bool:
        """The wait is not over: whoever waits has something to do and then goes on waiting."""
        return self in (Kind.WOKEN, Kind.WAITS_FOR_PERSON)


class UnexpectedEvent(ValueError):
    """The event that resumed the task is missing, incomplete or about something else: no success."""


@dataclass(frozen=True, slots=True)
class GoingOn:
    """What an interrupted wait needs to go on as if nothing had happened. Times are seconds since 1970."""

    deadline: float
    memory: dict[str, Any]
    """``vigil.Memory.as_json``."""
    wake_at: float | None = None

    @classmethod
    def of(cls, data: object) -> GoingOn:
        """Read it from an event. Raises ``UnexpectedEvent`` where it is incomplete."""
        if not isinstance(data, Mapping) or data.keys() != {"deadline", "memory", "wake_at"}:
            raise UnexpectedEvent("the event does not say how the wait goes on")
        deadline, memory, wake_at = data["deadline"], data["memory"], data["wake_at"]
        if not _is_time(deadline) or not isinstance(memory, Mapping):
            raise UnexpectedEvent("the event does not say until when the wait goes on, or what it knows")
        if wake_at is not None and not _is_time(wake_at):
            raise UnexpectedEvent("the event does not say when the wait is woken")
        return cls(deadline, dict(memory), wake_at)


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a wait: a value if it is done, otherwise the reason."""

    kind: Kind
    sentence: str
    value: Value = field(default_factory=dict)
    step_path: str = ""
    """Path of the step whose log may tell why, empty where no log does."""
    going_on: GoingOn | None = None
    """Of an interruption, and only of one."""

    def to_event(self, goal: Goal, pinned: PinnedExecution) -> dict[str, Any]:
        """The ending as the payload of a trigger's event; JSON only."""
        return {
            "goal": str(goal),
            "execution": pinned.path,
            "kind": str(self.kind),
            "sentence": self.sentence,
            "value": dict(self.value),
            "step_path": self.step_path,
            "going_on": asdict(self.going_on) if self.going_on else None,
        }

    @classmethod
    def from_event(cls, event: object, goal: Goal, pinned: PinnedExecution) -> Ending:
        """Read the payload back. Raises ``UnexpectedEvent`` for anything that ``to_event`` has not made."""
        if not isinstance(event, Mapping):
            raise UnexpectedEvent(f"the event is {type(event).__name__}, not what the trigger sends")
        if event.get("goal") != goal or event.get("execution") != pinned.path:
            raise UnexpectedEvent(f"the event is not about the {goal} of {pinned}")
        kind, sentence, value = event.get("kind"), event.get("sentence"), event.get("value")
        step_path = event.get("step_path")
        if not isinstance(kind, str) or kind not in frozenset(Kind):
            raise UnexpectedEvent(f"the event's kind {kind!r} is unknown")
        if not isinstance(sentence, str) or not isinstance(value, Mapping) or not isinstance(step_path, str):
            raise UnexpectedEvent("the event is incomplete")
        if kind == Kind.DONE and value.get("execution_id") != pinned.execution_id:
            raise UnexpectedEvent("the event says that it is done, but carries no result of this execution")
        going_on = GoingOn.of(event.get("going_on")) if Kind(kind).is_interruption else None
        return cls(Kind(kind), sentence, dict(value), step_path, going_on)
