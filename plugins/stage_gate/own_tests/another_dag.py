"""How is a run of another Dag waited for as a test, without a worker and for no longer than the test has time?"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowException, TaskDeferred

if TYPE_CHECKING:
    from airflow.sdk.exceptions import DagRunTriggerException


def wait_for(asked: DagRunTriggerException, within: timedelta) -> TaskDeferred:
    """Start the run and return the wait for it; the operator's ``execute_complete`` is told how it ended.

    Airflow would do the same by itself once the task is over, and wait for ever. Raises ``AirflowException`` where the
    run can't be started, one with its id that is there already included: it would have tested something else.
    """
    from airflow.providers.standard.triggers.external_task import DagStateTrigger
    from airflow.sdk.exceptions import AirflowRuntimeError
    from airflow.sdk.execution_time import task_runner
    from airflow.sdk.execution_time.comms import ErrorResponse, TriggerDagRun

    message = TriggerDagRun(
        dag_id=asked.trigger_dag_id,
        run_id=asked.dag_run_id,
        logical_date=asked.logical_date,
        run_after=asked.run_after,
        conf=asked.conf,
        reset_dag_run=asked.reset_dag_run,
        note=asked.note,
    )
    try:
        answer = task_runner.SUPERVISOR_COMMS.send(message)
    except AirflowRuntimeError as error:
        answer = error.error
    if isinstance(answer, ErrorResponse):
        raise AirflowException(
            f"Airflow does not start run {asked.dag_run_id} of {asked.trigger_dag_id} ({answer.error})."
        )
    trigger = DagStateTrigger(
        dag_id=asked.trigger_dag_id,
        states=[*asked.allowed_states, *asked.failed_states],  # type: ignore[list-item]
        run_ids=[asked.dag_run_id],
        poll_interval=asked.poke_interval,
    )
    return TaskDeferred(trigger=trigger, method_name="execute_complete", timeout=within)
