"""Do the sensors wait the same way in a task and in a triggerer, and end as they should?"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowSensorTimeout,
    TaskDeferred,
)
from structlog.testing import capture_logs

from adobe_cloud_manager.sensors.milestones import (
    ApprovalSensor,
    DecisionSensor,
    ExecutionSensor,
    ProductionDeploymentSensor,
    StageDeploymentSensor,
)
from unit.adobe_cloud_manager.local_cloud_manager import (
    EXECUTION,
    PIPELINE,
    PROGRAM,
    Json,
    LocalCloudManager,
    Reply,
    execution_json,
)
from unit.adobe_cloud_manager.sensor_ways import WAYS, run_in_task, run_in_triggerer
from unit.adobe_cloud_manager.virtual_time import NOON, Clock, waits_go_by

NONSENSE = Reply(200, b"<html>oops")
DENIED = Reply(403, {"error_code": "403003", "message": "Api Key is invalid"})
GONE = Reply(404, {"title": "Not found"})
BUILDING = execution_json("build")
STAGED = execution_json("deploy:stage", "FINISHED")


def untyped(document: Json) -> Json:
    """The execution, with an approval that does not say for which environment it is."""
    for step in document["_embedded"]["stepStates"]:
        if step["action"] == "approval":
            del step["environmentType"]
    return document


UNTYPED = untyped(execution_json("approval", "WAITING"))
DECIDED = untyped(execution_json("deploy:prod"))


def sensor(kind: type[ExecutionSensor], **more: Any) -> ExecutionSensor:
    ids: dict[str, Any] = {"program_id": PROGRAM, "pipeline_id": PIPELINE, "execution_id": EXECUTION}
    return kind(task_id="wait", **{**ids, "poll_interval": 0.02, "timeout": 120.0, **more})


@dataclass
class Scenario:
    """What the server shows, one look after the other, and how the wait has to end."""

    kind: type[ExecutionSensor]
    looks: list[Json | Reply]
    result: Json = field(default_factory=dict)
    error: type[Exception] | None = None
    says: tuple[str, ...] = ()
    warns: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    timeout: float = 30.0
    current: Json | Reply = field(default_factory=execution_json)


SCENARIOS = {
    "stage is deployed": Scenario(
        StageDeploymentSensor,
        [BUILDING, BUILDING, STAGED],
        {
            "status": "FINISHED",
            "commit_id": "0123456789abcdef",
            "environment_id": "77stage",
            "seconds": 270.0,
        },
        says=(
            "Waiting for the stage deployment of execution 2345678 of pipeline 678901 in program 12345",
            "no earlier execution tells how long",
            "Saw that execution 2345678 is RUNNING, Build & Unit Testing (build) is RUNNING. Looking for the",
        ),
    ),
    "stage was deployed before the task began": Scenario(
        StageDeploymentSensor, [execution_json("approval", "WAITING")], {"status": "FINISHED"}
    ),
    "the build fails": Scenario(
        StageDeploymentSensor,
        [BUILDING, execution_json("build", "FAILED")],
        error=AirflowFailException,
        says=("Build & Unit Testing (build) of execution 2345678 is FAILED", "| last line"),
    ),
    "the code is rejected": Scenario(
        StageDeploymentSensor,
        [BUILDING, execution_json("codeQuality", "FAILED", "FAILED")],
        error=AirflowFailException,
        says=("The code was rejected",),
    ),
    "the execution is cancelled": Scenario(
        StageDeploymentSensor,
        [BUILDING, execution_json("build", "RUNNING", "CANCELLING")],
        error=AirflowFailException,
        says=("is being cancelled",),
    ),
    "the stage deployment is rolled back": Scenario(
        StageDeploymentSensor,
        [BUILDING, execution_json("deploy:stage", "ROLLED_BACK", "FAILED")],
        error=AirflowFailException,
        says=("Deploy to Stage of execution 2345678 is ROLLED_BACK",),
    ),
    "code quality waits for a person, is announced once, and goes on": Scenario(
        StageDeploymentSensor,
        [BUILDING, *[execution_json("codeQuality", "WAITING")] * 3, BUILDING, STAGED],
        {"status": "FINISHED"},
        warns=(
            "Code Scanning (codeQuality) of execution 2345678 waits for a person: an important quality "
            "metric failed and has to be overridden or rejected, until 2026-11-16 10:02 UTC (14 days). "
            "https://experience.adobe.com/#/cloud-manager/pipelineexecution.html/program/12345/pipeline/678901"
            "/execution/2345678",
        ),
    ),
    "failed looks cost nothing but time": Scenario(
        StageDeploymentSensor,
        [BUILDING, NONSENSE, GONE, NONSENSE, Reply(400), STAGED],
        {"status": "FINISHED"},
        says=(
            "Could not look at execution 2345678",
            "Looking for the stage deployment again",
        ),
    ),
    "unknown statuses are neither success nor failure": Scenario(
        StageDeploymentSensor,
        [execution_json("deploy:stage", "PONDERING"), execution_json(status="PAUSED"), STAGED],
        {"status": "FINISHED"},
        says=("is PAUSED (a status this version does not know)",),
    ),
    "an incomplete stage deployment is none": Scenario(
        StageDeploymentSensor,
        [execution_json("deploy:stage", "INCOMPLETE", "FINISHED")],
        error=AirflowFailException,
        says=("its stage deployment did not happen",),
    ),
    "the execution does not exist": Scenario(
        StageDeploymentSensor, [GONE], error=AirflowFailException, says=("compare the three ids",)
    ),
    "the execution is one of another pipeline": Scenario(
        StageDeploymentSensor,
        [BUILDING | {"pipelineId": "5"}],
        error=AirflowFailException,
        says=("is the execution's id one of this pipeline",),
    ),
    "another execution took its place": Scenario(
        StageDeploymentSensor,
        [BUILDING],
        current=execution_json(id="999"),
        error=AirflowFailException,
        says=("the current execution of its pipeline is execution 999: it was replaced",),
    ),
    "the pipeline runs nothing any more": Scenario(
        StageDeploymentSensor,
        [BUILDING],
        current=GONE,
        error=AirflowFailException,
        says=("the current execution of its pipeline is none: it was replaced",),
    ),
    "nothing happens until the time is over": Scenario(
        StageDeploymentSensor,
        [BUILDING],
        timeout=0.2,
        error=AirflowSensorTimeout,
        says=("was not seen", "clear this task to go on waiting"),
    ),
    "the credential is refused until the time is over": Scenario(
        StageDeploymentSensor,
        [BUILDING, DENIED],
        timeout=0.3,
        error=AirflowException,
        says=("Cloud Manager has refused the credential for", "Test the Airflow connection"),
    ),
    "the approval waits": Scenario(
        ApprovalSensor,
        [execution_json("uiTest"), execution_json("approval", "WAITING")],
        {"state": "waiting", "status": "WAITING", "waits_until": "2026-11-16T10:09:00+00:00"},
    ),
    "a person approved first": Scenario(
        ApprovalSensor, [execution_json("uiTest"), execution_json("deploy:prod")], {"state": "approved"}
    ),
    "a person rejected first": Scenario(
        ApprovalSensor,
        [execution_json("uiTest"), execution_json("approval", "CANCELLED", "CANCELLED")],
        {"state": "rejected", "execution_status": "CANCELLED"},
    ),
    "a stage test failed": Scenario(
        ApprovalSensor,
        [execution_json("uiTest"), execution_json("productTest", "FAILED", "FAILED")],
        {"state": "ended"},
    ),
    "the pipeline does not pause": Scenario(
        ApprovalSensor,
        [execution_json("uiTest"), execution_json("deploy:prod", without=("approval", "schedule"))],
        {"state": "ended"},
        says=("Pause before deploying to Production",),
    ),
    "a person schedules what nothing holds": Scenario(
        ApprovalSensor,
        [
            execution_json("uiTest", without=("approval",)),
            execution_json("uiTest", without=("approval",)),
            execution_json("schedule", "WAITING", without=("approval",)),
        ],
        {"state": "absent", "status": "", "step_id": None, "waits_until": None},
        says=(
            "Execution 2345678 has no approval among its 11 steps, so nothing can hold production. Schedule Production "
            "Deployment (schedule) is NOT_STARTED. The pipeline does not pause before production",
        ),
        warns=("the production deployment has to be scheduled or cancelled",),
    ),
    "nothing holds what was held a moment ago": Scenario(
        DecisionSensor,
        [execution_json("schedule", "WAITING", without=("approval",))],
        {"state": "absent"},
        warns=("the production deployment has to be scheduled or cancelled",),
    ),
    "an approval does not say for which environment": Scenario(
        ApprovalSensor,
        [execution_json("uiTest"), UNTYPED],
        {"state": "unplaced", "status": "WAITING", "waits_until": "2026-11-16T10:09:00+00:00"},
        warns=("it does not say for which environment (no environmentType), so nothing here approves",),
    ),
    "an approval that does not say for which environment is held until somebody decides": Scenario(
        DecisionSensor,
        [UNTYPED, UNTYPED, DECIDED],
        {"state": "ended"},
        says=("which does not say for which environment it was, is FINISHED.",),
        warns=("look at it in Cloud Manager and decide there, until 2026-11-16 10:09 UTC (14 days).",),
    ),
    "the execution with the approval is gone": Scenario(ApprovalSensor, [GONE], {"state": "ended"}),
    "the approval that is waited for is announced once and is no surprise": Scenario(
        DecisionSensor,
        [*[execution_json("approval", "WAITING")] * 3, execution_json("deploy:prod")],
        {"state": "approved"},
        warns=("production has to be approved or rejected, until 2026-11-16 10:09 UTC (14 days).",),
    ),
    "production is deployed": Scenario(
        ProductionDeploymentSensor,
        [execution_json("deploy:prod"), execution_json("deploy:prod", "FINISHED")],
        {"status": "FINISHED", "environment_id": "77prod"},
    ),
    "the production deployment pauses for a person": Scenario(
        ProductionDeploymentSensor,
        [*[execution_json("deploy:prod", "WAITING")] * 2, execution_json("deploy:prod", "FINISHED")],
        {"status": "FINISHED"},
        warns=("the paused deployment has to be promoted or cancelled",),
    ),
    "the schedule waits for a person": Scenario(
        ProductionDeploymentSensor,
        [execution_json("schedule", "WAITING", without=()), execution_json("deploy:prod", "FINISHED")],
        {"status": "FINISHED"},
        warns=("the production deployment has to be scheduled or cancelled",),
    ),
    "the production deployment fails": Scenario(
        ProductionDeploymentSensor,
        [execution_json("deploy:prod"), execution_json("deploy:prod", "FAILED")],
        error=AirflowFailException,
        says=("Deploy to Production of execution 2345678 is FAILED", "| last line"),
    ),
}


Said = list[Any]


@pytest.fixture
def said() -> Iterator[Said]:
    """What is logged: Airflow logs by structlog, past the standard library's handlers."""
    with capture_logs() as entries:
        yield entries


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What the waits go by, so that what they see and say does not depend on how fast the machine is."""
    virtual = Clock()
    waits_go_by(virtual, monkeypatch)
    return virtual


@dataclass
class Told:
    """What a run left behind: its end, and what it said without the times in it."""

    result: Any
    error: str
    lines: list[tuple[str, str]]


def run(scenario: Scenario, way: str, double: LocalCloudManager, said: Said, clock: Clock) -> Told:
    double.looks, double.current = list(scenario.looks), scenario.current
    clock.now = NOON
    said.clear()
    result, error, kind = None, "", None
    try:
        result = WAYS[way](sensor(scenario.kind, timeout=scenario.timeout))
    except AirflowException as raised:
        error, kind = str(raised), type(raised)
    assert kind is scenario.error, error
    return Told(result, _timeless(error), [(entry["log_level"], _timeless(entry["event"])) for entry in said])


def _timeless(sentence: str) -> str:
    return re.sub(r"until 20\d\d-[^;.(]*UTC(?! \()|\b\d+ s\b", "…", sentence)


@pytest.mark.parametrize("name", SCENARIOS)
def test_both_ways_end_alike_and_say_the_same(
    name: str, cloud_manager: LocalCloudManager, said: Said, clock: Clock
) -> None:
    scenario = SCENARIOS[name]
    told = {way: run(scenario, way, cloud_manager, said, clock) for way in WAYS}
    assert told["task"].result == told["triggerer"].result
    assert told["task"].error == told["triggerer"].error
    assert told["task"].lines == told["triggerer"].lines
    for one in told.values():
        assert {key: one.result[key] for key in scenario.result} == scenario.result
        everything = "\n".join([one.error, *[line for _, line in one.lines]])
        for sentence in scenario.says:
            assert _timeless(sentence) in everything
        warnings = [line for level, line in one.lines if level == "warning" and "waits for a person" in line]
        assert len(warnings) == len(scenario.warns)
        for warning, wanted in zip(warnings, scenario.warns, strict=True):
            assert wanted in warning


def test_the_first_look_is_taken_before_a_task_defers(cloud_manager: LocalCloudManager) -> None:
    cloud_manager.looks = [STAGED]
    assert sensor(StageDeploymentSensor).execute({})["status"] == "FINISHED"


def test_the_deadline_is_absolute_and_airflow_keeps_one_too(
    cloud_manager: LocalCloudManager, clock: Clock
) -> None:
    with pytest.raises(TaskDeferred) as deferred:
        sensor(StageDeploymentSensor, timeout=3600).execute({})
    assert deferred.value.trigger.deadline == NOON + 3600
    assert deferred.value.timeout is not None
    assert 3600 < deferred.value.timeout.total_seconds() <= 4200


def test_how_long_it_took_last_time_is_said_and_read_only_once(
    cloud_manager: LocalCloudManager, said: Said
) -> None:
    cloud_manager.looks = [BUILDING, BUILDING, STAGED]
    cloud_manager.history = [execution_json("deploy:prod", "FINISHED", "FINISHED", id="1")]
    run_in_triggerer(sensor(StageDeploymentSensor))
    assert any("last time it took 4 min" in entry["event"] for entry in said)
    assert cloud_manager.count("/executions?start=0&limit=20") + cloud_manager.count("/executions") <= 1


@dataclass
class Interruptions:
    """What a sensor was told while it waited."""

    needed: list[str] = field(default_factory=list)
    woken: int = 0


def waking(
    kind: type[ExecutionSensor],
    seen: Interruptions,
    *,
    after: float,
    times: int,
    now: Callable[[], float] = time.time,
) -> ExecutionSensor:
    """A sensor that wants to be woken ``times`` times, every ``after`` seconds."""

    class Waking(kind):  # type: ignore[valid-type, misc]
        def first_wake(self, context: Any) -> float | None:
            return now() + after

        def on_wake(self, context: Any) -> float | None:
            seen.woken += 1
            return now() + after if seen.woken < times else None

        def on_person_needed(self, context: Any, sentence: str) -> None:
            seen.needed.append(sentence)

    return sensor(Waking)


@pytest.fixture(autouse=True)
def _woken_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adobe_cloud_manager.sensors.milestones._SOONEST_WAKE", 0.0)


@pytest.mark.parametrize("way", WAYS)
def test_who_is_needed_is_told_once_per_step_and_the_wait_goes_on(
    way: str, cloud_manager: LocalCloudManager, said: Said
) -> None:
    quality, schedule = (
        execution_json("codeQuality", "WAITING"),
        execution_json("schedule", "WAITING", without=()),
    )
    cloud_manager.looks = (
        [quality] * 3 + [BUILDING] + [schedule] * 3 + [execution_json("deploy:prod", "FINISHED")]
    )
    seen = Interruptions()
    result = WAYS[way](waking(ProductionDeploymentSensor, seen, after=900, times=1))
    assert result["status"] == "FINISHED"
    assert len(seen.needed) == 2
    assert "an important quality metric failed" in seen.needed[0]
    assert "14 days" in seen.needed[0]
    assert "https://experience.adobe.com/" in seen.needed[0]
    assert "has to be scheduled or cancelled" in seen.needed[1]
    assert [line["event"] for line in said if "Waiting for the production" in line["event"]].__len__() == 1
    assert cloud_manager.count("/executions") <= 1


@pytest.mark.parametrize("way", WAYS)
def test_the_step_that_is_waited_for_interrupts_nobody(way: str, cloud_manager: LocalCloudManager) -> None:
    cloud_manager.looks = [*[execution_json("approval", "WAITING")] * 3, execution_json("deploy:prod")]
    seen = Interruptions()
    assert WAYS[way](waking(DecisionSensor, seen, after=900, times=1))["state"] == "approved"
    assert seen.needed == []


@pytest.mark.parametrize("way", WAYS)
def test_a_wait_is_woken_when_it_wants_and_goes_on(way: str, cloud_manager: LocalCloudManager) -> None:
    cloud_manager.looks = [execution_json("approval", "WAITING")]
    seen = Interruptions()
    waits = waking(DecisionSensor, seen, after=0.15, times=3)

    def decided() -> None:
        while seen.woken < 3:
            time.sleep(0.01)
        cloud_manager.looks = [execution_json("deploy:prod")]

    person = threading.Thread(target=decided)
    person.start()
    assert WAYS[way](waits)["state"] == "approved"
    person.join()
    assert seen.woken == 3


def test_what_was_decided_by_then_wakes_nobody(cloud_manager: LocalCloudManager, clock: Clock) -> None:
    """A sparse wait looks once more before it wakes the task, so that nobody is reminded of what is over."""
    cloud_manager.looks = [execution_json("approval", "WAITING"), execution_json("deploy:prod")]
    seen = Interruptions()
    waits = waking(DecisionSensor, seen, after=60, times=9, now=clock)
    waits.poll_interval = 600.0
    assert run_in_triggerer(waits)["state"] == "approved"
    assert seen.woken == 0
    assert clock.now == NOON + 60


@pytest.mark.parametrize("way", WAYS)
def test_being_woken_moves_no_deadline(way: str, cloud_manager: LocalCloudManager, clock: Clock) -> None:
    cloud_manager.looks = [execution_json("approval", "WAITING")]
    seen = Interruptions()
    waits = waking(DecisionSensor, seen, after=5, times=99, now=clock)
    waits.poll_interval, waits.timeout = 2.0, 52.0
    with pytest.raises(AirflowSensorTimeout):
        WAYS[way](waits)
    assert seen.woken == 10
    assert clock.now == NOON + 52


GOING_ON = {"deadline": 1.0, "memory": {}, "wake_at": None}


@pytest.mark.parametrize(
    "going_on",
    [
        None,
        {},
        {"deadline": 1.0},
        GOING_ON | {"deadline": None},
        GOING_ON | {"deadline": float("inf")},
        GOING_ON | {"memory": None},
        GOING_ON | {"wake_at": "soon"},
        GOING_ON | {"more": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["woken", "waits for a person"])
def test_an_interruption_that_does_not_say_how_to_go_on_is_a_failure(kind: str, going_on: Any) -> None:
    with pytest.raises(AirflowException, match="ended without a result"):
        sensor(StageDeploymentSensor).resume({}, GOOD_EVENT | {"kind": kind, "going_on": going_on})


EVENTS = [
    None,
    {},
    "success",
    {"kind": "done"},
    {"status": "success", "value": {}},
    {"goal": "stage deployment", "execution": "/api/program/1", "kind": "done", "sentence": "", "value": {}},
]
GOOD_EVENT = {
    "goal": "stage deployment",
    "execution": f"/api/program/{PROGRAM}/pipeline/{PIPELINE}/execution/{EXECUTION}",
    "kind": "done",
    "sentence": "s",
    "value": {"execution_id": EXECUTION},
    "step_path": "",
}
SPOILT = [
    GOOD_EVENT | change
    for change in (
        {"kind": "success"},
        {"kind": None},
        {"goal": "production deployment"},
        {"execution": f"/api/program/{PROGRAM}/pipeline/{PIPELINE}/execution/1"},
        {"value": {"execution_id": "1"}},
        {"value": None},
        {"sentence": None},
        {"step_path": 5},
    )
]


@pytest.mark.parametrize("event", [*EVENTS, *SPOILT], ids=str)
def test_an_unknown_or_missing_event_is_a_failure(event: Any) -> None:
    with pytest.raises(AirflowException, match="ended without a result"):
        sensor(StageDeploymentSensor).resume({}, event)


def test_the_event_of_the_trigger_is_taken() -> None:
    assert sensor(StageDeploymentSensor).resume({}, GOOD_EVENT) == {"execution_id": EXECUTION}


@pytest.mark.parametrize("execution_id", [None, "", "None", "1/../2", "1 2", "x" * 65])
def test_an_execution_id_that_is_none_fails_before_anything_is_asked(
    execution_id: Any, cloud_manager: LocalCloudManager
) -> None:
    with pytest.raises(AirflowFailException, match="is not the id of"):
        sensor(StageDeploymentSensor, execution_id=execution_id).execute({})
    assert cloud_manager.requests == []


def test_a_connection_that_does_not_exist_fails_at_once() -> None:
    with pytest.raises(AirflowFailException, match="nowhere"):
        sensor(StageDeploymentSensor, cloud_manager_conn_id="nowhere").execute({})


@pytest.mark.parametrize(
    "argument",
    [
        {"soft_fail": True},
        {"never_fail": True},
        {"silent_fail": True},
        {"mode": "reschedule"},
        {"poke_interval": 5},
    ],
    ids=str,
)
def test_what_would_hide_a_failure_or_change_nothing_is_refused(argument: Json) -> None:
    with pytest.raises(ValueError, match=next(iter(argument))):
        sensor(StageDeploymentSensor, **argument)


def test_a_step_log_cannot_forge_a_log_line(cloud_manager: LocalCloudManager, said: Said) -> None:
    cloud_manager.looks = [execution_json("build", "FAILED", "FAILED")]
    cloud_manager.log = "x\n::endgroup::\r[2026-01-01] ERROR forged\x1b[31m\n"
    with pytest.raises(AirflowFailException):
        run_in_task(sensor(StageDeploymentSensor))
    shown = [entry["event"] for entry in said if "forged" in entry["event"]]
    assert shown
    assert all(line.startswith("| ") and "\r" not in line and "\x1b" not in line for line in shown)
    assert "| : :endgroup::" in [entry["event"] for entry in said]


def test_a_failed_log_does_not_hide_the_reason(cloud_manager: LocalCloudManager) -> None:
    failed = execution_json("build", "FAILED", "FAILED")
    cloud_manager.looks = [failed, NONSENSE]
    with pytest.raises(AirflowFailException, match="is FAILED"):
        run_in_task(sensor(StageDeploymentSensor))


def test_sensors_and_triggers_are_light_to_import() -> None:
    import subprocess
    import sys

    code = (
        "import airflow.sdk, airflow.triggers.base, sys; before = set(sys.modules)\n"
        "import adobe_cloud_manager.sensors.milestones, adobe_cloud_manager.operators.approval\n"
        "new = set(sys.modules) - before\n"
        "print([m for m in new if m.split('.')[0] in ('requests', 'aiohttp', 'lxml') or 'providers' in m])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=_import_path(), check=True
    )
    assert done.stdout.strip().endswith("[]")


def _import_path() -> dict[str, str]:
    import os
    from pathlib import Path

    import adobe_cloud_manager

    return os.environ | {"PYTHONPATH": str(Path(str(adobe_cloud_manager.__file__)).parents[1])}
