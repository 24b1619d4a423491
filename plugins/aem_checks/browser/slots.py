"""How many browsers run on this machine at once, whoever started them?

A few files in a shared folder are locked for as long as a browser runs; the kernel releases the locks of a
process that dies. Whoever measures times takes all of them, so that nothing else draws meanwhile.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

MOST = 4
_RETRY = 0.1


def default_folder() -> Path:
    """The folder that all processes of this machine and user share."""
    return Path(tempfile.gettempdir()) / f"aem_checks-browsers-{os.getuid()}"


def slots_here() -> int:
    """One browser per processor, up to ``MOST``."""
    return max(1, min(MOST, os.cpu_count() or 1))


@asynccontextmanager
async def slot(*, alone: bool = False, folder: Path | None = None) -> AsyncIterator[None]:
    """Wait until a browser may run here; with ``alone``, until no other does. Raises ``OSError``."""
    place = folder or default_folder()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    paths = [place / f"slot-{number}" for number in range(slots_here())]
    with ExitStack() as held:
        if alone:
            for path in paths:  # all in the same order, so that two that want all do not wait for each other
                while not _lock(path, held):  # noqa: ASYNC110 - the other is a process
                    await asyncio.sleep(_RETRY)
        else:
            while not any(_lock(path, held) for path in paths):  # noqa: ASYNC110
                await asyncio.sleep(_RETRY)
        yield


def _lock(path: Path, held: ExitStack) -> bool:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return False
    held.callback(os.close, handle)
    return True
