"""How far off is this machine's clock, by the time that Cloud Manager's answers name?"""

from __future__ import annotations

from datetime import timedelta

import pytest

from adobe_cloud_manager.answers import Answer
from adobe_cloud_manager.exceptions import NotFound
from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
from simulator import Fault, Simulator, clock


def seconds(offset: timedelta | None) -> float:
    assert offset is not None
    return offset.total_seconds()


def test_before_an_answer_nothing_is_known_of_the_clock(simulator: Simulator) -> None:
    hook = CloudManagerHook()
    assert hook.clock_offset is None
    hook.list_programs()
    assert -1 <= seconds(hook.clock_offset) < 30


@pytest.mark.parametrize("ahead", [-3600, -45, 45, 3600])
def test_an_adobe_ahead_of_us_is_a_clock_that_is_behind(simulator: Simulator, ahead: int) -> None:
    simulator.inject(clock(ahead))
    hook = CloudManagerHook()
    hook.list_programs()
    assert seconds(hook.clock_offset) == pytest.approx(-ahead, abs=20)


def test_the_newest_answer_counts(simulator: Simulator) -> None:
    hook = CloudManagerHook()
    simulator.inject(clock(7200))
    hook.list_programs()
    assert seconds(hook.clock_offset) < -7000
    simulator.clear_faults()
    hook.list_programs()
    assert seconds(hook.clock_offset) > -30


def test_answers_without_a_time_leave_the_clock_unknown(simulator: Simulator) -> None:
    simulator.inject(clock(None))
    hook = CloudManagerHook()
    assert hook.list_programs()
    assert hook.clock_offset is None


def test_an_answer_that_refuses_names_the_time_as_well(simulator: Simulator) -> None:
    simulator.inject(clock(600))
    hook = CloudManagerHook()
    with pytest.raises(NotFound):
        hook.get_program("4711")
    assert seconds(hook.clock_offset) < -500


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Nov 2026 10:00:00 GMT", "0", "\N{SNOWMAN}"])
def test_a_time_that_cannot_be_read_is_none(date: str) -> None:
    assert Answer(200, {"date": date}).date is None


def test_a_readable_time_has_a_zone() -> None:
    read = Answer(200, {"date": "Mon, 02 Nov 2026 10:00:00 GMT"}).date
    assert read is not None
    assert read.isoformat() == "2026-11-02T10:00:00+00:00"
    naive = Answer(200, {"date": "Mon, 02 Nov 2026 10:00:00 -0000"}).date
    assert naive == read


def test_the_fault_changes_the_time_only_where_its_rule_says(simulator: Simulator) -> None:
    simulator.inject(Fault(effect="clock", offset=3600, path="/pipelines", times=None))
    hook = CloudManagerHook()
    hook.list_programs()
    assert seconds(hook.clock_offset) > -30
    hook.list_pipelines(simulator.program_id)
    assert seconds(hook.clock_offset) < -3000
