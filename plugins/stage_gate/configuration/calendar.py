"""May production be approved at this moment, which rule says so, and when does it open next? Pure, but for reading the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from stage_gate.configuration.calendar_events import MAX_CHARACTERS, CalendarError, Feed, Freeze

if TYPE_CHECKING:
    from stage_gate.configuration.windows import Windows

HORIZON = timedelta(weeks=60)
"""How far ahead the next opening is looked for: more than the longest freeze that a gate file may name."""

_BLOCK = timedelta(weeks=1)

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class _Remedies:
    """What to do about a calendar that closes production for a reason that is none."""

    unreadable: str
    never_opens: str


_OF_A_GATE = _Remedies(
    unreadable="Correct the file beside the gate file, or remove 'calendar' from the windows.",
    never_opens="correct 'windows' in the gate file",
)
_OF_THE_DEPLOYMENT = _Remedies(
    unreadable="Correct that file or [stage_gate] freezes, which names it.",
    never_opens="correct the file that [stage_gate] freezes names",
)


@dataclass(frozen=True)
class Opening:
    """What the windows say of one moment."""

    is_open: bool
    sentence: str
    """Which rule opens or closes it, and when it opens next."""
    opens_at: datetime | None = None
    """The first moment (UTC) at which it is open again; ``None`` while open, and where none is known."""


class Calendar:
    """Weekly hours, frozen days and the events of an iCalendar file, as one answer.

    Hours are those of the clock on the wall: on the day on which clocks go forward, hours that begin in the gap
    begin when it ends; on the day on which they go back, the hour that comes twice counts twice.
    """

    def __init__(
        self,
        windows: Windows | None,
        feed: str | None = None,
        *,
        problem: str = "",
        remedies: _Remedies = _OF_A_GATE,
    ) -> None:
        """``feed``: text of the iCalendar file that the windows name; ``problem``: why there is none.

        Never raises: what can't be understood is kept as ``problem``, and means closed.
        """
        self.windows = windows
        self.problem = problem
        self._remedies = remedies
        self._feed: Feed | None = None
        if windows is None or windows.calendar is None or problem:
            return
        try:
            self._feed = Feed(feed or "", windows.zone)
        except CalendarError as error:
            self.problem = str(error)

    def at(self, moment: datetime) -> Opening:
        """What the windows say of ``moment``. Raises ``ValueError`` for a moment without a time zone."""
        if moment.tzinfo is None:
            raise ValueError("the moment has no time zone; say which one is meant")
        if self.windows is None:
            return Opening(True, "Production may be approved at any time: this gate names no windows.")
        try:
            return self._at(self.windows, moment.astimezone(UTC))
        except CalendarError as error:
            return self._unreadable(self.windows, str(error))

    def _at(self, windows: Windows, moment: datetime) -> Opening:
        if self.problem:
            return self._unreadable(windows, self.problem)
        closed = _closed_by(windows, self._events(moment, moment), moment)
        if closed is None:
            return Opening(
                True, f"Production may be approved now: {_hours(windows)} ({windows.timezone}) is open."
            )
        opens_at = self._opens_after(windows, moment)
        if opens_at is None:
            weeks = HORIZON // timedelta(weeks=1)
            never = f"It opens at no time in the next {weeks} weeks: {self._remedies.never_opens}."
            return Opening(False, f"{closed} {never}")
        return Opening(False, f"{closed} It opens {_shown(opens_at, windows)}.", opens_at)

    def _unreadable(self, windows: Windows, problem: str) -> Opening:
        return Opening(
            False,
            f"Production is closed, because the calendar {windows.calendar} can't be read: {problem}. "
            f"{self._remedies.unreadable}",
        )

    def _events(self, start: datetime, end: datetime) -> tuple[Freeze, ...]:
        return self._feed.between(start, end) if self._feed else ()

    def _opens_after(self, windows: Windows, moment: datetime) -> datetime | None:
        """The first open moment: one of the moments at which anything can change."""
        for week in range(HORIZON // _BLOCK):
            start = moment + week * _BLOCK
            events = self._events(start, start + _BLOCK)
            changes = {*_wall_changes(windows, start), *(event.end for event in events)}
            for change in sorted(changes):
                if start < change <= start + _BLOCK and _closed_by(windows, events, change) is None:
                    return change
        return None


def _closed_by(windows: Windows, events: Iterable[Freeze], moment: datetime) -> str | None:
    """The sentence that says which rule closes this moment; ``None`` if it is open."""
    local = moment.astimezone(windows.zone)
    for frozen in windows.frozen:
        if local.date() in frozen.span:
            return f"Production is frozen {frozen.span} ({windows.timezone}): {frozen.why}."
    for event in events:
        if event.holds(moment):
            until = _shown(event.end, windows)
            return f"Production is frozen until {until} by {event.name!r} in the calendar {windows.calendar}."
    if not any(hours.holds(local) for hours in windows.hours):
        return f"Production is closed: it is {_shown(moment, windows)}, outside {_hours(windows)}."
    return None


def _wall_changes(windows: Windows, start: datetime) -> Iterator[datetime]:
    """The moments (UTC) around this week at which hours or days begin, or clocks are changed."""
    zone = windows.zone
    first = start.astimezone(zone).date() - timedelta(days=2)
    for day in (first + timedelta(days=count) for count in range(_BLOCK.days + 5)):
        begins = {time(), *(hours.starts_at for hours in windows.hours if day.weekday() in hours.days)}
        for begin in begins:
            yield from (_instant(day, begin, zone, fold) for fold in (0, 1))
        change = _clock_change(_instant(day, time(), zone, 0), zone)
        if change is not None:
            yield change


def _instant(day: date, clock: time, zone: ZoneInfo, fold: int) -> datetime:
    return datetime.combine(day, clock, tzinfo=zone).replace(fold=fold).astimezone(UTC)


def _clock_change(start: datetime, zone: ZoneInfo) -> datetime | None:
    """The minute at which clocks are changed in the 26 hours after ``start``, if they are."""
    before, after = start, start + timedelta(hours=26)
    offset = before.astimezone(zone).utcoffset()
    if after.astimezone(zone).utcoffset() == offset:
        return None
    while after - before > _MINUTE:
        middle = before + (after - before) // _MINUTE // 2 * _MINUTE
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def _hours(windows: Windows) -> str:
    return ", ".join(windows.open) if windows.open else "around the clock"


def _shown(moment: datetime, windows: Windows) -> str:
    return f"{moment.astimezone(windows.zone):%a %Y-%m-%d %H:%M} {windows.timezone}"


def read_calendar(windows: Windows | None, folder: Path) -> Calendar:
    """The calendar of a gate whose file lies in ``folder``. Never raises: what can't be read means closed.

    The file is read each time, so that a freeze that was added a minute ago counts.
    """
    if windows is None or windows.calendar is None:
        return Calendar(windows)
    return _read(windows, folder / windows.calendar, _OF_A_GATE)


def read_freezes(file: Path, timezone: str) -> Calendar:
    """The freezes of a deployment, which close every gate; whole days are those of ``timezone``.

    As ``read_calendar``: read each time, and closed where the file can't be read.
    """
    from stage_gate.configuration.windows import Windows

    return _read(Windows(timezone=timezone, calendar=file.name), file, _OF_THE_DEPLOYMENT)


def _read(windows: Windows, file: Path, remedies: _Remedies) -> Calendar:
    try:
        with file.open("rb") as opened:
            text = opened.read(4 * MAX_CHARACTERS + 4).decode("utf-8-sig")
    except OSError as error:
        return Calendar(windows, problem=error.strerror or type(error).__name__, remedies=remedies)
    except ValueError as error:
        return Calendar(windows, problem=f"it is not UTF-8 text ({error})", remedies=remedies)
    return Calendar(windows, text, remedies=remedies)
