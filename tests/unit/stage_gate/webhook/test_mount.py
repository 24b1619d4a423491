"""When is the webhook there, and what does it cost those who have nothing to do with it?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from stage_gate.airflow_plugin import StageGatePlugin
from stage_gate.webhook.mount import PREFIX
from stage_gate.webhook.registrations import Registration, registrations

ROOT = Path(__file__).resolve().parents[4]
HEAVY = ("fastapi", "cryptography.hazmat.primitives.asymmetric.rsa", "stage_gate.webhook.app")
CODE = f"""
import sys
from stage_gate.airflow_plugin import StageGatePlugin
before = set(sys.modules)
StageGatePlugin()
print([name for name in {HEAVY!r} if name in set(sys.modules) - before])
print("stage_gate.webhook.mount" in sys.modules)
"""


def webhook(plugin: StageGatePlugin | None = None) -> list[dict[str, Any]]:
    """What the plugin mounts at the webhook's address."""
    return [each for each in (plugin or StageGatePlugin()).fastapi_apps if each["url_prefix"] == PREFIX]


def test_it_is_off_by_default() -> None:
    assert webhook() == []


def test_it_is_one_app_where_it_is_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__WEBHOOK", "True")
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__EVENT_REGISTRATIONS", "main=client-of-ours")
    plugin = StageGatePlugin()
    (mounted,) = webhook(plugin)
    assert PREFIX == "/stage-gate/events"
    assert webhook(plugin)[0]["app"] is mounted["app"]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("AIRFLOW__STAGE_GATE__EVENT_REGISTRATIONS", "", "event_registrations names none"),
        ("AIRFLOW__STAGE_GATE__EVENT_REGISTRATIONS", "main", "part 1"),
        ("AIRFLOW__STAGE_GATE__EVENT_RATE", "fast", "event_rate"),
        ("AIRFLOW__STAGE_GATE__WEBHOOK", "perhaps", "webhook"),
        ("AIRFLOW__ADOBE_CLOUD_MANAGER__EVENT_KEYS_URL", "http://keys.example", "event_keys_url"),
    ],
)
def test_wrong_settings_are_said_and_answered_503_so_that_adobe_comes_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__WEBHOOK", "True")
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__EVENT_REGISTRATIONS", "main=client-of-ours")
    monkeypatch.setenv(name, value)
    (mounted,) = webhook()
    assert told in caplog.text
    assert TestClient(mounted["app"]).post("/main").status_code == 503


def test_loading_the_plugin_imports_nothing_of_it() -> None:
    told = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**os.environ, "PYTHONPATH": str(ROOT / "plugins"), "AIRFLOW__STAGE_GATE__WEBHOOK": "True"},
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    assert told.stdout.split("\n")[-3:-1] == ["[]", "False"]


def test_registrations_have_names_and_client_ids() -> None:
    found = registrations("main=abc123, other = def456 ,", "other=legacy")
    assert found == {
        "main": Registration("main", "abc123"),
        "other": Registration("other", "def456", "legacy"),
    }


@pytest.mark.parametrize(
    ("clients", "hmac", "told"),
    [
        ("main=abc,main=def", "", "main twice"),
        ("a/b=abc", "", "part 1"),
        ("main=abc,x", "", "part 2"),
        ("main=a b", "", "part 1"),
        ("main=abc", "other=c", "names other"),
    ],
)
def test_a_wrong_registration_is_said_without_quoting_it(clients: str, hmac: str, told: str) -> None:
    with pytest.raises(ValueError, match=told) as refused:
        registrations(clients, hmac)
    assert "abc" not in str(refused.value)
