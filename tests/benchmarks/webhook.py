"""How many deliveries does the webhook take, how soon does it answer, and does Airflow's interface stay responsive?"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import yaml

from airflow_api import AirflowApi, client_of
from benchmarks.figures import Figure, say
from local_postgres import LocalPostgres, PostgresMissing
from simulator import Simulator
from simulator.io_events.signing import key_pair, signed_headers
from stage_gate.local.local_airflow import LocalAirflow

ROOT = Path(__file__).resolve().parents[2]
CLIENT_ID = "client-of-the-benchmark"
SECONDS = 15.0
AT_ONCE = 16
RATE = 50
"""Deliveries in a second: what [stage_gate] event_rate lets a registration have by default."""
MOST = 12_000
LOOK_EVERY = 0.1
PAGES = ("/monitor/health", "/dags/~/dagRuns?limit=25")
TITLE = "7. Webhook: signed deliveries while somebody uses Airflow's interface"
NOTES = (
    "One API server of one process, PostgreSQL where it is installed; each delivery is one event with two RSA-2048 signatures,",
    f"verified, and stored before it is answered. Full speed: {AT_ONCE} senders, each sends its next one when it is answered,",
    f"with event_rate raised; {RATE}/s is the most by default. `stage_gate.start` looks on each asset event meanwhile. Beside it",
    f"{' and '.join(PAGES)} in turns every {LOOK_EVERY * 1000:.0f} ms, first without deliveries.",
    f"Senders and simulator are processes of the same machine; {SECONDS:.0f} s each.",
)


@dataclass
class Looks:
    """Seconds that Airflow's interface took to answer, and what it answered with if not 200."""

    took: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Load:
    """What the senders saw."""

    statuses: dict[str, int]
    took: list[float]
    seconds: float

    @property
    def per_second(self) -> float:
        return self.statuses.get("200", 0) / self.seconds

    @property
    def refused(self) -> dict[str, int]:
        return {status: count for status, count in self.statuses.items() if status != "200"}


def measure() -> list[Figure]:
    """Start one Airflow, and load its webhook in two ways."""
    home = Path(tempfile.mkdtemp(prefix="stage-gate-bench-"))
    try:
        with ExitStack() as stack:
            simulator = stack.enter_context(Simulator.start("quick"))
            try:
                database = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": stack.enter_context(LocalPostgres()).url}
            except PostgresMissing:
                database = {}
            say(f"  on {'PostgreSQL' if database else 'SQLite'}")
            environment = _prepare(home, simulator) | database
            airflow = stack.enter_context(
                LocalAirflow(
                    home / "airflow", dags=home / "dags", plugins=ROOT / "plugins", environment=environment
                )
            )
            client_of(airflow).wait_for_dag("stage_gate.start", timeout=90)
            return _figures(home, airflow)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _figures(home: Path, airflow: LocalAirflow) -> list[Figure]:
    client = client_of(airflow)
    _load(home, airflow, 1.0, rate=5)  # keys are fetched, everything is imported
    with _looking(client) as idle:
        time.sleep(SECONDS)
    with _looking(client) as steady_looks:
        steady = _load(home, airflow, SECONDS, rate=RATE)
    with _looking(client) as full_looks:
        full = _load(home, airflow, SECONDS)
    runs = client.api("GET", "/dags/stage_gate.start/dagRuns", params={"limit": 1})["total_entries"]
    say(f"  answers other than 200: {steady.refused or 'none'}, at full speed {full.refused or 'none'}")
    say(f"  looks that failed: {[*idle.failed, *steady_looks.failed, *full_looks.failed] or 'none'}")
    stored = sum((steady.statuses.get("200", 0), full.statuses.get("200", 0)))
    return [
        Figure("deliveries a second, sustained", full.per_second, "/s", None, _told(full)),
        Figure("  answered within, 99th percentile", _percentile(full.took, 99), "s", 1.0, "full speed"),
        Figure(
            f"  the same at {RATE}/s", _percentile(steady.took, 99), "s", 1.0, f"median {median(steady.took):.3f} s"
        ),
        _interface(f"interface beside {RATE}/s, 99th percentile", steady_looks, idle),
        _interface("interface beside full speed, 99th percentile", full_looks, idle),
        Figure("runs of stage_gate.start meanwhile", runs, "runs", None, f"{stored} deliveries stored"),
    ]  # fmt: skip


