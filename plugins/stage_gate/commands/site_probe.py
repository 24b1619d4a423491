"""What does a site answer to this machine, and from which address is it asked?"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from aem_checks.response import Response

MAX_BYTES = 5 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SiteAnswer:
    """What came back, or why nothing did. ``status`` is 0 without an answer."""

    url: str
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: bytes = b""
    error: str = ""

    @property
    def date(self) -> datetime | None:
        """The clock of the server."""
        try:
            return parsedate_to_datetime(self.headers["date"])
        except (KeyError, ValueError):
            return None


def ask(
    url: str, headers: Mapping[str, str] | None = None, *, private: bool = False, seconds: float = 15.0
) -> SiteAnswer:
    """GET one URL once, as a check does, following no redirect, reading at most 5 MB. Never raises for what the
    network does.

    ``headers`` may hold credentials; they appear in no message. ``private``: whether the host may have a private
    address.
    """
    from aem_checks.access import Access
    from aem_checks.client import Client
    from aem_checks.network_guard.rule import Rule

    async def get() -> Response:
        rule = Rule.of([url], private=[url] if private else [])
        options: dict[str, Any] = {"rule": rule, "timeout": seconds, "max_body": MAX_BYTES}
        async with Client({url: Access(headers=headers or {})}, **options) as client:
            return await client.get(url)

    try:
        response = asyncio.run(get())
    except ValueError as error:
        return SiteAnswer(url, error=str(error))
    found = {name.lower(): value for name, value in response.headers.items()}
    return SiteAnswer(url, response.status, found, response.body, error=response.error or "")


def source_address(url: str) -> str:
    """The address of this machine from which ``url`` is reached; empty where no route exists.

    Behind a router or proxy the site sees another one.
    """
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 443)
    try:
        with socket.socket(_family(parts.hostname or "", port), socket.SOCK_DGRAM) as unconnected:
            unconnected.connect((parts.hostname, port))
            return str(unconnected.getsockname()[0])
    except OSError:
        return ""


def _family(host: str, port: int) -> socket.AddressFamily:
    return socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0][0]
