"""Does the proxy that other programs use let through what the gate may ask, and nothing else?"""

from __future__ import annotations

import asyncio
import gc
import re
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import web

from aem_checks.access import NO_ACCESS
from aem_checks.client import Client
from aem_checks.means import Means
from aem_checks.network_guard import forward_proxy
from aem_checks.network_guard import outer_proxy as deployment
from aem_checks.network_guard.forward_proxy import ForwardProxy, guard_proxy
from aem_checks.network_guard.rule import Rule
from aem_checks.rate_limit import RateLimit
from aem_checks.sites import SiteConfig


class Server:
    """Answers every path with its name and counts what came in."""

    def __init__(self) -> None:
        self.requests: list[web.BaseRequest] = []

    async def handle(self, request: web.BaseRequest) -> web.Response:
        self.requests.append(request)
        body = await request.read()
        return web.Response(text=f"{request.method} {request.message.path} {body.decode()}".strip())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        runner = web.ServerRunner(web.Server(self.handle), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield runner.addresses[0][1]
        finally:
            await runner.cleanup()


def play(scene: Callable[[Server, int], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        server = Server()
        async with server.running() as port:
            await scene(server, port)

    asyncio.run(run())


async def get(proxy: ForwardProxy, url: str, **options: Any) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(options.pop("method", "GET"), url, proxy=proxy.url, **options) as answer,
    ):
        return answer.status, await answer.text()


async def tunnel(proxy: ForwardProxy, place: str) -> tuple[bytes, asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))
    writer.write(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
    return (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1], reader, writer


def stack_traces(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What connections that ended by an error left in the log."""
    gc.collect()
    return [each.getMessage() for each in caplog.records if each.name == "asyncio"]


def limit(folder: Path, per_second: float = 5000) -> RateLimit:
    return RateLimit(per_second, folder=folder)


def test_a_visit_has_a_proxy_for_its_own_hosts(tmp_path: Path) -> None:
    async def scene(server: Server, port: int) -> None:
        site = SiteConfig.model_validate({"stage": f"http://127.0.0.1:{port}", "pages": ["/"]})
        async with (
            Client.for_site(site, lambda _: NO_ACCESS, rate_limit=limit(tmp_path)) as client,
            guard_proxy(Means(site, "stage", client, None, tmp_path)) as proxy,
        ):
            status, text = await get(
                proxy, f"http://127.0.0.1:{port}/us/en.html?a=%20b", data=b"words", method="POST"
            )
            assert (status, text) == (200, "POST /us/en.html?a=%20b words")
            assert proxy.asked == {f"127.0.0.1:{port}": 1}
        assert "Proxy-Connection" not in server.requests[0].headers

    play(scene)


@pytest.mark.parametrize(
    "form", ["127.0.0.1:{}", "localhost:{}", "2130706433:{}", "0x7f.1:{}", "[::ffff:127.0.0.1]:{}"]
)
def test_a_tunnel_to_a_host_that_no_gate_file_names_is_refused(tmp_path: Path, form: str) -> None:
    async def scene(server: Server, port: int) -> None:
        rule = Rule.of(["https://stage.wknd.site"])
        async with ForwardProxy(rule, limit(tmp_path)) as proxy:
            place = form.format(port)
            status, _, writer = await tunnel(proxy, place)
            writer.close()
            assert status == b"403"
            assert "allow_hosts" in proxy.refused[place]
        assert server.requests == []

    play(scene)


def test_a_name_that_changes_its_address_between_two_requests_is_refused_when_connecting(
    tmp_path: Path,
) -> None:
    answers = [["127.0.0.1"], ["169.254.169.254"], ["127.0.0.1", "10.0.0.1"]]

    async def lookup(host: str, port: int) -> list[str]:
        return answers.pop(0)

    async def scene(server: Server, port: int) -> None:
        url = f"http://rebound.example:{port}"
        rule = Rule.of([url], private=[url])
        async with ForwardProxy(rule, limit(tmp_path), lookup=lookup) as proxy:
            assert (await get(proxy, f"{url}/first"))[0] == 200
            assert (await get(proxy, f"{url}/second"))[0] == 403
            assert "169.254.169.254" in proxy.refused[f"rebound.example:{port}"]
            assert (await get(proxy, f"{url}/third"))[0] == 200
        assert [request.path for request in server.requests] == ["/first", "/third"]

    play(scene)


def test_a_public_name_at_a_private_address_is_refused(tmp_path: Path) -> None:
    async def lookup(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async def scene(server: Server, port: int) -> None:
        url = f"http://stage.example:{port}"
        async with ForwardProxy(Rule.of([url]), limit(tmp_path), lookup=lookup) as proxy:
            assert (await get(proxy, url))[0] == 403
            status, _, writer = await tunnel(proxy, f"stage.example:{port}")
            writer.close()
            assert status == b"403"
        assert server.requests == []

    play(scene)


def test_a_tunnel_carries_bytes_both_ways(tmp_path: Path) -> None:
    async def scene(server: Server, port: int) -> None:
        rule = Rule.of([f"https://127.0.0.1:{port}"])
        async with ForwardProxy(rule, limit(tmp_path)) as proxy:
            status, reader, writer = await tunnel(proxy, f"127.0.0.1:{port}")
            assert status == b"200"
            writer.write(b"GET /inside HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert b"GET /inside" in await reader.read()
            writer.close()

    play(scene)


def test_a_second_request_on_a_connection_cannot_slip_through_to_another_host(tmp_path: Path) -> None:
    async def scene(server: Server, port: int) -> None:
        async with ForwardProxy(Rule.of([f"http://127.0.0.1:{port}"]), limit(tmp_path)) as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))
            good = f"GET http://127.0.0.1:{port}/a HTTP/1.1\r\nHost: x\r\n\r\n"
            writer.write((good + good.replace("127.0.0.1", "evil.example")).encode())
            answers = await reader.read()
            writer.close()
            assert answers.count(b"HTTP/1.1 200") == 1
        assert len(server.requests) == 1

    play(scene)


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET ftp://127.0.0.1/ HTTP/1.1\r\n\r\n",
        b"CONNECT  HTTP/1.1\r\n\r\n",
        b"\x00\xff\r\n\r\n",
        b"CONNECT 127.0.0.1:99999 HTTP/1.1\r\n\r\n",
        b"GET http://[broken/ HTTP/1.1\r\n\r\n",
        b"GET http://elsewhere.example\\@127.0.0.1/ HTTP/1.1\r\n\r\n",
        b"CONNECT elsewhere.example:443@127.0.0.1:443 HTTP/1.1\r\n\r\n",
        b"A" * 200_000,
    ],
)
def test_nonsense_ends_a_connection_and_not_the_proxy(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, said: bytes
) -> None:
    """And no page can write stack traces into the gate's log."""

    async def scene(server: Server, port: int) -> None:
        async with ForwardProxy(Rule.of([f"http://127.0.0.1:{port}"]), limit(tmp_path)) as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))
            writer.write(said)
            with suppress(ConnectionResetError):
                assert b" 200 " not in await asyncio.wait_for(reader.read(), 60)
            writer.close()
            assert (await get(proxy, f"http://127.0.0.1:{port}/"))[0] == 200

    play(scene)
    assert stack_traces(caplog) == []


def test_plain_requests_and_tunnels_keep_the_rate_of_their_host(tmp_path: Path) -> None:
    async def scene(server: Server, port: int) -> None:
        async with ForwardProxy(Rule.of([f"http://127.0.0.1:{port}"]), limit(tmp_path, 20)) as proxy:
            started = time.monotonic()
            await asyncio.gather(*(get(proxy, f"http://127.0.0.1:{port}/{number}") for number in range(7)))
            assert time.monotonic() - started >= 6 / 20

    play(scene)


def test_a_closed_port_is_told_apart_from_a_refusal(tmp_path: Path) -> None:
    async def scene(server: Server, port: int) -> None:
        async with ForwardProxy(Rule.of(["http://127.0.0.1:9"]), limit(tmp_path)) as proxy:
            assert (await get(proxy, "http://127.0.0.1:9/"))[0] == 502
            assert "127.0.0.1:9" in proxy.unreached
            assert proxy.refused == {}

    play(scene)


def test_the_gates_own_proxy_is_used_where_it_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scene(server: Server, port: int) -> None:
        monkeypatch.setenv("http_proxy", f"http://reader:secret@127.0.0.1:{port}")
        monkeypatch.setenv("no_proxy", "")
        async with ForwardProxy(Rule.of(["http://stage.example"]), limit(tmp_path)) as proxy:
            assert await get(proxy, "http://stage.example/us/en.html") == (
                200,
                "GET http://stage.example/us/en.html",
            )
        assert server.requests[0].headers["Proxy-Authorization"].startswith("Basic ")

    play(scene)


@pytest.mark.parametrize(
    ("scheme", "host", "proxy"),
    [
        ("http", "stage.example", "http://proxy.example:3128"),
        ("https", "stage.example", "https://reader:secret@secure.example"),
        ("https", "10.0.0.1", "https://reader:secret@secure.example"),
        ("ftp", "stage.example", None),
        ("http", "direct.example", None),
        ("https", "a.intern.example", None),
        ("http", "localhost", None),
        ("https", "127.0.0.1", None),
        ("https", "[::1]", None),
    ],
)
def test_the_deployment_says_through_which_proxy_a_host_is_asked(
    monkeypatch: pytest.MonkeyPatch, scheme: str, host: str, proxy: str | None
) -> None:
    """With or without its scheme; and this machine itself is never asked through one."""
    monkeypatch.setenv("http_proxy", "proxy.example:3128")
    monkeypatch.setenv("https_proxy", "https://reader:secret@secure.example")
    monkeypatch.setenv("no_proxy", "direct.example,.intern.example")
    found = deployment.outer_proxy(scheme, host)
    assert (found and found.geturl()) == proxy
    monkeypatch.delenv("http_proxy")
    monkeypatch.delenv("https_proxy")
    assert deployment.outer_proxy(scheme, host) is None


@dataclass
class FurtherProxy:
    """A proxy that was connected to instead of a real one: what it is asked, what it answers, whether it was let go."""

    answer: bytes
    stays: bool = False
    """Whether it says nothing more and does not end."""
    asked: bytes = b""
    called: list[tuple[str, int, bool]] = field(default_factory=list)
    closed: bool = False

    async def connect(self, host: str, port: int, *, ssl: bool) -> tuple[asyncio.StreamReader, FurtherProxy]:
        self.called.append((host, port, ssl))
        reader = asyncio.StreamReader()
        reader.feed_data(self.answer)
        if not self.stays:
            reader.feed_eof()
        return reader, self

    def write(self, data: bytes) -> None:
        self.asked += data

    def close(self) -> None:
        self.closed = True


class RawServer:
    """Keeps each byte that comes; answers after a head and so many bytes (-1: all that come), and ends its side then."""

    def __init__(self, answer: bytes, body: int = 0) -> None:
        self._answer, self._body = answer, body
        self.heard = b""
        self.let_go = asyncio.Event()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            self.heard += await reader.readuntil(b"\r\n\r\n")
            self.heard += await (reader.read() if self._body < 0 else reader.readexactly(self._body))
            writer.write(self._answer)
            writer.write_eof()
            self.heard += await reader.read()
        self.let_go.set()
        writer.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[int]:
        async with await asyncio.start_server(self._serve, "127.0.0.1", 0) as server:
            yield server.sockets[0].getsockname()[1]


ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


async def raw(proxy: ForwardProxy, said: bytes, *, no_more: bool = False) -> bytes:
    """All that comes back until the proxy ends the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))
    writer.write(said)
    if no_more:
        writer.write_eof()
    try:
        return await asyncio.wait_for(reader.read(), 60)
    finally:
        writer.close()


def asked_raw(
    folder: Path,
    said: bytes,
    server: RawServer,
    *,
    further: pytest.MonkeyPatch | None = None,
    no_more: bool = False,
    **options: Any,
) -> tuple[bytes, ForwardProxy]:
    """What a program gets for these bytes (``PLACE`` is the server), and the proxy when it is over."""

    async def scene() -> tuple[bytes, ForwardProxy]:
        async with server.running() as port:
            place = f"127.0.0.1:{port}"
            if further is not None:
                further.setenv("http_proxy", f"http://reader:secret@{place}")
                further.setenv("https_proxy", f"http://reader:secret@{place}")
                further.setenv("no_proxy", "")
            rule = Rule.of([f"http://{place}", "http://stage.example"])
            async with ForwardProxy(rule, limit(folder), **options) as proxy:
                answer = await raw(proxy, said.replace(b"PLACE", place.encode()), no_more=no_more)
                if proxy.asked:
                    await asyncio.wait_for(server.let_go.wait(), 60)
            server.heard = server.heard.replace(place.encode(), b"PLACE")
            return answer, proxy

    return asyncio.run(scene())


ITS_OWN = b"""Connection: keep-alive, X\r
Proxy-Connection: keep-alive\r
PROXY-AUTHORIZATION : Basic c2VjcmV0\r
Keep-Alive: timeout=5\r
Upgrade: h2c\r
TE: trailers\r
"""
"""Lines that are about the connection to the proxy."""


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        (b"GET http://PLACE/a/%20b?c=/d#e HTTP/1.1", b"GET /a/%20b?c=/d#e HTTP/1.1"),
        (b"PURGE http://PLACE//a://b HTTP/1.0", b"PURGE //a://b HTTP/1.1"),
        (b"get http://PLACE HTTP/1.1", b"get / HTTP/1.1"),
        (b"GET http://PLACE?q=a/b HTTP/1.1", b"GET /?q=a/b HTTP/1.1"),
    ],
)
@pytest.mark.parametrize(
    ("headers", "body", "follows"),
    [
        (b"", b"", b"more"),
        (b"Content-Length: 5\r\n", b"words", b"more"),
        (b"CONTENT-LENGTH : 5\r\n", b"words", b"GET http://elsewhere.example/ HTTP/1.1\r\n\r\n"),
        (b"Content-Length: five\r\n", b"", b"more"),
        (b"Transfer-Encoding: chunked\r\n", b"5\r\nwords\r\n0\r\n\r\n", b""),
        (b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", b"3\r\na:b\r\n0\r\n\r\n", b""),
    ],
)
def test_a_plain_request_is_handed_on_as_it_is_written_but_for_what_is_the_proxys(
    tmp_path: Path, asked: bytes, line: bytes, headers: bytes, body: bytes, follows: bytes
) -> None:
    server = RawServer(ANSWER, len(body))
    kept = b"Host: x\r\nX-Words: a: b\r\n" + headers
    said = asked + b"\r\nHost: x\r\n" + ITS_OWN + b"X-Words: a: b\r\n" + headers + b"\r\n" + body + follows
    answer, proxy = asked_raw(tmp_path, said, server)
    assert answer == ANSWER
    assert server.heard == line + b"\r\n" + kept + b"Connection: close\r\n\r\n" + body
    assert list(proxy.asked.values()) == [1]


def test_a_further_proxy_gets_the_whole_address_and_its_own_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = RawServer(ANSWER, 5)
    said = b"POST http://stage.example/a?b HTTP/1.1\r\n" + ITS_OWN + b"Content-Length: 5\r\n\r\nwordsmore"
    answer, _ = asked_raw(tmp_path, said, server, further=monkeypatch)
    assert answer == ANSWER
    assert server.heard == (
        b"POST http://stage.example/a?b HTTP/1.1\r\nProxy-Authorization: Basic cmVhZGVyOnNlY3JldA==\r\n"
        b"Content-Length: 5\r\nConnection: close\r\n\r\nwords"
    )


def test_a_tunnel_goes_through_the_further_proxy_for_https(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = RawServer(b"HTTP/1.1 200 OK\r\n\r\nwhat the host says")
    said = b"CONNECT stage.example:443 HTTP/1.1\r\n\r\n"
    answer, _ = asked_raw(tmp_path, said, server, further=monkeypatch)
    assert answer == b"HTTP/1.1 200 Connection established\r\n\r\nwhat the host says"
    assert server.heard == (
        b"CONNECT stage.example:443 HTTP/1.1\r\nHost: stage.example:443\r\n"
        b"Proxy-Authorization: Basic cmVhZGVyOnNlY3JldA==\r\n\r\n"
    )


def test_a_connection_carries_so_many_bytes_each_way_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many parts they come in."""
    monkeypatch.setattr(forward_proxy, "_CHUNK", 300)
    server = RawServer(b"d" * 1100, 1000 - 4)
    said = b"CONNECT PLACE HTTP/1.1\r\n\r\n\r\n\r\n" + b"u" * 1100
    answer, _ = asked_raw(tmp_path, said, server, max_bytes=1000)
    assert answer == b"HTTP/1.1 200 Connection established\r\n\r\n" + b"d" * 1000
    assert server.heard == b"\r\n\r\n" + b"u" * (1000 - 4)


def test_a_host_hears_that_a_program_has_said_all(tmp_path: Path) -> None:
    server = RawServer(b"heard", -1)
    said = b"CONNECT PLACE HTTP/1.1\r\n\r\n\r\n\r\nwords"
    answer, _ = asked_raw(tmp_path, said, server, no_more=True)
    assert answer == b"HTTP/1.1 200 Connection established\r\n\r\nheard"
    assert server.heard == b"\r\n\r\nwords"


def told(status: bytes) -> bytes:
    return b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        (b"CONNECT elsewhere.example HTTP/1.1", "elsewhere.example:443"),
        (b"connect elsewhere.example:8443 HTTP/1.1", "elsewhere.example:8443"),
        (b"CONNECT [2001:db8::1]:22 HTTP/1.1", "[2001:db8::1]:22"),
        (b"CONNECT m\xfc.example HTTP/1.1", "m\ufffd.example:443"),
        (b"GET http://elsewhere.example/ HTTP/1.1", "elsewhere.example:80"),
        (b"GET http://elsewhere.example:8080/ HTTP/1.1", "elsewhere.example:8080"),
        (b"GET http://[2001:db8::1]?x HTTP/1.1", "[2001:db8::1]:80"),
    ],
)
def test_what_is_refused_is_told_and_kept_by_host_and_port(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, asked: bytes, place: str
) -> None:
    server = RawServer(ANSWER)
    answer, proxy = asked_raw(tmp_path, asked + b"\r\n\r\n", server)
    assert answer == told(b"403 Not contacted by the gate")
    assert list(proxy.refused) == [place]
    assert "is no address of this site" in proxy.refused[place]
    assert (proxy.asked, proxy.unreached, server.heard) == ({}, {}, b"")
    assert stack_traces(caplog) == []


