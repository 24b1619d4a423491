"""When is the webhook there, and what does it cost those who have nothing to do with it?"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from stage_gate.airflow_plugin import StageGatePlugin
from stage_gate.configuration.event_registrations import Registration, registrations
from stage_gate.webhook.mount import PREFIX
from stage_gate.webhook.reception import Reception
from unit.stage_gate.waiting import PATIENCE
from unit.stage_gate.webhook.adobe import AdobesHost, body_of, event, signed
from unit.stage_gate.webhook.conftest import Stored

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
    assert mounted == {
        "app": mounted["app"],
        "url_prefix": "/stage-gate/events",
        "name": "Stage Gate: Adobe I/O Events",
    }
    assert webhook(plugin)[0]["app"] is mounted["app"]


def test_what_is_mounted_takes_signed_events_for_the_registrations_in_the_settings(
    monkeypatch: pytest.MonkeyPatch, host: AdobesHost, stored: Stored, still_clock: None
) -> None:
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__WEBHOOK", "True")
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__EVENT_REGISTRATIONS", "mounted=client-of-the-mounted-one")
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__EVENT_RATE", "1")
    monkeypatch.setenv("AIRFLOW__ADOBE_CLOUD_MANAGER__EVENT_KEYS_URL", host.url)
    monkeypatch.setattr(Reception.__init__, "__kwdefaults__", {"reader": None, "within": PATIENCE})
    body = body_of(event("mounted-1", client_id="client-of-the-mounted-one"))
    (mounted,) = webhook()
    with TestClient(mounted["app"]) as client:
        assert client.post("/mounted", content=body, headers=signed(body)).status_code == 200
        assert [client.get("/main").status_code for _ in range(20)] == [404] * 19 + [429]
    assert [each["event_ids"] for each in stored.events()] == [["mounted-1"]]


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
    assert "The webhook for Adobe I/O Events answers 503 to everything: " in caplog.text
    assert told in caplog.text
    answer = TestClient(mounted["app"]).post("/main")
    assert (answer.status_code, answer.text) == (503, "Not configured; the log says why.\n")
    assert answer.headers["retry-after"] == "300"


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


@pytest.mark.parametrize("name", ["m", "0", "AZaz09_-", "m" * 64])
@pytest.mark.parametrize("client_id", ["c", "AZaz09!#$%&'()*+-./:;<>?@[]^_`{|}~", "c" * 200])
def test_a_name_is_one_of_an_address_and_a_client_id_is_whatever_can_be_printed(
    name: str, client_id: str
) -> None:
    assert registrations(f"{name}={client_id}") == {name: Registration(name, client_id, "")}


_PART = "event_registrations: part"


@pytest.mark.parametrize(
    ("clients", "hmac", "told"),
    [
        ("", "", "event_registrations names none: give NAME=CLIENT_ID, comma-separated"),
        (" , ,", "", "event_registrations names none"),
        ("main=abc,main=def", "", "event_registrations names main twice"),
        ("a/b=abc", "", f"{_PART} 1 is not usable"),
        ("main=abc,x", "", f"{_PART} 2 is not usable"),
        (
            "main=abc,,x",
            "",
            f"{_PART} 2 is not usable; give NAME=CLIENT_ID, with a name of at most 64 letters",
        ),
        ("main=a b", "", f"{_PART} 1 is not usable"),
        ("main=", "", f"{_PART} 1 is not usable"),
        ("=abc", "", f"{_PART} 1 is not usable"),
        ("main=abc=def", "", f"{_PART} 1 is not usable"),
        ('main="abc"', "", f"{_PART} 1 is not usable"),
        ("main=abcä", "", f"{_PART} 1 is not usable"),
        ("-main=abc", "", f"{_PART} 1 is not usable"),
        (f"{'m' * 65}=abc", "", f"{_PART} 1 is not usable"),
        (f"main=abc{'c' * 198}", "", f"{_PART} 1 is not usable"),
        ("main=abc", "other=c,another=d", "event_hmac names another, which event_registrations does not"),
        ("main=abc", "main=c d", "event_hmac: part 1 is not usable; give NAME=CONNECTION, with a name"),
        ("main=abc", "main=c,main=c", "event_hmac names main twice"),
    ],
)
def test_a_wrong_registration_is_said_without_quoting_it(clients: str, hmac: str, told: str) -> None:
    with pytest.raises(ValueError, match=rf"^\[stage_gate\] {re.escape(told)}") as refused:
        registrations(clients, hmac)
    assert "abc" not in str(refused.value)
