"""How does lychee ask the site without asking it itself? By a relay that sends through the gate's own client.

lychee believes that the site is at the relay's address on loopback, and has the relay as its proxy for all else.
The relay passes on only what the check wants to know, each URL once, through the visit's client: with the
site's credentials, within its rate limit, to its hosts and no other. All other questions are answered here with
a plain yes: files that other checks look at, other hosts, and what is beyond the limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Self

from aiohttp import web

from aem_checks.reach import is_unreached
from aem_checks.response import REDIRECTS
from aem_checks.urls import host_of, uncached

if TYPE_CHECKING:
    from aem_checks.response import Response
    from aem_checks.visit import Visit

_NOT_PAGES = (
    ".css", ".js", ".mjs", ".json", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".avif", ".ico", ".woff",
    ".woff2", ".ttf", ".eot", ".mp4", ".webm", ".xml",
)  # fmt: skip
"""Endings of files that ``client_libraries`` and ``images`` look at."""
_DOCUMENTS = (".pdf", ".docx", ".xlsx", ".pptx", ".doc", ".xls", ".ppt", ".zip")

MOST_PER_PAGE = 1000
"""Links of one page that lychee sees; a page with more is a list that no visitor reads."""


class Relay:
    """``async with`` it; ``url`` is the site's address for lychee. ``answers`` is what the site said."""

    def __init__(self, visit: Visit, known: Mapping[str, Response], most: int) -> None:
        """``known``: answers by path that are there already; ``most``: how many further URLs are asked."""
        self._visit = visit
        self._left = most
        self._asking: dict[str, asyncio.Task[Response | None]] = {}
        self.answers: dict[str, Response] = dict(known)
        self.left_out: set[str] = set()
        self.read: set[str] = set()
        """Paths of pages whose links lychee reads; of all others it gets the anchors alone, which is much faster."""

    async def __aenter__(self) -> Self:
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port: int = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._asking.values():
            task.cancel()
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def path_of(self, url: str) -> str | None:
        """Path and query of a URL of the site as lychee knows it; ``None`` for other hosts."""
        if url != self.url and not url.startswith(f"{self.url}/"):
            return None
        path = url[len(self.url) :].partition("#")[0] or "/"
        return path.removesuffix("?")  # what asks drops a query without a word

    def path_as_linked(self, url: str) -> str | None:
        """The same for a URL as the page writes it, on the site's own hosts."""
        if host_of(url) in self._visit.endpoint.hosts:
            return "/" + url.partition("://")[2].partition("/")[2]
        return self.path_of(url)

    def is_of_target(self, url: str) -> bool:
        """Whether a URL is on a host of the site that is judged."""
        return host_of(url) in self._visit.endpoint.hosts

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method == "CONNECT":
            return web.Response(status=403)
        path = self.path_of(str(request.message.url)) or self._own_path(request.message.path)
        answer = await self.ask(path) if path is not None else None
        if answer is None:
            return web.Response(text="", content_type="text/html")
        leaves = answer.location is not None and not self.is_of_target(answer.location)
        status = 200 if leaves else _told(answer.status)
        if path in self.read:
            body, charset = first_links(answer.body), _charset(answer)
        else:
            body, charset = _anchors(answer), "utf-8"
        return web.Response(
            status=status, body=body, headers={"Content-Type": f"text/html; charset={charset}"}
        )

    def _own_path(self, target: str) -> str | None:
        return target if target.startswith("/") else None

    async def ask(self, path: str) -> Response | None:
        """What the site says there, asked once; ``None`` for what is not asked."""
        if path in self.answers:
            return self.answers[path]
        if self.leaves_to_others(path):
            return None
        if path not in self._asking:
            if self._left <= 0:
                self.left_out.add(path)
                return None
            self._left -= 1
            self._asking[path] = asyncio.create_task(self._ask(path))
        return await asyncio.shield(self._asking[path])

    def leaves_to_others(self, path: str) -> bool:
        """Whether other checks ask for this file."""
        plain = _without_query(path)
        return plain.endswith(_NOT_PAGES) or plain.startswith("/etc.clientlibs/")

    async def _ask(self, path: str) -> Response | None:
        client, url = self._visit.client, uncached(self._visit.url(path))
        within = self._visit.endpoint.hosts
        if _without_query(path).endswith(_DOCUMENTS):
            answer = await client.head(url, tries=2)
            if answer.status in REDIRECTS or is_unreached(answer):
                answer = (await client.follow(url, tries=2, within=within))[-1]
        else:
            answer = (await client.follow(url, tries=2, within=within))[-1]
        self.answers[path] = answer
        return answer


def _without_query(path: str) -> str:
    return path.partition("?")[0].lower()


def first_links(body: bytes) -> bytes:
    """A page up to its link number ``MOST_PER_PAGE``."""
    place = -1
    for _ in range(MOST_PER_PAGE + 1):
        place = body.find(b"href=", place + 1)
        if place < 0:
            return body
    return body[:place]


def _anchors(answer: Response) -> bytes:
    """A page with nothing but the places that a link may point to."""
    if not answer.is_html:
        return b""
    nodes = answer.document.css("[id], a[name]")
    names = (node.attributes.get(name) for node in nodes for name in ("id", "name"))
    places = dict.fromkeys(name for name in names if name)
    return "".join(f'<p id="{escape(place)}"></p>\n' for place in places).encode("utf-8", "replace")


def _told(status: int) -> int:
    """What lychee hears: redirects are followed here, and 429 would make it ask again and again."""
    return status if status >= 200 and status not in REDIRECTS and status != 429 else 502


def _charset(answer: Response) -> str:
    declared = answer.headers.get("Content-Type", "").lower().partition("charset=")[2].strip(" \"'")
    return declared if declared.isalnum() or declared.replace("-", "").isalnum() else "utf-8"
