"""How long is it worth to wait, when the site asks for a pause (``Retry-After``)?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aem_checks.response import Response

LONGEST = 150.0
"""Seconds of one pause where nobody set a limit, as while pages are recorded."""
_ends: ContextVar[float | None] = ContextVar("_ends", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Whatever is asked inside has to come to its end in so many seconds."""
    token = _ends.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends.reset(token)


def is_worth_waiting(response: Response) -> bool:
    """Whether the pause that an answer asks for is over in time; so is one that asks for none."""
    ends = _ends.get()
    left = LONGEST if ends is None else ends - time.monotonic()
    return response.retry_after < left
