"""Where do Adobe's events meet a real Airflow? One with the webhook on, a journal that is read, and a gate per pipeline.

Its timer plays no part. Every way of events is closed until a test opens it, so that what a gate does next can have one
reason only. What the simulator really runs is written down: nothing else may ever have a run.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self, TypeVar

import yaml

from airflow_api import AirflowApi, AirflowApiError, client_of
from integration.task_logs import said
from local_postgres import LocalPostgres, PostgresMissing
from simulator import Simulator
from simulator.io_events import Attempt, Registration
from stage_gate.local.local_airflow import LocalAirflow

T = TypeVar("T")
Json = dict[str, Any]
ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "12345"
START = "stage_gate.start"
ASSET = "adobe_io_events"
PATIENCE = 600.0
"""Seconds that anything may take: two cores, and perhaps with others."""
_IN_TIME = 60.0
"""Seconds for a delivery. What Adobe allows, and what the webhook allows itself, is too short on a busy machine."""
_LOCAL_SETTINGS = f"""\
from adobe_cloud_manager.events import keys
from stage_gate.webhook.reception import Reception

keys._WITHIN = Reception.__init__.__kwdefaults__["within"] = {_IN_TIME}
"""
CLIENTS = MappingProxyType({"single": "client-of-single", "batch": "client-of-batch"})
"""The registrations of this Airflow, and the client ids of the projects that own them."""
FOREVER = 40 * 86400.0
_RELEASES = {
    "staged": {"steps": {"deploy stage": 3600}},
    "building": {"steps": {"validate": 0.02, "build": FOREVER}},
    "testing": {"steps": {"deploy stage": 3600, "productTest": FOREVER}},
}
"""The first one is what the history is made of. Runs of `building` are cheap: they pin and then wait for stage."""
EVENTS_OF_A_BUILD = 4
"""The execution's start, the validation's start and end, the build's start."""