@pytest.mark.parametrize(
    "asked",
    [
        b"GET / HTTP/1.1",
        b"GET //PLACE/ HTTP/1.1",
        b"GET http:///a HTTP/1.1",
        b"GET https://PLACE/ HTTP/1.1",
        b"GET http://PLACE/ HTTP/2",
        b"GET http://PLACE/ a HTTP/1.1",
        b"GET http://PLACE/  HTTP/1.1",
        b"GET http://PLACE/",
        b"GET http://PLACE/a\\b HTTP/1.1",
        b"GET http://reader@PLACE/ HTTP/1.1",
        b"CONNECT reader@PLACE HTTP/1.1",
        b"CONNECT  HTTP/1.1",
    ],
)
def test_what_two_proxies_might_read_in_two_ways_is_no_request(tmp_path: Path, asked: bytes) -> None:
    server = RawServer(ANSWER)
    answer, proxy = asked_raw(tmp_path, asked + b"\r\n\r\n", server)
    assert answer == told(b"400 This is a forward proxy for http and CONNECT")
    assert (proxy.asked, proxy.refused, server.heard) == ({}, {}, b"")


def looked_up(*addresses: str) -> Callable[[str, int], Coroutine[Any, Any, list[str]]]:
    async def lookup(host: str, port: int) -> list[str]:
        return list(addresses)

    return lookup


