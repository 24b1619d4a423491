"""Is somebody reminded at the right moments, and once for what was missed?"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from stage_gate.rules.reminders import due, following, still_waits
from unit.stage_gate.samples import NOW

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MOMENTS = [HOUR, 8 * HOUR, *(number * DAY for number in range(1, 14))]


def all_moments(began: datetime) -> list[timedelta]:
    found, now = [], began
    while (moment := following(began, now)) is not None:
        found.append(moment - began)
        now = moment
    return found


def test_reminders_come_after_one_hour_eight_hours_and_then_daily() -> None:
    assert all_moments(NOW) == MOMENTS
    assert 12 * DAY in MOMENTS


@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_a_moment_is_due_from_itself_on_and_never_its_own_successor(moment: timedelta) -> None:
    assert due(NOW, NOW + moment) == NOW + moment
    assert due(NOW, NOW + moment - timedelta(seconds=1)) != NOW + moment
    after = following(NOW, NOW + moment)
    assert after is None or after > NOW + moment


def test_of_all_that_was_missed_only_the_newest_is_due() -> None:
    assert due(NOW, NOW + 5 * DAY + 3 * HOUR) == NOW + 5 * DAY
    assert following(NOW, NOW + 5 * DAY + 3 * HOUR) == NOW + 6 * DAY


def test_nothing_is_due_in_the_first_hour_nor_before_it_began() -> None:
    assert due(NOW, NOW + timedelta(minutes=59)) is None
    assert due(NOW, NOW - DAY) is None
    assert following(NOW, NOW - DAY) == NOW + HOUR


def test_after_the_last_day_nobody_is_woken_any_more() -> None:
    assert following(NOW, NOW + 13 * DAY) is None
    assert following(NOW, NOW + 30 * DAY) is None


def test_a_reminder_says_what_is_blocked_and_how_much_time_is_left() -> None:
    told = " ".join(still_waits(NOW, NOW + 3 * DAY))
    assert "for 3 days, since 2026-11-02 10:00 UTC" in told
    assert "other full-stack run of this pipeline" in told
    assert "production's variables" in told
    assert "11.0 days of 14 are left" in told
    assert "2026-11-16 10:00 UTC" in told
    assert "Last call" not in told


def test_on_day_12_it_is_a_last_call() -> None:
    assert "Last call" not in " ".join(still_waits(NOW, NOW + 12 * DAY - HOUR))
    assert "Last call: after that it can't be approved any more. 2.0 days of 14 are left" in " ".join(
        still_waits(NOW, NOW + 12 * DAY)
    )


def test_no_time_left_is_never_less_than_none() -> None:
    assert "0.0 days of 14" in " ".join(still_waits(NOW, NOW + 20 * DAY))
