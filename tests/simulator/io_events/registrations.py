"""What does Adobe know of one event registration? Where its events go, and how well that works."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from simulator.io_events.journal import Journal
from simulator.io_events.payloads import Emitted, Spelling
from simulator.io_events.schedule import DAY, Status, is_failing

Style = Literal["single", "batch"]
Handshake = Literal["sync", "async", "none"]
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(slots=True, eq=False)
class Registration:
    """One registration; without a URL its events are in its journal only. Read it from any thread."""

    id: str
    client_id: str
    secret: str
    journal: Journal
    journal_url: str
    url: str | None = None
    style: Style = "single"
    spelling: Spelling = "both"
    speed: float = 1.0  # retry delays are divided by it
    patience: float = 10.0  # real seconds for one attempt
    status: Status = "ACTIVE"
    unstable_since: float | None = None
    challenge: str | None = None  # outstanding, of the asynchronous handshake, until `deadline`
    deadline: float = 0.0
    outbox: list[Emitted] = field(default_factory=list)  # of a batch that has not left
    history: deque[tuple[float, bool]] = field(default_factory=lambda: deque(maxlen=5000))
    lane: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(10))

    def __post_init__(self) -> None:
        host = urlsplit(self.url).hostname if self.url is not None else "localhost"
        if host not in LOOPBACK:
            raise ValueError(f"the simulator delivers to this machine only, not to {host}")

    @property
    def takes_deliveries(self) -> bool:
        return self.url is not None and self.status in ("ACTIVE", "UNSTABLE")

    def note(self, at: float, *, good: bool) -> None:
        """Count an attempt, and become unstable or active by it; disabling is for `look`."""
        self.history.append((at, good))
        self.look(at)

    def look(self, now: float) -> None:
        """Where it fails it is unstable first, and disabled if that is still so 24 hours later."""
        if self.status == "PENDING" and now > self.deadline:
            self.status = "DISABLED"
        if self.status not in ("ACTIVE", "UNSTABLE"):
            return
        if not is_failing(self.history, now):
            self.status, self.unstable_since = "ACTIVE", None
        elif self.unstable_since is None:
            self.status, self.unstable_since = "UNSTABLE", now
        elif now >= self.unstable_since + DAY:
            self.status = "DISABLED"
