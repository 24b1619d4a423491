"""What was made of a response lately, so that it isn't made again for each check, within a limit of memory?

Checks walk over the same pages, in turn or side by side. Keeping all that is parsed would take 200 KB and twelve
times the HTML for each page; keeping nothing would parse each page again for each check.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

MadeT = TypeVar("MadeT")


class Recent(Generic[MadeT]):
    """Values by key, up to ``budget`` bytes of estimated size together; thread-safe.

    Where there is no room, values leave by chance: checks that walk over many pages in the same order would
    otherwise push out each page just before the next one asks for it.
    """

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._held: dict[str, tuple[MadeT, int]] = {}
        self._size = 0
        self._lock = threading.Lock()
        self._chance = random.Random(0)  # noqa: S311 - which page is parsed again is no secret

    def get(self, key: str, make: Callable[[], MadeT], size: int) -> MadeT:
        """The value of that key, made now where it isn't held; ``size``: bytes that it takes, roughly.

        A value beyond half of the budget is made each time.
        """
        with self._lock:
            if key in self._held:
                return self._held[key][0]
        made = make()
        if size > self._budget // 2:
            return made
        with self._lock:
            if key in self._held:
                return self._held[key][0]
            self._make_room(size)
            self._held[key] = (made, size)
            self._size += size
        return made

    def _make_room(self, size: int) -> None:
        while self._held and self._size + size > self._budget:
            self._size -= self._held.pop(self._chance.choice(list(self._held)))[1]
