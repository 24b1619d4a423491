"""Windows and freezes: what is open, which rule closes it, and when it opens next; daylight saving included."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stage_gate.configuration.calendar import Calendar, read_calendar, read_freezes
from stage_gate.configuration.windows import DAYS, Windows

BERLIN = ZoneInfo("Europe/Berlin")
WEEKDAYS = ["Mon-Thu 09:00-16:00", "Fri 09:00-12:00"]
MINUTE = timedelta(minutes=1)


def berlin(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold)


def windows(**changes: object) -> Windows:
    return Windows.model_validate({"timezone": "Europe/Berlin", "open": WEEKDAYS} | changes)


def events(*lines: str) -> str:
    """An iCalendar text with one event of these lines."""
    inside = [
        "VERSION:2.0",
        "PRODID:test",
        "BEGIN:VEVENT",
        "UID:1",
        "DTSTAMP:20260101T000000Z",
        *lines,
        "END:VEVENT",
    ]
    return "\r\n".join(["BEGIN:VCALENDAR", *inside, "END:VCALENDAR", ""])


def with_events(*lines: str, **changes: object) -> Calendar:
    return Calendar(windows(calendar="freezes.ics", **changes), events(*lines))


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-02 08:59:59", False),
        ("2026-11-02 09:00", True),
        ("2026-11-05 15:59:59", True),
        ("2026-11-05 16:00", False),
        ("2026-11-06 11:59", True),
        ("2026-11-06 12:00", False),
        ("2026-11-07 10:00", False),
    ],
)
def test_hours_are_those_of_the_clock_on_the_wall(moment: str, is_open: bool) -> None:
    assert Calendar(windows()).at(berlin(moment)).is_open is is_open
    assert Calendar(windows()).at(berlin(moment).astimezone(ZoneInfo("Asia/Tokyo"))).is_open is is_open


def test_the_sentence_says_which_hours_close_it_and_when_it_opens_next() -> None:
    found = Calendar(windows()).at(berlin("2026-11-06 17:30"))
    assert found.opens_at == berlin("2026-11-09 09:00")
    assert found.sentence == (
        "Production is closed: it is Fri 2026-11-06 17:30 Europe/Berlin, outside Mon-Thu 09:00-16:00, "
        "Fri 09:00-12:00. It opens Mon 2026-11-09 09:00 Europe/Berlin."
    )


def test_a_freeze_closes_the_hours_and_says_why() -> None:
    calendar = Calendar(windows(frozen=[{"days": "2026-12-20 to 2027-01-06", "why": "Christmas"}]))
    found = calendar.at(berlin("2026-12-22 10:00"))
    assert not found.is_open
    assert found.opens_at == berlin("2027-01-07 09:00")
    assert found.sentence.startswith(
        "Production is frozen from 2026-12-20 to 2027-01-06 (Europe/Berlin): Christmas."
    )
    assert calendar.at(berlin("2027-01-07 09:00")).is_open


def test_without_hours_only_freezes_close() -> None:
    calendar = Calendar(windows(open=["Mon-Sun 00:00-24:00"], frozen=[{"days": "2026-12-24", "why": "x"}]))
    assert calendar.at(berlin("2026-12-23 23:59:59")).is_open
    assert calendar.at(berlin("2026-12-24 00:00")).opens_at == berlin("2026-12-25 00:00")


def test_a_gate_without_windows_is_always_open() -> None:
    found = Calendar(None).at(berlin("2026-12-24 03:00"))
    assert found.is_open
    assert "at any time" in found.sentence


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        Calendar(windows()).at(datetime(2026, 11, 2, 9))  # noqa: DTZ001


def test_when_clocks_go_forward_hours_that_begin_in_the_gap_begin_after_it() -> None:
    calendar = Calendar(windows(open=["Sun 02:30-05:00"]))
    found = calendar.at(berlin("2026-03-29 01:59"))
    assert found.opens_at == datetime(2026, 3, 29, 1, 0, tzinfo=UTC) == berlin("2026-03-29 03:00")


def test_when_clocks_go_forward_hours_that_lie_in_the_gap_are_skipped_that_week() -> None:
    found = Calendar(windows(open=["Sun 02:00-03:00"])).at(berlin("2026-03-29 00:00"))
    assert found.opens_at == berlin("2026-04-05 02:00")


def test_when_clocks_go_back_the_hour_that_comes_twice_is_open_twice() -> None:
    calendar = Calendar(windows(open=["Sun 02:00-02:30"]))
    assert calendar.at(berlin("2026-10-25 02:15")).is_open
    between = calendar.at(berlin("2026-10-25 02:45"))
    assert between.opens_at == berlin("2026-10-25 02:00", fold=1).astimezone(UTC)
    assert calendar.at(berlin("2026-10-25 02:15", fold=1)).is_open
    assert not calendar.at(berlin("2026-10-25 02:45", fold=1)).is_open


def test_hours_that_begin_inside_the_doubled_hour_begin_twice() -> None:
    calendar = Calendar(windows(open=["Sun 02:15-02:30"]))
    found = calendar.at(berlin("2026-10-25 02:45"))
    assert found.opens_at == berlin("2026-10-25 02:15", fold=1).astimezone(UTC)


def test_noon_stays_noon_over_the_change_of_clocks() -> None:
    calendar = Calendar(windows(open=["Mon-Sun 12:00-13:00"]))
    assert calendar.at(berlin("2026-03-28 13:00")).opens_at == datetime(2026, 3, 29, 10, tzinfo=UTC)
    assert calendar.at(berlin("2026-03-27 13:00")).opens_at == datetime(2026, 3, 28, 11, tzinfo=UTC)


def test_a_whole_day_of_the_calendar_is_a_day_of_the_gates_zone() -> None:
    calendar = with_events("DTSTART;VALUE=DATE:20261124", "DTEND;VALUE=DATE:20261126", "SUMMARY:Black Friday")
    assert calendar.at(berlin("2026-11-23 15:59")).is_open
    found = calendar.at(berlin("2026-11-24 10:00"))
    assert found.opens_at == berlin("2026-11-26 09:00")
    assert (
        "frozen until Thu 2026-11-26 00:00 Europe/Berlin by 'Black Friday' in the calendar freezes.ics"
        in (found.sentence)
    )


@pytest.mark.parametrize(
    "start_and_end",
    [
        ("DTSTART:20261124T090000Z", "DTEND:20261124T110000Z"),
        ("DTSTART:20261124T100000", "DTEND:20261124T120000"),
        ("DTSTART;TZID=America/New_York:20261124T040000", "DTEND;TZID=America/New_York:20261124T060000"),
        ("DTSTART:20261124T090000Z", "DURATION:PT2H"),
        ("DTSTART:20261110T100000", "DURATION:PT2H", "RRULE:FREQ=WEEKLY"),
    ],
)
def test_an_event_with_times_freezes_exactly_these(start_and_end: tuple[str, ...]) -> None:
    calendar = with_events(*start_and_end)
    assert calendar.at(berlin("2026-11-24 09:59")).is_open
    assert calendar.at(berlin("2026-11-24 10:00")).opens_at == berlin("2026-11-24 12:00")
    assert calendar.at(berlin("2026-11-24 12:00")).is_open


def test_an_event_without_a_length_freezes_its_day() -> None:
    calendar = with_events("DTSTART:20261124T100000")
    assert calendar.at(berlin("2026-11-24 15:59")).opens_at == berlin("2026-11-25 09:00")


def test_a_cancelled_event_and_a_left_out_day_freeze_nothing() -> None:
    assert (
        with_events("DTSTART;VALUE=DATE:20261124", "STATUS:CANCELLED").at(berlin("2026-11-24 10:00")).is_open
    )
    daily = with_events(
        "DTSTART;VALUE=DATE:20261123", "RRULE:FREQ=DAILY;COUNT=3", "EXDATE;VALUE=DATE:20261124"
    )
    assert [daily.at(berlin(f"2026-11-{day} 10:00")).is_open for day in (23, 24, 25, 26)] == [
        False,
        True,
        False,
        True,
    ]


DAY = "DTSTART;VALUE=DATE:20261220"
TWICE = "END:VEVENT\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z"
BROKEN = {
    "two events of one name": events(DAY, TWICE, "SEQUENCE:1", "DTSTART;VALUE=DATE:20260301"),
    "two events without a name": events(DAY, TWICE, DAY).replace("UID:1\r\n", ""),
    "a task": events(DAY).replace("VEVENT", "VTODO"),
    "a journal": events(DAY).replace("VEVENT", "VJOURNAL"),
    "an event of another make": events(DAY).replace("VEVENT", "X-EVENT"),
    "an event inside something": events(DAY)
    .replace("BEGIN:VEVENT", "BEGIN:X-COMP\r\nBEGIN:VEVENT")
    .replace("END:VEVENT", "END:VEVENT\r\nEND:X-COMP"),
    "an event inside a time zone": events(DAY)
    .replace("BEGIN:VEVENT", "BEGIN:VTIMEZONE\r\nTZID:Foo\r\nBEGIN:VEVENT")
    .replace("END:VEVENT", "END:VEVENT\r\nEND:VTIMEZONE"),
    "a rule that ended before it began": events(DAY, "RRULE:FREQ=YEARLY;UNTIL=20200101"),
    "a rule that ended an hour before": events(
        "DTSTART:20261220T100000Z", "RRULE:FREQ=DAILY;UNTIL=20261220T090000Z"
    ),
    "a rule that never counts": events(DAY, "RRULE:FREQ=YEARLY;COUNT=0"),
    "an empty file": "",
    "a sign-in page": "<html><body>Sign in</body></html>",
    "a file cut short": events("DTSTART;VALUE=DATE:20261201")[:-20],
    "a second calendar cut short": events("DTSTART;VALUE=DATE:20261201")
    + events("DTSTART;VALUE=DATE:20261202")[:-20],
    "no start": events("SUMMARY:x"),
    "a start that is no date": events("DTSTART;VALUE=DATE:20261301"),
    "two starts": events("DTSTART;VALUE=DATE:20261201", "DTSTART;VALUE=DATE:20261202"),
    "an end that is no date": events("DTSTART;VALUE=DATE:20261201", "DTEND;VALUE=DATE:tomorrow"),
    "a rule that nobody knows": events("DTSTART;VALUE=DATE:20261201", "RRULE:FREQ=FORTNIGHTLY"),
    "a rule without an end that can be read": events(
        "DTSTART;VALUE=DATE:20261201", "RRULE:FREQ=DAILY;UNTIL=x"
    ),
    "an event each second": events("DTSTART:20261201T000000Z", "RRULE:FREQ=SECONDLY"),
    "an unknown zone": events("DTSTART;TZID=Mars/Olympus:20261201T100000", "DURATION:PT1H"),
    "a line that is none": events("DTSTART;VALUE=DATE:20261201", "what is this"),
    "too much": events("DTSTART;VALUE=DATE:20261201", "DESCRIPTION:" + "x" * 1_000_001),
}


def test_a_reminder_a_time_zone_and_a_moved_day_are_understood() -> None:
    zone = "BEGIN:VTIMEZONE\r\nTZID:Foo\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n"
    zone += "TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
    alarm = ("BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:x", "TRIGGER:-PT15M", "END:VALARM")
    moved = (TWICE, "RECURRENCE-ID;VALUE=DATE:20261125", "DTSTART;VALUE=DATE:20261127")
    text = events("DTSTART;VALUE=DATE:20261124", "RRULE:FREQ=DAILY;COUNT=2", *alarm, *moved)
    calendar = Calendar(
        windows(calendar="freezes.ics"), text.replace("BEGIN:VEVENT", f"{zone}BEGIN:VEVENT", 1)
    )
    found = [calendar.at(berlin(f"2026-11-{day} 10:00")) for day in (24, 25, 27)]
    assert [each.is_open for each in found] == [False, True, False], found[0].sentence


@pytest.mark.parametrize("what", BROKEN)
def test_a_calendar_that_cannot_be_understood_means_closed(what: str) -> None:
    found = Calendar(windows(calendar="freezes.ics"), BROKEN[what]).at(berlin("2026-11-02 10:00"))
    assert not found.is_open
    assert found.opens_at is None
    assert found.sentence.startswith("Production is closed, because the calendar freezes.ics can't be read: ")
    assert "\n" not in found.sentence


def test_a_calendar_file_that_cannot_be_read_means_closed(tmp_path: Path) -> None:
    named = windows(calendar="freezes.ics")
    assert "No such file" in read_calendar(named, tmp_path).at(berlin("2026-11-02 10:00")).sentence
    (tmp_path / "freezes.ics").write_bytes(b"BEGIN:VCALENDAR\xff")
    assert "not UTF-8" in read_calendar(named, tmp_path).at(berlin("2026-11-02 10:00")).sentence
    (tmp_path / "freezes.ics").write_text(events("DTSTART;VALUE=DATE:20261103"))
    calendar = read_calendar(named, tmp_path)
    assert calendar.at(berlin("2026-11-02 10:00")).is_open
    assert not calendar.at(berlin("2026-11-03 10:00")).is_open
    assert not Calendar(named).at(berlin("2026-11-02 10:00")).is_open


def test_a_deployments_freezes_close_in_the_gates_zone_and_say_where_they_stand(tmp_path: Path) -> None:
    file = tmp_path / "company.ics"
    missing = read_freezes(file, "Europe/Berlin").at(berlin("2026-11-03 10:00"))
    assert not missing.is_open
    assert "company.ics can't be read: No such file" in missing.sentence
    assert missing.sentence.endswith("Correct that file or [stage_gate] freezes, which names it.")
    file.write_text(events("DTSTART;VALUE=DATE:20261103", "SUMMARY:Audit"))
    calendar = read_freezes(file, "Europe/Berlin")
    assert calendar.at(berlin("2026-11-02 23:59")).is_open
    frozen = calendar.at(berlin("2026-11-03 00:00"))
    assert frozen.opens_at == berlin("2026-11-04 00:00")
    assert "by 'Audit' in the calendar company.ics" in frozen.sentence
    file.write_text("nothing of a calendar")
    assert "[stage_gate] freezes" in read_freezes(file, "UTC").at(berlin("2026-11-02 10:00")).sentence


def test_what_an_event_is_called_cannot_forge_a_line() -> None:
    named = with_events("DTSTART;VALUE=DATE:20261124", "SUMMARY:a\\nProduction is open\x07" + "x" * 300)
    sentence = named.at(berlin("2026-11-24 10:00")).sentence
    assert "a Production is open x" in sentence
    assert sentence.isprintable()
    assert len(sentence) < 300


def test_the_calendar_libraries_are_loaded_only_where_a_gate_names_a_calendar() -> None:
    code = (
        "import sys\nfrom stage_gate.configuration.windows import Windows\n"
        "from stage_gate.configuration.calendar import Calendar\n"
        "from datetime import UTC, datetime\n"
        "Calendar(Windows(timezone='UTC', open=['Mon 09:00-10:00'])).at(datetime.now(UTC))\n"
        "print({'icalendar', 'recurring_ical_events', 'dateutil'} & set(sys.modules))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(Path(__file__).resolve().parents[4] / "plugins")},
    )
    assert run.stdout.strip() == "set()"


ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "America/St_Johns",
]
CHANGES = [
    "2026-03-29T00:00",
    "2026-10-25T00:00",
    "2026-03-08T06:00",
    "2026-11-01T05:00",
    "2026-04-04T15:00",
    "2026-10-03T15:30",
    "2026-04-23T22:00",
    "2026-10-29T21:00",
    "2006-04-02T03:31",
    "2006-10-29T02:31",
]
"""Moments (UTC) close to a change of clocks in one of these zones."""

minutes = st.one_of(st.integers(0, 4 * 60), st.integers(0, 24 * 60))


@st.composite
def hours(draw: st.DrawFn) -> str:
    start, end = sorted((draw(minutes), draw(minutes.filter(lambda minute: minute > 0))))
    if start == end:
        start -= 1
    return f"{draw(st.sampled_from(DAYS))} {_clock(start)}-{_clock(end)}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@st.composite
def moments(draw: st.DrawFn) -> datetime:
    base = datetime.fromisoformat(draw(st.sampled_from(CHANGES))).replace(tzinfo=UTC)
    return base + timedelta(minutes=draw(st.integers(-2 * 1440, 2 * 1440)))


@st.composite
def some_windows(draw: st.DrawFn, moment: datetime) -> Windows:
    near = moment.date()
    frozen = [
        {"days": str(near + timedelta(days=draw(st.integers(-2, 4)))), "why": "x"}
        for _ in range(draw(st.integers(0, 2)))
    ]
    return Windows.model_validate(
        {
            "timezone": draw(st.sampled_from(ZONES)),
            "open": [draw(hours())],
            **({"frozen": frozen} if frozen else {}),
        }
    )


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_it_opens_at_the_first_open_minute_and_not_before(data: st.DataObject) -> None:
    moment = data.draw(moments())
    calendar = Calendar(data.draw(some_windows(moment)))
    found = calendar.at(moment)
    if found.is_open:
        assert found.opens_at is None
        return
    assert found.opens_at is not None
    assert found.opens_at > moment
    assert _is_open(calendar, found.opens_at)
    ahead = min(found.opens_at - moment, timedelta(days=3))
    between = (moment + minute * MINUTE for minute in range(1, int(ahead / MINUTE)))
    assert not any(_is_open(calendar, each) for each in between)
    assert not _is_open(calendar, found.opens_at - MINUTE)


def _is_open(calendar: Calendar, moment: datetime) -> bool:
    """The same said the simplest way: what the clock on the wall shows, held against hours and dates."""
    assert calendar.windows is not None
    local = moment.astimezone(ZoneInfo(calendar.windows.timezone))
    day, clock = local.strftime("%a"), local.strftime("%H:%M")
    if any(each.days == str(local.date()) for each in calendar.windows.frozen):
        return False
    for text in calendar.windows.open or ():
        name, span = text.split()
        start, end = span.split("-")
        if name == day and start <= clock < end:
            return True
    return False


@settings(max_examples=40, deadline=None)
@given(
    start=st.integers(0, 14 * 24 * 4),
    length=st.integers(1, 5 * 24 * 4),
    looked_at=st.integers(0, 14 * 24 * 60),
)
def test_with_events_it_opens_at_the_first_open_minute(start: int, length: int, looked_at: int) -> None:
    begin = datetime(2026, 10, 18, tzinfo=UTC) + start * timedelta(minutes=15)
    end = begin + length * timedelta(minutes=15)
    calendar = with_events(f"DTSTART:{begin:%Y%m%dT%H%M%SZ}", f"DTEND:{end:%Y%m%dT%H%M%SZ}")
    plain = Calendar(windows())
    moment = datetime(2026, 10, 18, tzinfo=UTC) + looked_at * MINUTE
    found = calendar.at(moment)
    assert found.is_open == (plain.at(moment).is_open and not begin <= moment < end)
    if found.is_open:
        return
    assert found.opens_at is not None
    expected = plain.at(moment).opens_at or moment
    while begin <= expected < end:
        after = plain.at(end)
        expected = end if after.is_open else after.opens_at or end
    assert found.opens_at == expected


@given(first=st.dates(date(2026, 1, 1), date(2027, 12, 31)))
@settings(max_examples=30, deadline=None)
def test_whole_days_and_a_freeze_of_the_gate_say_the_same(first: date) -> None:
    days = f"DTSTART;VALUE=DATE:{first:%Y%m%d}"
    by_event = with_events(days, open=["Mon-Sun 00:00-24:00"])
    by_gate = Calendar(windows(open=["Mon-Sun 00:00-24:00"], frozen=[{"days": str(first), "why": "x"}]))
    for step in range(-30, 60):
        moment = datetime(first.year, first.month, first.day, tzinfo=UTC) + step * timedelta(hours=1)
        mine, theirs = by_event.at(moment), by_gate.at(moment)
        assert (mine.is_open, mine.opens_at) == (theirs.is_open, theirs.opens_at)
