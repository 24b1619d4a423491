"""What do all these tests share? Time to tell people, and nothing that a test before them has left in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from adobe_cloud_manager import budget
from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
from adobe_cloud_manager.tokens import TOKENS
from stage_gate.observing import memory
from stage_gate.telling import notify
from unit.adobe_cloud_manager.virtual_time import OneRetry
from unit.stage_gate.airflow_store import StateStore
from unit.stage_gate.release import KEYS
from unit.stage_gate.runs_of_airflow import RunsOfAirflow
from unit.stage_gate.waiting import PATIENCE


@pytest.fixture(autouse=True)
def time_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing the providers counts as well. Tests that are about the time set it themselves."""
    monkeypatch.setattr(notify, "TIME_LIMIT", PATIENCE)
    monkeypatch.setattr(notify, "_TELLING_TAKES", PATIENCE + 5)


@pytest.fixture(autouse=True)
def nobody_waits_between_two_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long the hook waits is tested with the hook; here a fault of Cloud Manager either lasts or is over."""
    monkeypatch.setitem(CloudManagerHook.__init__.__kwdefaults__, "backoff", OneRetry())


@pytest.fixture(autouse=True)
def remembered(monkeypatch: pytest.MonkeyPatch) -> StateStore:
    """The memory of gates, as a task of Airflow has it."""
    store = StateStore()
    monkeypatch.setattr(memory, "_store", lambda: store)
    return store


@pytest.fixture(autouse=True)
def no_credential_is_known_yet() -> None:
    """As in a task's process, which is a new one: a simulator may be given the port of one before it."""
    TOKENS.__init__()  # type: ignore[misc]
    budget._BUDGETS.clear()


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> RunsOfAirflow:
    """The runs that Airflow knows."""
    return RunsOfAirflow(monkeypatch)


@pytest.fixture
def gates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the gate files, with the evidence beside it."""
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__EVIDENCE", str(tmp_path / "evidence"))
    monkeypatch.setattr("stage_gate.configuration.settings.keys", lambda: KEYS)
    folder = tmp_path / "gates"
    folder.mkdir()
    return folder
