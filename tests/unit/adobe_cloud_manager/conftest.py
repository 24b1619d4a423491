"""Which local Cloud Manager do the tests of this package talk to?"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from unit.adobe_cloud_manager.adobe_double import Adobe
from unit.adobe_cloud_manager.local_cloud_manager import LocalCloudManager, environment, served

settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")


@pytest.fixture
def cloud_manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCloudManager]:
    """A local server with one pipeline, and Airflow's configuration and connection pointing at it."""
    with served(LocalCloudManager()) as double:
        for name, value in environment(double.url).items():
            monkeypatch.setenv(name, value)
        yield double


@pytest.fixture
def adobe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Adobe]:
    """Adobe answer by answer, and an Airflow whose configuration and default connection lead to it."""
    double = Adobe()
    with double.server:
        for name, value in double.environment().items():
            monkeypatch.setenv(name, value)
        yield double
