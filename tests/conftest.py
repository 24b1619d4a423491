"""What must be set before Airflow is imported? A home of its own, no examples, no real endpoints."""

from __future__ import annotations

import gc
import os
import tempfile
from pathlib import Path

_HOME = Path(tempfile.mkdtemp(prefix="stage-gate-airflow-"))
_SETTINGS = {
    "AIRFLOW_HOME": str(_HOME),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__DAGS_FOLDER": str(_HOME / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(_HOME / "plugins"),
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{_HOME / 'airflow.db'}",
    "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(_HOME / "logs"),
}
for _inherited in [name for name in os.environ if name.startswith(("AIRFLOW_CONN_", "AIRFLOW__"))]:
    del os.environ[_inherited]
os.environ.update(_SETTINGS)


def pytest_collection_finish() -> None:
    """What is there before the first test stays to the end: the collector need not go through it again and again.

    Airflow alone is half a million objects; this is a sixth of the processor time of the whole suite.
    """
    if not gc.get_freeze_count():  # else a fork of a process that did it
        gc.collect()
        gc.freeze()
    gc.set_threshold(20_000, 50, 100)


def pytest_unconfigure() -> None:
    """Leave nothing behind in the folder for temporary files."""
    import shutil

    shutil.rmtree(_HOME, ignore_errors=True)
