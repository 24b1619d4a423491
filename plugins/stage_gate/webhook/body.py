"""How is a stranger's body read? Never more of it, nor longer, than what Adobe could be sending."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

READ_WITHIN = 4.0
"""Seconds for a whole body. Adobe gives a webhook 10 s from the connection to the answer."""
MOST_AT_ONCE = 64 * 1024 * 1024
"""Bytes of bodies that this process holds at once, whoever sends them."""


class BodyTooLong(Exception):
    """There is more of it than Adobe sends."""


class BodyTooSlow(Exception):
    """It was not there in time."""


class NoRoom(Exception):
    """Too much is being read at once."""


class Reader:
    """Reads bodies; all of an app share one."""

    def __init__(self, longest: int, within: float = READ_WITHIN, most_at_once: int = MOST_AT_ONCE) -> None:
        self._longest = longest
        self._within = within
        self._room = most_at_once

    async def read(self, stream: AsyncIterator[bytes], announced: str | None) -> bytes:
        """The whole body. ``announced`` is the Content-Length, believed only where it says too much.

        Raises ``BodyTooLong``, ``BodyTooSlow``, ``NoRoom``, and what the stream raises when the other side leaves.
        """
        if announced and announced.isdecimal() and int(announced[:20]) > self._longest:
            raise BodyTooLong
        body = bytearray()
        try:
            async with asyncio.timeout(self._within):
                async for chunk in stream:
                    self._hold(chunk, len(body))
                    body += chunk
        except TimeoutError:
            raise BodyTooSlow from None
        finally:
            self._room += len(body)
        return bytes(body)

    def _hold(self, chunk: bytes, before: int) -> None:
        if before + len(chunk) > self._longest:
            raise BodyTooLong
        if len(chunk) > self._room:
            raise NoRoom
        self._room -= len(chunk)
