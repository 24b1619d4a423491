"""What does the iCalendar file beside a gate file say just now?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stage_gate.configuration.calendar import Calendar
from stage_gate.configuration.calendar_events import MAX_CHARACTERS

if TYPE_CHECKING:
    from stage_gate.configuration.windows import Windows


def read_calendar(windows: Windows | None, folder: Path) -> Calendar:
    """The calendar of a gate whose file lies in ``folder``. Never raises: what can't be read means closed.

    The file is read each time, so that a freeze that was added a minute ago counts.
    """
    if windows is None or windows.calendar is None:
        return Calendar(windows)
    try:
        with (folder / windows.calendar).open("rb") as file:
            text = file.read(4 * MAX_CHARACTERS + 4).decode("utf-8-sig")
    except OSError as error:
        return Calendar(windows, problem=error.strerror or type(error).__name__)
    except ValueError as error:
        return Calendar(windows, problem=f"it is not UTF-8 text ({error})")
    return Calendar(windows, text)
