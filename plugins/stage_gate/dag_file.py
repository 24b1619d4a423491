"""What does a Dag file of Airflow's folder define? One line there: ``globals().update(dags())``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stage_gate.supported import require_airflow

if TYPE_CHECKING:
    from airflow.sdk import DAG


def dags() -> dict[str, DAG]:
    """All Dags, or the one that a running task needs. Raises ``UnsupportedAirflow`` in one sentence."""
    require_airflow()
    from airflow.sdk import get_parsing_context

    from stage_gate.dag_bag import build_dags

    return build_dags(get_parsing_context().dag_id)
