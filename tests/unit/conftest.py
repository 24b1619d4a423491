"""What unit tests share: a simulated Cloud Manager that Airflow's settings point at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulator import Simulator


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    with Simulator.start("quick") as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        yield running
