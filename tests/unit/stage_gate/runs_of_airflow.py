"""What do tasks ask Airflow's API server about runs? A stand-in that remembers runs and what was started."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DagRunState
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import ErrorResponse, OKResponse, TriggerDagRun


class RunsOfAirflow:
    """The runs that Airflow has: `(dag_id, run_id)` to state, and the states of their tasks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.states: dict[tuple[str, str], str] = {}
        self.tasks: dict[tuple[str, str], dict[str, str]] = {}
        self.unknown_dags: set[str] = set()
        self.paused: set[str] = set()
        self.begun_again: list[str] = []
        monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", self, raising=False)

    @property
    def context(self) -> Any:
        """A task's context, as far as looking at runs needs it."""
        return {"ti": self, "run_id": "manual__1", "dag": SimpleNamespace(dag_id="stage_gate.start")}

    def get_dr_count(self, dag_id: str, run_ids: list[str]) -> int:
        return sum((dag_id, run_id) in self.states for run_id in run_ids)

    def get_dagrun_state(self, dag_id: str, run_id: str) -> DagRunState:
        return DagRunState(self.states[dag_id, run_id])

    def get_task_states(self, dag_id: str, task_ids: list[str], run_ids: list[str]) -> dict[str, Any]:
        return {run_id: self.tasks.get((dag_id, run_id), {}) for run_id in run_ids}

    def get_dag(self, dag_id: str) -> Any:
        return SimpleNamespace(dag_id=dag_id, is_paused=dag_id in self.paused)

    def send(self, message: TriggerDagRun) -> OKResponse | ErrorResponse:
        key = (message.dag_id, message.run_id)
        if message.dag_id in self.unknown_dags:
            return ErrorResponse(error="API_SERVER_ERROR", detail={"status_code": 404})
        if key in self.states and not message.reset_dag_run:
            return ErrorResponse(error="DAGRUN_ALREADY_EXISTS")
        if key in self.states:
            self.begun_again.append(message.run_id)
        self.states[key] = "queued"
        return OKResponse(ok=True)
