"""Are people told within one poll, once per step, and reminded while production is held?"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from simulator import Simulator
from stage_gate.evidence.pin import run_id_of
from stage_gate.tasks import waits
from stage_gate.tasks.waits import (
    HoldProduction,
    TellingWait,
    WaitForApprovalStep,
    WaitForStageDeployment,
    waits_since,
)
from stage_gate.telling.notify import Event
from unit.stage_gate.listeners import Heard, web_listener
from unit.stage_gate.release import KEYS, Release

DAY = timedelta(days=1)


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Heard]:
    with web_listener({"ok": True}) as (url, heard):
        connection = {"conn_type": "slack", "password": "x", "extra": {"base_url": f"{url}/"}}
        monkeypatch.setenv("AIRFLOW_CONN_SLACK", json.dumps(connection))
        yield heard


@pytest.fixture
def signing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow's settings as the workers of the deciding queue have them."""
    assert KEYS.private is not None
    connection = {"conn_type": "generic", "password": base64.b64encode(KEYS.private).decode()}
    monkeypatch.setenv("AIRFLOW_CONN_STAGE_GATE_SIGNING", json.dumps(connection))
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__EVIDENCE", str(tmp_path / "evidence"))


@pytest.fixture
def release(simulator: Simulator, tmp_path: Path, signing: None) -> Release:
    return Release(simulator, tmp_path, notify={"slack": {"connection": "slack", "channel": "#releases"}})


def context(release: Release) -> Any:
    return {"run_id": run_id_of(release.execution_id), "dag": SimpleNamespace(dag_id="stage_gate.larkfell")}


def wait_of(kind: type[TellingWait], release: Release, folder: Path, **more: Any) -> Any:
    return kind(
        task_id="wait",
        gate_file=str(folder / "larkfell.yaml"),
        program_id=release.pin.program_id,
        pipeline_id=release.pin.pipeline_id,
        execution_id=release.execution_id,
        timeout=3600.0,
        **more,
    )


def told(heard: Heard) -> list[tuple[str, str]]:
    """Subject and text of each message."""
    messages = [[block["text"]["text"] for block in json.loads(body["blocks"])] for body in heard.bodies]
    return [(texts[0].rpartition(": ")[2], " ".join(texts[1:])) for texts in messages]


def hold(release: Release, folder: Path) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as deferred:
        wait_of(HoldProduction, release, folder).execute(context(release))
    return deferred.value


def test_holding_says_what_is_blocked_and_wakes_after_an_hour(
    release: Release, tmp_path: Path, slack: Heard
) -> None:
    release.seal()
    deferred = hold(release, tmp_path)
    [(event, text)] = told(slack)
    assert event == Event.HELD
    assert "other full-stack run of this pipeline" in text
    assert "of 8 blocking checks" in text or "blocking check" in text
    wakes = datetime.fromtimestamp(deferred.trigger.wake_at, UTC)
    began = waits_since(waits_run(release, tmp_path))
    assert began is not None
    assert wakes == pytest.approx(began + timedelta(hours=1), abs=timedelta(seconds=2))


def test_a_wait_of_a_gate_is_ended_by_its_trigger_unless_a_plugin_listens(
    release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release.seal()
    assert hold(release, tmp_path).trigger.serialize()[1]["ends_task"] is True
    listening = SimpleNamespace(has_listeners=True)
    monkeypatch.setattr("adobe_cloud_manager.sensors.milestones.get_listener_manager", lambda: listening)
    assert hold(release, tmp_path).trigger.serialize()[1]["ends_task"] is False


def waits_run(release: Release, folder: Path) -> Any:
    from stage_gate.acting.run import GateRun

    return GateRun.of(str(folder / "larkfell.yaml"), context(release))


def test_a_task_that_is_tried_again_tells_nobody_again(
    release: Release, tmp_path: Path, slack: Heard
) -> None:
    release.seal()
    hold(release, tmp_path)
    hold(release, tmp_path)
    assert [event for event, _ in told(slack)] == [Event.HELD]


@pytest.fixture
def long_ago(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the approval have begun to wait, and the gate to hold, some time ago."""

    def since(age: timedelta) -> None:
        began = datetime.now(UTC) - age
        monkeypatch.setattr(waits, "waits_since", lambda run: began)
        monkeypatch.setattr(waits, "_held_since", lambda run: began)

    return since


def test_what_was_missed_while_nothing_ran_is_told_once(
    release: Release, tmp_path: Path, slack: Heard, long_ago: Any
) -> None:
    release.seal()
    hold(release, tmp_path)
    long_ago(5 * DAY + timedelta(hours=3))
    sensor = wait_of(HoldProduction, release, tmp_path)
    wakes = [sensor.on_wake(context(release)) for _ in range(3)]
    assert [event for event, _ in told(slack)] == [Event.HELD, Event.REMINDER]
    _, text = told(slack)[-1]
    assert "8.9 days of 14 are left" in text
    for wake in wakes:
        assert wake - datetime.now(UTC).timestamp() == pytest.approx(21 * 3600, abs=60)


def test_a_hold_that_starts_again_after_a_day_down_reminds_at_once(
    release: Release, tmp_path: Path, slack: Heard, long_ago: Any
) -> None:
    release.seal()
    hold(release, tmp_path)
    long_ago(12 * DAY + timedelta(minutes=1))
    hold(release, tmp_path)
    hold(release, tmp_path)
    assert [event for event, _ in told(slack)] == [Event.HELD, Event.REMINDER]
    assert "Last call" in told(slack)[-1][1]


def test_a_reminder_that_was_due_before_the_gate_held_is_not_sent(
    release: Release, tmp_path: Path, slack: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tests took two hours: whoever is told now that it is held needs no reminder of the first hour."""
    release.seal()
    began = datetime.now(UTC) - timedelta(hours=2)
    monkeypatch.setattr(waits, "waits_since", lambda run: began)
    monkeypatch.setattr(waits, "_held_since", lambda run: datetime.now(UTC))
    hold(release, tmp_path)
    wait_of(HoldProduction, release, tmp_path).on_wake(context(release))
    assert [event for event, _ in told(slack)] == [Event.HELD]


def test_holding_goes_on_where_nobody_can_tell_since_when_it_waits(
    release: Release, tmp_path: Path, slack: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(run: Any) -> None:
        raise RuntimeError("evidence is gone")

    monkeypatch.setattr(waits, "waits_since", broken)
    wake = wait_of(HoldProduction, release, tmp_path).on_wake(context(release))
    assert wake - datetime.now(UTC).timestamp() == pytest.approx(3600, abs=60)


def test_two_waits_that_see_the_same_step_tell_it_once(
    release: Release, tmp_path: Path, slack: Heard
) -> None:
    sentence = (
        "Code Scanning (codeQuality) of execution 1 waits for a person: …, until 2026-11-16 (14 days). link"
    )
    for kind in (WaitForStageDeployment, WaitForApprovalStep, WaitForStageDeployment):
        wait_of(kind, release, tmp_path).on_person_needed(context(release), sentence)
    [(event, text)] = told(slack)
    assert event == Event.WAITS
    assert sentence in text


def test_a_wait_that_nobody_can_be_told_of_goes_on(tmp_path: Path, release: Release) -> None:
    sensor = wait_of(WaitForStageDeployment, release, tmp_path)
    sensor.gate_file = str(tmp_path / "nothing" / "there.yaml")
    sensor.on_person_needed(context(release), "somebody is needed")