class EventHouse:
    """Everything is up inside the block."""

    def __init__(self, folder: Path, gates: list[str]) -> None:
        self.folder = folder
        self.pipelines = {gate: str(1000 + number) for number, gate in enumerate(gates)}
        self.genuine: dict[str, list[str]] = defaultdict(list)
        """The executions that really began, by gate: every one of them is to have its run, and nothing else."""
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.simulator = stack.enter_context(Simulator.start(self._scenario()))
            self.events = self.simulator.io_events
            self.events.set_retry_after(1)
            self.silence()
            self.airflow = stack.enter_context(
                LocalAirflow(
                    self.folder / "airflow",
                    dags=self._write_files(),
                    plugins=ROOT / "plugins",
                    environment=self._environment() | self._database(stack),
                )
            )
            self.client: AirflowApi = client_of(self.airflow)
            for dag_id in (START, *map(dag_of, self.pipelines)):
                self.client.wait_for_dag(dag_id, timeout=PATIENCE)
            self.until(self.position, "the journal's reader has no position yet")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    # What happens in Cloud Manager and at Adobe I/O

    def begin(self, gate: str, release: str = "building") -> str:
        """Cloud Manager begins an execution; its id. All its first events have happened by then."""
        seen = len(self.events.emitted)
        execution = self.simulator.start_execution(release, pipeline=self.pipelines[gate])
        self.genuine[gate].append(execution)
        if release == "building":
            end = time.monotonic() + PATIENCE
            while len(self.events.emitted) < seen + EVENTS_OF_A_BUILD:
                assert time.monotonic() < end, "the simulator does not get on"
                time.sleep(0.01)
        return execution

    @contextlib.contextmanager
    def webhook(self, name: str = "single", **options: Any) -> Iterator[Registration]:
        """A registration whose events come in by the webhook `name`, after the handshake; disabled afterwards."""
        self.until_quiet()
        url = f"{self.airflow.url}/stage-gate/events/{name}"
        style = "batch" if name == "batch" else "single"
        made = self.events.register(url, client_id=CLIENTS[name], style=style, patience=_IN_TIME, **options)
        try:
            self.until(lambda: made.status == "ACTIVE", f"the registration is {made.status}")
            yield made
        finally:
            self.silence()
            self.events.settle()
            self.events.disable(made)
            self.until_quiet()

    @contextlib.contextmanager
    def journal(self) -> Iterator[str]:
        """What happens is in the journal that this Airflow reads; its URL."""
        self.until_quiet()
        self.events.clear_faults()
        try:
            yield self.events.journal_url
        finally:
            self.silence()
            self.simulator.clear_faults()
            self.until_quiet()

    def silence(self) -> None:
        """No event gets into a journal, and no webhook is disturbed any more."""
        self.events.clear_faults()
        self.events.fault("lose", where="journal", times=None)

    def deliver(self) -> None:
        """Every delivery to its last attempt: time passes until what failed is tried again."""
        self.events.settle()
        while (seconds := self.events.next_attempt_in) is not None:
            self.simulator.skip(seconds)
            self.events.settle()

    def delivered(self, since: int = 0, status: int | None = 200) -> list[Attempt]:
        """The attempts to deliver with that answer, from the number `since` on."""
        return [each for each in self.events.deliveries[since:] if each.status == status]

    def tries(self, event_id: str, since: int = 0) -> list[int | None]:
        """What was answered to each attempt to deliver an event, from the number `since` of all attempts on."""
        return [each.status for each in self.events.deliveries[since:] if event_id in each.events]

    # What becomes of it in Airflow

    def until(self, look: Callable[[], T], sentence: str) -> T:
        """Wait for something that is true."""
        return self.client.wait_until(lambda: look() or None, PATIENCE, lambda: f"{sentence}; {self.shown()}")

    def until_guarded(self, gate: str) -> None:
        """Wait until each execution of this gate has its run and that waits for stage; no other run is there."""
        wanted = runs_of(self.genuine[gate])
        self.until(lambda: wanted <= set(self.runs(gate)), f"{gate} has not its runs {wanted}")
        found = sorted(self.runs(gate))
        assert found == sorted(wanted), f"one run per execution, and not {found}"
        self.assert_only_genuine()

    def until_waits(self, gate: str) -> str:
        """Wait until the newest run of this gate waits in the triggerer; its id."""
        run_id = f"execution-{self.genuine[gate][-1]}"
        self.until(lambda: self.state(gate, run_id) == "deferred", f"{run_id} does not wait for stage")
        return run_id

    def until_quiet(self) -> None:
        """Wait until nothing that was stored before can lead to a look any more."""
        self.events.settle()
        self.until(lambda: not self._is_looking() and not self._is_to_look(), f"{START} goes on")

    def look_as_the_timer_does(self) -> None:
        """A run of `stage_gate.start` that no event led to, to its end."""
        run_id = self.client.trigger(START)
        self.client.wait_for_run(START, run_id, timeout=PATIENCE)

    def runs(self, gate: str) -> list[str]:
        """The ids of all runs of a gate."""
        return [run["dag_run_id"] for run in self._runs(dag_of(gate))]

    def assert_only_genuine(self) -> None:
        """No run of any gate is of anything but an execution that really began."""
        for gate in self.pipelines:
            strangers = set(self.runs(gate)) - runs_of(self.genuine[gate])
            assert not strangers, f"{gate} has runs of what never happened: {strangers}"

    def assert_one_run_per_execution(self) -> None:
        """Every execution that really began has its run, and there is no other one."""
        found = {gate: sorted(self.runs(gate)) for gate in self.pipelines}
        wanted = {gate: sorted(runs_of(self.genuine[gate])) for gate in self.pipelines}
        assert found == wanted, f"runs are there: {found}; they should be: {wanted}"

    def stored(self) -> list[Json]:
        """What was stored of events: the extras of all asset events, oldest first."""
        found: list[Json] = []
        while True:
            params = {"limit": 100, "offset": len(found), "order_by": "timestamp"}
            page = self.client.api("GET", "/assets/events", params=params)
            found += [each["extra"] for each in page["asset_events"]]
            if not page["asset_events"] or len(found) >= page["total_entries"]:
                return found

    def times_stored(self, event_id: str) -> int:
        return sum(extra.get("event_ids", []).count(event_id) for extra in self.stored())

    def looks_by_events(self) -> int:
        """How often an event has led to a look so far."""
        return sum(run["run_type"] == "asset_triggered" for run in self._runs(START))

    def hint(self) -> str:
        """The text of the Variable that waits share."""
        try:
            return str(self.client.api("GET", "/variables/adobe_io_events_hint")["value"])
        except AirflowApiError as error:
            if error.status != 404:
                raise
            return ""

    def position(self) -> Any:
        """Where the journal's reader is, as Airflow's database has it."""
        assets = self.client.api("GET", "/assets", params={"name_pattern": ASSET})["assets"]
        states = self.client.api("GET", f"/assets/{assets[0]['id']}/state-store") if assets else {}
        found = states.get("asset_state_store")
        return found[0]["value"] if found else None

    def state(self, gate: str, run_id: str, task: str = "wait_for_stage_deployment") -> str | None:
        return self.client.task_states(dag_of(gate), run_id).get(task)

    def log(self, gate: str, run_id: str, task: str = "wait_for_stage_deployment") -> str:
        """What a task and its triggers have said."""
        return said(self.airflow.home, dag_of(gate), run_id, task)

    def restart(self, component: str, *, after: float = 0.3) -> None:
        """Kill a part of Airflow outright and start it again."""
        self.airflow.kill(component)
        time.sleep(after)
        since = datetime.now(UTC)
        self.airflow.start_component(component)
        self.airflow.wait_until_healthy(since=since)

    def shown(self) -> str:
        """What somebody wants to know whose wait took too long."""
        began = {gate: executions for gate, executions in self.genuine.items() if executions}
        runs = {gate: self.runs(gate) for gate in began}
        attempts = [
            (each.retry, each.status, each.error or each.text) for each in self.events.deliveries[-8:]
        ]
        looks = [(run["run_type"], run["state"]) for run in self._runs(START)[-5:]]
        return f"looks: {looks}; deliveries: {attempts}; executions: {began}; runs: {runs}"

    def _runs(self, dag_id: str) -> list[Json]:
        params = {"limit": 100, "order_by": "-id"}
        runs: list[Json] = self.client.api("GET", f"/dags/{dag_id}/dagRuns", params=params)["dag_runs"]
        return runs[::-1]

    def _is_looking(self) -> bool:
        return any(run["state"] in ("queued", "running") for run in self._runs(START))

    def _is_to_look(self) -> bool:
        try:
            return bool(self.client.api("GET", f"/dags/{START}/assets/queuedEvents")["queued_events"])
        except AirflowApiError as error:
            if error.status != 404:
                raise
            return False

    def _scenario(self) -> Json:
        stages = [
            {"id": f"{pipeline}1", "name": f"{gate}-stage", "type": "stage"}
            for gate, pipeline in self.pipelines.items()
        ]
        productions = [{**stage, "id": f"{stage['id'][:-1]}2", "type": "prod"} for stage in stages]
        pipelines = [
            {"id": id_, "name": gate, "stage": f"{id_}1", "production": f"{id_}2", "history": 3}
            for gate, id_ in self.pipelines.items()
        ]
        environments = [*stages, *productions]
        return {
            "sites": False,
            "programs": [
                {"id": PROGRAM, "name": "events", "environments": environments, "pipelines": pipelines}
            ],
            "releases": _RELEASES,
        }

    def _write_files(self) -> Path:
        """One gate file per pipeline; returns the Dags folder."""
        gates, dags = self.folder / "gates", self.folder / "dags"
        for folder in (gates, dags):
            folder.mkdir(parents=True)
        shutil.copy(ROOT / "dags" / "stage_gates.py", dags)
        settings = self.folder / "airflow" / "config"
        settings.mkdir(parents=True)
        (settings / "airflow_local_settings.py").write_text(_LOCAL_SETTINGS)
        for gate, pipeline in self.pipelines.items():
            content = {
                "pipeline": {"program": PROGRAM, "pipeline": pipeline},
                "sites": [{"stage": "https://stage.simulated.invalid", "pages": ["/"]}],
            }
            (gates / f"{gate}.yaml").write_text(yaml.safe_dump(content))
        return dags

    def _environment(self) -> dict[str, str]:
        registrations = ",".join(f"{name}={client}" for name, client in CLIENTS.items())
        return self.simulator.environment() | {
            "AIRFLOW__STAGE_GATE__GATES_FOLDER": str(self.folder / "gates"),
            "AIRFLOW__STAGE_GATE__EVIDENCE": str(self.folder / "evidence"),
            "AIRFLOW__STAGE_GATE__START_EVERY": "30d",
            "AIRFLOW__STAGE_GATE__WEBHOOK": "True",
            "AIRFLOW__STAGE_GATE__EVENT_REGISTRATIONS": registrations,
            "AIRFLOW__STAGE_GATE__JOURNALS": f"cloud_manager_default={self.events.journal_url}",
            "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
            "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "4",
        }

    def _database(self, stack: ExitStack) -> dict[str, str]:
        """PostgreSQL where it is installed."""
        try:
            return {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": stack.enter_context(LocalPostgres()).url}
        except PostgresMissing:
            return {}


def dag_of(gate: str) -> str:
    return f"stage_gate.{gate}"


def runs_of(executions: list[str]) -> set[str]:
    """The ids of the runs that these executions are to have."""
    return {f"execution-{execution}" for execution in executions}
