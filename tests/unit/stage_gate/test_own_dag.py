"""A Dag file of a team's own builds the Dag of its gate, or it is said why not; no other gate notices."""

from __future__ import annotations

import gc
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization

import stage_gate
from stage_gate.own_tests.declaring import OwnTestError, as_stage_test, stage_test
from unit.stage_gate.test_dags import GATE

ROOT = Path(__file__).resolve().parents[3]
HEAD = """\
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.providers.standard.sensors.bash import BashSensor
from airflow.sdk import TaskGroup, task, task_group
from stage_gate import as_stage_test, gate_dag, stage_test

def bash(name="cypress", **more):
    return BashOperator(task_id=name, bash_command="true", **more)

with gate_dag("wknd") as dag:
"""
Write = Callable[..., Path]


@pytest.fixture
def dags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of Dags with one gate, and another one beside it."""
    (tmp_path / "gates").mkdir()
    shutil.copy(ROOT / "dags" / "stage_gates.py", tmp_path)
    other = GATE | {"pipeline": {"program": "12345", "pipeline": "2"}}
    for name, content in {"wknd": GATE, "other": other}.items():
        (tmp_path / "gates" / f"{name}.yaml").write_text(yaml.safe_dump(content))
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(tmp_path))
    monkeypatch.setenv("AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT", "600")
    return tmp_path


@pytest.fixture
def write(dags: Path) -> Write:
    def write(block: str, name: str = "wknd_gate", head: str = HEAD) -> Path:
        path = dags / f"{name}.py"
        path.write_text(head + "".join(f"    {line}\n" for line in block.splitlines()))
        return path

    return write


def bag(path: Path) -> DagBag:
    return DagBag(path)


def dag_of(path: Path) -> DAG:
    found = bag(path)
    assert found.import_errors == {}
    dag: DAG = found.dags["stage_gate.wknd"]
    return dag


def problem(path: Path) -> str:
    """What the one Dag of a broken file says."""
    found = bag(path)
    assert (found.import_errors, list(found.dags)) == ({}, ["stage_gate.wknd.invalid"])
    return str(found.dags["stage_gate.wknd.invalid"].tasks[0].problem)


def ids(dags: Path) -> set[str]:
    """Of the Dags that ``stage_gates.py`` builds."""
    return set(bag(dags / "stage_gates.py").dags)


# The Dag


def test_the_file_takes_the_place_of_the_dag_of_that_gate_and_leaves_the_others(
    dags: Path, write: Write
) -> None:
    assert ids(dags) == {"stage_gate.wknd", "stage_gate.other", "stage_gate.start"}
    path = write("as_stage_test(bash(), examined=1)")
    assert ids(dags) == {"stage_gate.other", "stage_gate.start"}
    dag = dag_of(path)
    assert DagSerialization.to_dict(dag)["dag"]["dag_id"] == "stage_gate.wknd"


def test_a_test_begins_with_a_settled_stage_and_ends_before_the_verdict(write: Write) -> None:
    task = dag_of(write("as_stage_test(bash(), examined=1)")).get_task("own_tests.cypress")
    assert task.upstream_task_ids == {"settle_stage"}
    assert task.downstream_task_ids == {"judge", "publish_report"}


def test_one_that_waits_for_cloud_manager_begins_after_its_tests(write: Write) -> None:
    dag = dag_of(write("as_stage_test(bash(), examined=1, after='cloud_manager_tests')"))
    assert dag.get_task("own_tests.cypress").upstream_task_ids == {"settle_stage", "wait_for_approval_step"}


def test_people_are_asked_after_the_tests(dags: Path, write: Write) -> None:
    smoke = {"ask": ["alice"], "questions": [{"name": "basket", "question": "Does it work?"}]}
    (dags / "gates" / "wknd.yaml").write_text(yaml.safe_dump(GATE | {"smoke_tests": smoke}))
    task = dag_of(write("as_stage_test(bash(), examined=1)")).get_task("own_tests.cypress")
    assert "open_smoke_tests" in task.downstream_task_ids


def test_a_helper_is_drawn_and_is_no_test(write: Write) -> None:
    dag = dag_of(write("bash('seed') >> as_stage_test(bash(), examined=1) >> bash('tidy')"))
    seed, test, tidy = (dag.get_task(f"own_tests.{name}") for name in ("seed", "cypress", "tidy"))
    assert seed.upstream_task_ids == {"settle_stage"}
    assert test.upstream_task_ids == {"own_tests.seed"}
    assert (seed.downstream_task_ids, tidy.downstream_task_ids) == (
        {"own_tests.cypress", "publish_report"},
        {"publish_report"},
    )
    assert [each.key for each in dag.get_task("pin_candidate").own_tests] == ["tasks.cypress"]


def test_what_is_declared_is_what_will_be_pinned(write: Write) -> None:
    block = """\
