"""Which freezes does the text of an iCalendar file name? Pure; whatever is doubtful in it is an error."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from icalendar import Component

MAX_CHARACTERS = 1_000_000
_LONGEST_NAME = 80
_MARGIN = timedelta(days=2)
"""Dates and floating times lie up to 26 hours off UTC; what is found in excess is left out afterwards."""
_UNDERSTOOD = {"VEVENT": {"VALARM"}, "VTIMEZONE": {"STANDARD", "DAYLIGHT"}}
"""What a calendar may hold, and what that may hold in turn."""
_COUNTED_BY_DAYS = frozenset({"YEARLY", "MONTHLY", "WEEKLY", "DAILY"})


class CalendarError(ValueError):
    """The text can't be understood as a calendar; nothing is known of its freezes."""


@dataclass(frozen=True)
class Freeze:
    """One event of the calendar."""

    start: datetime
    end: datetime
    """In UTC, both; the end no longer belongs to it."""
    name: str
    """One line of at most 80 characters, without control characters."""

    def holds(self, moment: datetime) -> bool:
        return self.start <= moment < self.end


class Feed:
    """The events of an iCalendar text (RFC 5545), recurring ones unfolded."""

    def __init__(self, text: str, zone: ZoneInfo) -> None:
        """``zone`` is that of whole days and of times without a zone. Raises ``CalendarError``."""
        self._zone = zone
        try:
            from recurring_ical_events import of

            self._queries = [of(calendar) for calendar in _parse(text)]
        except CalendarError:
            raise
        except ImportError as error:
            raise CalendarError(
                f"{error.name} is not installed; run pip install 'aem-stage-gate[calendar]'"
            ) from error
        except Exception as error:
            raise CalendarError(_one_line(f"{type(error).__name__}: {error}")) from error

    def between(self, start: datetime, end: datetime) -> tuple[Freeze, ...]:
        """The freezes that touch this time. Raises ``CalendarError``."""
        try:
            events = [
                event for query in self._queries for event in query.between(start - _MARGIN, end + _MARGIN)
            ]
            freezes = [self._freeze(event) for event in events if not _is_cancelled(event)]
        except Exception as error:
            raise CalendarError(_one_line(f"{type(error).__name__}: {error}")) from error
        touching = (freeze for freeze in freezes if freeze.start <= end and freeze.end > start)
        return tuple(sorted(touching, key=lambda freeze: (freeze.start, freeze.end, freeze.name)))

    def _freeze(self, event: Any) -> Freeze:
        """An event without a length freezes its whole day: somebody has marked it for a reason."""
        start, end = self._instant(event["DTSTART"].dt), self._instant(event["DTEND"].dt, fold=1)
        if end <= start:
            day = start.astimezone(self._zone).date()
            start, end = self._instant(day), self._instant(day + timedelta(days=1), fold=1)
        return Freeze(start, end, _one_line(str(event.get("SUMMARY", "")), _LONGEST_NAME) or "unnamed event")

    def _instant(self, value: date, *, fold: int = 0) -> datetime:
        moment = value if isinstance(value, datetime) else datetime.combine(value, time())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self._zone, fold=fold)
        return moment.astimezone(UTC)


def _parse(text: str) -> list[Component]:
    """The calendars in the text. The parser itself is lenient and drops what it can't read; that is refused here."""
    from icalendar import Calendar

    if len(text) > MAX_CHARACTERS:
        raise CalendarError(f"it has {len(text)} characters, and more than {MAX_CHARACTERS} are not read")
    calendars = Calendar.from_ical(text, multiple=True)
    begun = len(re.findall(r"^BEGIN:VCALENDAR\s*$", text, re.IGNORECASE | re.MULTILINE))
    if not calendars or len(calendars) != begun:
        raise CalendarError("it holds no whole calendar from BEGIN:VCALENDAR to END:VCALENDAR")
    for calendar in calendars:
        _refuse_errors(calendar.walk())
        _refuse_overlooked(calendar)
        for event in calendar.walk("VEVENT"):
            _refuse_doubtful(event)
    return list(calendars)


def _refuse_errors(components: Iterable[Component]) -> None:
    for component in components:
        for name, problem in component.errors:
            raise CalendarError(_one_line(f"{name or 'a line'} of a {component.name} is broken: {problem}"))


def _refuse_overlooked(calendar: Any) -> None:
    """What would freeze nothing without a word: other things than events, and events of which one hides the other."""
    seen: set[str] = set()
    for part in calendar.subcomponents:
        inside = {each.name for each in part.walk()} - {part.name}
        if part.name not in _UNDERSTOOD or not inside <= _UNDERSTOOD[part.name]:
            names = ", ".join(sorted({str(part.name), *map(str, inside)}))
            raise CalendarError(_one_line(f"it has {names}, and only VEVENT is understood"))
        if part.name == "VEVENT" and "RECURRENCE-ID" not in part:
            uid = str(part.get("UID", ""))
            if uid in seen:
                raise CalendarError(
                    _one_line(f"two events have the UID {uid!r}, so that one would hide the other")
                )
            seen.add(uid)


def _refuse_doubtful(event: Any) -> None:
    name = _one_line(str(event.get("SUMMARY", "")), _LONGEST_NAME) or "unnamed event"
    if "DTSTART" not in event or isinstance(event["DTSTART"], list):
        raise CalendarError(f"the event {name!r} has no single DTSTART")
    for part in ("DTSTART", "DTEND"):
        found = event.get(part)
        zone = found.params.get("TZID") if found is not None else None
        if zone and isinstance(found.dt, datetime) and found.dt.tzinfo is None:
            raise CalendarError(
                f"the event {name!r} is in the time zone {_one_line(str(zone))!r}, which is unknown"
            )
    for rule in _listed(event.get("RRULE")):
        if not {str(each).upper() for each in rule.get("FREQ", [])} <= _COUNTED_BY_DAYS:
            raise CalendarError(f"the event {name!r} repeats more often than daily")
        if _never_occurs(rule, event["DTSTART"].dt):
            raise CalendarError(f"the event {name!r} never occurs: its RRULE ends before its DTSTART")


def _never_occurs(rule: Any, start: date) -> bool:
    """Whether a rule ends before it begins; by days where not both times have a zone."""
    return any(_is_before(each, start) for each in _listed(rule.get("UNTIL"))) or any(
        int(each) < 1 for each in _listed(rule.get("COUNT"))
    )


def _is_before(end: date, start: date) -> bool:
    if isinstance(end, datetime) and isinstance(start, datetime) and end.tzinfo and start.tzinfo:
        return end < start
    return (end.year, end.month, end.day) < (start.year, start.month, start.day)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _is_cancelled(event: Any) -> bool:
    return str(event.get("STATUS", "")).strip().upper() == "CANCELLED"


def _one_line(text: str, longest: int = 200) -> str:
    printable = "".join(char if char.isprintable() else " " for char in text)
    line = " ".join(printable.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
