"""How often may this process ask Cloud Manager? At most N requests a minute for each credential."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

MINUTE = 60.0


class RequestBudget:
    """Hands out moments for requests so that no 60 seconds hold more than ``per_minute`` of them."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._slots: deque[float] = deque(maxlen=per_minute)
        self._guard = threading.Lock()

    def take(self, patience: float) -> float | None:
        """Seconds to wait before the next request; ``None``, with nothing taken, if over ``patience``."""
        with self._guard:
            wait = self._wait()
            if wait > patience:
                return None
            self._slots.append(self._clock() + wait)
            return wait

    def note(self) -> None:
        """Count a request that is sent at once, whatever the budget says: an act is never delayed."""
        with self._guard:
            self._slots.append(self._clock())

    def _wait(self) -> float:
        if len(self._slots) < (self._slots.maxlen or 1):
            return 0.0
        return max(0.0, self._slots[0] + MINUTE - self._clock())


class Line:
    """Spreads looks that nobody is in a hurry for: one after the other, 60 s / ``per_minute`` apart.

    So a thousand waits that begin at once, after a restart or an outage, use up no budget at once, and stay spread.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next = 0.0

    def take(self, per_minute: int) -> float:
        """Seconds until it is this look's turn."""
        now = self._clock()
        turn = max(now, self._next)
        self._next = turn + MINUTE / per_minute
        return turn - now


_BUDGETS: dict[tuple[str, str, int], RequestBudget] = {}
_GUARD = threading.Lock()


def budget_of(api_url: str, client_id: str, per_minute: int) -> RequestBudget:
    """The budget that all hooks of this process share for one credential."""
    with _GUARD:
        return _BUDGETS.setdefault((api_url, client_id, per_minute), RequestBudget(per_minute))
