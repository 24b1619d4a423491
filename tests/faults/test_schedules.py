"""10,000 fault schedules of a fixed seed: no promise is broken, and every fault strikes at every step."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from faults.kinds import CELLS
from faults.play import Played, play
from faults.scene import House
from faults.schedule import SEED, schedule
from faults.table import never_struck, packed

SCHEDULES, CHUNK = 10_000, 500
MORE = 30
STARTS = range(0, SCHEDULES, CHUNK)


@pytest.mark.parametrize("start", STARTS, ids=lambda start: f"{start}-to-{start + CHUNK - 1}")
def test_no_schedule_breaks_a_promise_and_every_fault_strikes_at_every_step(
    house: House, start: int, record_property: Callable[[str, object], None]
) -> None:
    played = Played()
    for number in range(start, start + CHUNK):
        played.add(play(house, schedule(SEED, number)))
    _strike_the_rest(house, start, played)
    record_property("fault schedules", packed(played))
    assert never_struck(played) == []


def _strike_the_rest(house: House, start: int, played: Played) -> None:
    """A task may be held before it comes where its fault waits: for such a cell there are some more schedules."""
    for index, cell in enumerate(CELLS):
        for round_ in range(MORE):
            if played.fired[cell]:
                break
            number = index + len(CELLS) * (SCHEDULES + start + round_)
            played.add(play(house, schedule(SEED, number)))


def test_a_schedule_follows_from_its_seed_alone(house: House) -> None:
    for number in (3, 40, 77):
        assert schedule(SEED, number) == schedule(SEED, number)
        first, second = play(house, schedule(SEED, number)), play(house, schedule(SEED, number))
        assert first == second


def test_a_chunk_has_every_cell_several_times() -> None:
    assert 5 * len(CELLS) <= CHUNK
