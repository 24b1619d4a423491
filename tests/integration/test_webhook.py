"""Does a delivery of Adobe I/O Events start a gate's run, and is none lost or doubled when the API server dies?"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from simulator import Simulator
from simulator.io_events import Registration
from stage_gate.local.airflow_api import AirflowApi, AirflowApiError
from stage_gate.local.local_airflow import LocalAirflow

ROOT = Path(__file__).resolve().parents[2]
CLIENT_ID = "client-of-the-webhook"
GATE = "stage_gate.listening"
PATIENCE = 60.0


@dataclass
class Listening:
    """An Airflow with the webhook on, a gate, and the registration that points at it."""

    airflow: LocalAirflow
    simulator: Simulator
    client: AirflowApi
    registration: Registration

    def stored(self) -> list[dict[str, Any]]:
        """The extras of all asset events."""
        answer = self.client.api("GET", "/assets/events", params={"limit": 100, "order_by": "timestamp"})
        return [each["extra"] for each in answer["asset_events"]]

    def times_stored(self, event_id: str) -> int:
        return sum(extra["event_ids"].count(event_id) for extra in self.stored())

    def start_runs(self, kind: str = "") -> list[dict[str, Any]]:
        """The runs of `stage_gate.start`, all or of one kind; its timer is set to an hour."""
        runs: list[dict[str, Any]] = self.client.api("GET", "/dags/stage_gate.start/dagRuns")["dag_runs"]
        return [run for run in runs if kind in ("", run["run_type"])]

    def nothing_looks(self) -> bool | None:
        return all(run["state"] in ("success", "failed") for run in self.start_runs()) or None

    def run_of(self, execution: str) -> dict[str, Any] | None:
        try:
            return self.client.run(GATE, f"execution-{execution}")
        except AirflowApiError as error:
            if error.status != 404:
                raise
            return None

    def forged(self, *effects: Any) -> int | None:
        """The answer to an event about an execution that never was."""
        path = f"/api/program/{self.simulator.program_id}/pipeline/{self.simulator.pipeline_id}/execution/999"
        return self.simulator.io_events.forge(self.registration, *effects, path=path).status

    def restart_api_server(self) -> None:
        self.airflow.kill("api-server")
        time.sleep(0.5)
        since = datetime.now(UTC)
        self.airflow.start_component("api-server")
        self.airflow.wait_until_healthy(since=since)


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    folder = tmp_path_factory.mktemp("webhook")
    gates, dags = folder / "gates", folder / "dags"
    for each in (gates, dags):
        each.mkdir()
    shutil.copy(ROOT / "dags" / "stage_gates.py", dags)
    with Simulator.start("quick") as simulator:
        gate = {
            "pipeline": {"program": simulator.program_id, "pipeline": simulator.pipeline_id},
            "sites": [{"stage": "https://stage.simulated.invalid", "pages": ["/"]}],
            "mode": "shadow",
        }
        (gates / "listening.yaml").write_text(yaml.safe_dump(gate))
        environment = simulator.environment() | {
            "AIRFLOW__STAGE_GATE__GATES_FOLDER": str(gates),
            "AIRFLOW__STAGE_GATE__EVIDENCE": str(folder / "evidence"),
            "AIRFLOW__STAGE_GATE__START_EVERY": "1h",
            "AIRFLOW__STAGE_GATE__WEBHOOK": "True",
            "AIRFLOW__STAGE_GATE__EVENT_REGISTRATIONS": f"main={CLIENT_ID}",
        }
        with LocalAirflow(
            folder / "airflow", dags=dags, plugins=ROOT / "plugins", environment=environment
        ) as airflow:
            client = airflow.client()
            for dag_id in (GATE, "stage_gate.start"):
                client.wait_for_dag(dag_id, timeout=PATIENCE)
            registration = simulator.io_events.register(
                f"{airflow.url}/stage-gate/events/main", client_id=CLIENT_ID, speed=60
            )
            yield Listening(airflow, simulator, client, registration)


def _marked(test: Any) -> Any:
    return pytest.mark.airflow(pytest.mark.xdist_group("webhook")(test))


@_marked
def test_the_handshake_is_answered_in_both_forms(listening: Listening) -> None:
    assert listening.registration.status == "ACTIVE"
    url = f"{listening.airflow.url}/stage-gate/events/main"
    other = listening.simulator.io_events.register(url, client_id=CLIENT_ID, handshake="async")
    listening.client.wait_until(
        lambda: other.status == "ACTIVE" or None, PATIENCE, lambda: f"the registration is {other.status}"
    )
    listening.simulator.io_events.disable(other)


@_marked
def test_a_signed_delivery_becomes_a_look_and_the_run_of_its_execution(listening: Listening) -> None:
    listening.client.wait_until(listening.nothing_looks, PATIENCE, lambda: "the timer's first look goes on")
    execution = listening.simulator.start_execution("good")
    run = listening.client.wait_until(
        lambda: listening.run_of(execution), PATIENCE, lambda: f"no run; {listening.start_runs()}"
    )
    assert run["dag_run_id"] == f"execution-{execution}"
    listening.client.wait_until(
        lambda: listening.start_runs("asset_triggered") or None,
        PATIENCE,
        lambda: "no event made anybody look",
    )
    subject = f"{listening.simulator.program_id}/{listening.simulator.pipeline_id}/{execution}"
    assert any(subject in extra["subjects"] for extra in listening.stored())
    hint = listening.client.api("GET", "/variables/adobe_io_events_hint")["value"]
    assert subject in hint
    assert {each.status for each in listening.simulator.io_events.deliveries} == {200}


@_marked
def test_a_forged_delivery_starts_nothing(listening: Listening) -> None:
    listening.simulator.io_events.settle()
    before = listening.stored()
    statuses = [
        listening.forged(effect)
        for effect in (
            "bad_signature",
            "foreign_recipient",
            "evil_key_path",
            "unsigned",
            "malformed",
            "unknown_key",
        )
    ]
    assert statuses == [403, 403, 401, 401, 400, 403]
    assert listening.forged("oversize") in (413, None), "the answer may be lost with the connection"
    assert listening.stored() == before


@_marked
def test_a_delivery_that_the_api_server_dies_of_is_stored_once_by_the_next_attempt(
    listening: Listening,
) -> None:
    events = listening.simulator.io_events
    events.settle()
    events.clear_faults()
    seen = len(events.deliveries)
    events.fault("slow", seconds=3.0)
    events.fault("answer_lost", nth=2)
    execution = listening.simulator.start_execution("good", beside=True)
    time.sleep(1)
    listening.restart_api_server()
    listening.client.wait_until(
        lambda: _all_delivered(listening, seen) or None,
        PATIENCE,
        lambda: f"{[(each.events, each.status, each.error) for each in events.deliveries[seen:]]}",
    )
    attempts = events.deliveries[seen:]
    assert any(each.status != 200 for each in attempts), "the API server died while something was under way"
    assert execution
    for event_id in {each for attempt in attempts for each in attempt.events}:
        assert listening.times_stored(event_id) == 1, event_id


def _all_delivered(listening: Listening, seen: int) -> bool:
    attempts = listening.simulator.io_events.deliveries[seen:]
    wanted = {each for attempt in attempts for each in attempt.events}
    taken = {each for attempt in attempts if attempt.status == 200 for each in attempt.events}
    return bool(wanted) and wanted == taken


@_marked
def test_what_was_stored_already_is_not_stored_again_by_another_api_server(listening: Listening) -> None:
    events = listening.simulator.io_events
    events.settle()
    before = len(listening.stored())
    good = [each for each in events.deliveries if each.status == 200][:3]
    assert {each.status for each in events.replay(good)} == {200}
    assert len(listening.stored()) == before
