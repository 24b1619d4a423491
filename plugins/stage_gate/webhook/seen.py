"""Which events are stored already? Adobe delivers at least once, so an id that is known is no news. No clock here."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable

KEPT_FOR = 24 * 3600.0
"""Seconds: as long as Adobe goes on trying (https://developer.adobe.com/events/docs/support/faq/)."""
MOST = 20_000


class Seen:
    """Ids of the last day, at most 20,000, the newest ones. For any thread."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, float] = OrderedDict()
        self._guard = threading.Lock()

    def add(self, ids: Iterable[str], now: float) -> None:
        with self._guard:
            for each in ids:
                self._ids[each] = now
                self._ids.move_to_end(each)
            while len(self._ids) > MOST:
                self._ids.popitem(last=False)

    def has(self, event_id: str, now: float) -> bool:
        with self._guard:
            at = self._ids.get(event_id)
        return at is not None and now - at <= KEPT_FOR
