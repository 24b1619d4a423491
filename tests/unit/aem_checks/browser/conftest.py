"""One browser per test module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from unit.aem_checks.browser.browser_house import House, house


@pytest.fixture(scope="module")
def browsing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("browsing")) as made:
        yield made