@pytest.mark.parametrize(
    ("addresses", "problem"),
    [
        (("127.0.0.2", "127.0.0.1"), None),
        (("127.0.0.2", "127.0.0.3"), "127.0.0.3"),
        ((), "^stage.example has no address$"),
    ],
)
def test_the_next_address_of_a_name_is_tried_and_the_last_problem_is_told(
    tmp_path: Path, addresses: tuple[str, ...], problem: str | None
) -> None:
    async def scene(server: Server, port: int) -> None:
        url, place = f"http://stage.example:{port}", f"stage.example:{port}"
        rule = Rule.of([url], private=[url])
        async with ForwardProxy(rule, limit(tmp_path), lookup=looked_up(*addresses)) as proxy:
            answer = await raw(proxy, f"GET {url}/ HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        if problem is None:
            assert answer.startswith(b"HTTP/1.1 200 OK")
            assert proxy.unreached == {}
        else:
            assert answer == told(b"502 No connection")
            assert re.search(problem, proxy.unreached[place])
        assert proxy.asked == ({place: 1} if problem is None else {})

    play(scene)


def test_a_name_that_nobody_answers_for_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward_proxy, "_CONNECT_SECONDS", 0.01)

    async def lookup(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    said = b"GET http://stage.example/ HTTP/1.1\r\n\r\n"
    answer, proxy = asked_raw(tmp_path, said, RawServer(ANSWER), lookup=lookup)
    assert answer == told(b"502 No connection")
    assert proxy.unreached == {"stage.example:80": "no connection within 0 s"}


@pytest.mark.parametrize("name", ["_HEAD_SECONDS", "_CONNECT_SECONDS", "_IDLE_SECONDS"])
def test_nothing_is_waited_for_longer_than_some_minutes(name: str) -> None:
    assert 1 <= getattr(forward_proxy, name) <= 300


def test_a_program_that_asks_nothing_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward_proxy, "_HEAD_SECONDS", 0.01)
    assert asked_raw(tmp_path, b"GET http://PLACE/ HTTP/1.1\r\n", RawServer(ANSWER))[0] == b""


