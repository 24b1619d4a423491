"""Where do a thousand waits of the benchmark happen? One Airflow, a server beside it, and a look at the triggerer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import requests
from sqlalchemy import create_engine, text

from airflow_api import AirflowApi, client_of
from benchmarks import waiting_gates
from benchmarks.decision_latency import BARE, BARE_DAG, EMPTY, hops_of
from benchmarks.figures import say
from benchmarks.waiting_gates import Wait
from local_postgres import LocalPostgres, PostgresMissing
from stage_gate.local.local_airflow import LocalAirflow

ROOT = Path(__file__).resolve().parents[2]
PER_MINUTE = 1500
"""Requests a minute to Cloud Manager that the triggerer may send."""
CAPACITY = 4000
_DAG = '''"""Tasks whose rows the benchmark changes; written by the benchmark."""

from airflow.sdk import DAG, BaseOperator


class Wait(BaseOperator):
    def __init__(self, *, number, **kwargs):
        super().__init__(**kwargs)
        self.number = number


for name, count in {counts!r}.items():
    with DAG(dag_id=name, schedule=None, catchup=False, is_paused_upon_creation=False) as dag:
        Wait.partial(task_id="wait", pool="parked").expand(number=list(range(count)))
    globals()[name] = dag
'''


@dataclass(frozen=True)
class Size:
    """How much is measured; times in seconds."""

    gates: int = 1000
    idle: float = 20.0
    settle: float = 60.0
    quiet: float = 120.0
    events: float = 90.0
    http: float = 40.0
    hops: int = 2
    modelled: int = 200


@dataclass(frozen=True)
class Usage:
    """What the triggerer took: bytes of memory at the end, share of one core, requests to the server."""

    memory: float
    cpu: float
    calls: dict[str, int]
    seconds: float

    @property
    def to_cloud_manager(self) -> int:
        return self.calls.get("looks", 0) + self.calls.get("current", 0) + self.calls.get("tokens", 0)


class Bench:
    """One Airflow with a server beside it."""

    def __init__(self, size: Size, home: Path, server: str, stack: ExitStack, counts: dict[str, int]) -> None:
        self.size, self.home, self.server = size, home, server
        dags = home / "dags"
        dags.mkdir()
        (dags / "waits.py").write_text(_DAG.format(counts=counts), encoding="utf-8")
        (dags / "hops.py").write_text(BARE_DAG.format(dag_id=BARE, tasks=EMPTY), encoding="utf-8")
        environment = _environment(server) | _database(stack)
        plugins = ROOT / "plugins"
        self.airflow = stack.enter_context(
            LocalAirflow(home / "airflow", dags=dags, plugins=plugins, environment=environment)
        )
        self.api: AirflowApi = client_of(self.airflow)
        self.engine = create_engine(self.airflow.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
        self.api.api("POST", "/pools", {"name": "parked", "slots": 0})
        for connection in _connections(server):
            self.api.api("POST", "/connections", connection)
        for dag_id in (*counts, BARE):
            self.api.wait_for_dag(dag_id, timeout=120)
        self.hop(1)  # the first one is slow and does not count

    def usage(self, seconds: float, beside: Callable[[], None] = lambda: None) -> Usage:
        """What the triggerer takes in so many seconds; ``beside`` is called twice a second."""
        calls, cpu, began = self.calls(), self._cpu(), time.monotonic()
        while (now := time.monotonic()) < began + seconds:
            beside()
            time.sleep(max(0.0, 0.5 - (time.monotonic() - now)))
        took = time.monotonic() - began
        resident = [process.memory_info().rss for process in self._processes()]
        memory = sum(resident)
        made = {name: count - calls.get(name, 0) for name, count in self.calls().items()}
        used = Usage(memory, (self._cpu() - cpu) / took, made, took)
        parts = " + ".join(f"{each / 1e6:.0f}" for each in resident)
        say(f"  {parts} MB, {used.cpu:.1%} of a core, requests in {took:.0f} s: {made}")
        return used

    def defer(self, dag_id: str, triggers: list[tuple[str, dict[str, Any]]]) -> None:
        """Let the tasks of a new run of this Dag wait for these triggers."""
        run_id = self.api.trigger(dag_id)
        condition = f"dag_id = '{dag_id}' AND map_index >= 0"
        self._until(lambda: self.count(condition) == len(triggers), f"the tasks of {dag_id}")
        file = self.home / f"{dag_id}.json"
        file.write_text(json.dumps(triggers))
        command = [sys.executable, "-m", "benchmarks.waiting_rows", dag_id, run_id, str(file)]
        path = os.pathsep.join([str(ROOT / "tests"), str(ROOT / "plugins")])
        subprocess.run(command, env={**self.airflow.environment, "PYTHONPATH": path}, check=True)

    def clear(self, dag_id: str) -> None:
        """End the runs of this Dag, and with them their waits."""
        with self.engine.begin() as connection:
            for table_ in ("task_instance", "dag_run"):
                connection.execute(text(f"UPDATE {table_} SET state = 'failed' WHERE dag_id = '{dag_id}'"))

    def restart_triggerer(self) -> None:
        """A new triggerer, which takes up all that waits."""
        since = datetime.now(UTC)
        self.airflow.kill("triggerer")
        self.airflow.start_component("triggerer")
        self.airflow.wait_until_healthy(since=since)

    def settle(self, dag_id: str, seconds: float | None = None) -> float:
        """Until the triggerer has taken up all of them, and then a while; returns when it had them."""
        newest = "SELECT MAX(id) FROM job WHERE job_type = 'TriggererJob'"
        taken = f"trigger_id IN (SELECT id FROM trigger WHERE triggerer_id = ({newest}))"
        waiting = f"dag_id = '{dag_id}' AND state = 'deferred'"
        self._until(lambda: self.count(taken) >= self.count(waiting), "the triggerer to take all waits")
        say(f"  {self.count(waiting)} waits in the triggerer; settling")
        taken_at = time.time()
        time.sleep(self.size.settle if seconds is None else seconds)
        return taken_at

    def hop(self, times: int = 0) -> float:
        """Seconds from the end of one empty task to the start of the next, in the median."""
        return median(hops_of(self.api).hop for _ in range(times or self.size.hops))

    def count(self, condition: str) -> int:
        return int(self.rows(f"SELECT COUNT(*) FROM task_instance WHERE {condition}")[0][0])

    def rows(self, query: str) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(text(query)))

    def calls(self) -> dict[str, int]:
        answer: dict[str, int] = requests.get(f"{self.server}/calls", timeout=10).json()
        return answer

    def _processes(self) -> list[psutil.Process]:
        first = psutil.Process(self.airflow.pids["triggerer"])
        return [first, *first.children(recursive=True)]

    def _cpu(self) -> float:
        return sum(sum(process.cpu_times()[:2]) for process in self._processes())

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        self.api.wait_until(lambda: condition() or None, 180, lambda: f"waiting for {what}", every=0.5)


def _environment(server: str) -> dict[str, str]:
    return {
        "AIRFLOW__ADOBE_CLOUD_MANAGER__API_URL": server,
        "AIRFLOW__ADOBE_CLOUD_MANAGER__IMS_URL": server,
        "AIRFLOW__ADOBE_CLOUD_MANAGER__REQUESTS_PER_MINUTE": str(PER_MINUTE),
        "AIRFLOW__TRIGGERER__CAPACITY": str(CAPACITY),
        "AIRFLOW__CORE__MAX_MAP_LENGTH": str(CAPACITY),
    }


def _connections(server: str) -> list[dict[str, str]]:
    """Where a deployment keeps them, in the database: to read one costs the triggerer something."""
    org = json.dumps({"org_id": "0123456789ABCDEF01234567@AdobeOrg"})
    ours = {
        "conn_type": "adobe_cloud_manager",
        "login": "client",
        "password": "not-a-real-secret",
        "extra": org,
    }
    http = {"conn_type": "http", "host": server}
    return [{"connection_id": "cloud_manager_default", **ours}, {"connection_id": "waits", **http}]


def _database(stack: ExitStack) -> dict[str, str]:
    try:
        return {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": stack.enter_context(LocalPostgres()).url}
    except PostgresMissing:
        return {}


@contextmanager
def serve(waits: list[Wait], home: Path) -> Iterator[str]:
    """The server in a process of its own; its address."""
    gates, ready = home / "gates.json", home / "ready.json"
    waiting_gates.write(waits, gates)
    command = [sys.executable, "-m", "benchmarks.waiting_served", str(gates), str(ready)]
    path = os.pathsep.join([str(ROOT / "tests"), str(ROOT / "plugins")])
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path})
    try:
        until = time.monotonic() + 60
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the server of the waiting gates did not start")
            time.sleep(0.1)
        yield json.loads(ready.read_text())["url"]
    finally:
        process.terminate()
        process.wait(10)
