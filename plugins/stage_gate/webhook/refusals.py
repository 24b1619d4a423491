"""What does the log say about what was refused? A line for each, and for a flood of them a few and a number."""

from __future__ import annotations

import logging
import re

from stage_gate.webhook.limits import Bucket

log = logging.getLogger(__name__)

_NUMBERS = re.compile("[0-9]+")
BURST = 10
PER_MINUTE = 10
"""Lines for each reason; what is left out is counted in the next line."""


class Refusals:
    """Writes sentences of ours only: nothing that a stranger sent gets into the log by this."""

    def __init__(self) -> None:
        self._lines: dict[str, Bucket] = {}
        self._left_out: dict[str, int] = {}

    def note(self, status: int, sentence: str, registration: str, now: float) -> None:
        """Say that a delivery was not taken. ``registration`` is one of ours, or empty."""
        key = f"{registration}: {_NUMBERS.sub('', sentence)}"  # a stranger must not fill the memory by them
        if self._lines.setdefault(key, Bucket(PER_MINUTE / 60, BURST)).take(now):
            self._left_out[key] = self._left_out.get(key, 0) + 1
            return
        more = self._left_out.pop(key, 0)
        log.warning(
            "Adobe I/O Events, registration %s: answered %d. %s%s",
            registration or "unknown",
            status,
            sentence,
            f" ({more} more like this since the last line.)" if more else "",
        )
