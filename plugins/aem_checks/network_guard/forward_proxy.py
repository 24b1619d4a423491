"""How do Chromium and other programs ask only what the gate may ask? Through this proxy on loopback.

    async with guard_proxy(means) as proxy:
        ...  # HTTP_PROXY=HTTPS_PROXY=proxy.url for a program; no host may bypass it, loopback included

It understands ``CONNECT`` and requests with an absolute ``http://`` URL. Each connection is checked against the
site's rule (``rule``) when it is made, with the address that is then connected to. Plain requests and new tunnels
keep the rate limit of their host; what is asked inside of a TLS tunnel can't be seen here. It adds no credentials.
Where ``HTTPS_PROXY`` is set for the gate itself, connections are made through that proxy (``outer_proxy``), which
then resolves the names: only names and written addresses are checked.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from aem_checks.network_guard.connecting import Lookup, allowed_addresses, ask_system
from aem_checks.network_guard.outer_proxy import Streams, connected_proxy, login, outer_proxy, tunnel
from aem_checks.network_guard.rule import NotAllowed, Rule

if TYPE_CHECKING:
    from aem_checks.means import Means
    from aem_checks.rate_limit import RateLimit

MAX_HEAD = 64 * 1024
"""Bytes of a request's first line and headers."""
MAX_BYTES = 256 * 1024 * 1024
"""Bytes that one connection may carry each way by default; a stream without end is cut there."""
MAX_CONNECTIONS = 200
_HEAD_SECONDS = 30.0
_CONNECT_SECONDS = 10.0
_IDLE_SECONDS = 120.0
_CHUNK = 64 * 1024
_NOT_FORWARDED = frozenset(
    (b"connection", b"proxy-connection", b"proxy-authorization", b"keep-alive", b"upgrade", b"te")
)


@asynccontextmanager
async def guard_proxy(means: Means) -> AsyncIterator[ForwardProxy]:
    """A running proxy for the hosts of a site and its ``allow_hosts``, at the site's own rate."""
    rule = Rule.for_site(means.site)
    async with ForwardProxy(rule, means.client.rate_limit) as proxy:
        yield proxy


