"""How often may Cloud Manager be asked? At most N requests a minute for each credential, by a process or by all machines."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from adobe_cloud_manager.shared_slots import SHARE_WITHOUT_STORE, SharedSlots, StoreLost, slots_at

MINUTE = 60.0


class Budget(Protocol):
    """Hands out moments for requests."""

    def take(self, patience: float) -> float | None:
        """Seconds to wait before the next request; ``None``, with nothing taken, if over ``patience``."""

    def note(self) -> None:
        """Count a request that is sent at once, whatever the budget says: an act is never delayed."""


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


class SharedBudget:
    """The same for the processes of all machines that ask one store; without it each has a tenth."""

    def __init__(self, slots: SharedSlots, name: str, per_minute: int) -> None:
        self._slots = slots
        self._name = name
        self._per_minute = per_minute
        self._alone = RequestBudget(max(1, per_minute // SHARE_WITHOUT_STORE))

    def take(self, patience: float) -> float | None:
        try:
            return self._slots.take(self._name, self._per_minute, MINUTE, max(0.0, patience))
        except StoreLost:
            return self._alone.take(patience)

    def note(self) -> None:
        try:
            self._slots.take(self._name, self._per_minute, MINUTE)
        except StoreLost:
            self._alone.note()


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


_BUDGETS: dict[tuple[str, str, int, str], Budget] = {}
_GUARD = threading.Lock()


def budget_of(api_url: str, client_id: str, per_minute: int, limits: str = "") -> Budget:
    """The budget that all hooks of this process share for one credential; with ``limits``, a store's URL, all machines."""
    key = (api_url, client_id, per_minute, limits)
    with _GUARD:
        if key not in _BUDGETS:
            name = f"cloud-manager {api_url} {client_id}"
            _BUDGETS[key] = (
                SharedBudget(slots_at(limits), name, per_minute) if limits else RequestBudget(per_minute)
            )
        return _BUDGETS[key]
