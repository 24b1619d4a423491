"""`make demo`: a real Airflow and the simulator, three releases, and a table of what was decided and why."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

import yaml

from airflow_api import AirflowApiError, client_of
from demo.releases import DAG_ID, EXPECTED, GATE, take_through
from demo.telling import table
from simulator import Simulator, scenario_path
from simulator.world import Busy
from stage_gate.local.local_airflow import LocalAirflow, LocalAirflowError
from stage_gate.telling.addresses import PAGES as PAGES_OF_AIRFLOW

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / "var" / "demo"
PAGES = ["/", "/us/en.html", "/us/en/magazine.html", "/us/en/adventures.html", "/us/en/gear.html"]


def main() -> int:
    """Run the demo; 0 only if all three releases went as they should."""
    keep = os.environ.get("KEEP", "1") != "0" and sys.stdout.isatty()
    shutil.rmtree(HOME, ignore_errors=True)
    gates = HOME / "gates"
    began = time.monotonic()
    try:
        with Simulator.start(scenario_path("demo")) as simulator:
            write_gate(gates, simulator)
            environment = simulator.environment() | {
                "AIRFLOW__STAGE_GATE__GATES_FOLDER": str(gates),
                "AIRFLOW__STAGE_GATE__EVIDENCE": str(HOME / "evidence"),
                "AIRFLOW__ADOBE_CLOUD_MANAGER__REQUESTS_PER_MINUTE": "6000",  # minutes are seconds here
            }
            say(f"Simulated Cloud Manager: {simulator.api_url}, stage: {simulator.stage_url}")
            say("Starting Airflow …")
            with LocalAirflow(
                HOME / "airflow", dags=ROOT / "dags", plugins=ROOT / "plugins", environment=environment
            ) as airflow:
                say(f"Airflow: {airflow.url}  log in as {airflow.username} / {airflow.password}")
                return run_releases(simulator, airflow, keep=keep, began=began)
    except (LocalAirflowError, AirflowApiError, Busy, OSError) as error:
        sys.stderr.write(f"The demo can't go on: {error}\n")
        return 1
    except KeyboardInterrupt:
        say("Stopped.")
        return 130


def run_releases(simulator: Simulator, airflow: LocalAirflow, *, keep: bool, began: float) -> int:
    """Take the releases through the gate one after the other, and say what was decided."""
    client = client_of(airflow)
    client.wait_for_dag(DAG_ID)
    client.wait_for_dag("stage_gate.start")
    results = []
    for number, expected in enumerate(EXPECTED, start=1):
        say(f"\n── Release {number} of {len(EXPECTED)} " + "─" * 50)
        results.append(take_through(expected, simulator, client, HOME / "evidence", say))
    say(table(results, airflow.url))
    well = not any(result.troubles for result in results)
    say(
        f"{'All three went as they should' if well else 'NOT as it should be'}, {time.monotonic() - began:.0f} s in all."
    )
    if keep:
        stay(airflow)
    return 0 if well else 1


def stay(airflow: LocalAirflow) -> None:
    """Leave the web interface up until Ctrl-C."""
    say(
        f"\nLook around, log in as {airflow.username} / {airflow.password}; Ctrl-C stops everything:\n"
        f"  all gates  {airflow.url}{PAGES_OF_AIRFLOW}/releases\n"
        f"  Airflow    {airflow.url}/dags/{DAG_ID}"
    )
    try:
        while True:
            airflow.check()
            time.sleep(1)
    except KeyboardInterrupt:
        say("\nStopping …")


def write_gate(gates: Path, simulator: Simulator) -> None:
    """The demo's gate: the commented example, plus what only this run knows, the ports of the simulator."""
    gates.mkdir(parents=True)
    shutil.copy(ROOT / "dags" / "gates" / "_demo.yaml", gates)
    gate = {
        "extends": "_demo.yaml",
        "pipeline": {"program": simulator.program_id, "pipeline": simulator.pipeline_id},
        "sites": [
            {
                "name": GATE,
                "stage": simulator.stage_url,
                "production": simulator.production_url,
                "pages": PAGES,
                "requests_per_second": 200,
                "build_marker": {"meta": "build", "equals": "artifacts_version"},
            }
        ],
        "checks": {"dispatcher_probes": {"requests_per_second": 200}},
    }
    (gates / f"{GATE}.yaml").write_text(yaml.safe_dump(gate, sort_keys=False))


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
