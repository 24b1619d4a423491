"""Gate files become Dags; a broken one says what is wrong and harms no other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG, TriggerRule
from airflow.sdk.exceptions import AirflowFailException
from airflow.serialization.serialized_objects import DagSerialization

from stage_gate.dag_bag import build_dags, invalid_dag_id

ROOT = Path(__file__).resolve().parents[3]
GATE = {
    "pipeline": {"program": "12345", "pipeline": "678901"},
    "sites": [
        {
            "name": "wknd",
            "stage": "https://publish-p12345-e7654321.adobeaemcloud.com",
            "production": "https://www.wknd.site",
            "pages": ["/"],
        }
    ],
}


@pytest.fixture
def gates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__GATES_FOLDER", str(tmp_path))
    monkeypatch.setenv("AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT", "600")
    return tmp_path


def write(gates: Path, name: str, content: object = GATE) -> None:
    text = content if isinstance(content, str) else yaml.safe_dump(content)
    (gates / f"{name}.yaml").write_text(text)


def dag_of(gates: Path, **changes: object) -> DAG:
    write(gates, "wknd", GATE | changes)
    return build_dags("stage_gate.wknd")["gate_wknd"]


def test_three_broken_files_leave_the_healthy_gate_alone(gates: Path) -> None:
    write(gates, "wknd")
    write(gates, "syntax", "pipeline: {program: [")
    write(gates, "typo", GATE | {"polizy": {}})
    write(gates, "unsafe", GATE | {"policy": {"failed": "approve"}})
    ids = {dag.dag_id for dag in build_dags().values()}
    assert ids == {
        "stage_gate.wknd",
        "stage_gate.start",
        "stage_gate.syntax.invalid",
        "stage_gate.typo.invalid",
        "stage_gate.unsafe.invalid",
    }


def test_an_invalid_gate_fails_with_file_line_and_remedy(gates: Path) -> None:
    write(gates, "unsafe", yaml.safe_dump(GATE) + "policy:\n  failed: approve\n")
    dag = build_dags("stage_gate.unsafe.invalid")["gate_unsafe"]
    line = len(yaml.safe_dump(GATE).splitlines()) + 2
    with pytest.raises(AirflowFailException, match=rf"unsafe\.yaml:{line}: .*passed verdict only"):
        dag.tasks[0].execute({})


def test_a_file_whose_name_is_no_gate_name_still_says_so(gates: Path) -> None:
    write(gates, "My Gate!")
    assert [dag.dag_id for dag in build_dags().values()] == [
        invalid_dag_id("My Gate!"),
        "stage_gate.start",
    ]


def test_a_task_builds_only_the_gate_that_it_needs(gates: Path) -> None:
    for name in ("one", "two", "three"):
        write(gates, name)
    assert list(build_dags("stage_gate.two")) == ["gate_two"]
    assert list(build_dags("stage_gate.start")) == ["start"]


def test_the_dag_file_loads_and_serialises(gates: Path) -> None:
    write(gates, "wknd", GATE | {"policy": {"inconclusive": {"ask": ["alice"]}}})
    bag = DagBag(ROOT / "dags" / "stage_gates.py")
    assert bag.import_errors == {}
    assert set(bag.dag_ids) == {"stage_gate.wknd", "stage_gate.start"}
    for dag in bag.dags.values():
        assert DagSerialization.to_dict(dag)["dag"]["dag_id"] == dag.dag_id


def test_every_way_ends_in_publish_report(gates: Path) -> None:
    dag = dag_of(gates, policy={"passed": {"ask": ["alice"]}, "inconclusive": {"ask": ["alice"]}})
    publish = dag.get_task("publish_report")
    assert publish.is_teardown
    assert publish.on_failure_fail_dagrun
    assert [task.task_id for task in dag.tasks if not task.downstream_task_ids] == ["publish_report"]


def test_no_branch_points_straight_at_the_report(gates: Path) -> None:
    """A branch skips what it points at; the report must never be skipped."""
    dag = dag_of(gates, policy={"inconclusive": {"ask": ["alice"]}})
    for branch in ("pin_candidate", "decide", "follow_answer"):
        assert "publish_report" not in dag.get_task(branch).downstream_task_ids


def test_judge_and_decide_run_whatever_became_of_the_checks(gates: Path) -> None:
    dag = dag_of(gates)
    assert dag.get_task("judge").trigger_rule == TriggerRule.ALL_DONE
    assert dag.get_task("decide").trigger_rule == TriggerRule.ALL_DONE


def test_each_chapter_is_a_task_and_the_probes_come_last_of_those_that_begin_with_a_settled_stage(
    gates: Path,
) -> None:
    dag = dag_of(gates)
    tests = {task.task_id for task in dag.tasks if task.task_id.startswith("stage_tests.")}
    assert {"stage_tests.availability", "stage_tests.browser", "stage_tests.dispatcher_probes"} <= tests
    probes = dag.get_task("stage_tests.dispatcher_probes")
    others = tests - {"stage_tests.performance_later", "stage_tests.dispatcher_probes"}
    assert others == {each for each in probes.upstream_task_ids if each != "settle_stage"}
    assert probes.trigger_rule == TriggerRule.ALL_DONE


def test_a_default_gate_is_a_picture_that_a_person_can_read(gates: Path) -> None:
    assert len(dag_of(gates).tasks) <= 30


def test_a_check_that_would_disturb_waits_for_cloud_managers_tests(gates: Path) -> None:
    dag = dag_of(gates, checks={"key_pages": {"after": "cloud_manager_tests"}})
    assert "wait_for_approval_step" in dag.get_task("stage_tests.availability_later").upstream_task_ids
    assert "wait_for_approval_step" not in dag.get_task("stage_tests.availability").upstream_task_ids


def test_nobody_is_asked_unless_the_policy_says_so(gates: Path) -> None:
    assert not dag_of(gates).has_task("ask_release_manager")
    asked = dag_of(gates, policy={"inconclusive": {"ask": ["alice"]}})
    options = asked.get_task("ask_release_manager").partial_kwargs["options"]
    assert options == ["Re-test", "Override", "Halt", "Keep waiting"]
    ways = asked.get_task("follow_answer").downstream_task_ids
    assert ways == {
        "override_production",
        "halt_production",
        "retest_stage",
        "hold_production",
        "record_bypass",
    }


def test_the_docs_tab_tells_what_is_guarded_and_is_stable(gates: Path) -> None:
    write(gates, "wknd")
    first, second = (build_dags()["gate_wknd"].doc_md for _ in range(2))
    assert first == second
    assert first is not None
    assert "678901" in first


def test_a_task_needs_no_docs_tab(gates: Path) -> None:
    assert not dag_of(gates).doc_md


def test_every_task_is_tried_again_when_it_died(gates: Path) -> None:
    """What refuses or fails for good raises AirflowFailException, and that is never tried again."""
    dag = dag_of(gates, policy={"inconclusive": {"ask": ["alice"]}})
    assert {task.task_id: task.retries for task in dag.tasks if task.retries < 1} == {}
    for act in ("approve_production", "override_production", "halt_production"):
        assert dag.get_task(act).retries == 5


def test_two_names_never_become_one_id(gates: Path) -> None:
    for name in ("a b", "a+b", "x" * 240):
        write(gates, name, "x: 1")
    bag = DagBag(ROOT / "dags" / "stage_gates.py")
    assert bag.import_errors == {}
    assert len(bag.dag_ids) == 4


def test_one_entry_that_cannot_be_looked_at_hides_no_gate(gates: Path) -> None:
    write(gates, "healthy")
    (gates / "loop.yaml").symlink_to("loop.yaml")
    (gates / "folder.yaml").mkdir()
    assert "stage_gate.healthy" in {dag.dag_id for dag in build_dags().values()}


def test_what_a_gate_file_says_cannot_leave_its_fence_in_the_docs(gates: Path) -> None:
    write(gates, "bad", yaml.safe_dump(GATE) + 'waits:\n  poll: "```\\n# All is well"\n')
    docs = build_dags()["gate_bad"].doc_md
    assert docs is not None
    assert docs.count("```") == 2


def test_deciding_tasks_go_to_the_queue_that_holds_the_deciding_credential(
    gates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__DECIDING_QUEUE", "deciding")
    dag = dag_of(gates, policy={"inconclusive": {"ask": ["alice"]}})
    on_it = {task.task_id for task in dag.tasks if task.queue == "deciding"}
    assert on_it == {
        "pin_candidate",
        "judge",
        "ask_release_manager",
        "retest_stage",
        "approve_production",
        "override_production",
        "halt_production",
    }


def expired_quarantine(check: str = "real_404") -> dict[str, object]:
    entry = {"check": check, "owner": "alice", "until": "2026-01-01", "why": "being rebuilt"}
    return {"policy": {"quarantine": [entry]}}


def test_a_gate_whose_quarantine_has_ended_keeps_its_dag_and_a_second_one_says_so(gates: Path) -> None:
    write(gates, "wknd", GATE | expired_quarantine())
    dags = {dag.dag_id: dag for dag in build_dags().values()}
    assert set(dags) == {"stage_gate.wknd", "stage_gate.wknd.invalid", "stage_gate.start"}
    with pytest.raises(AirflowFailException, match=r"wknd\.yaml:\d+: .*ended on 2026-01-01.* blocks again"):
        dags["stage_gate.wknd.invalid"].tasks[0].execute({})
    assert "still guards" in (dags["stage_gate.wknd.invalid"].doc_md or "")
    docs = dags["stage_gate.wknd"].doc_md or ""
    assert "no check is in quarantine" in docs
    assert "quarantine until" not in docs


def test_a_task_of_a_run_finds_its_dag_although_a_quarantine_has_ended(gates: Path) -> None:
    write(gates, "wknd", GATE | expired_quarantine())
    assert "stage_gate.wknd" in {dag.dag_id for dag in build_dags("stage_gate.wknd").values()}


def test_a_file_that_is_wrong_besides_being_out_of_date_guards_nothing(gates: Path) -> None:
    write(gates, "wknd", GATE | expired_quarantine(check="real_40"))
    assert {dag.dag_id for dag in build_dags().values()} == {"stage_gate.wknd.invalid", "stage_gate.start"}


def test_a_gate_below_the_minimum_of_the_deployment_guards_nothing_and_says_so(
    gates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(gates, "wknd", GATE | {"checks": {"real_404": False}})
    write(gates, "whole")
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__MINIMUM_CHECKS", "real_404")
    dags = {dag.dag_id: dag for dag in build_dags().values()}
    assert set(dags) == {"stage_gate.wknd.invalid", "stage_gate.whole", "stage_gate.start"}
    assert "`real_404`" in (dags["stage_gate.whole"].doc_md or "")
    assert "minimum" in (dags["stage_gate.wknd.invalid"].doc_md or "")


def test_cloud_managers_own_results_are_read_whatever_became_of_the_tests(gates: Path) -> None:
    read = dag_of(gates).get_task("read_cloud_manager_results")
    assert read.upstream_task_ids == {"settle_stage", "wait_for_approval_step"}
    assert read.downstream_task_ids == {"judge", "publish_report"}
    assert read.trigger_rule == TriggerRule.ALL_DONE


@pytest.mark.parametrize(
    ("first", "second", "ids"),
    [
        ("guard", "guard", {"stage_gate.wknd.invalid", "stage_gate.zz.invalid"}),
        ("guard", "shadow", {"stage_gate.wknd", "stage_gate.zz"}),
        ("shadow", "shadow", {"stage_gate.wknd", "stage_gate.zz"}),
    ],
)
def test_of_two_gates_that_act_on_one_pipeline_none_does(
    gates: Path, first: str, second: str, ids: set[str]
) -> None:
    write(gates, "wknd", GATE | {"mode": first})
    write(gates, "zz", GATE | {"mode": second, "checks": {"real_404": False}})
    assert {dag.dag_id for dag in build_dags().values()} == ids | {"stage_gate.start"}


_PARSED = """
import sys
import stage_gate.dag_bag
from aem_checks.kinds import all_kinds
all_kinds()
print(*sorted(sys.modules))
"""


def test_a_dag_is_read_without_what_only_tasks_need() -> None:
    """Each task's process reads it again, where nothing was imported ahead."""
    told = subprocess.run(
        [sys.executable, "-c", _PARSED],
        env={**os.environ, "PYTHONPATH": str(ROOT / "plugins")},
        capture_output=True,
        text=True,
        check=True,
    )
    tasks_need = {
        "stage_gate.evidence.store",
        "stage_gate.telling.story",
        "aem_checks.client",
        "aem_checks.told",
    }
    tasks_need |= {"stage_gate.telling.rendering", "stage_gate.telling.report"}
    assert tasks_need & set(told.stdout.split()) == set()


