"""What when a team's own Airflow tasks are tests of a release, on a real Airflow?"""

from __future__ import annotations

import json
from typing import Any

from integration.cases import case, plays
from integration.house import BROKEN_BLOCKS, PROGRAM, SENSOR_EXAMPLES
from integration.play import PATIENCE, Play, Run

Json = dict[str, Any]
ALL_KINDS = """\
from datetime import timedelta

ACCEPTED = {"isolation": "accepted"}
report = '<testsuite><testcase name="basket"/><testcase name="till"/></testsuite>'
here = "FOLDER/{{ candidate.execution_id }}"

@stage_test(within="5m", **ACCEPTED)
def basket(site, candidate, ti):
    assert candidate.execution_id == ti.run_id.removeprefix("execution-")
    assert candidate.site == site and site.stage.startswith("http")
    candidate.folder.joinpath("seen.txt").write_text("a basket")
    return ["/us/en.html"]

@task
def names():
    return ["a", "b"]

@task(retries=0)
def tidy():
    raise OSError("a helper that fails is no test")

cypress = BashOperator(
    task_id="cypress",
    bash_command=f"mkdir -p {here}; echo $REPORT > {here}/a.xml",
    env={"REPORT": report},
    append_env=True,
)
as_stage_test(cypress, reports="FOLDER/{execution_id}/*.xml", after="cloud_manager_tests", **ACCEPTED) >> tidy()

waits = TimeDeltaSensor(task_id="waits", delta=timedelta(seconds=1), deferrable=True)
as_stage_test(waits, examined=1, **ACCEPTED)

each = names().map(lambda name: "echo " + name + " is part $PART")
parts = BashOperator.partial(task_id="parts", env={"PART": "{{ candidate.part }}"}, append_env=True)
as_stage_test(parts.expand(bash_command=each), examined=1, **ACCEPTED)

load = TriggerDagRunOperator(task_id="load", trigger_dag_id="load_test", poke_interval=1)
of_load = "EVIDENCE/{gate}/execution-{execution_id}/attempt-{attempt}/sites/{gate}/tasks/load/from-afar/*.xml"
as_stage_test(load, reports=of_load, **ACCEPTED)
"""
WITHOUT_ANSWER = """\
import pathlib, shutil

ACCEPTED = {"isolation": "accepted", "within": "10m"}
many = "FOLDER/many/{{ candidate.execution_id }}"

@stage_test(**ACCEPTED)
def nothing_examined(): ...

as_stage_test(BashOperator(task_id="no_reports", bash_command="true"), reports="FOLDER/none/*.xml", **ACCEPTED)

write = f"mkdir -p {many} && cd {many} && seq 10000 | sed s/$/.xml/ | xargs touch"
as_stage_test(BashOperator(task_id="many", bash_command=write), reports="FOLDER/many/{execution_id}/*.xml", **ACCEPTED)

@stage_test(**ACCEPTED)
def writes_elsewhere(candidate):
    results = candidate.folder.parents[3] / "results"
    own = (results / "key_pages.json")
    forged = own.read_text().replace('"attempts"', '"attempts" ') if own.exists() else "{}"
    (results / "key_pages~2.json").write_text(forged)
    return 1

@task
def no_names():
    return []

empty = BashOperator.partial(task_id="mapped_over_nothing").expand(bash_command=no_names())
as_stage_test(empty, examined=1, **ACCEPTED)

@task(retries=0)
def seed():
    raise OSError("no seed")

waits = BashOperator(task_id="waits_for_a_helper", bash_command="true")
seed() >> as_stage_test(waits, examined=1, **ACCEPTED)
"""
FAILS = """\
@stage_test(isolation="accepted")
def basket(candidate):
    assert candidate.site.stage == "https://nowhere.example", "the basket is empty"
"""
MARKED = """\
wait = "touch FOLDER-marked.begun; while [ ! -e FOLDER-marked.go ]; do sleep 1; done"
as_stage_test(BashOperator(task_id="slow", bash_command=wait), examined=1, isolation="accepted")
"""


