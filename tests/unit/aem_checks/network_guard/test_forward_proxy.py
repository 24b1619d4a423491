"""Does the proxy that other programs use let through what the gate may ask, and nothing else?"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from aem_checks.access import NO_ACCESS
from aem_checks.client import Client
from aem_checks.network_guard.forward_proxy import ForwardProxy, guard_proxy
from aem_checks.network_guard.rule import Rule
from aem_checks.rate_limit import RateLimit
from aem_checks.sites import SiteConfig
from aem_checks.visit import Visit


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


def limit(folder: Path, per_second: float = 5000) -> RateLimit:
    return RateLimit(per_second, folder=folder)


def test_a_visit_has_a_proxy_for_its_own_hosts(tmp_path: Path) -> None:
    async def scene(server: Server, port: int) -> None:
        site = SiteConfig.model_validate({"stage": f"http://127.0.0.1:{port}", "pages": ["/"]})
        async with (
            Client.for_site(site, lambda _: NO_ACCESS, rate_limit=limit(tmp_path)) as client,
            guard_proxy(Visit(site, "stage", client, None, tmp_path)) as proxy,
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
def test_nonsense_ends_a_connection_and_not_the_proxy(tmp_path: Path, said: bytes) -> None:
    async def scene(server: Server, port: int) -> None:
        async with ForwardProxy(Rule.of([f"http://127.0.0.1:{port}"]), limit(tmp_path)) as proxy:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))
            writer.write(said)
            with suppress(ConnectionResetError):
                assert b" 200 " not in await asyncio.wait_for(reader.read(), 60)
            writer.close()
            assert (await get(proxy, f"http://127.0.0.1:{port}/"))[0] == 200

    play(scene)


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
