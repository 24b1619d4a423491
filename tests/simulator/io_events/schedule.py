"""When is a failed delivery tried again, and when is a registration given up? Pure functions, seconds.

Source: `common/retry-doc.md` of the I/O Events documentation, and its page on developer.adobe.com.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

DAY = 86400.0
FIRST_DELAYS = (60.0, 120.0, 240.0, 480.0)
LAST_DELAY = 900.0
CHALLENGE_LIFE = 300.0  # in which a validationUrl must be fetched
Status = Literal["PENDING", "ACTIVE", "UNSTABLE", "DISABLED"]


def delay_after(retries: int) -> float:
    """How long to wait when that many retries have been made."""
    return FIRST_DELAYS[retries] if retries < len(FIRST_DELAYS) else LAST_DELAY


def next_attempt(first: float, at: float, retries: int, speed: float) -> float | None:
    """When an attempt made at `at` is repeated; None when the day since the first one is over."""
    due = at + delay_after(retries) / speed
    return due if due <= first + DAY / speed else None


def is_retried(status: int | None) -> bool:
    """True for no answer at all (None), 429, and 5xx apart from 505; anything else is lost."""
    return status is None or status == 429 or (500 <= status <= 599 and status != 505)


def is_failing(attempts: Iterable[tuple[float, bool]], now: float) -> bool:
    """True when at least 10 attempts of the last 24 hours are known (time, success), and 80 % of them failed."""
    recent = [good for at, good in attempts if at > now - DAY]
    return len(recent) >= 10 and recent.count(False) >= 0.8 * len(recent)