def result_of(run: Run, key: str) -> Json:
    kept: Json = json.loads((run.folder / f"attempt-1/results/{key}.json").read_text())
    result: Json = kept["result"]
    return result


@case(dag_file=ALL_KINDS, acts=("approve",))
def own_tests_that_pass(play: Play) -> Run:
    return play.end(play.begin())


@plays(own_tests_that_pass)
def test_a_release_whose_own_tests_pass_is_approved_by_their_own_results(run: Run) -> None:
    assert run.verdict["outcome"] == "passed", run.verdict
    assert run.acts == ["approve"]
    assert run.state == "success"
    assert "of 7 blocking checks 7 passed" in run.verdict["summary"]
    examined = {
        key: result_of(run, f"tasks.{key}")["examined"] for key in ("basket", "cypress", "waits", "load")
    }
    assert examined == {"basket": 1, "cypress": 2, "waits": 1, "load": 1}


@plays(own_tests_that_pass)
def test_the_parts_of_a_mapped_test_lie_beside_the_results(run: Run) -> None:
    parts = [json.loads(path.read_text()) for path in sorted((run.folder / "attempt-1/parts").glob("*.json"))]
    assert [(each["index"], each["total"]) for each in parts] == [(0, 2), (1, 2)]
    assert "b is part 1" in run.log("own_tests.parts[1]")


@plays(own_tests_that_pass)
def test_a_helper_that_fails_is_drawn_and_counts_for_nothing(run: Run) -> None:
    assert run.tasks["own_tests.tidy"] == "failed"
    assert "tidy" not in json.dumps(run.verdict)


@plays(own_tests_that_pass)
def test_what_a_test_writes_into_its_folder_is_sealed_with_it(run: Run) -> None:
    seal = json.loads((run.folder / "attempt-1/manifest.json").read_text())["signed"]
    slug = run.play.case.slug
    assert f"sites/{slug}/tasks/basket/seen.txt" in seal["files"]
    assert f"sites/{slug}/tasks/cypress/reports/a.xml" in seal["files"]


@case(dag_file=FAILS, acts=("reject",))
def an_own_test_that_fails(play: Play) -> Run:
    return play.end(play.begin())


@plays(an_own_test_that_fails)
def test_a_release_whose_own_test_fails_is_halted_and_says_why(run: Run) -> None:
    assert run.acts == ["reject"]
    assert run.verdict["reasons"] == [
        "tasks.basket: Test basket: an assertion failed: 'the basket is empty'."
    ]
    assert run.tasks["own_tests.basket"] == "failed"
    assert result_of(run, "tasks.basket")["attempts"] == 2
    assert "failed tasks.assertion [basket]" in run.log("own_tests.basket")


@case(dag_file=WITHOUT_ANSWER)
def own_tests_without_an_answer(play: Play) -> Run:
    run_id = play.begin()
    play.until(run_id, "hold_production", "deferred")
    play.person("reject", run_id)
    return play.end(run_id)


@plays(own_tests_without_an_answer)
def test_none_of_what_is_no_answer_is_one(run: Run) -> None:
    assert run.verdict["outcome"] == "inconclusive"
    assert run.acts == []
    keys = {
        *("tasks.nothing_examined", "tasks.no_reports", "tasks.many", "tasks.mapped_over_nothing"),
        *("tasks.waits_for_a_helper", "key_pages"),
    }
    assert set(run.verdict["not_passed"]) == keys
    sentences = {
        "nothing_examined": "ended well, and nobody says what it examined",
        "no_reports": "wrote no JUnit XML of this run",
        "many": "reports that could not be used",
    }
    for key, sentence in sentences.items():
        assert sentence in json.dumps(result_of(run, f"tasks.{key}")["findings"])
    told = " ".join(run.verdict["reasons"])
    assert "key_pages gave 2 results where one was planned" in told
    assert "tasks.mapped_over_nothing" in told
    assert "tasks.waits_for_a_helper" in told
    assert run.tasks["own_tests.waits_for_a_helper"] == "upstream_failed"