def test_airflow_itself_says_what_is_guarded_and_what_each_task_does(gates: Path) -> None:
    write(gates, "wknd", {**GATE, "mode": "guard", "policy": {"failed": {"ask": ["alice"]}}})
    dag = build_dags()["gate_wknd"]
    assert dag.description == (
        "Guards pipeline 678901 of program 12345: tests stage of wknd, then approves or halts production."
    )
    assert {"stage-gate", "guard", "program 12345"} == set(dag.tags)
    for task in dag.tasks:
        assert len(task.doc or "") > 20, f"{task.task_id} says nothing of itself"


def test_whoever_looks_at_a_task_that_decides_finds_the_release_and_cloud_manager(gates: Path) -> None:
    write(gates, "wknd", {**GATE, "mode": "guard", "policy": {"failed": {"ask": ["alice"]}}})
    dag = build_dags()["gate_wknd"]
    for task_id in (
        "judge",
        "decide",
        "ask_release_manager",
        "hold_production",
        "approve_production",
        "halt_production",
    ):
        links = [link.name for link in dag.get_task(task_id).operator_extra_links]
        assert links == ["Release", "Cloud Manager"], task_id


def test_other_dags_can_follow_an_approval_and_a_halt(gates: Path) -> None:
    write(gates, "wknd", {**GATE, "mode": "guard", "policy": {"failed": {"ask": ["alice"]}}})
    dag = build_dags()["gate_wknd"]
    told = {task.task_id: [asset.name for asset in task.outlets] for task in dag.tasks if task.outlets}
    assert told == {
        "approve_production": ["stage_gate://wknd/approved"],
        "override_production": ["stage_gate://wknd/approved"],
        "halt_production": ["stage_gate://wknd/halted"],
    }
