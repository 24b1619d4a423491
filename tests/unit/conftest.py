"""What unit tests share: a simulated Cloud Manager that Airflow's settings point at."""

from __future__ import annotations

from collections.abc import Iterator

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
