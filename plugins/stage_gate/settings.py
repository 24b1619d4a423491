"""What does the deployment decide, not a gate? Section ``[stage_gate]`` of Airflow's configuration."""

from __future__ import annotations

import os
from pathlib import Path

from airflow.sdk.configuration import conf

from stage_gate.evidence import open_store

SECTION = "stage_gate"


def gates_folder() -> Path:
    """Where the gate files are: ``[stage_gate] gates_folder``, else ``gates`` in the Dags folder."""
    configured = conf.get(SECTION, "gates_folder", fallback="")
    return Path(configured) if configured else Path(conf.get_mandatory_value("core", "dags_folder")) / "gates"


def evidence_store() -> Path:
    """The root of the evidence store: ``[stage_gate] evidence``, a path or URL; else ``evidence`` in Airflow's home."""
    url = conf.get(SECTION, "evidence", fallback="")
    return open_store(url or str(Path(os.environ.get("AIRFLOW_HOME", "~/airflow")) / "evidence"))


def deciding_queue() -> str:
    """The Celery queue of the tasks that approve or halt: ``[stage_gate] deciding_queue``, else Airflow's default.

    With a queue of its own, one worker alone holds the deciding credential.
    """
    configured: str = conf.get(SECTION, "deciding_queue", fallback="")
    return configured or str(conf.get_mandatory_value("operators", "default_queue"))
