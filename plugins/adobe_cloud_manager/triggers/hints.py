"""Which executions has Adobe I/O spoken of since we last looked? One reader for all waits of a triggerer.

The webhook and the journal write the subjects of events into an Airflow Variable. It is read every few seconds
while anybody waits. A hint only makes somebody look sooner.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from adobe_cloud_manager.events.hint import HINT_VARIABLE, arrivals, is_subject
from adobe_cloud_manager.events.hint_store import read_hint
from adobe_cloud_manager.pinned import PinnedExecution

log = logging.getLogger(__name__)
HINTS_EVERY = 2.0
"""Seconds between two readings of the Variable."""
_FRESH = 30.0
"""Seconds for which a hint also concerns a wait that begins after it: its task has looked before."""
_LOOK_BACK = timedelta(minutes=2)
"""How old a hint may be that the first reading finds."""
_COMPLAIN_EVERY = 600.0

Wake = Callable[[str, str, str], int]


class Hints:
    """Reads hints and hands them to ``wake`` (program, pipeline and execution id; the last may be empty)."""

    def __init__(self, wake: Wake) -> None:
        self._wake = wake
        self._known: Mapping[str, datetime] | None = None
        self._fresh: dict[str, float] = {}
        self._reader: asyncio.Task[None] | None = None
        self._complained = 0.0

    def begin(self) -> None:
        """Read from now on. In a context of its own: what goes wrong belongs to no wait's log."""
        if self._reader is None:
            self._reader = asyncio.create_task(self._read_on(), context=contextvars.Context())

    def end(self) -> None:
        """Nobody waits any more."""
        if self._reader is not None:
            self._reader.cancel()
        self._reader = self._known = None

    def is_fresh(self, pinned: PinnedExecution) -> bool:
        """Whether an event was about this execution just now."""
        pipeline = f"{pinned.program_id}/{pinned.pipeline_id}/"
        seen = (self._fresh.get(subject, 0.0) for subject in (pipeline, pipeline + pinned.execution_id))
        return any(time.monotonic() - at < _FRESH for at in seen if at)

    def note(self, subject: str) -> int:
        """An event was about ``subject``; how many executions are looked at now."""
        if not is_subject(subject):
            return 0
        self._fresh[subject] = time.monotonic()
        program, pipeline, execution = subject.split("/")
        return self._wake(program, pipeline, execution)

    def take(self, hints: Mapping[str, datetime]) -> None:
        """Note what is new. Compared with the last reading and not with a clock, which another machine set."""
        since = datetime.now(UTC) - _LOOK_BACK
        known = self._known
        new = [s for s, at in hints.items() if (at > since if known is None else known.get(s) != at)]
        self._known = hints
        now = time.monotonic()
        self._fresh = {subject: at for subject, at in self._fresh.items() if now - at < _FRESH}
        for subject in new:
            self.note(subject)

    async def _read_on(self) -> None:
        while True:
            try:
                self.take(arrivals(await read_hint()))
            except Exception as error:  # noqa: BLE001 - without hints the waits go on at their own pace
                self._complain(error)
            await asyncio.sleep(HINTS_EVERY)

    def _complain(self, error: Exception) -> None:
        if time.monotonic() - self._complained < _COMPLAIN_EVERY and self._complained:
            return
        self._complained = time.monotonic()
        log.warning(
            "The Airflow Variable %s, which says what Adobe I/O events are about, could not be read: %s. Waits look "
            "at their own pace meanwhile, and it is read again every %.0f s.",
            HINT_VARIABLE, error, HINTS_EVERY,
        )  # fmt: skip
