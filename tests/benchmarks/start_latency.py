"""How soon does a gate act on Adobe's events: from an event to the run's first task, from stage to the first check?"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from airflow_api import AirflowApi, AirflowApiError, client_of
from benchmarks.decision_latency import BARE, BARE_DAG, EMPTY, Hops, hops_of
from benchmarks.figures import Figure, ratio, say
from benchmarks.gate_overhead import GATE, KINDS, gate_of
from local_postgres import LocalPostgres, PostgresMissing
from simulator import Simulator
from simulator.io_events import Registration
from stage_gate.local.local_airflow import LocalAirflow

ROOT = Path(__file__).resolve().parents[2]
REPETITIONS = 7
HOPS = 3.0
"""The goal of both ways: at most so many hops of empty tasks."""
CLIENT_ID = "client-of-the-benchmark"
STAGE_TAKES = 8
"""Seconds, so that the gate waits in the triggerer when stage is deployed."""
_PATIENCE = 120.0
_INSTANT = (
    "validate",
    "build",
    "codeQuality",
    "buildImage",
    "productTest",
    "functionalTest",
    "uiTest",
    "contentAudit",
)
SCENARIO: dict[str, Any] = {
    "timing": {"tail": 0, "act": 0},
    "releases": {"good": {"steps": {**dict.fromkeys((*_INSTANT, "deploy prod"), 0), "deploy stage": STAGE_TAKES}}},
}  # fmt: skip
PARKED = "parked"
_PARKED_DAG = '''"""A task that waits in the triggerer for a moment and then ends; written by the benchmark."""

from datetime import datetime, timedelta, timezone

from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk import DAG, BaseOperator


class Park(BaseOperator):
    def execute(self, context):
        moment = datetime.now(timezone.utc) + timedelta(seconds=4)
        self.defer(trigger=DateTimeTrigger(moment=moment), method_name="resume", kwargs={{"moment": moment.timestamp()}})

    def resume(self, context, moment, event=None):
        return moment


with DAG(dag_id={dag_id!r}, schedule=None, catchup=False, is_paused_upon_creation=False):
    Park(task_id="park")
'''
TITLE = "8. Start: from Adobe's event to the run's first task, from the end of the stage deployment to the first check"
NOTES = (
    "The webhook is the only reason to look: the timer is an hour away, and the gate's own pace is sparse. A hop: from the end",
    "of one empty task to the start of the next, the median of a run of five, on the same Airflow in the same round; an empty",
    "task: from the end of one to the end of the next. The event: stored, `find_executions` asks Cloud Manager and starts the",
    "run. The stage deployment: the waiting trigger is woken, its task ends, `settle_stage` runs (stage answers at once here),",
    f"then the first of eight checks. The median of {REPETITIONS} rounds, after one that does not count.",
)


@dataclass(frozen=True)
class Way:
    """The way of one release, in seconds."""

    to_run: float
    """From the arrival of the first event to the start of ``pin_candidate``."""
    to_find: float
    """The part of it until ``find_executions`` starts."""
    to_check: float
    """From the end of the stage deployment to the start of the first check."""
    to_resumed: float
    """The part of it until ``wait_for_stage_deployment`` has ended."""
    bare_resumed: float
    """From the moment that a trigger of Airflow's own waits for to the end of its task, in the same round."""


def measure() -> list[Figure]:
    """Start one Airflow with its webhook, and take releases and bare runs through it in turns."""
    home = Path(tempfile.mkdtemp(prefix="stage-gate-bench-"))
    try:
        with ExitStack() as stack:
            simulator = stack.enter_context(Simulator.start(SCENARIO))
            try:
                database = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": stack.enter_context(LocalPostgres()).url}
            except PostgresMissing:
                database = {}
            say(f"  on {'PostgreSQL' if database else 'SQLite'}")
            airflow = stack.enter_context(
                LocalAirflow(
                    home / "airflow",
                    dags=home / "dags",
                    plugins=ROOT / "plugins",
                    environment=_prepare(home, simulator) | database,
                )
            )
            return _figures(_take_turns(simulator, airflow))
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _figures(rounds: list[tuple[Way, Hops]]) -> list[Figure]:
    hops, tasks = [each.hop for _, each in rounds], [each.task for _, each in rounds]
    beside = f"one hop {median(hops):.2f} s, one empty task with its hop {median(tasks):.2f} s"
    to_run, to_check = [way.to_run for way, _ in rounds], [way.to_check for way, _ in rounds]
    to_find = median(way.to_find for way, _ in rounds)
    resumed = (
        f"until the wait has ended {median(way.to_resumed for way, _ in rounds):.2f} s; Airflow's own trigger for a moment "
        f"to the end of its task {median(way.bare_resumed for way, _ in rounds):.2f} s"
    )
    return [
        Figure("event to the run's first task, against a hop", ratio(to_run, hops), "times", HOPS, beside),
        Figure("  the same against an empty task and its hop", ratio(to_run, tasks), "times"),
        Figure("  where it goes", median(to_run), "s", None, f"until find_executions starts {to_find:.2f} s"),
        Figure("stage deployed to the first check, against a hop", ratio(to_check, hops), "times", HOPS),
        Figure("  the same against an empty task and its hop", ratio(to_check, tasks), "times"),
        Figure("  where it goes", median(to_check), "s", None, resumed),
    ]


