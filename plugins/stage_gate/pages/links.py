"""Where is the run that guards an execution, where its release, and where Cloud Manager? Buttons on tasks, lines of logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

from stage_gate.acting.runs import address_of
from stage_gate.evidence.pin import execution_id_of
from stage_gate.pages.mount import report_address
from stage_gate.pages.names import gate_of

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

    from stage_gate.acting.run import GateRun


class ExecutionRunLink(BaseOperatorLink):
    """The button *Run of the execution*: the page of the one run in which it is guarded."""

    name = "Run of the execution"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The address, from the operator's rendered ``execution_run_id``."""
        run_id = getattr(operator, "execution_run_id", "")
        return address_of(ti_key.dag_id, str(run_id)) if run_id else ""


class ReleaseLink(BaseOperatorLink):
    """The button *Release*: the page of the run's release, with the files of its evidence as text and pictures only."""

    name = "Release"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The address that asks for Airflow's login and leads on to the page."""
        return report_address(ti_key.dag_id, ti_key.run_id) if execution_id_of(ti_key.run_id) else ""


class PinnedExecutionLink(BaseOperatorLink):
    """The button *Cloud Manager*: the page of the execution that the run has pinned."""

    name = "Cloud Manager"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The address, from the pin; empty where there is none that can be read."""
        from stage_gate.configuration.settings import evidence_store
        from stage_gate.evidence.files import EvidenceError
        from stage_gate.evidence.store import Evidence
        from stage_gate.telling.addresses import of_execution

        execution_id, gate = execution_id_of(ti_key.run_id), gate_of(ti_key.dag_id)
        if execution_id is None or gate is None:
            return ""
        try:
            return of_execution(Evidence(evidence_store(), gate, execution_id).read_pin())
        except (EvidenceError, OSError):
            return ""


def say_where(log: Any, run: GateRun) -> None:
    """Begin a task's log with the addresses of the release and of its execution."""
    from stage_gate.telling.addresses import of_execution

    address = report_address(run.dag_id, run.run_id)
    if address:
        log.info("Release: %s", address)
    log.info("Cloud Manager: %s", of_execution(run.pin))
