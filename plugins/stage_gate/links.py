"""Where is the run that guards an execution? A button from the run that somebody started by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink

from stage_gate.runs import address_of

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
