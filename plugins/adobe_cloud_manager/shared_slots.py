"""How do tasks on several machines keep one count? Each takes a slot of a list in Redis, by Redis's own clock.

One script is one step, so no two take the same slot, and clocks of machines do not matter. A store that does not answer
is left alone for a while: what is paced by it then goes slower than with it, never faster (``SHARE_WITHOUT_STORE``).
"""

from __future__ import annotations

import hashlib
import logging
import math
import threading
import time
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

SHARE_WITHOUT_STORE = 10
"""Without the store each machine takes a tenth of the rate: up to ten machines together are no faster than with it."""
_TIMEOUT = 0.5
_LEFT_ALONE = 30.0
"""Seconds between two tries to reach a store that did not answer."""
_PREFIX = "stage-gate:slots"
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local most, period, patience = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local oldest = tonumber(redis.call('LINDEX', KEYS[1], most - 1) or 0)
local wait = math.max(0, oldest + period - now)
if patience >= 0 and wait > patience then return -1 end
redis.call('LPUSH', KEYS[1], string.format('%.0f', now + wait))
redis.call('LTRIM', KEYS[1], 0, most - 1)
redis.call('PEXPIRE', KEYS[1], math.ceil((wait + period) / 1000) + 1000)
return wait
"""
"""The newest slots first. The next one is a period after the one that is ``most`` places before it."""
_MICROSECONDS = 1_000_000


class StoreLost(Exception):
    """The store can't be asked; the message is the end of a sentence and holds no password."""


class SharedSlots:
    """Slots in one Redis, of which no period holds more than so many of a name."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        """``url`` as redis-py reads it: ``redis://``, ``rediss://`` or ``unix://``."""
        self._url = url
        self._clock = clock
        self._script: Any = None
        self._not_before = -math.inf
        self._guard = threading.Lock()

    def take(self, name: str, most: int, period: float, patience: float | None = None) -> float | None:
        """Seconds until the slot; ``None``, with nothing taken, where that is beyond ``patience``.

        ``period`` and ``patience`` in seconds; without ``patience`` one is taken however far it lies. Raises ``StoreLost``.
        """
        if self._clock() < self._not_before:
            raise StoreLost("it did not answer a moment ago")
        longest = -1 if patience is None else round(patience * _MICROSECONDS)
        try:
            wait = int(self._taking()(keys=[_key(name)], args=[most, round(period * _MICROSECONDS), longest]))
        except Exception as error:
            self._lose(error)
            raise StoreLost(_told(error)) from error
        return None if wait < 0 else wait / _MICROSECONDS

    def _taking(self) -> Any:
        with self._guard:
            if self._script is None:
                from redis import Redis
                from redis.backoff import NoBackoff
                from redis.retry import Retry

                client = Redis.from_url(
                    self._url,
                    socket_timeout=_TIMEOUT,
                    socket_connect_timeout=_TIMEOUT,
                    retry=Retry(NoBackoff(), 0),
                )
                self._script = client.register_script(_TAKE)
            return self._script

    def _lose(self, error: Exception) -> None:
        self._not_before = self._clock() + _LEFT_ALONE
        log.warning(
            "The store of limits did not answer (%s), so this machine goes at a tenth of the rate and asks again in %.0f s.",
            _told(error),
            _LEFT_ALONE,
        )


def _key(name: str) -> str:
    return f"{_PREFIX}:{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def _told(error: Exception) -> str:
    if isinstance(error, ImportError):
        return "redis is not installed: run pip install 'aem-stage-gate[redis]'"
    return type(error).__name__  # its text may quote the URL, and that the password


_STORES: dict[str, SharedSlots] = {}
_GUARD = threading.Lock()


def slots_at(url: str) -> SharedSlots:
    """What all of this process share for one store."""
    with _GUARD:
        if url not in _STORES:
            _STORES[url] = SharedSlots(url)
        return _STORES[url]
