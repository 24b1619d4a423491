"""How often may a host be asked, counting every process and thread on this machine, or on all that share a store?

On one machine, one small file per host in a shared folder holds the moment at which the next request may leave. Whoever
wants to send takes that moment as its turn and moves it on, under a file lock that is held for microseconds;
the waiting happens afterwards, without the lock. So turns are given in the order in which they were asked
for, and a process that dies loses its turn but never blocks the others: the kernel releases its lock.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import re
import struct
import tempfile
import time
from pathlib import Path
from typing import Protocol

DEFAULT_PER_SECOND = 10.0
"""Adobe suggests CDN rules of 100 requests/s per client address; a gate stays at a tenth of it.
Source: adobe/aem-guides-wknd, config/cdn.yaml."""
_FURTHEST_TURN = 600.0
"""Seconds. A turn further away was not taken by a live process: a restarted machine or a damaged file."""
_LOCK_RETRY = 0.002
_FORMAT = struct.Struct("<d")


class Turns(Protocol):
    """Who may send when: what everybody who asks the same hosts has in common."""

    async def take(self, name: str, spacing: float) -> float:
        """Take the next turn of this name, ``spacing`` seconds after the one before; returns the seconds until then."""


class FileTurns:
    """Turns that all processes of this machine share, in files of one folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder

    async def take(self, name: str, spacing: float) -> float:
        """Raises ``OSError`` for an unusable folder."""
        folder = self._folder or Path(tempfile.gettempdir()) / "aem_checks-rate"
        path = folder / _file_name(name)
        while (turn := _take_turn(path, spacing)) is None:  # noqa: ASYNC110 - the other is a process
            await asyncio.sleep(_LOCK_RETRY)
        return max(0.0, turn - time.monotonic())


_shared: Turns = FileTurns()


def share(turns: Turns | None) -> None:
    """From here on, limits of this process that name no turns take these; ``None`` for those of this machine."""
    global _shared
    _shared = turns or FileTurns()


class RateLimit:
    """Spaces the requests to each host evenly; without bursts."""

    def __init__(self, per_second: float = DEFAULT_PER_SECOND, *, folder: Path | None = None) -> None:
        """``per_second``: requests per second and host. Raises ``ValueError`` unless it is above 0.

        ``folder``: turns of its own, which all who name this folder share.
        """
        if not per_second > 0:
            raise ValueError(f"a rate of {per_second} requests/s would never send anything; use more than 0")
        self.per_second = per_second
        self._turns = FileTurns(folder) if folder else _shared

    async def acquire(self, host: str, *, per_second: float | None = None) -> float:
        """Wait for the turn of one request to this host and return the seconds waited.

        ``per_second`` slows this one request down further, on a count of its own: with 1, at most one such
        request a second is sent, while others keep the usual pace. Raises ``OSError`` for an unusable folder.
        """
        waited = await self._wait_for_turn(host, self.per_second)
        if per_second is not None and per_second < self.per_second:
            waited += await self._wait_for_turn(f"{host} slow", per_second)
        return waited

    async def _wait_for_turn(self, name: str, per_second: float) -> float:
        delay = await self._turns.take(name, 1 / per_second)
        if delay > 0:
            await asyncio.sleep(delay)
        return delay


def _take_turn(path: Path, spacing: float) -> float | None:
    """The moment (``time.monotonic``) at which to send, or ``None`` when another process holds the lock."""
    handle = _open(path)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        now = time.monotonic()
        turn = _next_turn(os.pread(handle, _FORMAT.size, 0), now)
        os.pwrite(handle, _FORMAT.pack(turn + spacing), 0)
        return turn
    except BlockingIOError:
        return None
    finally:
        os.close(handle)


def _next_turn(stored: bytes, now: float) -> float:
    if len(stored) != _FORMAT.size:
        return now
    (turn,) = _FORMAT.unpack(stored)
    return float(turn) if now < turn < now + _FURTHEST_TURN else now


def _open(path: Path) -> int:
    """Open for all users of the machine; first without O_CREAT, which Linux refuses on others' files."""
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        _make_shared_folder(path.parent)
    try:
        handle = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError:
        return os.open(path, flags)
    os.fchmod(handle, 0o666)
    return handle


def _make_shared_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        return
    folder.chmod(0o1777)


def _file_name(name: str) -> str:
    readable = re.sub(r"[^A-Za-z0-9.-]+", "_", name)[:60]
    return f"{readable}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