as_stage_test(
    bash(), severity="warn", within="20m", after="cloud_manager_tests", reports="/r/{execution_id}/*.xml",
    isolation="accepted",
)
@stage_test
def basket(site, candidate): ...
@stage_test(task_id="till", within="5m", retries=0, queue="browsers")
def _(): ...
"""
    dag = dag_of(write(block))
    first, basket, till = dag.get_task("pin_candidate").own_tests
    assert first.model_dump(mode="json") == {
        "name": "cypress",
        "site": "wknd",
        "severity": "warn",
        "within": "1200s",
        "after": "cloud_manager_tests",
        "reports": "/r/{execution_id}/*.xml",
        "examines": 0,
        "mapped": False,
        "unisolated": True,
    }
    assert (basket.key, till.key) == ("tasks.basket", "tasks.till")
    assert (dag.get_task("own_tests.till").retries, dag.get_task("own_tests.till").queue) == (0, "browsers")


def test_mapped_tests_and_those_in_a_mapped_group_have_parts(write: Write) -> None:
    block = """\
as_stage_test(BashOperator.partial(task_id="sites").expand(bash_command=["true", "false"]), examined=1)
@task_group
def browser(name):
    as_stage_test(BashOperator(task_id="click", bash_command=name), examined=1)
browser.expand(name=["a", "b"])
@task
def shop(name): ...
as_stage_test(shop.expand(name=[1, 2]), examined=1)
"""
    dag = dag_of(write(block))
    tests = dag.get_task("pin_candidate").own_tests
    assert {each.key: each.mapped for each in tests} == {
        "tasks.sites": True,
        "tasks.browser.click": True,
        "tasks.shop": True,
    }


def test_a_run_of_another_dag_is_told_of_the_candidate_unless_the_file_says_what(write: Write) -> None:
    block = """\
