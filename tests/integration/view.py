"""How do all scripts see the runs of one Airflow? By one look that they share, twice a second at most.

PostgreSQL is asked itself: thirty scripts that ask the API server instead keep it busier than all tasks do.
"""

from __future__ import annotations

import threading
import time

from airflow_api import AirflowApi, AirflowApiError
from local_postgres import LocalPostgres

Tasks = dict[tuple[str, int], tuple[str | None, int]]
"""Task and map index to state and number of tries."""
_EVERY = 0.5


class View:
    """What is seen of all runs. `postgres`: Airflow's database; None where that is SQLite, which the API shows."""

    def __init__(self, client: AirflowApi, postgres: LocalPostgres | None) -> None:
        self._client = client
        self._postgres = postgres
        self._lock = threading.Lock()
        self._looked = 0.0
        self._runs: dict[tuple[str, str], str] = {}
        self._tasks: dict[tuple[str, str], Tasks] = {}

    def state(self, dag_id: str, run_id: str) -> str:
        """The state of a run; empty while there is none."""
        with self._lock:
            self._look()
            return self._runs.get((dag_id, run_id), "")

    def tasks(self, dag_id: str, run_id: str) -> Tasks:
        """The tasks of a run; none where it cannot be read."""
        if self._postgres is None:
            return self._tasks_by_api(dag_id, run_id)
        with self._lock:
            self._look()
            return self._tasks.get((dag_id, run_id), {})

    def look_again(self) -> None:
        """Forget how everything was: somebody changed it."""
        with self._lock:
            self._looked = 0.0

    def _look(self) -> None:
        if time.monotonic() - self._looked <= _EVERY:
            return
        if self._postgres is None:
            self._look_by_api()
        else:
            self._look_at(self._postgres)
        self._looked = time.monotonic()

    def _look_at(self, postgres: LocalPostgres) -> None:
        with postgres.connected() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT dag_id, run_id, state FROM dag_run")
            runs = {(dag_id, run_id): str(state) for dag_id, run_id, state in cursor.fetchall()}
            cursor.execute("SELECT dag_id, run_id, task_id, map_index, state, try_number FROM task_instance")
            tasks: dict[tuple[str, str], Tasks] = {}
            for dag_id, run_id, task, index, state, tries in cursor.fetchall():
                tasks.setdefault((dag_id, run_id), {})[task, index] = (state, tries)
        self._runs, self._tasks = runs, tasks

    def _look_by_api(self) -> None:
        try:
            answer = self._client.api("GET", "/dags/~/dagRuns", params={"limit": 100, "order_by": "-id"})
        except AirflowApiError:
            return
        self._runs = {(run["dag_id"], run["dag_run_id"]): run["state"] for run in answer["dag_runs"]}

    def _tasks_by_api(self, dag_id: str, run_id: str) -> Tasks:
        try:
            found = self._client.task_instances(dag_id, run_id)
        except AirflowApiError:
            return {}
        return {(each["task_id"], each["map_index"]): (each["state"], each["try_number"]) for each in found}
