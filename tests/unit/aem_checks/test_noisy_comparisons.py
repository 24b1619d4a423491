"""Does any check cry wolf where a page differs from the last release, and from production, by noise alone?"""

from __future__ import annotations

import pytest

from checks_soak.noisy import GOOD, NOISES, false_alarms

FEW = 24
"""``make soak`` compares a thousand and more."""


@pytest.mark.parametrize("number", range(FEW))
def test_noise_alone_blocks_nothing(number: int) -> None:
    assert list(false_alarms(number, seed=20261201)) == []


def test_there_are_enough_pages_and_noises_to_say_so() -> None:
    assert len(GOOD) >= 40
    assert len(NOISES) >= 9
