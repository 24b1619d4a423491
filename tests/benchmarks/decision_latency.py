"""How long after the verdict, or after the approval waits if that is later, is the request on its way?"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from airflow_api import AirflowApi, client_of
from benchmarks.figures import Figure, ratio, say
from benchmarks.gate_overhead import GATE, KINDS, SCENARIO, gate_of, waits_for_approval
from simulator import Simulator
from stage_gate.local.local_airflow import LocalAirflow

ROOT = Path(__file__).resolve().parents[2]
REPETITIONS = 7
HOPS = 3.0
"""The goal: at most so many hops of empty tasks."""
EMPTY = ("one", "two", "three", "four", "five")
BARE = "hops"
_PATIENCE = 120.0
BARE_DAG = '''"""Empty tasks in a row; written by the benchmark."""

from airflow.sdk import DAG, BaseOperator


class Nothing(BaseOperator):
    def execute(self, context):
        return None


with DAG(dag_id={dag_id!r}, schedule=None, catchup=False, is_paused_upon_creation=False):
    before = None
    for name in {tasks!r}:
        task = Nothing(task_id=name)
        if before is not None:
            before >> task
        before = task
'''
TITLE = "4. Decision: from the verdict (or the approval's waiting being seen, if later) to the request at Cloud Manager"
NOTES = (
    "A hop: from the end of one empty task to the start of the next, the median of a run of five, on the same Airflow in the",
    "same round; an empty task: from the end of one to the end of the next. On the way to the request: the branch `decide`",
    "and the acting task, which reads execution and surroundings twice, verifies the seal and takes the claim. Airflow's own",
    f"clock and the simulator's, which are one; the median of {REPETITIONS} rounds, after one that does not count.",
)


@dataclass(frozen=True)
class Way:
    """The way of one release, in seconds."""

    to_decide: float
    """From the verdict to the start of `decide`."""
    decide: float
    to_act: float
    """From the end of `decide` to the start of the acting task."""
    act: float
    """From its start to the request."""

    @property
    def whole(self) -> float:
        return self.to_decide + self.decide + self.to_act + self.act


@dataclass(frozen=True)
class Hops:
    """The hops of one bare run, in seconds: medians of four."""

    hop: float
    task: float
    """With the empty task itself."""


def measure() -> list[Figure]:
    """Start one Airflow and one simulator, and take releases and bare runs through it in turns."""
    home = Path(tempfile.mkdtemp(prefix="stage-gate-bench-"))
    try:
        with Simulator.start(SCENARIO) as simulator:
            environment = _prepare(home, simulator)
            with LocalAirflow(
                home / "airflow", dags=home / "dags", plugins=ROOT / "plugins", environment=environment
            ) as airflow:
                rounds = _take_turns(simulator, client_of(airflow))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return _figures(rounds)


def _figures(rounds: list[tuple[Way, Hops]]) -> list[Figure]:
    whole = [way.whole for way, _ in rounds]
    times = ratio(whole, [hops.hop for _, hops in rounds])
    of_tasks = ratio(whole, [hops.task for _, hops in rounds])
    parts = {
        name: median(getattr(way, name) for way, _ in rounds)
        for name in ("to_decide", "decide", "to_act", "act")
    }
    beside = f"{median(whole):.2f} s, one hop {median(hops.hop for _, hops in rounds):.2f} s"
    empty = f"one empty task with its hop {median(hops.task for _, hops in rounds):.2f} s"
    told = (
        f"hop {parts['to_decide']:.2f} s, decide {parts['decide']:.2f} s, hop {parts['to_act']:.2f} s, "
        f"approve_production to its request {parts['act']:.2f} s"
    )
    return [
        Figure("verdict to request, against a hop", times, "times", HOPS, beside),
        Figure("  the same against an empty task and its hop", of_tasks, "times", None, empty),
        Figure("  where it goes", median(whole), "s", None, told),
    ]


def _take_turns(simulator: Simulator, airflow: AirflowApi) -> list[tuple[Way, Hops]]:
    for dag_id in (f"stage_gate.{GATE}", BARE):
        airflow.wait_for_dag(dag_id, timeout=_PATIENCE)
    rounds = []
    for turn in range(REPETITIONS + 1):
        if turn % 2:
            way, hops = _release(simulator, airflow), hops_of(airflow)
        else:
            hops, way = hops_of(airflow), _release(simulator, airflow)
        rounds.append((way, hops))
        say(
            f"  turn {turn}: {way.whole:.2f} s to the request, hop {hops.hop:.2f} s, empty task {hops.task:.2f} s"
        )
    return rounds[1:]


def _release(simulator: Simulator, airflow: AirflowApi) -> Way:
    """Take a release through the gate. It is over before anything else is started."""
    execution = simulator.start_execution("good")
    while not waits_for_approval(simulator, execution):
        time.sleep(0.05)
    tasks = _run(airflow, f"stage_gate.{GATE}", f"execution-{execution}")
    sent = next(
        request.at
        for request in simulator.requests
        if request.method == "PUT" and f"/execution/{execution}/" in request.path
    )
    ready = max(_end(tasks["judge"]), _end(tasks["wait_for_approval_step"]))
    decide, act = tasks["decide"], tasks["approve_production"]
    return Way(
        _start(decide) - ready, _end(decide) - _start(decide), _start(act) - _end(decide), sent - _start(act)
    )


def hops_of(airflow: AirflowApi) -> Hops:
    tasks = _run(airflow, BARE, None)
    pairs = [(tasks[one], tasks[other]) for one, other in pairwise(EMPTY)]
    return Hops(
        hop=median(_start(other) - _end(one) for one, other in pairs),
        task=median(_end(other) - _end(one) for one, other in pairs),
    )


def _run(airflow: AirflowApi, dag_id: str, run_id: str | None) -> Mapping[str, Any]:
    """Run a Dag to its end; its task instances by their names."""
    run_id = airflow.trigger(dag_id, run_id=run_id) if run_id else airflow.trigger(dag_id)
    state = airflow.wait_until(
        lambda: _ended(airflow, dag_id, run_id),
        _PATIENCE,
        lambda: f"{dag_id} {run_id}: {airflow.task_states(dag_id, run_id)}",
        every=0.5,
    )
    if state != "success":
        raise RuntimeError(f"{dag_id} {run_id} is {state}: {airflow.task_states(dag_id, run_id)}")
    answer = airflow.api("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", params={"limit": 100})
    return {task["task_id"]: task for task in answer["task_instances"]}


def _ended(airflow: AirflowApi, dag_id: str, run_id: str | None) -> str | None:
    state = str(airflow.run(dag_id, str(run_id))["state"])
    return state if state in ("success", "failed") else None


def _start(task: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(task["start_date"]).timestamp()


def _end(task: Mapping[str, Any]) -> float:
    return datetime.fromisoformat(task["end_date"]).timestamp()


def _prepare(home: Path, simulator: Simulator) -> dict[str, str]:
    """Write gate file and Dag files; returns the environment."""
    gates, dags = home / "gates", home / "dags"
    gates.mkdir()
    dags.mkdir()
    shutil.copy(ROOT / "dags" / "stage_gates.py", dags)
    os.environ["AEM_CHECKS_KINDS"] = str(KINDS)
    (gates / f"{GATE}.yaml").write_text(yaml.safe_dump(gate_of(simulator), sort_keys=False), encoding="utf-8")
    (dags / "hops.py").write_text(BARE_DAG.format(dag_id=BARE, tasks=EMPTY), encoding="utf-8")
    return simulator.environment() | {
        "AEM_CHECKS_KINDS": str(KINDS),
        "AIRFLOW__STAGE_GATE__GATES_FOLDER": str(gates),
        "AIRFLOW__STAGE_GATE__EVIDENCE": str(home / "evidence"),
        "AIRFLOW__ADOBE_CLOUD_MANAGER__REQUESTS_PER_MINUTE": "60000",
    }
