"""How often, and how much? A bucket that fills at a steady rate. No clock here: seconds are given."""

from __future__ import annotations


class Bucket:
    """Holds at most ``burst`` tokens, gains ``per_second``; for one thread."""

    def __init__(self, per_second: float, burst: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._tokens = burst
        self._at = 0.0

    def take(self, now: float, cost: float = 1.0) -> float:
        """0 where ``cost`` tokens were taken; else how many seconds until they are there, with nothing taken."""
        self._tokens = min(self._burst, self._tokens + max(0.0, now - self._at) * self._per_second)
        self._at = max(self._at, now)
        if self._tokens >= cost:
            self._tokens -= cost
            return 0.0
        return (min(cost, self._burst) - self._tokens) / self._per_second
