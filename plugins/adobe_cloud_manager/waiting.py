"""How is a wait driven: in a task that blocks, or on the event loop of a triggerer that must not?"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from adobe_cloud_manager.ending import Ending
from adobe_cloud_manager.vigil import READ_ERRORS, Pause, Read, Steps, Woken


class Seat(Protocol):
    """Where a wait sits on an event loop: it pauses and reads there, beside other waits."""

    async def pause(self, seconds: float) -> Woken | None:
        """Wait that long, or less; then it says why."""

    async def read(self, request: Read) -> object:
        """Perform a reading."""


def wait_here(steps: Steps, read: Callable[[Read], object]) -> Ending:
    """Wait in this process to the end; ``read`` performs a reading and blocks."""
    request = advance(steps, None)
    while not isinstance(request, Ending):
        answer: object = None
        if isinstance(request, Pause):
            time.sleep(request.seconds)
        else:
            answer = _attempt(read, request)
        request = advance(steps, answer)
    return request


def look_once(steps: Steps, read: Callable[[Read], object]) -> Ending | None:
    """Go on until the wait ends, or wants to pause: then ``None``, and this generator is of no more use."""
    request = advance(steps, None)
    while not isinstance(request, (Ending, Pause)):
        request = advance(steps, _attempt(read, request))
    return request if isinstance(request, Ending) else None


async def wait_in_trigger(steps: Steps, seat: Seat) -> Ending:
    """Wait on an event loop to the end, never blocking it."""
    request = advance(steps, None)
    while not isinstance(request, Ending):
        answer: object
        if isinstance(request, Pause):
            answer = await seat.pause(request.seconds)
        else:
            try:
                answer = await seat.read(request)
            except READ_ERRORS as error:
                answer = error
        request = advance(steps, answer)
    return request


def _attempt(read: Callable[[Read], object], request: Read) -> object:
    try:
        return read(request)
    except READ_ERRORS as error:
        return error


def advance(steps: Steps, answer: object) -> Read | Pause | Ending:
    """Give the wait an answer, or throw it if it is an error; returns what it wants next, or its end."""
    try:
        return steps.throw(answer) if isinstance(answer, Exception) else steps.send(answer)
    except StopIteration as end:
        ending: Ending = end.value
        return ending
