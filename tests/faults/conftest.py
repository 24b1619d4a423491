"""What the fault schedules share: one simulator per module, and one table for all workers at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from faults.play import Played, opened_house
from faults.scene import House
from faults.table import table, totals, unpacked


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """One simulator for all schedules of a module; nothing of it is left to tests of other modules."""
    with opened_house() as opened:
        yield opened


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Add up what the schedules of all workers have covered."""
    total, seconds = Played(), 0.0
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "fault schedules":
                total.add(unpacked(str(value)))
                seconds += report.duration
    if total.schedules:
        terminalreporter.section("fault schedules")
        terminalreporter.write_line(table(total))
        terminalreporter.write_line(totals(total))
        terminalreporter.write_line(f"{seconds:.0f} s of work, shared by the workers.")
