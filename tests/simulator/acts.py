"""What does the body of an advance or cancel do to a step? Adobe's table of bodies, as pure functions.

Source: `advancing-and-cancelling-steps.md` of the Cloud Manager API documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_YES = {"approval": "approved", "managed": "start", "deploy": "resume"}


class ActRefused(Exception):
    """The act is not possible: HTTP status, title and message of the problem document."""

    def __init__(self, status: int, title: str, message: str) -> None:
        super().__init__(message)
        self.status, self.title, self.message = status, title, message


@dataclass(frozen=True, slots=True)
class Effect:
    """The status that the step gets, what `details.input` records, when it is over (seconds since 1970)."""

    status: str
    input: Mapping[str, Any]
    until: float | None = None


def links(action: str, status: str) -> frozenset[str]:
    """Which of advance and cancel are possible, so which links are there."""
    if status == "WAITING":
        return frozenset({"advance", "cancel"})
    if action == "build" and status == "RUNNING":
        return frozenset({"cancel"})
    return frozenset()


def advance(action: str, status: str, body: Any, failing: frozenset[str]) -> Effect:
    """The effect of a PUT to the advance link; `failing`: important KPIs that failed. Raises ActRefused."""
    _possible("advance", action, status)
    given = _mapping(body)
    if action == "schedule":
        return _scheduled(given)
    if action not in _YES:
        return _overridden(given, failing)
    key = _YES[action]
    if action == "deploy" and given.get(key) is False:
        return Effect("ROLLING_BACK", {key: False})
    if given.get(key) is not True:
        raise _invalid(f"advance of the step {action} needs {{'{key}': true}}")
    return Effect("FINISHED", {key: True})


def cancel(action: str, status: str, body: Any) -> Effect:
    """The effect of a PUT to the cancel link. Raises ActRefused."""
    _possible("cancel", action, status)
    given = _mapping(body)
    if action == "deploy":
        raise _invalid("a paused deployment is stopped with {'resume': false} on its advance link")
    if status == "RUNNING" or action == "schedule":
        key, wanted = "cancel", True
    else:
        key, wanted = _YES.get(action, "override"), False
    if given.get(key) is not wanted:
        raise _invalid(f"cancel of the step {action} needs {{'{key}': {str(wanted).lower()}}}")
    return Effect("CANCELLED", {key: wanted})


def _possible(verb: str, action: str, status: str) -> None:
    if verb not in links(action, status):
        raise ActRefused(
            403, "Step cannot be changed", f"{verb} is not possible: the step {action} is {status}"
        )


def _overridden(given: Mapping[str, Any], failing: frozenset[str]) -> Effect:
    sent = given.get("metrics")
    metrics = [metric for metric in sent if isinstance(metric, Mapping)] if isinstance(sent, list) else []
    overridden = {metric.get("kpi") for metric in metrics if metric.get("override") is True}
    missing = failing - overridden
    if missing:
        raise _invalid(
            f"every failing important metric must be overridden; missing: {', '.join(sorted(missing))}"
        )
    return Effect("FINISHED", {"override": True})


def _scheduled(given: Mapping[str, Any]) -> Effect:
    if given.get("type") == "IMMEDIATE":
        return Effect("FINISHED", {"type": "IMMEDIATE"})
    try:
        at = datetime.fromisoformat(str(given.get("schedule")))
    except ValueError:
        at = None
    if given.get("type") != "SCHEDULED" or at is None or at.tzinfo is None:
        raise _invalid(
            "a schedule is {'type': 'IMMEDIATE'} or {'type': 'SCHEDULED', 'schedule': <time with zone>}"
        )
    return Effect("RUNNING", dict(given), until=at.timestamp())


def _mapping(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, Mapping):
        raise _invalid("the body must be a JSON object")
    return body


def _invalid(message: str) -> ActRefused:
    return ActRefused(400, "Constraint Violations", message)
