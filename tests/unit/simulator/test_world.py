"""Do the releases of the shipped scenarios go as their names say, with what happens beside them?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from simulator import ScenarioError, Simulator
from simulator.acts import ActRefused
from unit.simulator.caller import Caller, eventually, step_of

OVER = {"FINISHED", "FAILED", "ERROR", "CANCELLED"}


@pytest.fixture(scope="module")
def shared() -> Iterator[Simulator]:
    with Simulator.start("quick") as simulator:
        yield simulator


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator.start("quick") as simulator:
        yield simulator


def started_and_seen(
    sim: Simulator, release: str, step: str, status: str, environment: str | None = None
) -> str:
    execution_id = sim.start_execution(release, beside=True)
    eventually(lambda: step_of(sim.execution(execution_id), step, environment)["status"] == status)
    return execution_id


@pytest.mark.parametrize(
    ("release", "step", "status", "end"),
    [
        ("build-fails", "build", "FAILED", "FAILED"),
        ("build-errors", "build", "ERROR", "ERROR"),
        ("quality-waits", "codeQuality", "WAITING", "RUNNING"),
        ("quality-fails", "codeQuality", "FAILED", "FAILED"),
        ("stage-test-fails", "productTest", "FAILED", "FAILED"),
        ("unknown-status", "productTest", "TELEPORTED", "RUNNING"),
        ("unknown-action", "teleport", "WAITING", "RUNNING"),
        ("person-approves", "approval", "FINISHED", "FINISHED"),
        ("person-rejects", "approval", "CANCELLED", "CANCELLED"),
    ],
)
def test_a_shipped_release_goes_as_its_name_says(
    shared: Simulator, release: str, step: str, status: str, end: str
) -> None:
    execution_id = started_and_seen(shared, release, step, status)
    eventually(lambda: shared.execution(execution_id)["status"] == end)


@pytest.mark.parametrize(
    ("release", "status"),
    [("stage-rolls-back", "ROLLED_BACK"), ("stage-fails", "FAILED"), ("stage-cancelled", "CANCELLED"),
     ("stage-waits", "WAITING")],
)  # fmt: skip
def test_a_stage_deployment_ends_as_the_release_says(shared: Simulator, release: str, status: str) -> None:
    started_and_seen(shared, release, "deploy", status, "stage")


def test_there_can_be_an_approval_of_stage_before_that_of_production(sim: Simulator) -> None:
    execution_id = started_and_seen(sim, "two-approvals", "approval", "WAITING", "stage")
    assert step_of(sim.execution(execution_id), "approval", "prod")["status"] == "NOT_STARTED"
    sim.person("approve", execution_id)
    eventually(lambda: step_of(sim.execution(execution_id), "approval", "prod")["status"] == "WAITING")


def test_a_second_execution_starts_beside_the_first(sim: Simulator) -> None:
    first = started_and_seen(sim, "second-execution", "approval", "WAITING")
    ids = eventually(lambda: [x["id"] for x in sim.state()["executions"] if x["id"] != first])
    assert len(ids) == 1
    caller = Caller(sim)
    assert caller.get(f"{caller.pipeline}/execution").json()["id"] == ids[0]


@pytest.mark.parametrize(
    ("release", "pipeline", "trigger"),
    [("sibling-changes-stage", "678904", "MANUAL"), ("aem-update", "678902", "PUSH_UPGRADES")],
)
def test_another_pipeline_changes_stage(sim: Simulator, release: str, pipeline: str, trigger: str) -> None:
    started_and_seen(sim, release, "approval", "WAITING")
    other = eventually(lambda: [x for x in sim.state()["executions"] if x["pipeline"] == pipeline])[0]
    assert other["trigger"] == trigger
    eventually(lambda: sim.execution(other["id"])["status"] in OVER)
    assert step_of(sim.execution(other["id"]), "deploy", "stage")["environmentId"] == "7654321"


def test_nobody_can_approve_what_does_not_wait(sim: Simulator) -> None:
    execution_id = sim.start_execution("slow-build")
    with pytest.raises(ActRefused, match="waits for a person"):
        sim.person("approve", execution_id)
    with pytest.raises(KeyError):
        sim.person("approve", "1")


def test_the_api_starts_the_release_that_is_next(sim: Simulator) -> None:
    caller = Caller(sim)
    sim.next_release("build-fails")
    execution_id = caller.put(f"{caller.pipeline}/execution").json()["id"]
    eventually(lambda: sim.execution(execution_id)["status"] == "FAILED")


def test_the_tail_of_a_failed_step_is_in_its_log(sim: Simulator) -> None:
    execution_id = started_and_seen(sim, "build-fails", "build", "FAILED")
    build = step_of(sim.execution(execution_id), "build")
    href = build["_links"]["http://ns.adobe.com/adobecloud/rel/pipeline/logs"]["href"]
    log = requests.get(Caller(sim).get(href).json()["redirect"], timeout=60).text
    assert log.splitlines()[-2] == "[ERROR] COMPILATION ERROR: Teaser.java:42"


@pytest.mark.parametrize(
    ("scenario", "says"),
    [
        ({"realeases": {}}, "realeases"),
        ({"credentials": [{"client_id": "0123456789abcdef"}]}, "keep real ones away"),
        ({"releases": {"x": {"steps": {"build": "exploded"}}}}, "releases.x.steps.build"),
        (
            {"releases": {"x": {"happenings": [{"step": "build", "status": "RUNNING", "act": {}}]}}},
            "set one of",
        ),
        ({"releases": {"x": {"stage": {"defects": ["querybuilder_opn"]}}}}, "querybuilder_opn"),
        ({"releases": {"x": {"steps": {"deploy_stage": 1}}}}, "did you mean 'deploy stage'"),
        (
            {
                "releases": {
                    "x": {
                        "happenings": [{"step": "aproval", "status": "WAITING", "act": {"person": "approve"}}]
                    }
                }
            },
            "did you mean 'approval'",
        ),
        ("no-such-scenario", "no scenario file"),
    ],
)
def test_a_scenario_that_cannot_be_used_says_why(scenario: Any, says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        Simulator.start(scenario)


def test_an_unknown_release_names_the_nearest(sim: Simulator) -> None:
    with pytest.raises(ScenarioError, match="did you mean 'build-fails'"):
        sim.start_execution("build-fail")
