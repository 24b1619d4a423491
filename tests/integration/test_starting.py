"""Does every execution get its one run, whoever starts it, and does a broken gate harm no other one?"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from airflow_api import AirflowApi, AirflowApiError, client_of
from integration.cases import case, plays
from integration.house import BROKEN_GATES, LOCKED_OUT, House, source_of
from integration.play import PATIENCE, Json, Play, Run


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
    told = [play.airflow.task_log("stage_gate.start", start, "find_executions") for start in starts]
    play.house.open_doors()
    return play.end(f"execution-{execution_id}", states=states, told=told)


def _runs(play: Play) -> list[Json]:
    runs: list[Json] = play.airflow.api("GET", f"/dags/{play.dag_id}/dagRuns")["dag_runs"]
    return runs


@plays(an_execution_that_is_found)
def test_a_missing_run_is_started_once_even_when_it_is_looked_for_twice(run: Run) -> None:
    assert [each["dag_run_id"] for each in _runs(run.play)] == [run.run_id]
    assert run.state == "success"
    started = [f"Started {run.run_id} of {run.play.dag_id}" in told for told in run.notes["told"]]
    assert sum(started) <= 1, "its own timer may have been first"


@plays(an_execution_that_is_found)
def test_a_gate_whose_credential_is_refused_keeps_no_other_gate_waiting(run: Run) -> None:
    told = run.notes["told"][0]
    for name in (LOCKED_OUT, *BROKEN_GATES):
        assert f"Gate {name} can't be started" in told
    assert "runs execution" in told
    assert [states["find_executions"] for states in run.notes["states"]] == ["success", "success"]


@plays(an_execution_that_is_found)
def test_each_gate_that_cannot_be_started_is_a_failed_task_of_its_own(run: Run) -> None:
    for states in run.notes["states"]:
        failed = [task for task, state in states.items() if state == "failed"]
        assert len(failed) >= len([*BROKEN_GATES, LOCKED_OUT])
        assert all(task.startswith("say_what_is_wrong[") for task in failed)


@case(
    at_once=True,
    gate={"policy": {"passed": "hold"}, "notify": {"slack": {"connection": "slack", "channel": "#releases"}}},
)
def a_run_that_is_ended_while_its_approval_waits(play: Play) -> Run:
    run_id = play.begin()
    play.until_approval_waits(run_id)
    play.until(run_id, "pin_candidate")
    play.mark_run(run_id, "failed")
    play.end(run_id)
    looks = []
    for number in (1, 2):
        look = play.trigger("stage_gate.start", dag_run_id=f"for-alarm-{number}")
        play.airflow.wait_until(
            lambda look=look: play.house.ended("stage_gate.start", look),
            PATIENCE,
            lambda: "stage_gate.start has not ended",
        )
        looks.append(play.airflow.task_log("stage_gate.start", look, "find_executions"))
    alarms = [text for event, text in play.told(run_id) if event == "alarm"]
    play.house.open_doors()
    return play.end(run_id, looks=looks, alarms=alarms, approval=play.approval(run_id))


@plays(a_run_that_is_ended_while_its_approval_waits)
def test_a_run_that_ended_undecided_raises_one_alarm_that_says_what_to_do(run: Run) -> None:
    assert run.state == "failed"
    assert run.notes["approval"] == "WAITING"
    (alarm,) = run.notes["alarms"]
    assert (
        f"Run {run.run_id} of gate {run.play.case.slug} has ended (failed) and production still waits"
        in alarm
    )
    assert "clear settle_stage" in alarm
    assert all("has ended (failed) and production still waits" in look for look in run.notes["looks"])
    assert run.acts == []


@case(gate={"mode": "shadow"})
def a_run_that_is_started_by_hand(play: Play) -> Run:
    nothing = play.end(play.trigger(play.dag_id))
    execution_id = play.start_execution()
    current = play.end(play.trigger(play.dag_id))
    named = play.end(play.trigger(play.dag_id, conf={"execution": execution_id}))
    wrong = play.end(play.trigger(play.dag_id, conf={"execution": "99"}))
    with pytest.raises(AirflowApiError) as refused:
        play.trigger(play.dag_id, conf={"execution": "the newest"})
    links = play.airflow.api(
        "GET", f"/dags/{play.dag_id}/dagRuns/{quote(named.run_id)}/taskInstances/start_execution_run/links"
    )
    run = play.end(f"execution-{execution_id}")
    note = play.airflow.run(play.dag_id, run.run_id)["note"]
    seen = {"refused": refused.value.status, "links": links["extra_links"], "note": note}
    return replace(
        run, notes={"nothing": nothing, "current": current, "named": named, "wrong": wrong, **seen}
    )


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


@plays(a_run_that_is_started_by_hand)
def test_a_run_by_hand_says_where_the_run_of_the_execution_is(run: Run) -> None:
    page = f"/dags/{run.play.dag_id}/runs/{run.run_id}"
    named = run.notes["named"]
    assert "is there already (" in named.log("start_execution_run")
    assert page in named.log("start_execution_run")
    assert run.notes["links"]["Run of the execution"].endswith(page)
    assert run.notes["note"] == f"Started by hand, from run {run.notes['current'].run_id}."


@plays(a_run_that_is_started_by_hand)
def test_a_wrong_execution_is_refused_by_the_form_or_by_a_sentence_and_starts_nothing(run: Run) -> None:
    assert run.notes["refused"] == 400
    assert run.notes["wrong"].state == "failed"
    assert "Execution 99 does not exist in pipeline" in run.notes["wrong"].log("pin_candidate")
    assert "execution-99" not in [each["dag_run_id"] for each in _runs(run.play)]


@case(split=True, acts=("approve",))
def a_split_release_that_was_tested_on_stage(play: Play) -> Run:
    tested = _test_on_stage(play)
    run = play.end(play.begin())
    return replace(run, notes={"tested": tested})


@plays(a_split_release_that_was_tested_on_stage)
def test_a_production_only_execution_is_approved_for_the_build_that_was_tested(run: Run) -> None:
    assert run.state == "success"
    assert run.acts == ["approve"]
    assert f"execution {run.notes['tested']} of pipeline" in run.log("find_source")
    candidate = json.loads((run.folder / "attempt-1" / "candidate.json").read_text())
    assert candidate["execution_id"] == run.run_id.removeprefix("execution-")
    assert candidate["stage"]["source"]["execution_id"] == run.notes["tested"]
    assert run.decision["decision"] == "approved"


@case(split=True)
def a_split_release_after_which_stage_has_another_build(play: Play) -> Run:
    _test_on_stage(play)
    execution_id = play.start_execution()
    play.until_approval_waits(f"execution-{execution_id}")
    newer = _test_on_stage(play)
    run_id = play.guard(execution_id)
    play.until(run_id, "hold_production", "deferred")
    held = play.log(run_id, "hold_production")
    play.person("reject", run_id)
    return replace(play.end(run_id), notes={"newer": newer, "held": held})


@plays(a_split_release_after_which_stage_has_another_build)
def test_a_build_that_is_no_longer_on_stage_is_held_and_said(run: Run) -> None:
    assert run.tasks["find_source"] == "failed"
    told = "is not the last one that reached stage"
    assert told in run.log("find_source")
    assert told in run.notes["held"]
    assert f"execution {run.notes['newer']} did after it" in run.notes["held"]
    assert run.acts == []


def _test_on_stage(play: Play) -> str:
    """Let the stage-only pipeline of a split case test a build; the id of the execution."""
    play.house.doors.wait(PATIENCE)
    tested = play.simulator.start_execution(play.case.name, pipeline=source_of(play.pipeline))
    play.until_over(tested)
    return tested


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
    client = client_of(house.airflow)
    dag_id = f"stage_gate.{name}.invalid"
    dag: dict[str, Any] = client.wait_for_dag(dag_id)
    run_id = client.wait_until(lambda: _first_run(client, dag_id), PATIENCE, lambda: f"{dag_id} has no run")
    assert client.wait_for_run(dag_id, run_id, timeout=PATIENCE) == "failed"
    told = client.task_log(dag_id, run_id, "gate_file_is_invalid")
    assert f"{name}.yaml" in told
    assert f":{line}" in told or f"line {line}" in told
    assert remedy in told
    assert dag["has_import_errors"] is False
