"""How did a wait end, and how does that come back from the triggerer without being misread?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
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


class UnexpectedEvent(ValueError):
    """The event that resumed the task is missing, incomplete or about something else: no success."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a wait: a value if it is done, otherwise the reason."""

    kind: Kind
    sentence: str
    value: Value = field(default_factory=dict)
    step_path: str = ""
    """Path of the step whose log may tell why, empty where no log does."""

    def to_event(self, goal: Goal, pinned: PinnedExecution) -> dict[str, Any]:
        """The ending as the payload of a trigger's event; JSON only."""
        return {
            "goal": str(goal),
            "execution": pinned.path,
            "kind": str(self.kind),
            "sentence": self.sentence,
            "value": dict(self.value),
            "step_path": self.step_path,
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
        return cls(Kind(kind), sentence, dict(value), step_path)
