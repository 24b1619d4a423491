"""What can be seen of a run from outside: its tasks, whether it is at rest, what it sent to Cloud Manager."""

from __future__ import annotations

from typing import Any

from integration.play import Play
from simulator.request_log import RecordedRequest

States = dict[tuple[str, int], Any]
_MOVING = frozenset({"scheduled", "queued", "running", "restarting", "up_for_retry", "up_for_reschedule"})
LOOK_EVERY = 1.0
_UNCHANGED = 15.0
"""Seconds without any change after which nothing more is expected to happen."""
_PARKED = 4.0
"""The same for a run whose gate holds or asks."""
OVER = ("the run", -1)
"""What `states_of` calls the state of the whole run, `None` while it goes on."""


def states_of(play: Play, run_id: str) -> States:
    """Task and map index to state and number of tries."""
    return {OVER: play.house.ended(play.dag_id, run_id)} | play.house.view.tasks(play.dag_id, run_id)


def is_at_rest(states: States, unchanged: float) -> bool:
    """Whether nothing more will happen: the run is over, or its gate holds or asks. `unchanged`: seconds."""
    instances = {name: each[0] for (name, _), each in states.items() if isinstance(each, tuple)}
    if not instances or _MOVING & set(instances.values()):
        return False
    if states[OVER] is not None:
        return unchanged > _PARKED
    parked = "awaiting_input" in instances.values() or instances.get("hold_production") == "deferred"
    return unchanged > (_PARKED if parked else _UNCHANGED)


def puts_of(play: Play, execution: str) -> list[RecordedRequest]:
    """The requests that act on an execution, as they came in."""
    return [
        each
        for each in play.simulator.requests
        if (each.service, each.method) == ("api", "PUT") and f"/execution/{execution}/" in each.path
    ]
