"""What does Airflow have to be told? The buttons on tasks; Dags and connection type are found without it."""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from adobe_cloud_manager.links.cloud_manager import CloudManagerExecutionLink


class StageGatePlugin(AirflowPlugin):
    """Registers the extra links, so that the web interface shows them."""

    name = "stage_gate"
    operator_extra_links: list[Any] = [CloudManagerExecutionLink()]  # noqa: RUF012 - as Airflow declares it
