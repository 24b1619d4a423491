"""Does the state machine of an execution move as Cloud Manager does? No server, no clock."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.acts import ActRefused
from simulator.execution import Execution, Step
from simulator.pipelines import blueprint
from simulator.scenario import PipelinePlan, Release, StepPlan, Timing

START = 1_000_000.0
TIMING = Timing(tail=20, act=10, rollback=30, wait=14 * 86400)


def begin(steps: dict[str, StepPlan] | None = None, **pipeline: Any) -> Execution:
    plan = PipelinePlan.model_validate({"id": "1", "name": "p", "stage": "2", "production": "3", **pipeline})
    keys = [step.key for step in blueprint(plan, Release()) if step.key != "approval"]
    plans = {**{key: StepPlan(seconds=100) for key in keys}, **(steps or {})}
    fields = {"id": "7", "release": "r", "trigger": "MANUAL", "artifacts_version": "v", "commit_id": "c"}
    return Execution.begin(blueprint(plan, Release(steps=plans)), START, timing=TIMING, **fields)


def at(execution: Execution, key: str) -> Step:
    return next(step for step in execution.steps if step.blueprint.key == key)


def statuses(execution: Execution) -> dict[str, str]:
    return {step.blueprint.key: step.status for step in execution.steps}


def test_steps_follow_adobes_order_and_the_approval_waits() -> None:
    execution = begin()
    execution.tick(START + 10_000)
    assert list(statuses(execution)) == [
        "validate", "build", "codeQuality", "buildImage", "deploy stage", "productTest", "functionalTest",
        "uiTest", "contentAudit", "approval", "deploy prod",
    ]  # fmt: skip
    assert at(execution, "approval").status == "WAITING"
    assert at(execution, "deploy prod").status == "NOT_STARTED"
    assert execution.status == "RUNNING"


def test_changes_happen_at_their_own_times_however_late_somebody_looks() -> None:
    early, late = begin(), begin()
    for second in range(0, 1000, 7):
        early.tick(START + second)
    early.tick(START + 1000)
    late.tick(START + 1000)
    assert [(s.started_at, s.finished_at) for s in early.steps] == [
        (s.started_at, s.finished_at) for s in late.steps
    ]
    assert at(late, "build").finished_at == START + 200


def test_code_quality_shows_no_start() -> None:
    execution = begin()
    execution.tick(START + 1000)
    assert at(execution, "codeQuality").started_at is None
    assert at(execution, "codeQuality").finished_at == START + 300


def test_an_approval_takes_effect_later_and_the_execution_stays_running_after_its_last_step() -> None:
    execution = begin()
    execution.tick(START + 1000)
    execution.advance(at(execution, "approval"), {"approved": True}, START + 1000)
    execution.tick(START + 1009)
    assert at(execution, "approval").status == "WAITING"
    execution.tick(START + 1010)
    assert (at(execution, "approval").status, at(execution, "deploy prod").status) == ("FINISHED", "RUNNING")
    execution.tick(START + 1129)
    assert (at(execution, "deploy prod").status, execution.status) == ("FINISHED", "RUNNING")
    execution.tick(START + 1130)
    assert (execution.status, execution.finished_at) == ("FINISHED", START + 1130)


def test_a_second_act_is_refused_while_the_first_has_no_effect_yet() -> None:
    execution = begin()
    execution.tick(START + 1000)
    execution.advance(at(execution, "approval"), {"approved": True}, START + 1000)
    with pytest.raises(ActRefused) as refusal:
        execution.cancel(at(execution, "approval"), {"approved": False}, START + 1001)
    assert refusal.value.status == 403


def test_a_rejected_approval_cancels_the_execution() -> None:
    execution = begin()
    execution.tick(START + 1000)
    execution.cancel(at(execution, "approval"), {"approved": False}, START + 1000)
    execution.tick(START + 2000)
    assert (at(execution, "approval").status, execution.status) == ("CANCELLED", "CANCELLED")
    assert at(execution, "deploy prod").status == "NOT_STARTED"


def test_an_approval_that_nobody_decides_expires_after_fourteen_days() -> None:
    execution = begin()
    execution.tick(START + 900 + 14 * 86400 - 1)
    assert at(execution, "approval").status == "WAITING"
    execution.tick(START + 900 + 14 * 86400 + 20)
    assert execution.status == "CANCELLED"


def test_a_cancelled_build_shows_cancelling_before_cancelled() -> None:
    execution = begin()
    execution.tick(START + 150)
    execution.cancel(at(execution, "build"), {"cancel": True}, START + 150)
    assert execution.status == "CANCELLING"
    execution.tick(START + 1000)
    assert (at(execution, "build").status, execution.status) == ("CANCELLED", "CANCELLED")


def test_a_paused_deployment_that_is_not_resumed_rolls_back() -> None:
    execution = begin({"deploy prod": StepPlan(seconds=100, outcome="waiting")}, pause=False)
    execution.tick(START + 1000)
    step = at(execution, "deploy prod")
    assert (step.status, step.links) == ("WAITING", {"advance", "cancel"})
    execution.advance(step, {"resume": False}, START + 1000)
    execution.tick(START + 1010)
    assert step.status == "ROLLING_BACK"
    execution.tick(START + 1100)
    assert (step.status, execution.status) == ("ROLLED_BACK", "FAILED")


@pytest.mark.parametrize(
    ("outcome", "step", "execution_status"),
    [
        ("failed", "FAILED", "FAILED"),
        ("error", "ERROR", "ERROR"),
        ("cancelled", "CANCELLED", "CANCELLED"),
        ("rolled back", "ROLLED_BACK", "FAILED"),
    ],
)
def test_a_step_that_ends_badly_ends_the_execution(outcome: Any, step: str, execution_status: str) -> None:
    execution = begin({"deploy stage": StepPlan(seconds=1, outcome=outcome)})
    execution.tick(START + 10_000)
    assert (at(execution, "deploy stage").status, execution.status) == (step, execution_status)
    assert at(execution, "productTest").status == "NOT_STARTED"


def test_an_incomplete_test_lets_the_pipeline_go_on() -> None:
    execution = begin({"uiTest": StepPlan(seconds=1, outcome="incomplete")})
    execution.tick(START + 10_000)
    assert (at(execution, "uiTest").status, at(execution, "approval").status) == ("INCOMPLETE", "WAITING")


def test_an_unknown_status_stays() -> None:
    execution = begin({"productTest": StepPlan(seconds=1, outcome="unknown", shows="TELEPORTED")})
    execution.tick(START + 86400 * 100)
    assert (at(execution, "productTest").status, execution.status) == ("TELEPORTED", "RUNNING")


@pytest.mark.parametrize(
    ("kind", "targets", "expected"),
    [
        ("code quality", {}, ["validate", "build", "codeQuality"]),
        ("web-tier", {"stage": "2"}, ["validate", "deploy stage"]),
        ("config", {"dev": "4"}, ["validate", "deploy dev"]),
        ("front-end", {"stage": "2", "production": "3"},
         ["validate", "build", "deploy stage", "approval", "deploy prod"]),
        ("full-stack non-production", {"dev": "4"},
         ["validate", "build", "codeQuality", "buildImage", "deploy dev"]),
    ],
)  # fmt: skip
def test_each_kind_of_pipeline_has_its_steps(kind: Any, targets: dict[str, str], expected: list[str]) -> None:
    plan = PipelinePlan.model_validate({"id": "1", "name": "p", "kind": kind, **targets})
    assert [step.key for step in blueprint(plan, Release())] == expected


def test_a_pipeline_without_the_pause_goes_to_production_by_itself() -> None:
    execution = begin(pause=False)
    execution.tick(START + 10_000)
    assert "approval" not in statuses(execution)
    assert execution.status == "FINISHED"