@case(dag_file=MARKED)
def an_own_test_that_is_marked(play: Play) -> Run:
    run_id, test = play.begin(), "own_tests.slow"
    play.until(run_id, test, "running")
    reports = play.house.folder / "reports-marked.begun"
    play.airflow.wait_until(lambda: reports.exists() or None, PATIENCE, lambda: "it does not begin")
    play.mark(run_id, test, "success")
    play.until(run_id, "hold_production", "deferred")
    play.person("reject", run_id)
    return play.end(run_id)


@plays(an_own_test_that_is_marked)
def test_a_test_that_somebody_marks_as_a_success_has_no_result(run: Run) -> None:
    assert run.tasks["own_tests.slow"] == "success"
    assert run.acts == []
    assert run.verdict["not_passed"] == ["tasks.slow"]
    assert "a state of Airflow is no result" in run.verdict["reasons"][0]


@case(dag_file="gate_with_own_tasks", gate={"mode": "shadow"})
def the_example_of_own_tasks(play: Play) -> Run:
    run_id = play.begin()
    told = {"program": PROGRAM, "pipeline": play.pipeline, "execution": run_id.removeprefix("execution-")}
    others = {name: play.trigger(name, conf=told) for name in SENSOR_EXAMPLES}
    play.until(run_id, "judge")
    play.until_approval_waits(run_id)
    wait_for_task(play, "run_our_tests", others["run_our_tests"], "tests")
    play.person("approve", run_id)
    states = {name: ended(play, name, other) for name, other in others.items()}
    return play.end(run_id, **states)


def wait_for_task(play: Play, dag_id: str, run_id: str, task: str) -> None:
    play.airflow.wait_until(
        lambda: play.house.view.tasks(dag_id, run_id).get((task, -1), (None, 0))[0] == "success" or None,
        PATIENCE,
        lambda: f"{task} of {dag_id} does not end",
    )


def ended(play: Play, dag_id: str, run_id: str) -> str:
    return play.airflow.wait_until(
        lambda: play.house.ended(dag_id, run_id), PATIENCE, lambda: f"{dag_id} does not end"
    )


@plays(the_example_of_own_tasks)
def test_the_examples_of_the_sensors_run_to_their_end_and_say_so_in_chat(run: Run) -> None:
    assert {name: run.notes[name] for name in SENSOR_EXAMPLES} == dict.fromkeys(SENSOR_EXAMPLES, "success")
    execution = run.run_id.removeprefix("execution-")
    said = [json.dumps(body) for body in run.play.house.slack.bodies]
    assert any(f"Execution {execution} is on stage: commit " in each for each in said)
    assert any(f"Our tests passed; production of {execution} waits for you." in each for each in said)


@plays(the_example_of_own_tasks)
def test_the_example_runs_as_its_page_says(run: Run) -> None:
    assert run.verdict["outcome"] == "passed"
    assert "of 4 blocking checks 4 passed" in run.verdict["summary"]
    assert result_of(run, "tasks.pages_answer")["examined"] == 2
    assert len(list((run.folder / "attempt-1/parts").glob("tasks.shop.*.json"))) == 2


@plays(an_own_test_that_fails)
def test_a_dag_file_that_is_wrong_says_so_by_its_own_dag_and_no_other_notices(run: Run) -> None:
    for name in BROKEN_BLOCKS:
        run.play.airflow.wait_for_dag(f"stage_gate.{name}.invalid", timeout=PATIENCE)
    dags = run.play.airflow.api("GET", "/dags?limit=100&dag_id_pattern=stage_gate.own-")["dags"]
    broken = {
        each["dag_id"]
        for each in dags
        if each["dag_id"].removeprefix("stage_gate.").startswith(tuple(BROKEN_BLOCKS))
    }
    assert broken == {f"stage_gate.{name}.invalid" for name in BROKEN_BLOCKS}
    assert run.play.airflow.api("GET", "/importErrors")["total_entries"] == 1, "the one that is no Python"
