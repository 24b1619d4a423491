"""What do all these tests share? Time to tell people, and nothing that a test before them has left in this process."""

from __future__ import annotations

import pytest

from adobe_cloud_manager import budget
from adobe_cloud_manager.tokens import TOKENS
from stage_gate import memory, notify
from unit.stage_gate.airflow_store import StateStore
from unit.stage_gate.waiting import PATIENCE


@pytest.fixture(autouse=True)
def time_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing the providers counts as well. Tests that are about the time set it themselves."""
    monkeypatch.setattr(notify, "TIME_LIMIT", PATIENCE)
    monkeypatch.setattr(notify, "_TELLING_TAKES", PATIENCE + 5)


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
