"""Do sensors and go-live operators take executions of the simulator to their ends?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout
from structlog.testing import capture_logs

from adobe_cloud_manager.operators.approval import (
    ApproveGoLiveOperator,
    GoLiveOperator,
    RejectGoLiveOperator,
)
from adobe_cloud_manager.sensors.milestones import (
    ApprovalSensor,
    DecisionSensor,
    ExecutionSensor,
    ProductionDeploymentSensor,
    StageDeploymentSensor,
)
from simulator import Simulator
from unit.adobe_cloud_manager.sensor_ways import WAYS
from unit.simulator.caller import eventually

pytestmark = pytest.mark.parametrize("way", list(WAYS))


@pytest.fixture
def scenario() -> str:
    return "quick"


@pytest.fixture
def simulator(scenario: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    monkeypatch.setenv("STAGE_GATE_SIMULATOR", "yes")
    with Simulator.start(scenario) as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AIRFLOW__ADOBE_CLOUD_MANAGER__REQUESTS_PER_MINUTE", "100000")
        yield running


def pinned(simulator: Simulator, execution_id: str, pipeline: str | None = None) -> dict[str, Any]:
    return {
        "program_id": simulator.program_id,
        "pipeline_id": pipeline or simulator.pipeline_id,
        "execution_id": execution_id,
    }


def wait(kind: type[ExecutionSensor], way: str, **ids: Any) -> Any:
    return WAYS[way](kind(task_id="wait", **{"poll_interval": 0.05, "timeout": 300.0, **ids}))


def act(kind: type[GoLiveOperator], **ids: Any) -> Any:
    return kind(
        task_id="act", authorise=lambda *_: None, claim=lambda *_: None, read_back_for=60.0, **ids
    ).execute({})


def _until_a_step_waits(simulator: Simulator, execution_id: str) -> None:
    def waits() -> bool:
        steps = simulator.execution(execution_id)["_embedded"]["stepStates"]
        return "WAITING" in [step["status"] for step in steps]

    eventually(waits)


def sent(simulator: Simulator) -> list[str]:
    return [request.path.rsplit("/", 1)[1] for request in simulator.requests if request.method == "PUT"]


def test_a_good_release_is_approved_and_deployed(simulator: Simulator, way: str) -> None:
    ids = pinned(simulator, simulator.start_execution("good"))
    assert wait(StageDeploymentSensor, way, **ids)["status"] == "FINISHED"
    assert wait(ApprovalSensor, way, **ids)["state"] == "waiting"
    assert act(ApproveGoLiveOperator, **ids)["kind"] == "acknowledged"
    assert wait(DecisionSensor, way, **ids)["state"] == "approved"
    assert wait(ProductionDeploymentSensor, way, **ids)["environment_id"] == "7654322"
    assert sent(simulator) == ["advance"]


def test_a_rejected_release_ends(simulator: Simulator, way: str) -> None:
    ids = pinned(simulator, simulator.start_execution("good"))
    wait(ApprovalSensor, way, **ids)
    assert act(RejectGoLiveOperator, **ids)["kind"] == "acknowledged"
    assert wait(DecisionSensor, way, **ids)["state"] == "rejected"
    with pytest.raises(AirflowFailException, match="Production was rejected"):
        wait(ProductionDeploymentSensor, way, **ids)
    assert sent(simulator) == ["cancel"]


@pytest.mark.parametrize(
    "release",
    ["build-fails", "build-errors", "quality-fails", "stage-rolls-back", "stage-fails", "stage-cancelled"],
)
def test_a_release_that_dies_before_stage_is_a_dead_end(simulator: Simulator, way: str, release: str) -> None:
    ids = pinned(simulator, simulator.start_execution(release))
    with pytest.raises(
        AirflowFailException, match=r"can't be reached|did not happen|before its stage deployment"
    ):
        wait(StageDeploymentSensor, way, **ids)
    assert wait(ApprovalSensor, way, **ids)["state"] == "ended"


def test_a_failed_stage_test_ends_the_wait_for_the_approval(simulator: Simulator, way: str) -> None:
    ids = pinned(simulator, simulator.start_execution("stage-test-fails"))
    assert wait(ApprovalSensor, way, **ids)["state"] == "ended"


@pytest.mark.parametrize("release", ["two-approvals", "unknown-action", "quality-waits", "stage-waits"])
def test_another_step_that_waits_is_announced_and_never_acted_on(
    simulator: Simulator, way: str, release: str
) -> None:
    """An approval of stage, a step nobody knows, a quality metric, a paused deployment."""
    ids = pinned(simulator, simulator.start_execution(release))
    _until_a_step_waits(simulator, ids["execution_id"])
    with capture_logs() as said, pytest.raises(AirflowSensorTimeout):
        wait(ApprovalSensor, way, timeout=1.0, **ids)
    announced = [entry for entry in said if "waits for a person" in entry["event"]]
    assert [entry["log_level"] for entry in announced] == ["warning"]
    for kind in (ApproveGoLiveOperator, RejectGoLiveOperator):
        with pytest.raises(AirflowFailException, match="Nothing was sent"):
            act(kind, **ids)
    assert sent(simulator) == []


def test_a_second_execution_does_not_divert_the_act(simulator: Simulator, way: str) -> None:
    ids = pinned(simulator, simulator.start_execution("second-execution"))
    assert wait(ApprovalSensor, way, **ids)["state"] == "waiting"
    act(ApproveGoLiveOperator, **ids)
    puts = [request.path for request in simulator.requests if request.method == "PUT"]
    assert [f"/execution/{ids['execution_id']}/" in path for path in puts] == [True]


@pytest.mark.parametrize(
    ("release", "state"), [("person-approves", "approved"), ("person-rejects", "rejected")]
)
def test_a_person_who_decides_first_is_a_value(
    simulator: Simulator, way: str, release: str, state: str
) -> None:
    ids = pinned(simulator, simulator.start_execution(release))
    assert wait(DecisionSensor, way, **ids)["state"] == state
    with pytest.raises(AirflowFailException, match="Nothing was sent"):
        act(ApproveGoLiveOperator, **ids)
    assert sent(simulator) == []


def test_a_pipeline_without_the_pause_has_nothing_to_hold(simulator: Simulator, way: str) -> None:
    ids = pinned(simulator, simulator.start_execution("good", pipeline="678902"), "678902")
    result = wait(ApprovalSensor, way, **ids)
    assert result["state"] == "ended"
    assert "Pause before deploying to Production" in result["sentence"]


@pytest.mark.parametrize("scenario", ["unasked"])
def test_a_pipeline_that_lists_a_schedule_and_no_approval_says_at_once_that_nothing_holds_it(
    simulator: Simulator, way: str
) -> None:
    building = pinned(simulator, simulator.start_execution("slow-build", pipeline="678902"), "678902")
    with capture_logs() as said, pytest.raises(AirflowSensorTimeout):
        wait(ApprovalSensor, way, timeout=1.0, **building)
    in_vain = [entry for entry in said if "has no approval among its 11 steps" in entry["event"]]
    assert [entry["log_level"] for entry in in_vain] == ["warning"]
    simulator.person("cancel", building["execution_id"])
    eventually(lambda: simulator.execution(building["execution_id"])["status"] == "CANCELLED")
    scheduled = pinned(simulator, simulator.start_execution("good", pipeline="678902"), "678902")
    with capture_logs() as said:
        result = wait(ApprovalSensor, way, **scheduled)
    assert result["state"] == "absent"
    assert "so nothing can hold production" in result["sentence"]
    assert any("has to be scheduled or cancelled" in entry["event"] for entry in said)
    assert sent(simulator) == []


@pytest.mark.parametrize("scenario", ["unasked"])
def test_an_approval_without_an_environment_is_told_and_never_acted_on(
    simulator: Simulator, way: str
) -> None:
    ids = pinned(simulator, simulator.start_execution("untyped"))
    with capture_logs() as said:
        result = wait(ApprovalSensor, way, **ids)
    assert result["state"] == "unplaced"
    assert any("does not say for which environment" in entry["event"] for entry in said)
    for kind in (ApproveGoLiveOperator, RejectGoLiveOperator):
        with pytest.raises(AirflowFailException, match="does not say for which environment"):
            act(kind, **ids)
    assert sent(simulator) == []
    simulator.person("approve", ids["execution_id"])
    assert wait(DecisionSensor, way, **ids)["state"] == "ended"
    assert wait(ProductionDeploymentSensor, way, **ids)["environment_id"] == "7654322"
    assert sent(simulator) == []


def test_a_lost_answer_is_resolved_without_a_second_request(simulator: Simulator, way: str) -> None:
    ids = pinned(simulator, simulator.start_execution("good"))
    wait(ApprovalSensor, way, **ids)
    simulator.inject({"effect": "lose_answer", "method": "PUT", "path": "/advance"})
    assert act(ApproveGoLiveOperator, **ids)["kind"] == "unknown_but_seen"
    assert sent(simulator) == ["advance"]


def test_expired_tokens_and_broken_answers_cost_nothing_but_time(simulator: Simulator, way: str) -> None:
    ids = pinned(simulator, simulator.start_execution("good"))
    for effect in ("malformed", "truncate", "expire_tokens"):
        simulator.inject({"effect": effect, "path": "/execution/", "nth": 2})
    assert wait(ApprovalSensor, way, **ids)["state"] == "waiting"
