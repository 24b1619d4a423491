"""How long may a cache keep an answer, and did this one come from a cache?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multidict import CIMultiDictProxy

_DIRECTIVE = re.compile(r"([a-z-]+)(?:\s*=\s*\"?([^\",]*)\"?)?", re.IGNORECASE)
_LONGEST_HEADER = 2000
_NOT_SHARED = frozenset({"private", "no-store", "no-cache"})


def directives(values: Iterable[str]) -> dict[str, str]:
    """``max-age=60, public`` -> ``{"max-age": "60", "public": ""}``, names in lower case."""
    text = ", ".join(values)[:_LONGEST_HEADER]
    return {name.lower(): value.strip() for name, value in _DIRECTIVE.findall(text)}


def lifetime_of(headers: CIMultiDictProxy[str]) -> float | None:
    """Seconds that a shared cache may keep the answer: 0 where it must not, ``None`` where nothing says it."""
    surrogate = directives(headers.getall("Surrogate-Control", []))
    control = directives(headers.getall("Cache-Control", []))
    if "no-store" not in surrogate and (seconds := _number(surrogate.get("max-age"))) is not None:
        return seconds
    if _NOT_SHARED & control.keys():
        return 0.0
    for name in ("s-maxage", "max-age"):
        if (seconds := _number(control.get(name))) is not None:
            return seconds
    return _until_expiry(headers)


def was_kept(headers: CIMultiDictProxy[str]) -> bool:
    """Whether the answer says that a cache had it."""
    last = headers.get("X-Cache", "").rpartition(",")[2]
    return (_number(headers.get("Age", "").strip()) or 0) > 0 or "HIT" in last.upper()


def _until_expiry(headers: CIMultiDictProxy[str]) -> float | None:
    try:
        ends, now = (parsedate_to_datetime(headers[name]) for name in ("Expires", "Date"))
    except (KeyError, ValueError, OverflowError):
        return 0.0 if "Expires" in headers else None
    ends, now = (each if each.tzinfo else each.replace(tzinfo=UTC) for each in (ends, now))
    return max(0.0, (ends - now).total_seconds())


def _number(text: str | None) -> float | None:
    return float(text) if text and len(text) <= 12 and text.isascii() and text.isdigit() else None
