"""When may production be approved, as a gate file says it: weekly hours, freezes, and who may ask for a hotfix?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from itertools import combinations
from pathlib import PurePosixPath
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from stage_gate.rules.gate_values import GateModel, Wait, Words, parse_day, people

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LONGEST_FREEZE = 366
"""Days on end that may be frozen; whoever wants more wants no releases, which ``mode: shadow`` says better."""
_CLOCK = r"(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)"
_DAY_NAMES = "|".join(DAYS)
_SPAN = rf"(?:{_DAY_NAMES})(?:-(?:{_DAY_NAMES}))?"
_HOURS = rf"({_SPAN}(?:, ?{_SPAN})*) +({_CLOCK})-({_CLOCK})"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_HOTFIX = "{ask: [alice], within: 2h}"


@dataclass(frozen=True)
class Hours:
    """Hours of some weekdays, by the clock on the wall."""

    text: str
    """As the gate file has it."""
    days: frozenset[int]
    """0 is Monday."""
    start: int
    """Minute of the day."""
    end: int
    """Minute of the day that no longer belongs to it; 1440 is midnight."""

    def holds(self, local: datetime) -> bool:
        """Whether this wall-clock time lies in these hours."""
        return local.weekday() in self.days and self.start <= local.hour * 60 + local.minute < self.end

    @property
    def starts_at(self) -> time:
        return time(self.start // 60, self.start % 60)

    def overlaps(self, other: Hours) -> bool:
        return bool(self.days & other.days) and self.start < other.end and other.start < self.end


def parse_hours(text: object) -> Hours:
    """Read ``Mon-Thu 09:00-16:00`` or ``Mon, Wed 22:00-24:00``. Raises ``ValueError`` with what would be right."""
    found = re.fullmatch(_HOURS, text.strip()) if isinstance(text, str) else None
    if found is None:
        raise ValueError(f"{str(text)[:60]!r} are no weekly hours; write such as Mon-Thu 09:00-16:00")
    start, end = _minute(found[2]), _minute(found[3])
    if start == end:
        raise ValueError(f"{found[0]!r} is empty; let it end later than it starts")
    if start > end:
        raise ValueError(
            f"{found[0]!r} ends before it starts; write hours over midnight as two, "
            "such as Mon 22:00-24:00 and Tue 00:00-04:00"
        )
    return Hours(found[0], frozenset(_days(found[1])), start, end)


def _minute(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _days(text: str) -> Sequence[int]:
    """``Fri-Mon`` goes on over the end of the week; a day that is named twice is refused."""
    days: list[int] = []
    for span in text.split(","):
        first, _, last = span.strip().partition("-")
        begin = DAYS.index(first)
        length = (DAYS.index(last) - begin) % 7 if last else 0
        days += [(begin + step) % 7 for step in range(length + 1)]
    if len(days) != len(set(days)):
        raise ValueError(f"{text!r} names a day twice; name each day once")
    return days


@dataclass(frozen=True)
class Days:
    """Calendar days from the first to the last, both included."""

    first: date
    last: date

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and self.first <= day <= self.last

    def __str__(self) -> str:
        return f"on {self.first}" if self.first == self.last else f"from {self.first} to {self.last}"


def parse_days(text: object) -> Days:
    """Read ``2026-12-24`` or ``2026-12-20 to 2027-01-06``. Raises ``ValueError`` with what would be right."""
    if not isinstance(text, str) or not text.strip():
        raise ValueError("no days are named; write 2026-12-24, or 2026-12-20 to 2027-01-06")
    first, separator, last = (part.strip() for part in text.partition(" to "))
    days = Days(parse_day(first), parse_day(last if separator else first))
    if days.last < days.first:
        raise ValueError(f"{text!r} ends before it starts, so it is empty; swap the two dates")
    return days


def _hours_text(value: object) -> str:
    return parse_hours(value).text


def _days_text(value: object) -> str:
    parse_days(value)
    return " ".join(str(value).split())


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, OSError, ZoneInfoNotFoundError):  # OSError: "Europe" is a folder of zones
        raise ValueError(
            f"{value[:40]!r} is no known time zone; write such as Europe/Berlin or UTC"
        ) from None
    return value


def _beside(value: str) -> str:
    path = PurePosixPath(value)
    if not value.strip() or path.is_absolute() or ".." in path.parts or "://" in value:
        raise ValueError(f"{value[:60]!r} is not a file beside this one; write such as freezes.ics")
    return value


class Frozen(GateModel):
    """Days on which production is not approved."""

    days: Annotated[
        str,
        BeforeValidator(_days_text),
        WithJsonSchema({"type": "string", "pattern": rf"^\s*{_DATE}(\s+to\s+{_DATE})?\s*$"}),
    ]
    """One date, or the first and the last: `2026-12-24`, `2026-12-20 to 2027-01-06`."""
    why: Words
    """What whoever waits is told."""

    @property
    def span(self) -> Days:
        return parse_days(self.days)


class Hotfix(GateModel):
    """Who may release outside the windows, with a reason, when the verdict is `passed`."""

    ask: tuple[str, ...] = Field(min_length=1)
    """Airflow users who may answer."""
    within: Wait = timedelta(hours=2)
    """How long the question stays; after that the release waits for the window."""

    @field_validator("ask", mode="before")
    @classmethod
    def _somebody(cls, value: Any) -> Any:
        return people(value, _HOTFIX)


class Windows(GateModel):
    """When production may be approved. Outside of it a passed release waits, and nothing is lost."""

    timezone: Annotated[str, AfterValidator(_timezone)]
    """IANA time zone of all hours and dates here, such as `Europe/Berlin`."""
    open: (
        tuple[
            Annotated[
                str,
                BeforeValidator(_hours_text),
                WithJsonSchema({"type": "string", "pattern": rf"^\s*{_HOURS}\s*$"}),
            ],
            ...,
        ]
        | None
    ) = None
    """Weekly hours such as `Mon-Thu 09:00-16:00`; around the clock where absent."""
    frozen: tuple[Frozen, ...] = ()
    """Days on which nothing is released, with the reason."""
    calendar: Annotated[str, AfterValidator(_beside)] | None = None
    """An iCalendar file beside the gate file; each event in it is a freeze."""
    hotfix: Hotfix | None = None
    """Who may release outside these windows; nobody where absent."""

    @field_validator("open", "frozen", "calendar", "hotfix", mode="before")
    @classmethod
    def _not_left_empty(cls, value: Any, info: ValidationInfo) -> Any:
        if value is None or value == []:
            raise ValueError(f"nothing is written; fill it in, or leave '{info.field_name}' out")
        return value

    @field_validator("open")
    @classmethod
    def _no_overlap(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for one, other in combinations([parse_hours(text) for text in value or ()], 2):
            if one.overlaps(other):
                raise ValueError(
                    f"{one.text!r} and {other.text!r} overlap; make them one, or cut one of them"
                )
        return value

    @field_validator("frozen")
    @classmethod
    def _not_for_ever(cls, value: tuple[Frozen, ...]) -> tuple[Frozen, ...]:
        for days in _joined([each.span for each in value]):
            if (days.last - days.first).days >= LONGEST_FREEZE:
                raise ValueError(
                    f"everything is frozen {days}, which is more than {LONGEST_FREEZE} days; "
                    "shorten it, or write 'mode: shadow'"
                )
        return value

    @model_validator(mode="after")
    def _says_something(self) -> Windows:
        if self.open is None and not self.frozen and self.calendar is None:
            raise ValueError(
                "the windows are empty; write 'open', 'frozen' or 'calendar', or leave 'windows' out"
            )
        return self

    @cached_property
    def hours(self) -> tuple[Hours, ...]:
        """The weekly hours; around the clock is every day from midnight to midnight."""
        around_the_clock = ("Mon-Sun 00:00-24:00",)
        return tuple(parse_hours(text) for text in self.open or around_the_clock)

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


def _joined(spans: Sequence[Days]) -> list[Days]:
    """Spans that meet or overlap, as one."""
    joined: list[Days] = []
    for span in sorted(spans, key=lambda each: each.first):
        if joined and span.first.toordinal() <= joined[-1].last.toordinal() + 1:
            joined[-1] = Days(joined[-1].first, max(joined[-1].last, span.last))
        else:
            joined.append(span)
    return joined
