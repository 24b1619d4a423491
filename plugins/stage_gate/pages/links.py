"""Where is the run that guards an execution, and where its report? Buttons on tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink

from stage_gate.acting.runs import address_of
from stage_gate.evidence.pin import execution_id_of
from stage_gate.pages.mount import report_address

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class ExecutionRunLink(BaseOperatorLink):
    """The button *Run of the execution*: the page of the one run in which it is guarded."""

    name = "Run of the execution"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The address, from the operator's rendered ``execution_run_id``."""
        run_id = getattr(operator, "execution_run_id", "")
        return address_of(ti_key.dag_id, str(run_id)) if run_id else ""


class ReportLink(BaseOperatorLink):
    """The button *Report*: the report of the run and the files of its evidence, as text and pictures only."""

    name = "Report"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The address that asks for Airflow's login and leads on to the report."""
        return report_address(ti_key.dag_id, ti_key.run_id) if execution_id_of(ti_key.run_id) else ""