def test_a_connection_on_which_nobody_says_anything_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward_proxy, "_IDLE_SECONDS", 0.01)
    answer, _ = asked_raw(tmp_path, b"CONNECT PLACE HTTP/1.1\r\n\r\n", RawServer(ANSWER))
    assert answer == b"HTTP/1.1 200 Connection established\r\n\r\n"


def test_more_connections_than_there_may_be_are_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As soon as one of them is over, the next one is served."""
    monkeypatch.setattr(forward_proxy, "MAX_CONNECTIONS", 1)

    async def scene(server: Server, port: int) -> None:
        async with ForwardProxy(Rule.of([f"http://127.0.0.1:{port}"]), limit(tmp_path)) as proxy:
            request = f"GET http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: x\r\n\r\n".encode()
            _, reader, writer = await tunnel(proxy, f"127.0.0.1:{port}")
            assert await raw(proxy, b"") == told(b"503 Too many connections")
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 200 OK")
            writer.close()
            for _ in range(3):
                assert (await raw(proxy, request)).startswith(b"HTTP/1.1 200 OK")
            assert proxy.asked == {f"127.0.0.1:{port}": 4}

    play(scene)


def test_each_proxy_has_a_port_of_its_own_that_only_this_machine_reaches(tmp_path: Path) -> None:
    async def scene(server: Server, port: int) -> None:
        rule = Rule.of([f"http://127.0.0.1:{port}"])
        async with ForwardProxy(rule, limit(tmp_path)) as one, ForwardProxy(rule, limit(tmp_path)) as another:
            assert one.url != another.url
            for proxy in (one, another):
                assert (await get(proxy, f"http://127.0.0.1:{port}/"))[0] == 200
                with pytest.raises(ConnectionRefusedError):  # as at any address but the one
                    await asyncio.open_connection("127.0.0.2", int(proxy.url.rpartition(":")[2]))

    play(scene)


def test_nothing_goes_through_a_proxy_that_is_over(tmp_path: Path) -> None:
    async def scene(server: Server, port: int) -> None:
        async with ForwardProxy(Rule.of([f"http://127.0.0.1:{port}"]), limit(tmp_path)) as proxy:
            _, reader, writer = await tunnel(proxy, f"127.0.0.1:{port}")
        with suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 60) == b""
        writer.close()
        with pytest.raises(ConnectionRefusedError):
            await tunnel(proxy, f"127.0.0.1:{port}")

    play(scene)


class Turns(RateLimit):
    """Notes whose turn was waited for."""

    def __init__(self, folder: Path) -> None:
        super().__init__(5000, folder=folder)
        self.places: list[str] = []

    async def acquire(self, host: str, *, per_second: float | None = None) -> float:
        self.places.append(host)
        return await super().acquire(host, per_second=per_second)


def test_each_host_waits_for_its_own_turn_and_what_is_refused_for_none(tmp_path: Path) -> None:
    async def scene(server: Server, port: int) -> None:
        turns = Turns(tmp_path)
        async with ForwardProxy(Rule.of([f"http://127.0.0.1:{port}"]), turns) as proxy:
            await get(proxy, f"http://127.0.0.1:{port}/")
            await get(proxy, "http://elsewhere.example/")
            _, _, writer = await tunnel(proxy, f"127.0.0.1:{port}")
            writer.close()
        assert turns.places == [f"127.0.0.1:{port}"] * 2

    play(scene)


OPENED = b"HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n"


def asked_for_a_tunnel(
    monkeypatch: pytest.MonkeyPatch, proxy: str, further: FurtherProxy, host: str = "stage.example"
) -> bytes:
    """What is read from the tunnel."""
    monkeypatch.setattr(asyncio, "open_connection", further.connect)

    async def scene() -> bytes:
        reader, _ = await deployment.tunnel(urlsplit(proxy), host, 443)
        return await reader.read()

    return asyncio.run(scene())


@pytest.mark.parametrize(
    ("proxy", "called"),
    [
        ("http://proxy.example", ("proxy.example", 80, False)),
        ("http://proxy.example:3128", ("proxy.example", 3128, False)),
        ("https://proxy.example", ("proxy.example", 443, True)),
        ("https://proxy.example:8443", ("proxy.example", 8443, True)),
    ],
)
def test_a_proxy_is_called_at_its_port_and_over_tls_where_it_says_so(
    monkeypatch: pytest.MonkeyPatch, proxy: str, called: tuple[str, int, bool]
) -> None:
    further = FurtherProxy(OPENED)
    asked_for_a_tunnel(monkeypatch, proxy, further)
    assert further.called == [called]


@pytest.mark.parametrize(
    ("login", "header"),
    [
        ("", b""),
        ("reader:secret@", b"Proxy-Authorization: Basic cmVhZGVyOnNlY3JldA==\r\n"),
        ("reader@", b"Proxy-Authorization: Basic cmVhZGVyOg==\r\n"),
        ("re%40der:s%3Acret@", b"Proxy-Authorization: Basic cmVAZGVyOnM6Y3JldA==\r\n"),
    ],
)
@pytest.mark.parametrize(
    ("host", "place"), [("stage.example", b"stage.example:443"), ("2001:db8::1", b"[2001:db8::1]:443")]
)
def test_a_tunnel_is_asked_with_the_proxys_own_login_and_nothing_more(
    monkeypatch: pytest.MonkeyPatch, login: str, header: bytes, host: str, place: bytes
) -> None:
    further = FurtherProxy(OPENED + b"what the host says")
    read = asked_for_a_tunnel(monkeypatch, f"http://{login}proxy.example:3128", further, host)
    assert further.asked == b"CONNECT " + place + b" HTTP/1.1\r\nHost: " + place + b"\r\n" + header + b"\r\n"
    assert read == b"what the host says"
    assert not further.closed


@pytest.mark.parametrize("answer", [b"HTTP/1.1 200\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n"])
def test_a_proxy_may_open_a_tunnel_in_few_words(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    assert asked_for_a_tunnel(monkeypatch, "http://proxy.example", FurtherProxy(answer + b"x")) == b"x"


@pytest.mark.parametrize(
    ("further", "says"),
    [
        (
            FurtherProxy(b"HTTP/1.1 407 Proxy Authentication Required\r\nServer: x\r\n\r\n"),
            "gave no tunnel, it answers 'HTTP/1.1 407 Proxy Authentication Required'$",
        ),
        (FurtherProxy(b"HTTP/1.1 500 " + b"x" * 250 + b"\r\n\r\n"), r"it answers 'HTTP/1\.1 500 x{87}'$"),
        (FurtherProxy(b"HTTP/1.1 4\xf63 200\r\n\r\n"), "it answers 'HTTP/1.1 4\ufffd3 200'$"),
        (FurtherProxy(b""), "gave no tunnel and no answer$"),
        (FurtherProxy(b"HTTP/1.1 200 OK\r\n"), "gave no tunnel and no answer$"),
        (FurtherProxy(b"x" * 200_000, stays=True), "gave no tunnel and no answer$"),
    ],
)
def test_a_proxy_that_gives_no_tunnel_is_named_with_its_answer_and_let_go(
    monkeypatch: pytest.MonkeyPatch, further: FurtherProxy, says: str
) -> None:
    with pytest.raises(OSError, match=f"^the proxy proxy.example .*{says}") as error:
        asked_for_a_tunnel(monkeypatch, "http://reader:secret@proxy.example", further)
    assert "secret" not in str(error.value)
    assert further.closed


def test_a_proxy_that_is_not_waited_for_any_longer_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    further = FurtherProxy(b"", stays=True)
    monkeypatch.setattr(asyncio, "open_connection", further.connect)

    async def scene() -> None:
        waiting = asyncio.create_task(
            deployment.tunnel(urlsplit("http://proxy.example"), "stage.example", 443)
        )
        while not further.asked:  # noqa: ASYNC110 - what is waited for is one turn of the loop
            await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(scene())
    assert further.closed


@pytest.mark.parametrize("private", [False, True])
def test_the_gates_own_client_asks_a_private_address_only_where_the_gate_file_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, private: bool
) -> None:
    asked = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: asked("127.0.0.1", *rest, **more))

    async def scene(server: Server, port: int) -> None:
        url = f"http://stage.example:{port}"
        site = SiteConfig.model_validate({"stage": {"url": url, "private": private}, "pages": ["/"]})
        async with Client.for_site(site, lambda _: NO_ACCESS, rate_limit=limit(tmp_path)) as client:
            response = await client.get(f"{url}/")
        assert response.answered is private
        assert ("private: true" in (response.error or "")) is not private

    play(scene)
