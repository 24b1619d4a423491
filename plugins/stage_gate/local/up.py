"""How does somebody run Stage Gate on this machine until they press Ctrl-C (`make up`)?"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from stage_gate.local.local_airflow import LocalAirflow, LocalAirflowError

ROOT = Path(__file__).resolve().parents[3]


def up(
    home: Path,
    *,
    dags: Path,
    plugins: Path,
    environment: Mapping[str, str] | None = None,
    port: int = 8080,
) -> None:
    """Run Airflow with the gates of `dags/gates` until Ctrl-C or SIGTERM; raises LocalAirflowError.

    `environment` adds settings and connections (AIRFLOW__…, AIRFLOW_CONN_…).
    """
    started = time.monotonic()
    _say(f"Starting Airflow (logs: {home / 'logs' / 'components'}) …")
    # A gate file that is dropped in or edited shows within ten seconds.
    soon = {
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "10",
    }
    settings = {**soon, **(environment or {})}
    with LocalAirflow(home, dags=dags, plugins=plugins, environment=settings, port=port) as airflow:
        _say(f"Airflow is up after {time.monotonic() - started:.0f} s.")
        _say(f"  address   {airflow.url}")
        _say(f"  log in    {airflow.username} / {airflow.password}")
        _say(f"  gates     {dags / 'gates'}  (one YAML file each; a new one shows within 15 s)")
        _say("Ctrl-C stops everything.")
        while True:
            airflow.check()
            time.sleep(1.0)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command `python -m stage_gate up`. Returns 0 when a person stopped it, 1 when Airflow failed."""
    parser = argparse.ArgumentParser(
        prog="python -m stage_gate up",
        description="Run Airflow with your gates on this machine. "
        "Settings and connections named AIRFLOW… are taken from the environment.",
    )
    parser.add_argument("--port", type=int, default=8080, help="port of the web interface (default 8080)")
    parser.add_argument("--home", type=Path, default=ROOT / "var" / "up", help="database, logs and passwords")
    parser.add_argument(
        "--dags", type=Path, default=ROOT / "dags", help="folder with stage_gates.py and gates/"
    )
    parser.add_argument("--plugins", type=Path, default=ROOT / "plugins", help="Airflow's plugins folder")
    chosen = parser.parse_args(arguments)
    inherited = {name: value for name, value in os.environ.items() if name.startswith("AIRFLOW_")}
    inherited.pop("AIRFLOW_HOME", None)
    try:
        up(chosen.home, dags=chosen.dags, plugins=chosen.plugins, environment=inherited, port=chosen.port)
    except KeyboardInterrupt:
        _say("\nStopped.")
    except LocalAirflowError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
