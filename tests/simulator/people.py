"""What does a person send by a click in Cloud Manager? The bodies of Adobe's documentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.execution import Execution, Step

_PEOPLE = {"approval": "approved", "managed": "start", "deploy": "resume"}


def persons_body(step: Step, *, approve: bool) -> tuple[Mapping[str, Any], str]:
    """The body that a click sends for a step that waits, and the link that it goes to."""
    action = step.blueprint.action
    if action in _PEOPLE:
        return {_PEOPLE[action]: approve}, "advance" if approve or action == "deploy" else "cancel"
    if action == "schedule":
        return ({"type": "IMMEDIATE"}, "advance") if approve else ({"cancel": True}, "cancel")
    if not approve:
        return {"override": False}, "cancel"
    return {"metrics": [{"kpi": kpi, "override": True} for kpi in sorted(step.failing)]}, "advance"


def run_to_the_end(execution: Execution) -> None:
    """Let an execution of the past happen, with a person who approves everything."""
    execution.tick(execution.created_at)
    while (due := execution.next_due) is not None and not execution.is_over:
        step = execution.current
        if step is not None and step.status == "WAITING" and execution.next_due is not None:
            body, _ = persons_body(step, approve=True)
            execution.advance(step, body, step.updated_at)
            due = step.updated_at + execution.timing.act
        execution.tick(due)
