"""Does the simulator take the bodies that Adobe documents for advance and cancel, and no others?"""

from __future__ import annotations

from typing import Any

import pytest

from simulator.acts import ActRefused, advance, cancel, links

NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("action", "body", "status"),
    [
        ("approval", {"approved": True}, "FINISHED"),
        ("managed", {"start": True}, "FINISHED"),
        ("deploy", {"resume": True}, "FINISHED"),
        ("deploy", {"resume": False}, "ROLLING_BACK"),
        ("schedule", {"type": "IMMEDIATE"}, "FINISHED"),
        ("schedule", {"type": "SCHEDULED", "schedule": "2026-11-16T13:45:00.000Z"}, "RUNNING"),
    ],
)
def test_advance_takes_the_documented_body(action: str, body: Any, status: str) -> None:
    assert advance(action, "WAITING", body, NONE).status == status


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("approval", {"approved": False}),
        ("approval", {"approved": "true"}),
        ("approval", {}),
        ("approval", []),
        ("approval", None),
        ("schedule", {"type": "SCHEDULED", "schedule": "tomorrow"}),
        ("schedule", {"type": "SCHEDULED", "schedule": "2026-11-16T13:45:00"}),
        ("deploy", {"approved": True}),
    ],
)
def test_advance_refuses_any_other_body(action: str, body: Any) -> None:
    with pytest.raises(ActRefused) as refusal:
        advance(action, "WAITING", body, NONE)
    assert refusal.value.status == 400


@pytest.mark.parametrize(
    ("action", "status", "body"),
    [
        ("approval", "WAITING", {"approved": False}),
        ("schedule", "WAITING", {"cancel": True}),
        ("codeQuality", "WAITING", {"override": False}),
        ("managed", "WAITING", {"start": False}),
        ("build", "RUNNING", {"cancel": True}),
    ],
)
def test_cancel_takes_the_documented_body(action: str, status: str, body: Any) -> None:
    assert cancel(action, status, body).status == "CANCELLED"
    with pytest.raises(ActRefused):
        cancel(action, status, {key: not value for key, value in body.items()})


def test_a_paused_deployment_is_not_stopped_on_its_cancel_link() -> None:
    with pytest.raises(ActRefused, match="advance link"):
        cancel("deploy", "WAITING", {"resume": False})


def test_every_failing_metric_must_be_overridden() -> None:
    failing = frozenset({"coverage", "sqale_rating"})
    one = {"kpi": "coverage", "override": True}
    with pytest.raises(ActRefused, match="sqale_rating"):
        advance("codeQuality", "WAITING", {"metrics": [one]}, failing)
    both = {"metrics": [one, {"kpi": "sqale_rating", "override": True}]}
    assert advance("codeQuality", "WAITING", both, failing).input == {"override": True}


@pytest.mark.parametrize("status", ["NOT_STARTED", "RUNNING", "FINISHED", "CANCELLED", "INCOMPLETE"])
def test_a_step_that_does_not_wait_cannot_be_advanced(status: str) -> None:
    assert "advance" not in links("approval", status)
    with pytest.raises(ActRefused) as refusal:
        advance("approval", status, {"approved": True}, NONE)
    assert refusal.value.status == 403
