"""What unit tests share: a simulated Cloud Manager that Airflow's settings point at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator import Simulator


@pytest.fixture
def scenario() -> str:
    """What is simulated; a module that needs another scenario has a fixture of this name."""
    return "quick"


@pytest.fixture
def simulator(scenario: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    with Simulator.start(scenario) as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def own_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For commands that leave their evidence in the folder for temporary files: here it is one of the test's own."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
