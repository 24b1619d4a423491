"""What does Airflow have to be told? The buttons on tasks; Dags and connection type are found without it."""

from __future__ import annotations

from adobe_cloud_manager.links.cloud_manager import CloudManagerExecutionLink
from airflow.plugins_manager import AirflowPlugin


class StageGatePlugin(AirflowPlugin):
    """Registers the extra links, so that the web interface shows them."""

    name = "stage_gate"
    operator_extra_links = [CloudManagerExecutionLink()]