@dataclass(frozen=True)
class _Request:
    """The head of what a program asks."""

    method: bytes
    host: str
    port: int
    head: bytes
    """What is sent on: nothing for a tunnel."""
    absolute: bytes
    """The same for a further proxy."""
    body: int
    """Bytes that may follow the head of a plain request; what comes after them is no part of it."""

    @property
    def is_tunnel(self) -> bool:
        return self.method == b"CONNECT"

    @property
    def place(self) -> str:
        """Host and port, as the rate limit counts them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class ForwardProxy:
    """An HTTP proxy on a free port of loopback, for as long as ``async with`` lasts."""

    def __init__(
        self,
        rule: Rule,
        rate_limit: RateLimit,
        *,
        lookup: Lookup = ask_system,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.rule = rule
        self.url = ""
        """``http://127.0.0.1:PORT``, for ``HTTP_PROXY`` and ``HTTPS_PROXY``."""
        self.asked: Counter[str] = Counter()
        """Requests and tunnels that were let through, by ``host:port``."""
        self.refused: dict[str, str] = {}
        """Why a ``host:port`` is not contacted, as the end of a sentence."""
        self.unreached: dict[str, str] = {}
        """Why no connection to a ``host:port`` came about, as the end of a sentence."""
        self._rate_limit = rate_limit
        self._lookup = lookup
        self._max_bytes = max_bytes
        self._running: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> ForwardProxy:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=MAX_HEAD)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, ValueError, EOFError, asyncio.LimitOverrunError):
            pass  # the program went away, or talked nonsense; it sees a closed connection
        except asyncio.CancelledError:
            pass
        finally:
            self._running.discard(task)
            _close(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._running) > MAX_CONNECTIONS:
            _answer(writer, b"503 Too many connections")
            return
        async with asyncio.timeout(_HEAD_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
        request = _parse(head)
        if request is None:
            _answer(writer, b"400 This is a forward proxy for http and CONNECT")
            return
        there = await self._reach(request, writer)
        if there is not None:
            try:
                up = self._max_bytes if request.is_tunnel else request.body
                await _join((reader, writer), there, up, self._max_bytes)
            finally:
                _close(there[1])

    async def _reach(self, request: _Request, writer: asyncio.StreamWriter) -> Streams | None:
        """A connection on which the request was already sent; ``None`` after telling the program why not."""
        try:
            self.rule.require_host(request.host, request.port)
            await self._rate_limit.acquire(request.place)
            async with asyncio.timeout(_CONNECT_SECONDS):
                there = await self._open(request)
        except NotAllowed as error:
            self.refused[request.place] = str(error)
            _answer(writer, b"403 Not contacted by the gate")
            return None
        except OSError as error:  # a TimeoutError among them
            self.unreached[request.place] = str(error) or f"no connection within {_CONNECT_SECONDS:.0f} s"
            _answer(writer, b"502 No connection")
            return None
        self.asked[request.place] += 1
        if request.is_tunnel:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return there

    async def _open(self, request: _Request) -> Streams:
        further = outer_proxy("https" if request.is_tunnel else "http", request.host)
        if further is not None:
            return await _handed_on(further, request)
        addresses = await allowed_addresses(self.rule, request.host, request.port, self._lookup)
        problem = OSError(f"{request.host} has no address")
        for address in addresses:
            try:
                there = await asyncio.open_connection(address, request.port)
            except OSError as error:
                problem = error
                continue
            there[1].write(request.head)
            return there
        raise problem


def _parse(head: bytes) -> _Request | None:
    """Read a request to a proxy; ``None`` for anything else."""
    first, *lines = head[:-4].split(b"\r\n")
    words = first.split(b" ")
    if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
        return None
    method, target = words[0].upper(), words[1].decode("ascii", "replace")
    parts = urlsplit(f"//{target}" if method == b"CONNECT" else target)
    if not parts.hostname or (method != b"CONNECT" and parts.scheme != "http"):
        return None
    if "@" in parts.netloc or "\\" in target:
        return None  # a further proxy might take another part of it for the host
    if method == b"CONNECT":
        return _Request(method, parts.hostname, parts.port or 443, b"", b"", 0)
    rest = [line for line in lines if line.partition(b":")[0].strip().lower() not in _NOT_FORWARDED]
    after = b"\r\n".join([b"HTTP/1.1", *rest, b"Connection: close", b"", b""])
    path = _path_of(target).encode()
    port = parts.port or 80
    written, absolute = b" ".join((words[0], path, after)), b" ".join((*words[:2], after))
    return _Request(method, parts.hostname, port, written, absolute, _body_of(lines))


def _body_of(lines: list[bytes]) -> int:
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines)
    }
    if b"transfer-encoding" in headers:
        return MAX_BYTES
    length = headers.get(b"content-length", b"0")
    return min(int(length), MAX_BYTES) if length.isdigit() else 0


def _path_of(target: str) -> str:
    """Path and query exactly as written."""
    rest = target.partition("://")[2]
    cut = min((rest.find(sign) for sign in "/?" if sign in rest), default=-1)
    path = rest[cut:] if cut >= 0 else ""
    return path if path.startswith("/") else f"/{path}"


async def _handed_on(proxy: SplitResult, request: _Request) -> Streams:
    """A connection through a further proxy on which a plain request was already sent."""
    if request.is_tunnel:
        return await tunnel(proxy, request.host, request.port)
    there = await connected_proxy(proxy)
    first, _, rest = request.absolute.partition(b"\r\n")
    there[1].write(first + b"\r\n" + login(proxy) + rest)
    return there


def _answer(writer: asyncio.StreamWriter, status: bytes) -> None:
    writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def _close(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, RuntimeError):
        writer.close()


async def _join(here: Streams, there: Streams, most_up: int, most_down: int) -> None:
    """Carry bytes both ways until the far side is through, or both are silent for long."""
    heard = [time.monotonic()]
    up = asyncio.create_task(_carry(here[0], there[1], most_up, heard))
    down = asyncio.create_task(_carry(there[0], here[1], most_down, heard))
    try:
        while not down.done():
            left = heard[0] + _IDLE_SECONDS - time.monotonic()
            if left <= 0:
                return
            await asyncio.wait({down}, timeout=left)
    finally:
        up.cancel()
        down.cancel()
        await asyncio.gather(up, down, return_exceptions=True)


async def _carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, most: int, heard: list[float]
) -> None:
    while most > 0:
        chunk = await reader.read(min(_CHUNK, most))
        if not chunk:
            with contextlib.suppress(OSError):
                writer.write_eof()
            return
        most -= len(chunk)
        heard[0] = time.monotonic()
        writer.write(chunk)
        await writer.drain()
