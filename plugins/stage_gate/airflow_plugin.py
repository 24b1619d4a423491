"""What does Airflow have to be told? Buttons on tasks, pages, the webhook; Dags are found without it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from adobe_cloud_manager.links.execution_page import CloudManagerExecutionLink
from stage_gate.import_ahead import import_ahead
from stage_gate.pages.links import ExecutionRunLink, PinnedExecutionLink, ReleaseLink


class StageGatePlugin(AirflowPlugin):
    """Registers the extra links, so that the web interface shows them, and what the API server serves."""

    name = "stage_gate"
    operator_extra_links: list[Any] = [  # noqa: RUF012 - as Airflow declares it
        CloudManagerExecutionLink(),
        ExecutionRunLink(),
        ReleaseLink(),
        PinnedExecutionLink(),
    ]

    @cached_property
    def fastapi_apps(self) -> list[Any]:  # type: ignore[override]
        """Asked for by the API server alone: nothing of it is imported anywhere else."""
        from stage_gate.pages.mount import mounts as pages
        from stage_gate.webhook.mount import mounts as webhook

        return [*pages(), *webhook()]

    @cached_property
    def external_views(self) -> list[Any]:  # type: ignore[override]
        """*Releases* in the menu, *Gate* beside a Dag, *Release* beside a run."""
        from stage_gate.pages.mount import views

        return views()

    @classmethod
    def on_load(cls, *args: Any, **kwargs: Any) -> None:
        """Called by Airflow in each process that loads plugins, before it forks the first task."""
        import_ahead()
