"""How do the site's credentials reach its own origin, and no other, and how is the site asked slowly enough?

Each request of a page is held for a moment: one to an origin with credentials gets them, any other loses what
carries them, a redirect to another host included. What the guard's proxy can't see, requests inside of TLS to the
site's own hosts, waits here for its turn.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aem_checks.access import Access
from aem_checks.urls import origin_of

if TYPE_CHECKING:
    from aem_checks.means import Means
    from aem_checks.rate_limit import RateLimit


@dataclass(frozen=True)
class Doorkeeper:
    """Holds, dresses and lets go the requests of a page."""

    access: Mapping[str, Access]
    """Credentials by origin, as ``https://host:443``."""
    paced: frozenset[str]
    """Origins whose requests take their turn here."""
    rate_limit: RateLimit
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @classmethod
    def of(cls, means: Means) -> Doorkeeper:
        endpoint = means.endpoint
        urls = [url for url in (endpoint.url, endpoint.origin) if url]
        own = {origin_of(url) for url in urls}
        access = {origin_of(url): means.access.at(url) for url in urls} if means.access else {}
        paced = frozenset(origin for origin in own if origin.startswith("https:"))
        return cls(access, paced, means.client.rate_limit)

    @property
    def is_needed(self) -> bool:
        return bool(self.access or self.paced)

    async def watch(self, session: Any) -> None:
        """Hold the requests of the page behind this session of Chromium's protocol."""
        if self.is_needed:
            session.on("Fetch.requestPaused", lambda event: self._start(session, event))
            await session.send("Fetch.enable", {"patterns": [{"urlPattern": "*", "requestStage": "Request"}]})

    def _start(self, session: Any, event: dict[str, Any]) -> None:
        task = asyncio.create_task(self._let_go(session, event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _let_go(self, session: Any, event: dict[str, Any]) -> None:
        from playwright.async_api import Error

        request, answer = event["request"], {"requestId": event["requestId"]}
        headers = await self.passed(request["url"], request["headers"])
        if headers != request["headers"]:
            answer["headers"] = [{"name": name, "value": value} for name, value in headers.items()]
        with contextlib.suppress(Error):
            await session.send("Fetch.continueRequest", answer)

    async def passed(self, url: str, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers with which a request goes on, when it is its turn."""
        origin = _origin(url)
        if origin in self.paced:
            await self.rate_limit.acquire(origin.partition("://")[2])
        return self.dressed(origin, headers)

    def dressed(self, origin: str, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers with the credentials of this origin, and without those of any other."""
        names = {name.lower() for access in self.access.values() for name in access.request_headers}
        values = {value for access in self.access.values() for value in access.request_headers.values()}
        kept = {
            name: value
            for name, value in headers.items()
            if not (name.lower() in names and (value in values or origin in self.access))
        }
        own = self.access.get(origin)
        return {**kept, **own.request_headers} if own else kept


def _origin(url: str) -> str:
    try:
        return origin_of(url)
    except ValueError:
        return ""
