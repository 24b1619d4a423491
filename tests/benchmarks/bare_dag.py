"""What is a bare Airflow Dag of the same shape as a gate's? Its tasks do nothing; its arrows are the gate's.

Each task is of the same sort as the gate's own: a branch chooses the same way on, a wait is a sensor that finds its
condition met at its first look (as the gate's waits do here, since Cloud Manager is there already), everything
else is an operator that returns. No EmptyOperator: Airflow does not run those at all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.sdk import DAG

DAG_ID = "bare"
_TEMPLATE = '''"""A bare Airflow dag of the same shape as a gate's; written by the benchmark."""

from datetime import timedelta

from airflow.sdk import DAG, BaseBranchOperator, BaseOperator, BaseSensorOperator, TaskGroup


class Nothing(BaseOperator):
    def execute(self, context):
        return None


class Branch(BaseBranchOperator):
    def __init__(self, *, way_on, **kwargs):
        super().__init__(**kwargs)
        self.way_on = way_on

    def choose_branch(self, context):
        return self.way_on


class Wait(BaseSensorOperator):
    def poke(self, context):
        return True


SORTS = {{"nothing": Nothing, "branch": Branch, "wait": Wait}}
TASKS = {tasks!r}
ARROWS = {arrows!r}

with DAG(
    dag_id={dag_id!r},
    schedule=None,
    catchup=False,
    max_active_runs=16,
    max_active_tasks=64,
    is_paused_upon_creation=False,
    default_args={{"retries": 1, "retry_delay": timedelta(seconds=10)}},
) as dag:
    groups = {{name: TaskGroup(name) for name in {groups!r}}}
    tasks = {{}}
    for task_id, sort, group, options in TASKS:
        task = SORTS[sort](task_id=task_id.rpartition(".")[2] if group else task_id, task_group=groups.get(group), **options)
        tasks[task_id] = task
    tasks["publish_report"].as_teardown(on_failure_fail_dagrun=True)
    for upstream, downstream in ARROWS.items():
        tasks[upstream] >> [tasks[task_id] for task_id in downstream]
'''


def write_bare_dag(gate: DAG, ways_on: dict[str, list[str]], path: Path) -> None:
    """Write a Dag file with the shape of a gate's Dag. ``ways_on``: what each branch chooses, by its task id."""
    tasks = [_task(task, ways_on) for task in gate.tasks]
    arrows = {
        task.task_id: sorted(task.downstream_task_ids) for task in gate.tasks if task.downstream_task_ids
    }
    groups = sorted({group for _, _, group, _ in tasks if group})
    text = _TEMPLATE.format(tasks=tasks, arrows=arrows, groups=groups, dag_id=DAG_ID)
    path.write_text(text, encoding="utf-8")


def _task(task: Any, ways_on: dict[str, list[str]]) -> tuple[str, str, str | None, dict[str, Any]]:
    from airflow.sdk import BaseBranchOperator, BaseSensorOperator

    group = task.task_group.group_id if task.task_group is not None else None
    if isinstance(task, BaseBranchOperator):
        return task.task_id, "branch", group, {**_rule(task), "way_on": ways_on[task.task_id]}
    return task.task_id, "wait" if isinstance(task, BaseSensorOperator) else "nothing", group, _rule(task)


def _rule(task: Any) -> dict[str, Any]:
    return {} if task.is_teardown else {"trigger_rule": task.trigger_rule.value}