as_stage_test(TriggerDagRunOperator(task_id="load", trigger_dag_id="load_test"), examined=1)
as_stage_test(TriggerDagRunOperator(task_id="own", trigger_dag_id="load_test", conf={"a": 1}), examined=1)
"""
    dag = dag_of(write(block))
    assert dag.get_task("own_tests.load").conf == "{{ candidate.as_json }}"
    assert dag.get_task("own_tests.own").conf == {"a": 1}


def test_the_docs_tab_lists_them(write: Write) -> None:
    dag = dag_of(write("as_stage_test(bash(), within='20m', reports='/r/*.xml')"))
    assert "- `tasks.cypress` of site `wknd` (**blocks**): at most 20m, reports in `/r/*.xml`" in str(
        dag.doc_md
    )


def test_a_task_that_runs_finds_its_dag_in_the_file_without_looking_at_others(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("as_stage_test(bash(), examined=1)")
    write("as_stage_test(bash(), examined=1)", name="second")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "stage_gate.wknd")
    assert dag_of(path).has_task("own_tests.cypress")


def test_a_file_that_gives_its_dag_no_name_is_found_too(write: Write) -> None:
    head = HEAD.replace(" as dag", "")
    assert dag_of(write("as_stage_test(bash(), examined=1)", head=head)).has_task("own_tests.cypress")


def test_a_test_gets_more_time_from_airflow_than_it_may_take(write: Write) -> None:
    dag = dag_of(write("as_stage_test(bash(), within='20m', examined=1)"))
    assert dag.get_task("own_tests.cypress").execution_timeout.total_seconds() == 40 * 60


# What is refused


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("as_stage_test(bash(), examined=1)\nbash()", "cypress"),
        ("as_stage_test(as_stage_test(bash(), examined=1), examined=1)", "is declared as a test twice"),
        (
            "as_stage_test(BashOperator(bash_command='true'), examined=1)",
            "argument: 'task_id'",
        ),
        (
            "stage_test(lambda: 1)",
            "a function without a name has no task id; write stage_test(task_id='basket')",
        ),
        ("as_stage_test(EmptyOperator(task_id='nothing'), examined=1)", "which Airflow never runs"),
        ("with TaskGroup('g') as group: pass\nas_stage_test(group)", "a task group is no operator"),
        ("as_stage_test('cypress')", "str is no operator, so it can't be a test"),
        ("as_stage_test(BashOperator)", "is no operator, so it can't be a test"),
        ("as_stage_test(bash().as_setup(), examined=1)", "is a setup or teardown task"),
        ("as_stage_test(dag.get_task('judge'))", "judge is a task of the gate itself"),
        (
            "as_stage_test(BashSensor(task_id='s', bash_command='true', mode='reschedule'))",
            "write deferrable=True or mode='poke'",
        ),
        (
            "as_stage_test(BashSensor.partial(task_id='s', mode='reschedule').expand(bash_command=['a']))",
            "mode='poke'",
        ),
        (
            "as_stage_test(bash(), severity='blocks')",
            "cypress: severity is 'blocks', and it can be 'block', 'warn'",
        ),
        (
            "as_stage_test(bash(), after='never')",
            "after is 'never', and it can be 'settled', 'cloud_manager_tests'",
        ),
        ("as_stage_test(bash(), site='uk')", "site is 'uk', and it can be 'wknd'"),
        ("as_stage_test(bash(), isolation='yes')", "isolation is 'yes', and it can be 'accepted'"),
        ("as_stage_test(bash(), within='20')", "'20' is not a duration"),
        ("as_stage_test(bash(), within='0s')", "within is too short"),
        ("as_stage_test(bash(), reports='/r/{nothing}/*.xml')", "reports names 'nothing' between braces"),
        ("as_stage_test(bash(), reports='/r/{execution_id/*.xml')", "can't be read"),
        ("as_stage_test(bash(), reports='r/*.xml')", "write an absolute path"),
        ("as_stage_test(bash(), reports='/r/../*.xml')", "without 'file://' and '..'"),
        ("stage_test(examined=1)(bash)", "stage_test takes no 'examined'"),
        (
            "dag.get_task('judge') >> as_stage_test(bash(), examined=1)",
            "waits for the verdict of which it is a part",
        ),
        ("raise OSError('no such grid')", "OSError: no such grid"),
        ("raise SystemExit('no such grid')", "SystemExit: no such grid"),
    ],
)
def test_what_is_wrong_in_the_block_is_said_by_a_dag_that_fails(
    dags: Path, write: Write, block: str, said: str
) -> None:
    path = write(block)
    told = problem(path)
    assert said in told
    assert told.startswith(f"{path}:")
    assert ids(dags) == {"stage_gate.other", "stage_gate.start"}, "no other gate notices"


def test_the_line_of_the_dag_file_is_named(write: Write) -> None:
    path = write("bash('seed')\nas_stage_test(bash(), severity='blocks')")
    assert problem(path).startswith(f"{path}:{len(HEAD.splitlines()) + 2}: ")


def test_the_dag_that_fails_is_there_for_its_task_too(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("raise OSError('no such grid')")
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "stage_gate.wknd.invalid")
    assert "no such grid" in problem(path)


def test_no_test_is_on_the_deciding_queue(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__DECIDING_QUEUE", "deciding")
    assert "no code of a team runs there" in problem(
        write("as_stage_test(bash(queue='deciding'), examined=1)")
    )
    mapped = "as_stage_test(BashOperator.partial(task_id='m', queue='deciding').expand(bash_command=['a']), examined=1)"
    assert "no code of a team runs there" in problem(write(mapped))


def test_where_all_is_on_one_queue_that_is_no_queue_of_the_deciding(write: Write) -> None:
    assert dag_of(write("as_stage_test(bash(), examined=1)")).get_task("own_tests.cypress").queue == "default"


def test_two_files_that_build_one_gate_are_both_refused(dags: Path, write: Write) -> None:
    files = [write("as_stage_test(bash(), examined=1)", name=name) for name in ("first", "second")]
    for file in files:
        [error] = bag(file).import_errors.values()
        assert all(str(each) in error for each in files)
    found = bag(dags / "stage_gates.py").dags
    assert set(found) == {"stage_gate.wknd.invalid", "stage_gate.other", "stage_gate.start"}
    assert all(str(each) in found["stage_gate.wknd.invalid"].tasks[0].problem for each in files)


def test_so_are_two_blocks_in_one_file(dags: Path, write: Write) -> None:
    write("pass\nwith gate_dag('wknd') as again: pass")
    assert "stage_gate.wknd.invalid" in ids(dags)


def test_a_file_that_is_no_python_is_told_by_the_dag_of_its_gate(dags: Path, write: Write) -> None:
    path = write("as_stage_test(bash(), examined=1")
    found = bag(dags / "stage_gates.py").dags
    assert set(found) == {"stage_gate.wknd.invalid", "stage_gate.other", "stage_gate.start"}
    assert f"{path} is no Python that can be read" in found["stage_gate.wknd.invalid"].tasks[0].problem


def test_a_file_that_airflow_would_skip_is_told_too(dags: Path, write: Write) -> None:
    head = "from stage_gate import gate_dag, stage_test\nwith gate_dag('wknd') as dag:\n"
    write("@stage_test\ndef basket(): ...", head=head)
    told = bag(dags / "stage_gates.py").dags["stage_gate.wknd.invalid"].tasks[0].problem
    assert "the word 'airflow' is not in it" in told


def test_a_file_that_airflow_ignores_builds_nothing(dags: Path, write: Write) -> None:
    write("as_stage_test(bash(), examined=1)")
    (dags / ".airflowignore").write_text("wknd_gate.py\n")
    assert "stage_gate.wknd" in ids(dags)


@pytest.mark.parametrize(
    "call", ["gate_dag(NAME)", 'gate_dag("wk" + "nd")', 'gate_dag(*["wknd"])', 'gate_dag(f"{NAME}")']
)
def test_a_name_that_is_no_plain_string_is_refused(dags: Path, write: Write, call: str) -> None:
    head = HEAD.replace('with gate_dag("wknd")', f'NAME = "wknd"\nwith {call}')
    [error] = bag(write("pass", head=head)).import_errors.values()
    assert "dags/stage_gates.py can't see that" in error
    assert "stage_gate.wknd" in ids(dags), "so the gate file alone has built it"


def test_another_name_for_the_function_is_seen(dags: Path, write: Write) -> None:
    head = HEAD.replace("gate_dag, stage_test", "gate_dag as gate, stage_test").replace(
        "with gate_dag", "with gate"
    )
    assert dag_of(write("pass", head=head))
    assert "stage_gate.wknd" not in ids(dags)


def test_a_gate_that_is_not_there_is_refused_with_those_that_are(write: Write) -> None:
    head = HEAD.replace('gate_dag("wknd")', 'gate_dag("wkdn")')
    [error] = bag(write("pass", head=head)).import_errors.values()
    assert "gates are: other, wknd" in error


def test_a_gate_file_that_is_wrong_says_so_whoever_builds_its_dag(dags: Path, write: Write) -> None:
    path = write("as_stage_test(bash(), examined=1)")
    (dags / "gates" / "wknd.yaml").write_text(yaml.safe_dump(GATE | {"polizy": {}}))
    [error] = bag(path).import_errors.values()
    assert "polizy" in error
    assert ids(dags) == {"stage_gate.wknd.invalid", "stage_gate.other", "stage_gate.start"}


def test_a_test_in_no_gate_is_refused() -> None:
    with pytest.raises(OwnTestError, match=r"stands in no gate; write it inside of 'with gate_dag"):
        stage_test(task_id="basket")(lambda: 1)


def test_a_task_of_another_dag_is_refused(write: Write) -> None:
    block = "from airflow.sdk import DAG\nother = DAG('other', schedule=None)\nas_stage_test(bash(dag=other), examined=1)"
    found = bag(write(block))
    assert set(found.dags) == {"stage_gate.wknd.invalid", "other"}
    assert "is a task of another Dag" in str(found.dags["stage_gate.wknd.invalid"].tasks[0].problem)


def test_the_garbage_collector_is_as_it_was_whatever_became_of_the_file(write: Write) -> None:
    for block, head in (("pass", HEAD), ("raise OSError", HEAD), ("pass", HEAD.replace('"wknd"', '"other"'))):
        bag(write(block, head=head))
        assert gc.isenabled()


# Policy and deployment


def test_policy_may_name_a_test_that_the_file_declares(dags: Path, write: Write) -> None:
    excuse = {"owner": "Alice", "until": f"{_soon()}", "why": "known"}
    waiver = {"check": "tasks.cypress", "code": "tasks.case_failed", "subject": "cypress: basket", **excuse}
    policy = {"quarantine": [{"check": "tasks.basket", **excuse}], "waivers": [waiver]}
    (dags / "gates" / "wknd.yaml").write_text(yaml.safe_dump(GATE | {"policy": policy}))
    assert "no Dag file declares such a test" in str(
        bag(dags / "stage_gates.py").dags["stage_gate.wknd.invalid"].tasks[0].problem
    )
    path = write("as_stage_test(bash(), examined=1)")
    assert "'tasks.basket', and no Dag file declares such a test" in problem(path)
    assert dag_of(write("as_stage_test(bash(), examined=1)\nas_stage_test(bash('basket'), examined=1)"))


def test_a_question_to_people_may_be_covered_by_one(dags: Path, write: Write) -> None:
    question = {"name": "basket", "question": "Does it work?", "covered_by": ["tasks.cypress"]}
    smoke = {"smoke_tests": {"ask": ["alice"], "questions": [question]}}
    (dags / "gates" / "wknd.yaml").write_text(yaml.safe_dump(GATE | smoke))
    assert dag_of(write("as_stage_test(bash(), examined=1)"))
    assert "'tasks.cypress', and no Dag file declares such a test" in problem(write("pass"))


def test_a_waiver_names_a_fault_that_such_a_test_can_have(dags: Path) -> None:
    waiver = {"check": "tasks.cypress", "code": "tasks.bad", "subject": "cypress"}
    excuse = {"owner": "Alice", "until": f"{_soon()}", "why": "known"}
    (dags / "gates" / "wknd.yaml").write_text(
        yaml.safe_dump(GATE | {"policy": {"waivers": [waiver | excuse]}})
    )
    told = bag(dags / "stage_gates.py").dags["stage_gate.wknd.invalid"].tasks[0].problem
    assert "tasks.cypress has no such code" in told


def _soon() -> str:
    from datetime import UTC, datetime, timedelta

    return f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}"


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("pass", "has no test that is an Airflow task"),
        ("as_stage_test(bash(), severity='warn', examined=1)", "tasks.cypress only warns"),
    ],
)
def test_a_deployment_may_want_such_a_test_in_every_gate(
    dags: Path, write: Write, monkeypatch: pytest.MonkeyPatch, block: str, said: str
) -> None:
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__MINIMUM_CHECKS", "tasks")
    assert said in problem(write(block))
    assert dag_of(write("as_stage_test(bash(), examined=1)"))
    assert "stage_gate.other.invalid" in ids(dags)


# The names


def test_the_public_names_are_there_and_cost_nothing_until_they_are_used() -> None:
    assert set(stage_gate.__all__) == {"as_stage_test", "gate_dag", "stage_test"}
    assert all(callable(getattr(stage_gate, name)) for name in stage_gate.__all__)
    assert stage_gate.as_stage_test is as_stage_test
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        stage_gate.nothing  # noqa: B018
    code = "import sys, stage_gate; sys.exit(len([n for n in sys.modules if n.startswith(('stage_gate.', 'airflow'))]))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT / "plugins", check=False).returncode == 0
    assert importlib.util.find_spec("stage_gate.own_dag") is not None
