"""When is a reading request tried again, and when is it given up?"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from tenacity import RetryCallState, wait_random_exponential
from tenacity.wait import wait_base

from adobe_cloud_manager.exceptions import CloudManagerError

BACKOFF: wait_base = wait_random_exponential(multiplier=0.5, max=15)
"""Up to 0.5 s, 1 s, 2 s … 15 s, at random, so that many waiting tasks do not come back at once."""


class Logger(Protocol):
    """What a hook's log can do, whether it is Python's or structlog's."""

    def info(self, event: str, /, *args: Any) -> Any: ...


class Deadline:
    """An end in time, in seconds from now, that retries and time-outs keep to."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    @property
    def left(self) -> float:
        """Seconds until the end, never negative."""
        return max(0.0, self._end - self._clock())

    def stop(self, state: RetryCallState) -> bool:
        """For tenacity: whether the next attempt would start too late."""
        return state.upcoming_sleep >= self.left


def pause(backoff: wait_base) -> Callable[[RetryCallState], float]:
    """For tenacity: the backoff, or what ``Retry-After`` asked for if that is longer; in seconds."""

    def seconds(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return max(backoff(state), getattr(error, "retry_after", None) or 0.0)

    return seconds


def is_retryable(error: BaseException) -> bool:
    """429, 5xx and broken connections, nothing else."""
    return isinstance(error, CloudManagerError) and error.retryable


def retry_sentence(state: RetryCallState) -> str:
    """What the log says before an attempt is repeated."""
    error = state.outcome.exception() if state.outcome else None
    return f"{error} Trying again in {state.upcoming_sleep:.1f} s (attempt {state.attempt_number + 1})."
