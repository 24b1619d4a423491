"""How does a task start the one run of an execution, begin it again, and learn what became of it?

Airflow's ``TriggerDagRunOperator`` starts one run per task. ``stage_gate.start`` looks at many pipelines, and a task
per missing run would cost each of them a hop of the scheduler, so it sends what that operator sends, by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import DagRunState
from airflow.sdk.exceptions import AirflowException

from stage_gate.evidence.pin import run_id_of

if TYPE_CHECKING:
    from airflow.sdk import Context

ENDED = frozenset({"success", "failed"})
"""States of a run in which nothing of it goes on."""
DAG_ID_PREFIX = "stage_gate."
START_DAG_ID = "stage_gate.start"
"""The Dag that starts all runs."""
INVALID_SUFFIX = ".invalid"
"""Ends the id of a Dag that only says what is wrong with a gate file."""
TAGS = ["stage-gate"]
"""Of every Dag of this project."""


def dag_id_of(gate_name: str) -> str:
    """The Dag of a gate."""
    return f"{DAG_ID_PREFIX}{gate_name}"


def state_of(context: Context, dag_id: str, run_id: str) -> str:
    """The state of a run, empty where there is no such run."""
    ti: Any = context["ti"]
    if not ti.get_dr_count(dag_id=dag_id, run_ids=[run_id]):
        return ""
    return DagRunState(ti.get_dagrun_state(dag_id, run_id)).value


def failed_task(context: Context, dag_id: str, run_id: str, task_id: str) -> bool:
    """Whether this task of a run has failed by itself: what never ran, or was skipped, has not."""
    ti: Any = context["ti"]
    states = ti.get_task_states(dag_id=dag_id, task_ids=[task_id], run_ids=[run_id])
    return bool(states.get(run_id, {}).get(task_id) == "failed")


def only_waits(context: Context, dag_id: str, run_id: str) -> bool:
    """Whether a run has its verdict and holds production or waits for the release manager, without a worker."""
    ti: Any = context["ti"]
    states = ti.get_task_states(
        dag_id=dag_id, task_ids=["hold_production", "ask_release_manager"], run_ids=[run_id]
    )
    return "deferred" in states.get(run_id, {}).values()


def is_paused(context: Context, dag_id: str) -> bool:
    """Whether Airflow schedules nothing of this Dag, whatever its runs wait for."""
    ti: Any = context["ti"]
    return bool(ti.get_dag(dag_id).is_paused)


def start(gate_name: str, execution_id: str, *, again: bool = False) -> bool:
    """Start the run of an execution; ``False`` where it is there already, whoever started it.

    With ``again`` a run that is there begins again: all its tasks are cleared. Raises ``AirflowException`` where
    Airflow refuses, as for a Dag that it has not read yet.
    """
    from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.comms import ErrorResponse, TriggerDagRun

    dag_id, run_id = dag_id_of(gate_name), run_id_of(execution_id)
    asked = TriggerDagRun(dag_id=dag_id, run_id=run_id, conf={}, reset_dag_run=again)
    try:
        answer = task_runner.SUPERVISOR_COMMS.send(asked)
    except AirflowRuntimeError as error:
        answer = error.error
    if not isinstance(answer, ErrorResponse):
        return True
    if answer.error == ErrorType.DAGRUN_ALREADY_EXISTS:
        return False
    raise AirflowException(
        f"Airflow does not start run {run_id} of {dag_id} ({answer.error}). Is the gate's Dag there yet? "
        "The next look tries again."
    )


def airflow_address() -> str:
    """Where Airflow's web interface is, without a slash at its end; empty where the deployment does not say."""
    from airflow.sdk.configuration import conf

    return str(conf.get("api", "base_url", fallback="") or "").rstrip("/")


def address_of(dag_id: str, run_id: str) -> str:
    """The page of a run in Airflow's web interface; empty where the deployment does not say its address."""
    from urllib.parse import quote

    base = airflow_address()
    return f"{base}/dags/{quote(dag_id)}/runs/{quote(run_id, safe='')}" if base else ""
