"""How is a command that waits for a site ended by Ctrl-C, at any moment?"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run_interruptible(work: Coroutine[Any, Any, T]) -> T:
    """Run it as ``asyncio.run`` does. Raises ``KeyboardInterrupt`` as soon as somebody interrupts it.

    By itself asyncio notices a signal that arrives in the instant before its loop begins to wait at the next event
    only, and where that is the end of a time limit the interrupt is lost. A signal handler of the loop wakes it.
    """
    try:
        return asyncio.run(_woken_by_interrupts(work))
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


async def _woken_by_interrupts(work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.current_task()
    assert task is not None
    with contextlib.suppress(RuntimeError, NotImplementedError):  # not the main thread; no such signals
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, task.cancel)
    return await work
