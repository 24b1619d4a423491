"""What does a release cost the machine, beside its checks alone, and how much of it does an idle Airflow cost as well?"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from aem_checks.browser.check import BrowserCheck
from aem_checks.kinds import all_kinds
from airflow_api import AirflowApi, client_of
from benchmarks.figures import Figure, ratio, say
from benchmarks.gate_overhead import SCENARIO, waits_for_approval
from simulator import Simulator
from stage_gate.local.local_airflow import LocalAirflow

ROOT = Path(__file__).resolve().parents[2]
GATE = "priced"
PAGES = ["/us/en.html", "/us/en/magazine.html", "/us/en/adventures.html", "/us/en/gear.html", "/"]
REPETITIONS = 5
_PATIENCE = 180.0
_IDLE = 5.0
"""Seconds for which Airflow is watched doing nothing, before each release."""
_TICK = os.sysconf("SC_CLK_TCK")
TITLE = "14. A release with the default checks over HTTP, beside the same checks in one process"
NOTES = (
    "Processor seconds of the scheduler and all that it started: every task of a release from its pin to its report, with five",
    "pages, Cloud Manager's steps done at once, an approval. Beside it: `python -m aem_checks run` with the same gate file, its",
    f"start included. In turns on one machine; the median of {REPETITIONS} ratios, after one turn that does not count. Then the",
    f"same without what an idle scheduler uses: its use over {_IDLE:.0f} s before each release, for as long as the release took.",
)


@dataclass(frozen=True)
class Turn:
    """What one release took, and its checks alone."""

    release: float
    """Processor seconds of the scheduler and its tasks."""
    idle: float
    """Those of them that an idle scheduler uses in the same time."""
    alone: float
    stage_tests: float
    """From the settled stage to the verdict, in seconds."""

    @property
    def own(self) -> float:
        return self.release - self.idle


def measure() -> list[Figure]:
    """Start one Airflow and one simulator, and price gate and checks in turns."""
    home = Path(tempfile.mkdtemp(prefix="stage-gate-bench-"))
    try:
        with Simulator.start(SCENARIO) as simulator:
            file = _write_gate(home, simulator)
            environment = simulator.environment() | {
                "AIRFLOW__STAGE_GATE__GATES_FOLDER": str(file.parent),
                "AIRFLOW__STAGE_GATE__EVIDENCE": str(home / "evidence"),
                "AIRFLOW__ADOBE_CLOUD_MANAGER__REQUESTS_PER_MINUTE": "60000",
            }
            with LocalAirflow(
                home / "airflow", dags=home / "dags", plugins=ROOT / "plugins", environment=environment
            ) as airflow:
                turns = _take_turns(simulator, airflow, file, home)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return _figures(turns)


def _figures(turns: list[Turn]) -> list[Figure]:
    release, own, alone = (
        median(getattr(turn, name) for turn in turns) for name in ("release", "own", "alone")
    )
    whole = ratio([turn.release for turn in turns], [turn.alone for turn in turns])
    without = ratio([turn.own for turn in turns], [turn.alone for turn in turns])
    told = f"release {release:.1f} s, checks alone {alone:.1f} s of processor time"
    stage_tests = median(turn.stage_tests for turn in turns)
    return [
        Figure("a release against its checks", whole, "times", 5.0, told),
        Figure("  without what an idle scheduler uses", without, "times", None, f"release {own:.1f} s"),
        Figure("  stage tests, from settled to verdict", stage_tests, "s", None, "by Airflow's clock"),
    ]


def _write_gate(home: Path, simulator: Simulator) -> Path:
    (home / "gates").mkdir()
    (home / "dags").mkdir()
    shutil.copy(ROOT / "dags" / "stage_gates.py", home / "dags")
    browser = {
        name: False
        for name, kind in all_kinds().items()
        if issubclass(kind, BrowserCheck) and kind.default_on
    }
    content = {
        "pipeline": {"program": simulator.program_id, "pipeline": simulator.pipeline_id},
        "sites": [
            {
                "name": "larkfell",
                "stage": simulator.stage_url,
                "production": simulator.production_url,
                "pages": PAGES,
                "requests_per_second": 1000,
            }
        ],
        "checks": {
            **browser,
            "links": {"depth": 1},
            "settled": {"every": "1s", "answers": 2},
            "dispatcher_probes": {"requests_per_second": 1000},
        },
        "mode": "guard",
        "waits": {"poll": "1s"},
    }
    file = home / "gates" / f"{GATE}.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return file


def _take_turns(simulator: Simulator, airflow: LocalAirflow, file: Path, home: Path) -> list[Turn]:
    client, scheduler = client_of(airflow), airflow.pids["scheduler"]
    client.wait_for_dag(f"stage_gate.{GATE}", timeout=60)
    turns = []
    for number in range(REPETITIONS + 1):
        idle = _idle_share(scheduler)
        before, began = _used(scheduler), time.monotonic()
        stage_tests = _release(simulator, client)
        took, release = time.monotonic() - began, _used(scheduler) - before
        alone = _checks_alone(file, simulator, home / f"alone-{number}")
        turns.append(Turn(release, idle * took, alone, stage_tests))
        say(
            f"  turn {number}: release {release:.1f} s of processor time in {took:.0f} s, {idle * took:.1f} s of them "
            f"idle; checks alone {alone:.1f} s"
        )
    return turns[1:]


def _idle_share(scheduler: int) -> float:
    """Processor seconds in a second of a scheduler that has nothing to do."""
    before, began = _used(scheduler), time.monotonic()
    time.sleep(_IDLE)
    return (_used(scheduler) - before) / (time.monotonic() - began)


def _release(simulator: Simulator, airflow: AirflowApi) -> float:
    """Take one release to its end; seconds from the settled stage to the verdict."""
    execution = simulator.start_execution("good")
    while not waits_for_approval(simulator, execution):
        time.sleep(0.05)
    dag_id = f"stage_gate.{GATE}"
    run_id = airflow.trigger(dag_id, run_id=f"execution-{execution}")
    state = airflow.wait_until(
        lambda: (
            found if (found := str(airflow.run(dag_id, run_id)["state"])) in ("success", "failed") else None
        ),
        _PATIENCE,
        lambda: f"{run_id}: {airflow.task_states(dag_id, run_id)}",
        every=0.5,
    )
    states = airflow.task_states(dag_id, run_id)
    if state != "success" or states["approve_production"] != "success":
        raise RuntimeError(f"{run_id} is {state}: {states}")
    time.sleep(1)  # the last tasks are reaped
    return _stage_tests(airflow, dag_id, run_id)


def _stage_tests(airflow: AirflowApi, dag_id: str, run_id: str) -> float:
    tasks = {each["task_id"]: each for each in airflow.task_instances(dag_id, run_id)}
    settled, judged = tasks["settle_stage"]["end_date"], tasks["judge"]["end_date"]
    return (datetime.fromisoformat(judged) - datetime.fromisoformat(settled)).total_seconds()


def _checks_alone(file: Path, simulator: Simulator, folder: Path) -> float:
    """Processor seconds of the command line with the same gate file."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "aem_checks", "run", str(file), "--site", "stage"]
    environment = {**os.environ, **simulator.environment(), "PYTHONPATH": str(ROOT / "plugins")}
    environment["TMPDIR"] = str(folder)
    folder.mkdir()
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode not in (0, 3):  # a fact that only Cloud Manager knows is inconclusive without it
        raise RuntimeError(f"the checks alone ended with {ended.returncode}: {ended.stdout}{ended.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


def _used(root: int) -> float:
    """Processor seconds of a process, of all below it that run, and of those that have ended."""
    parents = {pid: values for pid, values in _processes()}
    found, waiting = 0.0, [root]
    while waiting:
        pid = waiting.pop()
        if pid in parents:
            found += parents[pid][1]
            waiting += [child for child, (parent, _) in parents.items() if parent == pid]
    return found


def _processes() -> Iterator[tuple[int, tuple[int, float]]]:
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields: list[Any] = Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            yield int(entry), (int(fields[1]), sum(map(int, fields[11:15])) / _TICK)