def _told(load: Load) -> str:
    return f"median {median(load.took):.3f} s, slowest {max(load.took):.2f} s, {AT_ONCE} at once"


def _interface(name: str, looks: Looks, idle: Looks) -> Figure:
    beside = (
        f"median {median(looks.took):.3f} s; without deliveries {_percentile(idle.took, 99):.2f} s, "
        f"median {median(idle.took):.3f} s"
    )
    return Figure(name, _percentile(looks.took, 99), "s", 1.0, beside)


def _percentile(took: list[float], which: int) -> float:
    return quantiles(took, n=100)[which - 1]


@contextmanager
def _looking(client: AirflowApi) -> Iterator[Looks]:
    """Ask for the pages in turns, as a browser that is open does."""
    looks, done = Looks(), threading.Event()

    def look() -> None:
        number = 0
        while not done.wait(LOOK_EVERY):
            began = time.perf_counter()
            try:
                client.api("GET", PAGES[number % len(PAGES)])
            except Exception as error:  # noqa: BLE001 - it is counted, and the next look is taken
                looks.failed.append(type(error).__name__)
            looks.took.append(time.perf_counter() - began)
            number += 1

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield looks
    finally:
        done.set()
        thread.join()


def _load(home: Path, airflow: LocalAirflow, seconds: float, *, rate: int = 0) -> Load:
    file = home / f"{uuid.uuid4()}.jsonl"
    _write_deliveries(file, int(seconds * rate) or MOST)
    url = f"{airflow.url}/stage-gate/events/main"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.webhook_load", url, str(file), str(seconds), str(AT_ONCE), str(rate)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    return Load(**json.loads(done.stdout))


def _write_deliveries(file: Path, many: int) -> None:
    with file.open("w", encoding="utf-8") as lines:
        for _ in range(many):
            body = json.dumps(_event(str(uuid.uuid4())))
            headers = signed_headers(body.encode(), key_pair(0), key_pair(1))
            lines.write(json.dumps({"body": body, "headers": headers}) + "\n")


def _event(event_id: str) -> dict[str, Any]:
    kind = "https://ns.adobe.com/experience/cloudmanager"
    number = int(event_id[:4], 16)
    return {
        "eventid": event_id,
        "recipientclientid": CLIENT_ID,
        "event": {
            "@id": f"urn:oeid:cloudmanager:{event_id}",
            "@type": f"{kind}/event/ended",
            "activitystreams:published": "2026-11-23T08:37:41.846Z",
            "activitystreams:to": {"@type": "xdmImsOrg", "xdmImsOrg:id": "1234567890ABCDEF12345678@AdobeOrg"},
            "activitystreams:object": {
                "@id": f"https://cloudmanager.adobe.io/api/program/1/pipeline/{number % 200}/execution/{number}/phase/1/step/1",
                "@type": f"{kind}/execution-step-state",
            },
            "xdmEventEnvelope:objectType": f"{kind}/execution-step-state",
        },
    }


def _prepare(home: Path, simulator: Simulator) -> dict[str, str]:
    gates, dags = home / "gates", home / "dags"
    for each in (gates, dags):
        each.mkdir()
    shutil.copy(ROOT / "dags" / "stage_gates.py", dags)
    gate = {
        "pipeline": {"program": simulator.program_id, "pipeline": simulator.pipeline_id},
        "sites": [{"stage": "https://stage.simulated.invalid", "pages": ["/"]}],
        "mode": "shadow",
    }
    (gates / "idle.yaml").write_text(yaml.safe_dump(gate), encoding="utf-8")
    return simulator.environment() | {
        "AIRFLOW__STAGE_GATE__GATES_FOLDER": str(gates),
        "AIRFLOW__STAGE_GATE__EVIDENCE": str(home / "evidence"),
        "AIRFLOW__STAGE_GATE__START_EVERY": "1h",
        "AIRFLOW__STAGE_GATE__WEBHOOK": "True",
        "AIRFLOW__STAGE_GATE__EVENT_REGISTRATIONS": f"main={CLIENT_ID}",
        "AIRFLOW__STAGE_GATE__EVENT_RATE": "10000",
        "AIRFLOW__ADOBE_CLOUD_MANAGER__REQUESTS_PER_MINUTE": "60000",
    }
