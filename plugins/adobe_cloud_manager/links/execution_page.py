"""Where in Cloud Manager's UI does somebody see the execution that a task is about?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import BaseOperatorLink

from adobe_cloud_manager.pinned import PinnedExecution

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class CloudManagerExecutionLink(BaseOperatorLink):
    """The button *Cloud Manager* on a task: the page of its execution, empty where the ids are no ids.

    Airflow computes it in the worker, after templates are rendered. The address has no tenant in it: the UI
    opens the organisation that the browser is logged in to.
    """

    name = "Cloud Manager"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The address, from the operator's rendered ``program_id``, ``pipeline_id`` and ``execution_id``."""
        ids = (getattr(operator, name, None) for name in ("program_id", "pipeline_id", "execution_id"))
        try:
            return PinnedExecution.of(*ids).ui_link()
        except ValueError:
            return ""
