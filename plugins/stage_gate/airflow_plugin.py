"""What does Airflow have to be told? The buttons on tasks; Dags and connection type are found without it."""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from adobe_cloud_manager.links.cloud_manager import CloudManagerExecutionLink
from stage_gate.import_ahead import import_ahead


class StageGatePlugin(AirflowPlugin):
    """Registers the extra links, so that the web interface shows them."""

    name = "stage_gate"
    operator_extra_links: list[Any] = [CloudManagerExecutionLink()]  # noqa: RUF012 - as Airflow declares it

    @classmethod
    def on_load(cls, *args: Any, **kwargs: Any) -> None:
        """Called by Airflow in each process that loads plugins, before it forks the first task."""
        import_ahead()
