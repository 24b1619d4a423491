"""What does a journal hold, and what does it answer? An ordered list that forgets after seven days.

Source: `guides/api/journaling-api.md` of the I/O Events documentation. A position is gone with its own entry, unless it
is the end of the journal. The answer to a position that was never handed out is not documented: 400 here.
"""

from __future__ import annotations

import re
import uuid
from collections import deque
from dataclasses import dataclass

from simulator.cloud_manager.resources import Json

RETENTION = 7 * 86400.0
_DURATION = re.compile(r"-P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
_POSITION = re.compile(r"simulated:([0-9a-f-]{36}):(\d{1,12})")


class Expired(Exception):
    """The events at the position are older than seven days: answered with 410."""


class BadQuestion(ValueError):
    """The parameters of a request make no sense: answered with 400."""


@dataclass(frozen=True, slots=True)
class Entry:
    number: int
    at: float  # written then, seconds since 1970
    event: Json


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries, oldest first, and the position to go on from."""

    entries: tuple[Entry, ...]
    last: str


class Journal:
    """The journal of one registration. Time (seconds since 1970) is given."""

    def __init__(self, registration_id: str) -> None:
        self._name = uuid.uuid5(uuid.NAMESPACE_URL, registration_id)
        self._entries: deque[Entry] = deque()
        self._newest = 0
        self._forgotten = 0  # number of the newest entry that has expired

    def append(self, event: Json, at: float) -> None:
        self._newest += 1
        self._entries.append(Entry(self._newest, at, event))

    def expire(self) -> None:
        """Everything written so far is forgotten, as when seven days have passed."""
        self._entries.clear()
        self._forgotten = self._newest

    def position(self, number: int) -> str:
        """The position of the entry of that number; 0 is before the first."""
        return f"simulated:{self._name}:{number}"

    def read(self, now: float, *, after: int | None, limit: int | None, seconds: float | None = None) -> Page:
        """The entries after a number, or of the last `seconds`, or the oldest. Raises Expired."""
        self._forget(now)
        if after is not None and after <= self._forgotten and after != self._newest and self._forgotten:
            raise Expired(f"Events at position {self.position(after)} have expired.")
        found = [entry for entry in self._entries if after is None or entry.number > after]
        if seconds is not None:
            found = [entry for entry in found if entry.at >= now - seconds]
        found = found[:limit]
        last = found[-1].number if found else (self._newest if after is None else after)
        return Page(tuple(found), self.position(last))

    def number_of(self, position: str) -> int:
        """The number at a position that this journal handed out. Raises BadQuestion."""
        found = _POSITION.fullmatch(position)
        if found is None or found[1] != str(self._name) or int(found[2]) > self._newest:
            raise BadQuestion(f"position {position} is not one of this journal")
        return int(found[2])

    @property
    def newest(self) -> int:
        return self._newest

    def _forget(self, now: float) -> None:
        while self._entries and self._entries[0].at <= now - RETENTION:
            self._forgotten = self._entries.popleft().number


def seconds_of(duration: str) -> float:
    """The seconds that `seek` goes back, of a negative ISO 8601 duration such as -PT2H. Raises BadQuestion."""
    found = _DURATION.fullmatch(duration)
    if found is None or not any(found.groups()):
        raise BadQuestion(f"seek={duration} is not a duration like -PT2H")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
