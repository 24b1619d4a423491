"""The acting road as a whole, in seconds: some fault schedules, and the protocol in a world without faults.

For mutants alone, so pytest does not find it by its name: the whole of both is in ``faults`` and ``test_decision_model``.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from faults.play import opened_house, play
from faults.scene import House
from faults.schedule import SEED, schedule
from unit.stage_gate.acting_model import BOUND, MOST_FAULTS, search, start
from unit.stage_gate.rules.test_decision_model import PAIRS, RUNS

SCHEDULES = 60


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with opened_house() as opened:
        yield opened


@pytest.mark.parametrize("tens", range(0, SCHEDULES, 10))
def test_no_schedule_breaks_a_promise(house: House, tens: int) -> None:
    for number in range(tens, tens + 10):
        play(house, schedule(SEED, number))


def test_no_way_through_the_protocol_breaks_a_promise_even_without_faults() -> None:
    for pair, runs in product((PAIRS[1], PAIRS[5], PAIRS[6]), RUNS.values()):
        found = search(start(*pair, runs=runs)._replace(faults=MOST_FAULTS))
        assert found.violations == []
        assert found.longest_end <= BOUND
