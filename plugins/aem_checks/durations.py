"""How a duration is written in a gate file: ``90s``, ``15m``, ``8h``, ``2d``, or several together as in ``1h30m``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[smhd])+")
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd])")


def parse_duration(value: object) -> timedelta:
    """Read ``1h30m`` and the like.

    Raises ``ValueError`` with what would be right; a bare number is refused, since nobody can tell its unit.
    """
    if isinstance(value, timedelta):
        return value
    text = str(value).strip().lower().replace(" ", "")
    if not isinstance(value, str) or not _DURATION.fullmatch(text):
        raise ValueError(
            f"{value!r} is not a duration; write a number with a unit, such as 90s, 15m, 8h or 2d"
        )
    return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text)))


def format_duration(duration: timedelta) -> str:
    """Write a duration the way a gate file does, to the second: ``1h30m``."""
    seconds = round(duration.total_seconds())
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _in_seconds(duration: timedelta) -> str:
    return f"{duration.total_seconds():.6f}".rstrip("0").rstrip(".") + "s"


Duration = Annotated[
    timedelta, BeforeValidator(parse_duration), PlainSerializer(_in_seconds, when_used="json")
]
"""As JSON it is written in seconds, so that it can be read again."""
