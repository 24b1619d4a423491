"""Which public keys does Adobe I/O sign with? Fetched from the configured host only, seldom, and kept for a day."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from adobe_cloud_manager.budget import RequestBudget
from adobe_cloud_manager.events.signature import is_key_path

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    from adobe_cloud_manager.answers import Answer

KEPT_FOR = 24 * 3600.0
"""Seconds: Adobe's own limit (https://developer.adobe.com/events/docs/guides/sdk/sdk-signature-verification/)."""
UNKNOWN_FOR = 60.0
"""Seconds for which a key that the host does not have is not asked for again."""
UNAVAILABLE_FOR = 5.0
"""Seconds for which a host that could not answer is not asked for the same key again."""
FETCHES_PER_MINUTE = 10
"""For keys never seen, which anybody can name; keys that were once had are fetched from a budget of their own."""

_WITHIN = 5.0
_LARGEST_KEY = 16 * 1024
_RSA_BITS = range(2048, 8193)
_MOST_KEYS = 64


class KeyUnavailable(Exception):
    """The key can't be had now (host down, budget used up): answer 5xx, so that Adobe delivers again."""


class KeyFetchBudget(KeyUnavailable):
    """Too many keys were asked for in this minute; nothing was fetched."""


class KeyUnknown(KeyUnavailable):
    """Adobe's host has no such key: the delivery that names it is forged."""


@dataclass(frozen=True, slots=True)
class _Found:
    key: RSAPublicKey | None
    error: KeyUnavailable | None
    until: float


class KeyRing:
    """The keys of one process by path; made once for a base URL (``Settings.event_keys_url``), for one event loop.

    Check the recipient of a delivery before its keys are asked for: who knows no client id costs no fetch.
    """

    def __init__(self, base_url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.base_url = base_url
        self._clock = clock
        self._found: dict[str, _Found] = {}
        self._had: set[str] = set()
        self._new = RequestBudget(FETCHES_PER_MINUTE, clock)
        self._again = RequestBudget(FETCHES_PER_MINUTE, clock)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def get(self, path: str) -> RSAPublicKey:
        """The key at ``path``, at most 24 hours old. Raises ``KeyUnknown`` or ``KeyUnavailable``.

        Many that ask for one key at once cause one fetch; a path that is not of Adobe's form causes none.
        """
        if not is_key_path(path):
            raise KeyUnknown("The path of the public key is not of Adobe's form.")
        lock = self._locks.setdefault(path, asyncio.Lock())
        async with lock:
            found = self._found.get(path)
            if found is None or found.until <= self._clock():
                found = await self._look(path)
        if found.key is None:
            raise type(found.error or KeyUnavailable())(*(found.error.args if found.error else ()))
        return found.key

    async def _look(self, path: str) -> _Found:
        budget = self._again if path in self._had else self._new
        if budget.take(0.0) is None:
            raise KeyFetchBudget(
                f"More than {FETCHES_PER_MINUTE} public keys of Adobe I/O were asked for in one minute; "
                "the delivery has to come again."
            )
        self._forget_old()
        found = self._found[path] = await self._fetch(path)
        if found.key is not None:
            self._had.add(path)
        return found

    def _forget_old(self) -> None:
        now = self._clock()
        self._found = {path: found for path, found in self._found.items() if found.until > now}
        if len(self._found) >= _MOST_KEYS:
            self._found.pop(next(iter(self._found)))
        if len(self._had) >= _MOST_KEYS:
            self._had &= self._found.keys()

    async def _fetch(self, path: str) -> _Found:
        from adobe_cloud_manager.exceptions import CloudManagerError
        from adobe_cloud_manager.hooks.async_session import AsyncSession
        from adobe_cloud_manager.protocol import USER_AGENT

        headers = {"accept": "*/*", "user-agent": USER_AGENT}
        try:
            async with AsyncSession() as session:
                what = "fetching a public key of Adobe I/O"
                answer = await session.get(
                    f"{self.base_url}{path}", headers, _WITHIN, what, keep=_LARGEST_KEY
                )
            return _Found(_key_of(answer), None, self._clock() + KEPT_FOR)
        except KeyUnknown as error:
            return _Found(None, error, self._clock() + UNKNOWN_FOR)
        except (CloudManagerError, KeyUnavailable) as error:
            return _Found(None, KeyUnavailable(str(error)), self._clock() + UNAVAILABLE_FOR)


def _key_of(answer: Answer) -> RSAPublicKey:
    """The key of an answer. What is neither a key nor "not found" may be a proxy's word, and is worth another try."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if answer.status in (404, 410):
        raise KeyUnknown(f"Adobe I/O has no public key of that name ({answer.status}).")
    if answer.status != 200 or answer.cut:
        size = f"more than {_LARGEST_KEY}" if answer.cut else str(len(answer.body))
        raise KeyUnavailable(f"Adobe I/O answered {answer.status} with {size} bytes instead of a public key.")
    try:
        key = load_pem_public_key(answer.body)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyUnavailable("Adobe I/O answered 200 with something that is not a public key.") from None
    if not isinstance(key, RSAPublicKey) or key.key_size not in _RSA_BITS:
        raise KeyUnavailable("Adobe I/O answered with a public key that is not RSA of 2048 to 8192 bits.")
    return key
