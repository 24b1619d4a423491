"""Does a production-only pipeline take to production what the stage-only one has tested, and nothing else?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from simulator import ScenarioError, Simulator
from simulator.scenario import load_scenario
from simulator.world import NoSource
from unit.simulator.caller import Caller, eventually, step_of

STAGE_ONLY, FULL = "678911", "678901"


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator.start(load_scenario("split").model_copy(update={"sites": False})) as simulator:
        yield simulator


def stage_run(sim: Simulator, release: str = "good") -> str:
    """A stage-only execution that is over; its id."""
    execution_id = sim.start_execution(release, pipeline=STAGE_ONLY)
    eventually(lambda: sim.execution(execution_id)["status"] != "RUNNING")
    return execution_id


def started(caller: Caller, query: str = "") -> Any:
    return caller.put(f"{caller.pipeline}/execution{query}")


def test_stage_only_ends_after_its_tests_without_anybody(sim: Simulator) -> None:
    shown = sim.execution(stage_run(sim))
    assert shown["status"] == "FINISHED"
    actions = [step["action"] for step in shown["_embedded"]["stepStates"]]
    assert actions[-1] == "contentAudit"
    assert "approval" not in actions


def test_production_only_takes_the_artifacts_of_its_source_and_waits_for_a_person(sim: Simulator) -> None:
    source, caller = stage_run(sim), Caller(sim)
    stage_run(sim)
    answer = started(caller, f"?sourceExecutionId={source}")
    assert answer.status_code == 201
    id_ = answer.json()["id"]
    eventually(lambda: step_of(sim.execution(id_), "approval")["status"] == "WAITING")
    shown, from_stage = sim.execution(id_), sim.execution(source)
    assert shown["artifactsVersion"] == from_stage["artifactsVersion"]
    prepared = step_of(shown, "artifactPreparation")
    assert prepared["commitId"] == step_of(from_stage, "build")["commitId"]
    assert source not in str({key: value for key, value in shown.items() if key != "artifactsVersion"})
    sim.person("approve", id_)
    eventually(lambda: sim.execution(id_)["status"] == "FINISHED")


def test_its_version_is_not_known_before_it_is_prepared(sim: Simulator) -> None:
    stage_run(sim)
    id_ = sim.start_execution("slow-preparation")
    assert "artifactsVersion" not in sim.execution(id_)


def test_without_a_source_it_is_the_newest_that_has_finished(sim: Simulator) -> None:
    stage_run(sim)
    newest = sim.execution(stage_run(sim))
    stage_run(sim, "stage-test-fails")
    id_ = sim.start_execution()
    eventually(lambda: sim.execution(id_).get("artifactsVersion") == newest["artifactsVersion"])


def test_two_executions_can_have_the_same_artifacts(sim: Simulator) -> None:
    source = stage_run(sim)
    first, second = (sim.start_execution(source=source, beside=True) for _ in range(2))
    eventually(lambda: all("artifactsVersion" in sim.execution(each) for each in (first, second)))
    assert sim.execution(first)["artifactsVersion"] == sim.execution(second)["artifactsVersion"]


def test_a_source_that_is_no_good_is_refused(sim: Simulator) -> None:
    failed, caller = stage_run(sim, "stage-test-fails"), Caller(sim)
    full = sim.start_execution(pipeline=FULL)
    for wanted in ("", f"?sourceExecutionId={failed}", f"?sourceExecutionId={full}", "?sourceExecutionId=1"):
        answer = started(caller, wanted)
        assert (answer.status_code, answer.json()["invalidParams"][0]["name"]) == (400, "sourceExecutionId")
    with pytest.raises(NoSource):
        sim.start_execution()


def test_only_a_production_only_pipeline_takes_a_source(sim: Simulator) -> None:
    source, caller = stage_run(sim), Caller(sim)
    path = f"/api/program/{sim.program_id}/pipeline/{FULL}/execution?sourceExecutionId={source}"
    assert caller.put(path).status_code == 400


def test_its_events_are_those_of_an_execution(sim: Simulator) -> None:
    stage_run(sim)
    before = len(sim.io_events.emitted)
    id_ = sim.start_execution()
    eventually(lambda: step_of(sim.execution(id_), "approval")["status"] == "WAITING")
    told = [event.code.removeprefix("pipeline_execution_") for event in sim.io_events.emitted[before:]]
    assert told == ["start", "step_start", "step_end", "step_start", "step_end", "step_waiting"]


def test_a_source_must_be_a_stage_only_pipeline() -> None:
    scenario = load_scenario("split").model_dump()
    scenario["programs"][0]["pipelines"][0]["source"] = FULL
    with pytest.raises(ScenarioError, match="has a source"):
        Simulator.start(scenario)
