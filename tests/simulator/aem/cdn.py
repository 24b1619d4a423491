"""What does the CDN do? It keeps answers as long as their headers say, in compressed time, by full URL."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from simulator.aem.exchange import Ask, Reply

_MARKETING = re.compile(r"(utm_\w+|gclid|fbclid|gdftrk|_ga|mc_\w+|trk_\w+|dm_i|_ke|sc_\w+|msclkid)(=|$)")
_CACHED_STATUSES = frozenset({200, 203, 204, 301, 302, 307, 308, 404, 410})
_MOST_ENTRIES = 5000


@dataclass(frozen=True, slots=True)
class _Entry:
    reply: Reply
    stored: float
    lifetime: float


class Cdn:
    """One point of presence. ``scale`` is how many seconds of a lifetime pass in one second of the clock."""

    def __init__(self, clock: Callable[[], float], scale: float) -> None:
        self._clock, self._scale = clock, scale
        self._entries: dict[tuple[str, str, str], _Entry] = {}

    def answer(self, ask: Ask, origin: Callable[[Ask], Reply]) -> Reply:
        """From the cache (``x-cache: HIT``), else from the origin (``MISS``)."""
        if ask.method not in ("GET", "HEAD"):
            return origin(ask).with_headers(x_cache="MISS")
        key = (ask.path, _relevant(ask.query), ask.headers.get("origin", ""))
        entry = self._entries.get(key)
        age = 0.0 if entry is None else (self._clock() - entry.stored) * self._scale
        if entry is not None and age < entry.lifetime:
            return entry.reply.with_headers(x_cache="HIT", age=str(int(age)))
        reply = origin(ask)
        self._keep(key, reply)
        return reply.with_headers(x_cache="MISS", age="0")

    def _keep(self, key: tuple[str, str, str], reply: Reply) -> None:
        lifetime = lifetime_of(reply)
        self._entries.pop(key, None)
        if lifetime <= 0 or reply.status not in _CACHED_STATUSES or "set-cookie" in reply.headers:
            return
        while len(self._entries) >= _MOST_ENTRIES:
            del self._entries[next(iter(self._entries))]
        self._entries[key] = _Entry(reply, self._clock(), lifetime)


def _relevant(query: str) -> str:
    """The query without marketing parameters, which Adobe's CDN drops; all others are part of the key."""
    return "&".join(part for part in query.split("&") if not _MARKETING.match(part))


def lifetime_of(reply: Reply) -> float:
    """Seconds that the CDN may keep it: 0 for none, private and no-store answers."""
    directives = reply.headers.get("cache-control", "").replace(" ", "").lower().split(",")
    if {"private", "no-store", "no-cache"} & set(directives):
        return 0.0
    values = dict(each.partition("=")[::2] for each in directives)
    return float(values.get("s-maxage") or values.get("max-age") or 0)
