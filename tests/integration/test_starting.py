"""Does every execution get its one run, whoever starts it, and does a broken gate harm no other one?"""

from __future__ import annotations

from typing import Any

import pytest

from integration.cases import case, plays
from integration.house import BROKEN_GATES, LOCKED_OUT, House
from integration.play import PATIENCE, Json, Play, Run
from stage_gate.local.airflow_api import AirflowApi


@case(at_once=True, gate={"mode": "shadow"})
def an_execution_that_is_found(play: Play) -> Run:
    execution_id = play.start_execution()
    starts = [play.trigger("stage_gate.start", dag_run_id=f"by-test-{number}") for number in (1, 2)]
    for start in starts:
        play.airflow.wait_until(
            lambda start=start: play.house.ended("stage_gate.start", start),
            PATIENCE,
            lambda: "stage_gate.start has not ended",
        )
    states = [play.airflow.task_states("stage_gate.start", start) for start in starts]
    told = play.airflow.task_log("stage_gate.start", starts[0], "find_executions")
    play.house.open_doors()
    return play.end(f"execution-{execution_id}", starts=starts, states=states, told=told, runs=_runs(play))


def _runs(play: Play) -> list[Json]:
    runs: list[Json] = play.airflow.api("GET", f"/dags/{play.dag_id}/dagRuns")["dag_runs"]
    return runs


@plays(an_execution_that_is_found)
def test_a_missing_run_is_started_once_even_when_it_is_looked_for_twice(run: Run) -> None:
    assert [each["dag_run_id"] for each in _runs(run.play)] == [run.run_id]
    assert run.state == "success"
    started = sorted(states["start_run[0]"] for states in run.notes["states"])
    assert started in (["skipped", "success"], ["skipped", "skipped"]), "or its own timer was first"


@plays(an_execution_that_is_found)
def test_a_gate_whose_credential_is_refused_keeps_no_other_gate_waiting(run: Run) -> None:
    assert f"Gate {LOCKED_OUT} can't be started" in run.notes["told"]
    for name in BROKEN_GATES:
        assert f"Gate {name} can't be started" in run.notes["told"]
    assert "runs execution" in run.notes["told"]
    assert [states["find_executions"] for states in run.notes["states"]] == ["success", "success"]


@plays(an_execution_that_is_found)
def test_each_gate_that_cannot_be_started_is_a_failed_task_of_its_own(run: Run) -> None:
    for states in run.notes["states"]:
        failed = [task for task, state in states.items() if state == "failed"]
        assert len(failed) == len([*BROKEN_GATES, LOCKED_OUT])


@case(gate={"mode": "shadow"})
def a_run_that_is_started_by_hand(play: Play) -> Run:
    nothing = play.end(play.trigger(play.dag_id))
    execution_id = play.start_execution()
    current = play.end(play.trigger(play.dag_id))
    named = play.end(play.trigger(play.dag_id, conf={"execution": execution_id}))
    return play.end(f"execution-{execution_id}", nothing=nothing, current=current, named=named)


@plays(a_run_that_is_started_by_hand)
def test_a_run_by_hand_folds_into_the_one_run_of_the_execution(run: Run) -> None:
    current = run.notes["current"]
    assert current.state == "success"
    assert current.tasks["start_execution_run"] == "success"
    assert current.tasks["wait_for_stage_deployment"] == "skipped"
    assert f"guarded in run {run.run_id}" in current.log("pin_candidate")
    assert run.state == "success"
    assert run.verdict["outcome"] == "passed"


@plays(a_run_that_is_started_by_hand)
def test_a_second_run_by_hand_starts_nothing_again(run: Run) -> None:
    assert run.notes["named"].tasks["start_execution_run"] == "skipped"
    by_id = [each["dag_run_id"] for each in _runs(run.play) if each["dag_run_id"].startswith("execution-")]
    assert by_id == [run.run_id]


@plays(a_run_that_is_started_by_hand)
def test_a_run_by_hand_for_a_pipeline_that_runs_nothing_fails_and_says_so(run: Run) -> None:
    nothing = run.notes["nothing"]
    assert "runs nothing just now" in nothing.log("pin_candidate")
    assert nothing.state == "failed"


def _first_run(client: AirflowApi, dag_id: str) -> str | None:
    """Such a Dag runs by itself as soon as it is there."""
    runs = client.api("GET", f"/dags/{dag_id}/dagRuns")["dag_runs"]
    return str(runs[0]["dag_run_id"]) if runs else None


@pytest.mark.airflow
@pytest.mark.xdist_group("airflow")
@pytest.mark.parametrize(
    ("name", "line", "remedy"),
    [
        ("broken-syntax", 2, "YAML"),
        ("broken-key", 2, "mode"),
        ("broken-policy", 5, "halt, hold"),
    ],
)
def test_a_broken_gate_file_is_a_dag_that_fails_with_file_line_and_remedy(
    house: House, name: str, line: int, remedy: str
) -> None:
    client = house.airflow.client()
    dag_id = f"stage_gate.{name}.invalid"
    dag: dict[str, Any] = client.wait_for_dag(dag_id)
    run_id = client.wait_until(lambda: _first_run(client, dag_id), PATIENCE, lambda: f"{dag_id} has no run")
    assert client.wait_for_run(dag_id, run_id, timeout=PATIENCE) == "failed"
    told = client.task_log(dag_id, run_id, "gate_file_is_invalid")
    assert f"{name}.yaml" in told
    assert f":{line}" in told or f"line {line}" in told
    assert remedy in told
    assert dag["has_import_errors"] is False
