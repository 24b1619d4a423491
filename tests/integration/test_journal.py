"""Does what the journal says become Dag runs in a real triggerer, and is nothing lost when that is killed?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator import Simulator
from stage_gate.local.airflow_api import AirflowApi
from stage_gate.local.local_airflow import LocalAirflow

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
PATIENCE = 120.0
DAG = """
from airflow.sdk import DAG, Asset, AssetWatcher
from airflow.providers.standard.operators.empty import EmptyOperator

from adobe_cloud_manager.triggers.journal import JournalTrigger

trigger = JournalTrigger(journal_url="{url}", cloud_manager_conn_id="cloud_manager_default")
events = Asset("adobe_io_events", watchers=[AssetWatcher(name="journal", trigger=trigger)])
with DAG("told", schedule=events):
    EmptyOperator(task_id="told")
"""
HEARTBEATS = {
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "4",
}


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator.start("quick") as running:
        running.io_events.set_retry_after(1)
        yield running


def _subjects(client: AirflowApi) -> list[str]:
    """All subjects that asset events named so far."""
    events = client.api("GET", "/assets/events", params={"limit": 100})["asset_events"]
    return [subject for event in events for subject in event["extra"]["payload"]["subjects"]]


def _position(client: AirflowApi) -> Any:
    assets = client.api("GET", "/assets", params={"name_pattern": "adobe_io_events"})["assets"]
    if not assets:
        return None
    states = client.api("GET", f"/assets/{assets[0]['id']}/state-store")["asset_state_store"]
    return states[0]["value"] if states else None


def _runs(client: AirflowApi) -> Any:
    return client.api("GET", "/dags/told/dagRuns")["dag_runs"]


def _wait(client: AirflowApi, what: Callable[[], Any], sentence: str) -> Any:
    return client.wait_until(lambda: what() or None, PATIENCE, lambda: sentence)


def _happens(sim: Simulator) -> str:
    return f"{sim.program_id}/{sim.pipeline_id}/{sim.start_execution(beside=True)}"


@pytest.mark.airflow
@pytest.mark.xdist_group("airflow")
def test_a_killed_triggerer_costs_no_event_and_reading_goes_on_where_it_was(
    sim: Simulator, tmp_path: Path
) -> None:
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "told.py").write_text(DAG.format(url=sim.io_events.journal_url))
    environment = {**sim.environment(), **HEARTBEATS}
    with LocalAirflow(tmp_path / "home", dags=dags, plugins=PLUGINS, environment=environment) as airflow:
        client = airflow.client()
        client.wait_for_dag("told")
        _wait(client, lambda: _position(client), "the journal has no position yet")
        first = _happens(sim)
        _wait(client, lambda: first in _subjects(client), "the first event has not arrived")

        airflow.kill("triggerer")
        missed = [_happens(sim) for _ in range(2)]
        time.sleep(1)
        airflow.start_component("triggerer")
        _wait(client, lambda: set(missed) <= set(_subjects(client)), "the missed events have not arrived")

        runs = _wait(client, lambda: _runs(client), "no run of the Dag told has started")
        assert {run["run_type"] for run in runs} == {"asset_triggered"}
        hint = client.api("GET", "/variables/adobe_io_events_hint")["value"]
        assert all(subject in hint for subject in [first, *missed])
    firsts = [request for request in sim.requests if "latest=true" in request.path]
    assert len(firsts) == 1, "after the kill it went on at the stored position"
