"""How do a thousand tasks come to wait in a triggerer within seconds? Their rows are written as deferring writes them.

`python -m benchmarks.waiting_rows DAG RUN FILE` in Airflow's environment: the run's mapped task instances are given
the triggers of the file, ``[[class path, arguments], …]``. No worker is forked a thousand times for it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from airflow.models.taskinstance import TaskInstance
from airflow.models.trigger import Trigger
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from sqlalchemy import select


def defer(dag_id: str, run_id: str, triggers: list[tuple[str, dict[str, object]]]) -> None:
    """Let one task instance of the run wait for each of these triggers."""
    wanted = (TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id, TaskInstance.map_index >= 0)
    with create_session() as session:
        tasks = session.scalars(select(TaskInstance).where(*wanted).order_by(TaskInstance.map_index)).all()
        for task, (path, arguments) in zip(tasks, triggers, strict=True):
            trigger = Trigger(path, arguments)
            session.add(trigger)
            session.flush()
            task.state, task.trigger_id = TaskInstanceState.DEFERRED, trigger.id
            task.next_method, task.next_kwargs = "resume", {}


if __name__ == "__main__":
    defer(sys.argv[1], sys.argv[2], json.loads(Path(sys.argv[3]).read_text()))
