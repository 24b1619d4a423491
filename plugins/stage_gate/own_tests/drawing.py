"""Where do the tests of a Dag file, and the tasks beside them, stand in the Dag of their gate?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stage_gate.own_tests.declaring import GROUP, OwnTestError

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from stage_gate.own_tests.declaring import AnyOperator, OpenGate


def draw_own_tests(opened: OpenGate) -> None:
    """Stage has settled, then a test, then the verdict; what is no test is drawn too, and counts for nothing.

    Raises ``OwnTestError`` for a test that waits for the verdict.
    """
    dag = opened.dag
    own: dict[str, AnyOperator] = {
        task.task_id: task for task in dag.tasks if task.task_id.startswith(f"{GROUP}.")
    }
    for task_id in opened.tests:
        _refuse_after_verdict(own[task_id])
    for task_id, task in own.items():
        if not task.upstream_task_ids & own.keys():
            dag.get_task("settle_stage") >> task
        if task_id in opened.tests:
            _draw_test(dag, task, waits=opened.tests[task_id].after == "cloud_manager_tests")
        task >> dag.get_task("publish_report")


def _draw_test(dag: DAG, task: AnyOperator, *, waits: bool) -> None:
    if waits:
        dag.get_task("wait_for_approval_step") >> task
    task >> dag.get_task("judge")
    if not waits and dag.has_task("open_smoke_tests"):
        task >> dag.get_task("open_smoke_tests")


def _refuse_after_verdict(task: AnyOperator) -> None:
    if "judge" in task.get_flat_relative_ids(upstream=True):
        raise OwnTestError(
            f"{task.task_id} waits for the verdict of which it is a part; take the arrow from 'judge' away"
        )
