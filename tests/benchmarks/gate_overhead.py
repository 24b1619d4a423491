"""How much does a gate add to a bare Airflow Dag of the same shape, when its checks return at once?"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from airflow_api import AirflowApi, client_of
from benchmarks.bare_dag import DAG_ID as BARE
from benchmarks.bare_dag import write_bare_dag
from benchmarks.figures import Figure, ratio, say
from simulator import Simulator
from stage_gate.local.local_airflow import LocalAirflow

ROOT = Path(__file__).resolve().parents[2]
REPETITIONS = 7
CHECKS = 8
GATE = "instant"
KINDS = Path(__file__).parent / "kinds"
_PATIENCE = 90.0
SCENARIO: dict[str, Any] = {
    "timing": {"tail": 0, "act": 0},
    "releases": {"good": {"steps": dict.fromkeys(("validate", "build", "codeQuality", "buildImage", "deploy stage",
        "productTest", "functionalTest", "uiTest", "contentAudit", "deploy prod"), 0)}},
}  # fmt: skip
TITLE = f"1. Gate overhead: a gate with {CHECKS} instant checks of stage and of production, run to its end"
NOTES = (
    "Bare: same tasks, groups, arrows, trigger rules and retries; operators that return nothing, branches that choose the same",
    "way, sensors whose first look finds what they wait for. So it is with the gate's three waits here: Cloud Manager is there",
    "already, and neither side defers. Same Airflow (SQLite, LocalExecutor), one run at a time, in turns; seconds from queued",
    f"to ended by Airflow's own clock; the median of {REPETITIONS} ratios, after one run of each that does not count.",
)


def measure() -> list[Figure]:
    """Start one Airflow and one simulator, and take gate and bare Dag through it in turns."""
    home = Path(tempfile.mkdtemp(prefix="stage-gate-bench-"))
    try:
        with Simulator.start(SCENARIO) as simulator:
            environment = _prepare(home, simulator)
            with LocalAirflow(
                home / "airflow", dags=home / "dags", plugins=ROOT / "plugins", environment=environment
            ) as airflow:
                gate, bare = _take_turns(simulator, client_of(airflow))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    beside = f"gate {median(gate):.2f} s, bare {median(bare):.2f} s"
    return [Figure("gate against bare Dag", ratio(gate, bare), "times", 1.15, beside)]


def _take_turns(simulator: Simulator, airflow: AirflowApi) -> tuple[list[float], list[float]]:
    for dag_id in (f"stage_gate.{GATE}", BARE):
        airflow.wait_for_dag(dag_id, timeout=60)
    gate: list[float] = []
    bare: list[float] = []
    for turn in range(REPETITIONS + 1):
        sides = [(gate, _run_gate), (bare, _run_bare)]
        for seconds, run in sides if turn % 2 else reversed(sides):
            seconds.append(run(simulator, airflow))
        say(f"  turn {turn}: gate {gate[-1]:.2f} s, bare {bare[-1]:.2f} s")
    return gate[1:], bare[1:]


def _run_gate(simulator: Simulator, airflow: AirflowApi) -> float:
    execution = simulator.start_execution("good")
    while not waits_for_approval(simulator, execution):
        time.sleep(0.05)
    return _seconds_of(
        airflow, f"stage_gate.{GATE}", airflow.trigger(f"stage_gate.{GATE}", run_id=f"execution-{execution}")
    )


def _run_bare(simulator: Simulator, airflow: AirflowApi) -> float:
    return _seconds_of(airflow, BARE, airflow.trigger(BARE))


def waits_for_approval(simulator: Simulator, execution: str) -> bool:
    steps = simulator.execution(execution)["_embedded"]["stepStates"]
    return any(step["action"] == "approval" and step["status"] == "WAITING" for step in steps)


def _seconds_of(airflow: AirflowApi, dag_id: str, run_id: str) -> float:
    state = airflow.wait_until(
        lambda: _ended(airflow, dag_id, run_id),
        _PATIENCE,
        lambda: f"{dag_id} {run_id}: {airflow.task_states(dag_id, run_id)}",
        every=0.5,
    )
    if state != "success":
        raise RuntimeError(f"{dag_id} {run_id} is {state}: {airflow.task_states(dag_id, run_id)}")
    run = airflow.run(dag_id, run_id)
    ends = (datetime.fromisoformat(run[moment]) for moment in ("queued_at", "end_date"))
    queued, ended = ends
    return (ended - queued).total_seconds()


def _ended(airflow: AirflowApi, dag_id: str, run_id: str) -> str | None:
    state = str(airflow.run(dag_id, run_id)["state"])
    return state if state in ("success", "failed") else None


def _prepare(home: Path, simulator: Simulator) -> dict[str, str]:
    """Write gate file, Dag files and environment."""
    gates, dags = home / "gates", home / "dags"
    gates.mkdir()
    dags.mkdir()
    shutil.copy(ROOT / "dags" / "stage_gates.py", dags)
    file = gates / f"{GATE}.yaml"
    file.write_text(yaml.safe_dump(gate_of(simulator), sort_keys=False), encoding="utf-8")
    environment = simulator.environment() | {
        "AEM_CHECKS_KINDS": str(KINDS),
        "AIRFLOW__STAGE_GATE__GATES_FOLDER": str(gates),
        "AIRFLOW__STAGE_GATE__EVIDENCE": str(home / "evidence"),
        "AIRFLOW__ADOBE_CLOUD_MANAGER__REQUESTS_PER_MINUTE": "60000",
    }
    _write_bare_dag(file, dags / "bare.py")
    return environment


def _write_bare_dag(gate_file: Path, path: Path) -> None:
    os.environ["AEM_CHECKS_KINDS"] = str(KINDS)
    from stage_gate.configuration.gate_file import load_gate
    from stage_gate.dag import build_gate_dag

    ways_on = {
        "pin_candidate": ["wait_for_stage_deployment", "wait_for_approval_step"],
        "decide": ["approve_production"],
    }
    write_bare_dag(build_gate_dag(load_gate(gate_file), gate_file, ""), ways_on, path)


def gate_of(simulator: Simulator) -> dict[str, Any]:
    return {
        "pipeline": {"program": simulator.program_id, "pipeline": simulator.pipeline_id},
        "sites": [
            {
                "name": GATE,
                "stage": simulator.stage_url,
                "production": simulator.production_url,
                "pages": ["/us/en.html"],
                "requests_per_second": 1000,
            }
        ],
        "checks": {
            "others": False,
            "instant": [{"name": f"check-{number}", "isolation": "accepted"} for number in range(CHECKS)],
        },
        "production_tests": ["instant"],
        "mode": "guard",
        "waits": {"poll": "1s"},
    }
