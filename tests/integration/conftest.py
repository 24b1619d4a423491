"""Which cases does this session need? Those of the tests that were chosen, all started at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.cases import Case
from integration.house import House
from integration.play import Run


@pytest.fixture(scope="session")
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One Airflow with every case that a chosen test looks at."""
    specs = (getattr(item, "callspec", None) for item in request.session.items)
    wanted = [spec.params["run"] for spec in specs if spec is not None and "run" in spec.params]
    cases = {case.name: case for case in wanted if isinstance(case, Case)}
    with House(tmp_path_factory.mktemp("house"), list(cases.values())) as house:
        yield house


@pytest.fixture
def run(request: pytest.FixtureRequest, house: House) -> Run:
    """The end of the case that the test is marked with."""
    return house.end_of(request.param)


@pytest.fixture
def all_runs(house: House) -> list[Run]:
    """The ends of all cases; it waits for them."""
    return [house.end_of(case) for case in house.cases]