def _take_turns(simulator: Simulator, airflow: LocalAirflow) -> list[tuple[Way, Hops]]:
    client = client_of(airflow)
    for dag_id in (f"stage_gate.{GATE}", "stage_gate.start", BARE, PARKED):
        client.wait_for_dag(dag_id, timeout=_PATIENCE)
    hook = simulator.io_events.register(f"{airflow.url}/stage-gate/events/main", client_id=CLIENT_ID)
    rounds = []
    for turn in range(REPETITIONS + 1):
        if turn % 2:
            way, hops = _release(simulator, client, hook), hops_of(client)
        else:
            hops, way = hops_of(client), _release(simulator, client, hook)
        rounds.append((way, hops))
        say(
            f"  turn {turn}: {way.to_run:.2f} s to the run, {way.to_check:.2f} s to the first check, hop {hops.hop:.2f} s, "
            f"empty task {hops.task:.2f} s"
        )
    return rounds[1:]


def _release(simulator: Simulator, airflow: AirflowApi, hook: Registration) -> Way:
    """Let Cloud Manager release, and do nothing but watch. It is over before anything else is started."""
    seen = len(simulator.io_events.deliveries)
    execution = simulator.start_execution("good")
    dag_id, run_id = f"stage_gate.{GATE}", f"execution-{execution}"
    state = airflow.wait_until(
        lambda: _ended(airflow, dag_id, run_id), _PATIENCE, lambda: f"{run_id} has not ended", every=0.5
    )
    if state != "success":
        raise RuntimeError(f"{dag_id} {run_id} is {state}: {airflow.task_states(dag_id, run_id)}")
    tasks = _tasks(airflow, dag_id, run_id)
    arrived = next(each.at for each in simulator.io_events.deliveries[seen:] if each.status == 200)
    steps = simulator.execution(execution)["_embedded"]["stepStates"]
    deployed = next(
        step["finishedAt"]
        for step in steps
        if (step["action"], step.get("environmentType")) == ("deploy", "stage")
    )
    checks = [task for name, task in tasks.items() if name.startswith("stage_tests.")]
    first_check = min(_moment(task["start_date"]) for task in checks)
    return Way(
        to_run=_moment(tasks["pin_candidate"]["start_date"]) - arrived,
        to_find=_first_look_after(airflow, arrived) - arrived,
        to_check=first_check - _moment(deployed),
        to_resumed=_moment(tasks["wait_for_stage_deployment"]["end_date"]) - _moment(deployed),
        bare_resumed=_bare_resumed(airflow),
    )


def _bare_resumed(airflow: AirflowApi) -> float:
    run_id = airflow.trigger(PARKED)
    airflow.wait_until(
        lambda: _ended(airflow, PARKED, run_id), _PATIENCE, lambda: f"{PARKED} has not ended", every=0.5
    )
    path = f"/dags/{PARKED}/dagRuns/{run_id}/taskInstances/park/xcomEntries/return_value"
    moment = float(airflow.api("GET", path)["value"])
    return _moment(_tasks(airflow, PARKED, run_id)["park"]["end_date"]) - moment


def _first_look_after(airflow: AirflowApi, arrived: float) -> float:
    """When the first ``find_executions`` after this moment started."""
    path = "/dags/stage_gate.start/dagRuns/~/taskInstances"
    query = {"limit": 100, "order_by": "-start_date", "task_id": "find_executions"}
    found = airflow.api("GET", path, params=query)["task_instances"]
    starts = [
        _moment(task["start_date"])
        for task in found
        if task["task_id"] == "find_executions" and task["start_date"]
    ]
    return min(moment for moment in starts if moment >= arrived)


def _tasks(airflow: AirflowApi, dag_id: str, run_id: str) -> dict[str, Any]:
    answer = airflow.api("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", params={"limit": 100})
    return {task["task_id"]: task for task in answer["task_instances"]}


def _ended(airflow: AirflowApi, dag_id: str, run_id: str) -> str | None:
    try:
        state = str(airflow.run(dag_id, run_id)["state"])
    except AirflowApiError as error:
        if error.status != 404:
            raise
        return None
    return state if state in ("success", "failed") else None


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _prepare(home: Path, simulator: Simulator) -> dict[str, str]:
    """Write gate file and Dag files; returns the environment."""
    gates, dags = home / "gates", home / "dags"
    gates.mkdir()
    dags.mkdir()
    shutil.copy(ROOT / "dags" / "stage_gates.py", dags)
    os.environ["AEM_CHECKS_KINDS"] = str(KINDS)
    gate = gate_of(simulator)
    gate["waits"] = {}
    gate["checks"]["settled"] = {"answers": 1, "every": "0.1s", "within": "10s"}
    (gates / f"{GATE}.yaml").write_text(yaml.safe_dump(gate, sort_keys=False), encoding="utf-8")
    (dags / "parked.py").write_text(_PARKED_DAG.format(dag_id=PARKED), encoding="utf-8")
    (dags / "hops.py").write_text(BARE_DAG.format(dag_id=BARE, tasks=EMPTY), encoding="utf-8")
    return simulator.environment() | {
        "AEM_CHECKS_KINDS": str(KINDS),
        "AIRFLOW__STAGE_GATE__GATES_FOLDER": str(gates),
        "AIRFLOW__STAGE_GATE__EVIDENCE": str(home / "evidence"),
        "AIRFLOW__STAGE_GATE__START_EVERY": "1h",
        "AIRFLOW__STAGE_GATE__WEBHOOK": "True",
        "AIRFLOW__STAGE_GATE__EVENT_REGISTRATIONS": f"main={CLIENT_ID}",
        "AIRFLOW__ADOBE_CLOUD_MANAGER__REQUESTS_PER_MINUTE": "60000",
    }
