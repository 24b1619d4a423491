"""Does the simulator run as a process: only when asked to, ready when it says so, gone when told to?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from unit.simulator.caller import eventually
from unit.simulator.webhook import Webhook

TESTS = Path(__file__).parents[2]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), env=surroundings(**environment), capture_output=True, text=True,
                          timeout=300)  # fmt: skip


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "simulator", *arguments]


def surroundings(**extra: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key != "STAGE_GATE_SIMULATOR"}
    return {**kept, "PYTHONPATH": str(TESTS), **extra}


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    file = tmp_path_factory.mktemp("simulator") / "ready.json"
    process = subprocess.Popen(
        command("quick", "--ready", str(file)),
        env=surroundings(STAGE_GATE_SIMULATOR="yes"),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        eventually(lambda: file.exists() or process.poll() is not None, within=120)
        yield json.loads(file.read_text())
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0
    finally:
        process.kill()
        process.communicate()


def control(ready: dict[str, Any], name: str, **body: Any) -> requests.Response:
    return requests.post(f"{ready['api_url']}/_simulator/{name}", json=body, timeout=60)


def test_it_refuses_to_start_without_the_switch() -> None:
    done = run("quick")
    assert done.returncode == 2
    assert "STAGE_GATE_SIMULATOR=yes" in done.stderr


def test_it_refuses_credentials_that_look_real(tmp_path: Path) -> None:
    file = tmp_path / "scenario.yaml"
    file.write_text("credentials: [{client_id: 0123456789abcdef0123456789abcdef}]\n")
    done = run(str(file), STAGE_GATE_SIMULATOR="yes")
    assert done.returncode == 3
    assert "keep real ones away" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_ready_file_has_what_airflow_needs(ready: dict[str, Any]) -> None:
    assert ready["simulated"] is True
    connection = json.loads(ready["environment"]["AIRFLOW_CONN_CLOUD_MANAGER_DEFAULT"])
    assert connection["extra"]["org_id"] == ready["org_id"]
    assert ready["environment"]["AIRFLOW__ADOBE_CLOUD_MANAGER__API_URL"] == ready["api_url"]


def test_the_control_api_starts_decides_breaks_and_tells(ready: dict[str, Any]) -> None:
    started = control(ready, "execution", release="good")
    assert started.status_code == 201
    execution_id = started.json()["execution"]

    def shown() -> dict[str, Any]:
        state = requests.get(f"{ready['api_url']}/_simulator/state", timeout=60).json()
        return {item["id"]: item for item in state["executions"]}[execution_id]  # type: ignore[no-any-return]

    eventually(lambda: shown()["steps"]["approval"] == "WAITING")
    assert control(ready, "execution", release="good").status_code == 409
    assert control(ready, "person", verb="approve", execution=execution_id).status_code == 202
    eventually(lambda: shown()["status"] == "FINISHED")
    assert control(ready, "fault", effect="answer", status=503, path="/api/programs").status_code == 201
    assert requests.get(f"{ready['api_url']}/api/programs", timeout=60).status_code == 503
    seen = requests.get(f"{ready['api_url']}/_simulator/requests", timeout=60).json()
    assert seen[-1]["path"] == "/api/programs"


def test_the_control_api_says_what_was_wrong_with_a_command(ready: dict[str, Any]) -> None:
    assert "did you mean" in control(ready, "execution", release="gud-build-fails").json()["error"]
    assert control(ready, "fault", effect="explode").status_code == 400
    assert control(ready, "person", verb="approve").status_code == 400


def test_the_control_api_registers_a_webhook_and_spoils_deliveries(ready: dict[str, Any]) -> None:
    with Webhook(503) as hook:
        made = control(ready, "registration", url=hook.url, style="batch", speed=60_000)
        assert (made.status_code, made.json()["status"]) == (201, "ACTIVE")
        assert control(ready, "event-fault", effect="first_signature_bad").status_code == 201
        assert control(ready, "execution", release="slow-build", beside=True).status_code == 201
        eventually(lambda: len(hook.received) > 1)
        told = eventually(
            lambda: requests.get(f"{ready['api_url']}/_simulator/deliveries", timeout=60).json()
        )
    assert (told[0]["status"], told[0]["registration"]) == (503, made.json()["id"])
    assert "this machine" in control(ready, "registration", url="https://gate.example.com/").json()["error"]
    assert control(ready, "event-fault", effect="explode").status_code == 400
