"""Are the promises checked at all? Every mutant of the real code breaks the promise that it should break."""

from __future__ import annotations

import pytest

from faults.mutants import MUTANTS, Mutant
from faults.play import play
from faults.promises import Promise, Violation
from faults.scene import House
from faults.schedule import SEED, schedule

MOST = 1_000
"""Schedules within which each has to be caught."""


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_caught_by_the_promise_that_it_breaks(
    house: House, mutant: Mutant, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutant.make(monkeypatch)
    broken: list[Promise] = []
    for number in range(MOST):
        try:
            play(house, schedule(SEED, number))
        except Violation as violation:
            broken.append(violation.promise)
            if violation.promise is mutant.breaks:
                return
    pytest.fail(f"{mutant.name} broke {', '.join(broken) or 'nothing'} in {MOST} schedules")
