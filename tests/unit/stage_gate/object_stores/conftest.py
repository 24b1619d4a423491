"""What do tests of releases on object stores share? A counted store, the demo's simulator, a worker's settings."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator import Simulator
from simulator.scenario import load_scenario
from unit.stage_gate.object_stores.servers import URL, CountedS3, counted_s3
from unit.stage_gate.release import KEYS


@pytest.fixture
def s3() -> Iterator[CountedS3]:
    with counted_s3() as store:
        yield store


def _demo_in_no_time() -> dict[str, Any]:
    """The demo's scenario, whose steps take no time: an execution waits for its approval at once."""
    told: dict[str, Any] = load_scenario("demo").model_dump()
    told["timing"] |= {"tail": 0.05, "act": 0.05}
    for release in told["releases"].values():
        for step in release["steps"].values():
            step["seconds"] = 0.01
        release["stage"]["mutable_content_after"] = 0.0
    return told


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """The demo's simulator, and the settings of a worker that signs and has its evidence in the store."""
    assert KEYS.private is not None
    key = {"conn_type": "generic", "password": base64.b64encode(KEYS.private).decode()}
    with Simulator.start(_demo_in_no_time()) as running:
        own = {
            "AIRFLOW_CONN_STAGE_GATE_SIGNING": json.dumps(key),
            "AIRFLOW__STAGE_GATE__EVIDENCE": URL,
            "AIRFLOW__STAGE_GATE__GATES_FOLDER": str(tmp_path / "gates"),
            "AIRFLOW__ADOBE_CLOUD_MANAGER__REQUESTS_PER_MINUTE": "100000",
        }
        for name, value in {**running.environment(), **own}.items():
            monkeypatch.setenv(name, value)
        yield running
