"""What does an answer allow caches to do with it, in seconds and words?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aem_checks.response import Response

_NEVER = frozenset({"private", "no-store", "no-cache"})
LONGEST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """``Cache-Control``, ``Surrogate-Control`` and ``Vary`` of an answer, read."""

    written: str
    """Cache-Control as it was sent, for people; empty without one."""
    directives: frozenset[str]
    browser: int | None
    """Seconds that a browser may keep it; ``None`` where nothing says."""
    shared: int | None
    """Seconds that a CDN may keep it; ``None`` where nothing says."""
    revalidating: int
    """Seconds after those in which an old answer may still be served (``stale-while-revalidate``)."""
    vary: frozenset[str]

    @property
    def is_shared(self) -> bool:
        """Whether a CDN may answer other visitors with it."""
        return not self.directives & _NEVER and bool(self.shared)


def read_policy(response: Response) -> CachePolicy:
    """Read the headers of an answer as Adobe's CDN does: Surrogate-Control counts before Cache-Control.

    Source: help/implementing/dispatcher/caching of Adobe's documentation.
    """
    written = ", ".join(response.headers.getall("Cache-Control", []))
    values = _directives(written)
    surrogate = _directives(", ".join(response.headers.getall("Surrogate-Control", [])))
    browser = _seconds(values, "max-age")
    shared = _first(_seconds(surrogate, "max-age"), _seconds(values, "s-maxage"), browser)
    revalidating = _first(
        _seconds(surrogate, "stale-while-revalidate"), _seconds(values, "stale-while-revalidate")
    )
    vary = {name.strip().lower() for name in ",".join(response.headers.getall("Vary", [])).split(",")}
    return CachePolicy(
        written[:LONGEST_SHOWN],
        frozenset(values) | (frozenset(surrogate) & _NEVER),
        browser,
        shared,
        revalidating or 0,
        frozenset(vary - {""}),
    )


def age_of(response: Response) -> int | None:
    """Seconds that the answer has spent in a cache; ``None`` where no cache says."""
    return _number(response.headers.get("Age", ""))


def from_cache(response: Response) -> bool | None:
    """Whether a CDN answered from its cache; ``None`` where neither X-Cache nor Age says."""
    said = response.headers.get("X-Cache", "").upper()
    age = age_of(response)
    if not said and age is None:
        return None
    return "HIT" in said.rpartition(",")[2] or bool(age)


def _directives(text: str) -> dict[str, str]:
    """``public, max-age=60`` gives ``{"public": "", "max-age": "60"}``."""
    pairs = (part.partition("=") for part in text[:2000].lower().split(","))
    return {name.strip(): value.strip().strip('"') for name, _, value in pairs if name.strip()}


def _seconds(values: dict[str, str], name: str) -> int | None:
    return _number(values.get(name, ""))


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else None


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)
