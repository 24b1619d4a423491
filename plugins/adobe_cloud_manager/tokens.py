"""Which access tokens does this process hold, and is a refused one worth another? No I/O here."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from weakref import WeakKeyDictionary

RENEWAL_PAUSE = timedelta(minutes=10)
"""A new token that is refused too shows that tokens are not the problem: no other one for this long."""


@dataclass(frozen=True, slots=True)
class Token:
    """An access token; its value is in no representation. ``expires_at`` is when to stop using it."""

    value: str = field(repr=False)
    issued_at: datetime
    expires_at: datetime

    def is_valid(self, now: datetime) -> bool:
        return now < self.expires_at


class TokenCache:
    """Tokens of this process by credential, safe for threads; it never waits while it holds its lock."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.clock = clock
        self._tokens: dict[tuple[str, ...], Token] = {}
        self._useless: dict[tuple[str, ...], Token] = {}
        self._locks: dict[tuple[str, ...], threading.Lock] = {}
        self._async_locks: WeakKeyDictionary[
            asyncio.AbstractEventLoop, dict[tuple[str, ...], asyncio.Lock]
        ] = WeakKeyDictionary()
        self._guard = threading.Lock()

    def get(self, key: tuple[str, ...]) -> Token | None:
        """The token, unless it is about to expire."""
        with self._guard:
            token = self._tokens.get(key)
        return token if token and token.is_valid(self.clock()) else None

    def put(self, key: tuple[str, ...], token: Token) -> Token:
        """Keep a token; returns it."""
        with self._guard:
            self._tokens[key] = token
        return token

    def lock(self, key: tuple[str, ...]) -> threading.Lock:
        """One lock per credential, so that threads ask for one token and not for many."""
        with self._guard:
            return self._locks.setdefault(key, threading.Lock())

    def async_lock(self, key: tuple[str, ...]) -> asyncio.Lock:
        """The same for the coroutines of one event loop."""
        loop = asyncio.get_running_loop()
        with self._guard:
            return self._async_locks.setdefault(loop, {}).setdefault(key, asyncio.Lock())

    def give_up(self, key: tuple[str, ...], refused: Token) -> bool:
        """Whether a refused token (401, 403) is worth another one; if so it is forgotten.

        It is not while a brand-new one was refused too, for ten minutes: Adobe throttles credentials that ask
        for too many tokens, and a missing permission is not cured by them.
        """
        with self._guard:
            if self._useless.get(key) == refused and self.clock() - refused.issued_at < RENEWAL_PAUSE:
                return False
            if self._tokens.get(key) == refused:
                del self._tokens[key]
            return True

    def refused_when_new(self, key: tuple[str, ...], token: Token) -> None:
        """Remember that this token was refused although it had just been issued."""
        with self._guard:
            self._useless[key] = token


TOKENS = TokenCache()
"""The cache that the hooks of this process share."""
