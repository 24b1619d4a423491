"""What can fail, and at which step of an act? The cells of the coverage table."""

from __future__ import annotations

from enum import StrEnum


class At(StrEnum):
    """The steps of one acting task, judge's seal and the record of the decision included."""

    SEAL = "seal"
    PROVE = "prove"
    CLAIM = "claim"
    CONFIRM = "confirm"
    TICKET = "ticket"
    SEND = "send"
    READ_BACK = "read back"
    RECORD = "record"


class Kind(StrEnum):
    """One way to fail."""

    LATENCY = "latency"
    """3 s pass on the task's clock, more than it lets pass between the last look and the request."""
    RATE_LIMITED = "429"
    UNAVAILABLE = "503"
    FORBIDDEN = "403"
    UNAUTHORIZED = "401"
    REDIRECT = "307"
    MALFORMED = "malformed JSON"
    DROPPED = "dropped before it is handled"
    LOST = "handled, answer lost"
    TIMED_OUT = "handled, answered after the time-out"
    APPLIED_LATE = "answer lost, applied later"
    ACCEPTED_LATE = "202, applied later"
    AHEAD = "clock 1 h ahead"
    BEHIND = "clock 1 h behind"
    NO_CLOCK = "answers without Date"
    FULL = "ENOSPC"
    IO_ERROR = "EIO on writing"
    UNREADABLE = "EIO on reading"
    CRASH_BEFORE = "crash before it"
    CRASH_INSIDE = "crash in the middle"
    CRASH_AFTER = "crash after it"


READS = (At.PROVE, At.CONFIRM, At.READ_BACK)
WRITES = (At.SEAL, At.CLAIM, At.TICKET, At.RECORD)
LATER = frozenset({Kind.APPLIED_LATE, Kind.ACCEPTED_LATE})
CRASHES = frozenset({Kind.CRASH_BEFORE, Kind.CRASH_INSIDE, Kind.CRASH_AFTER})
STORE = frozenset({Kind.FULL, Kind.IO_ERROR, Kind.UNREADABLE})
CLOCKS = {Kind.AHEAD: -3600.0, Kind.BEHIND: 3600.0, Kind.NO_CLOCK: None}
"""By how many seconds Adobe's clock is ahead of the task's."""
HTTP = tuple(kind for kind in Kind if kind not in STORE | CRASHES | LATER)


def _cells() -> tuple[tuple[Kind, At], ...]:
    found = [(kind, at) for kind in HTTP for at in (*READS, At.SEND)]
    found += [(kind, At.SEND) for kind in Kind if kind in LATER]
    found += [(Kind.LATENCY, At.TICKET)]
    found += [(kind, at) for kind in (Kind.FULL, Kind.IO_ERROR) for at in WRITES]
    found += [(Kind.UNREADABLE, at) for at in (At.SEAL, At.PROVE, At.CONFIRM)]
    found += [(kind, at) for kind in Kind if kind in CRASHES for at in At]
    return tuple(found)


CELLS = _cells()
"""Every fault at every step where it can happen: a step that asks nothing over the network can get no 503."""
