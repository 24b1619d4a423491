"""May production be approved at this time, and is the evidence still young enough?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from aem_checks.durations import format_duration
from stage_gate.configuration.calendar import read_calendar, read_freezes
from stage_gate.rules.decision import Timing

if TYPE_CHECKING:
    from stage_gate.configuration.gate import Gate

MOST_CLOCK_OFFSET = timedelta(seconds=30)
"""How far this machine's clock may be from Cloud Manager's; further off, no window and no age means anything."""


def timing_at(
    moment: datetime,
    gates: Iterable[Gate],
    folder: Path,
    tested_at: datetime | None,
    freezes: Path | None = None,
) -> Timing:
    """What the calendars of these gates (as pinned, and as the file is now) say together, and the evidence's age.

    A freeze that was added after the run began counts, and so does one that was removed: closed is the safe side.
    ``folder`` is where the gate file and its calendar are; ``tested_at`` when the tests began: a verdict that was
    sealed late is no younger than what it rests on. ``freezes``: the calendar of the deployment, which closes every gate.
    """
    gates = tuple(gates)
    calendars = [read_calendar(gate.policy.windows, folder) for gate in gates]
    if freezes is not None:
        calendars += [read_freezes(freezes, zone) for zone in dict.fromkeys(map(zone_of, gates))]
    openings = [calendar.at(moment) for calendar in calendars]
    closed = [opening for opening in openings if not opening.is_open]
    known = [opening.opens_at for opening in closed if opening.opens_at is not None]
    lives = min((gate.policy.evidence_lives for gate in gates), default=None)
    return Timing(
        is_open=not closed,
        sentence=" ".join(dict.fromkeys(opening.sentence for opening in closed)),
        opens_at=max(known) if known and len(known) == len(closed) else None,
        too_old=_too_old(moment, tested_at, lives),
    )


def zone_of(gate: Gate) -> str:
    """In which time zone the days of this gate are meant."""
    return gate.policy.windows.timezone if gate.policy.windows is not None else "UTC"


def _too_old(moment: datetime, tested_at: datetime | None, lives: timedelta | None) -> str:
    if tested_at is None or lives is None:
        return ""
    age = moment - tested_at
    if age < -MOST_CLOCK_OFFSET:
        return f"The tests of stage began at {tested_at:%Y-%m-%d %H:%M:%S %Z}, which is in the future."
    if age <= lives:
        return ""
    hours = age.total_seconds() / 3600
    return f"The evidence is {hours:.1f} h old, and this gate believes it for {format_duration(lives)} only."


def clock_doubt(offset: timedelta | None) -> str | None:
    """Why the time can't be trusted, ``None`` where it can. ``offset``: this clock minus Cloud Manager's."""
    if offset is None:
        return "Cloud Manager's answers carry no date, so this machine's clock can't be compared with it."
    if abs(offset) <= MOST_CLOCK_OFFSET:
        return None
    way = "ahead of" if offset > timedelta() else "behind"
    return (
        f"This machine's clock is {abs(offset.total_seconds()):.0f} s {way} Cloud Manager's; more than "
        f"{MOST_CLOCK_OFFSET.total_seconds():.0f} s is too much. Set the clock (NTP); then the gate goes on by itself."
    )
