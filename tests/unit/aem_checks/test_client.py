"""Does the client ask politely, keep to the site's hosts, and turn every trouble into a value?"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket

import pytest
from aiohttp import web

from aem_checks.access import Access
from aem_checks.client import USER_AGENT, Client, HostNotAllowed
from aem_checks.network_guard.rule import Rule
from aem_checks.rate_limit import RateLimit
from aem_checks.urls import plain_url, uncached
from unit.aem_checks.page_site import PageSite, text

pytestmark = pytest.mark.asyncio


async def _raw_server(answer: bytes | None):
    """A server that sends these bytes, or none for as long as it is asked, then closes; it keeps the request lines."""
    lines: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            lines.append(await reader.readline())
            await reader.readuntil(b"\r\n\r\n")
            if answer is None:
                await reader.read()
            else:
                writer.write(answer)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    return server, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", lines


async def _ask_raw(answer: bytes | None, path: str = "/", **options):
    server, url, lines = await _raw_server(answer)
    async with server, Client({url: Access()}, rate_limit=RateLimit(5000), backoff=0.01, **options) as client:
        return await client.get(url + path), lines


async def test_it_says_who_it_is_and_sends_the_credentials_of_its_host():
    async with PageSite() as site, site.client(Access({"X-AEM-Edge-Key": "k1"}, ("user", "pass"))) as client:
        response = await client.get(site.url + "/")
    sent = site.requests[0].headers
    assert response.status == 200
    assert sent["User-Agent"] == USER_AGENT
    assert sent["X-AEM-Edge-Key"] == "k1"
    assert sent["Authorization"] == "Basic dXNlcjpwYXNz"


async def test_a_foreign_host_is_refused_before_anything_is_sent():
    async with PageSite() as site, PageSite() as other, site.client() as client:
        for url in (other.url + "/", "file:///etc/passwd", "http://[", "https://example.invalid/"):
            with pytest.raises(HostNotAllowed):
                await client.get(url)
        assert other.requests == []


async def test_redirects_are_followed_only_on_request_and_within_the_site():
    answers = {
        "/a": lambda _: web.Response(status=302, headers={"Location": "/b"}),
        "/b": lambda _: web.Response(status=301, headers={"Location": "https://elsewhere.invalid/c"}),
        "/loop": lambda _: web.Response(status=302, headers={"Location": "/loop"}),
    }
    async with PageSite(answers) as site, site.client() as client:
        assert (await client.get(site.url + "/a")).status == 302
        chain = await client.follow(uncached(site.url + "/a"))
        assert [(plain_url(each.url).removeprefix(site.url), each.status) for each in chain] == [
            ("/a", 302),
            ("/b", 301),
        ]
        assert "stage-gate=" in chain[1].url
        assert len(await client.follow(site.url + "/loop")) == 1


async def test_paths_arrive_as_they_are_written():
    path = "/content/../libs/x;%2e%2e/%3Ba//b.json?a=%20&b=1%2F"
    _, lines = await _ask_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", path)
    assert lines[0] == f"GET {path} HTTP/1.1\r\n".encode()


async def test_a_line_break_in_a_url_cannot_forge_a_request():
    _, lines = await _ask_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "/a\r\nX-Evil: 1")
    assert lines[0] == b"GET /a%0D%0AX-Evil:%201 HTTP/1.1\r\n" or lines[0].startswith(b"GET /aX-Evil")


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        (b"", 0, "closed without an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", 0, "not valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", 200, "broke off"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", 200, "decompressed"),
    ],
)
async def test_a_broken_answer_is_a_value_not_an_exception(answer, status, words):
    response, _ = await _ask_raw(answer)
    assert response.status == status
    assert words in response.error
    assert not response.ok


async def test_a_slow_answer_ends_at_the_time_limit():
    response, _ = await _ask_raw(None, timeout=0.2)
    assert not response.answered
    assert "time limit" in response.error


async def test_the_first_byte_and_the_whole_answer_are_timed():
    async def slow(request: web.BaseRequest) -> web.StreamResponse:
        answer = web.StreamResponse()
        await asyncio.sleep(0.2)
        await answer.prepare(request)
        await asyncio.sleep(0.2)
        await answer.write(b"at last")
        return answer

    async with PageSite({"/": slow}) as site, site.client() as client:
        response = await client.get(site.url + "/")
    assert 0.2 <= response.first_byte <= response.elapsed
    assert response.elapsed >= 0.4


async def test_a_refused_connection_is_a_value():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        async with Client({url: Access()}, rate_limit=RateLimit(5000)) as client:
            response = await client.get(url)
    assert "no connection" in response.error


async def test_a_body_is_cut_at_the_limit_even_when_it_is_compressed():
    bomb = gzip.compress(b"x" * 3_000_000)
    answers = {"/bomb": lambda _: web.Response(body=bomb, headers={"Content-Encoding": "gzip"})}
    async with PageSite(answers) as site, site.client(max_body=1_000_000) as client:
        response = await client.get(site.url + "/bomb")
    assert len(response.body) == 1_000_000
    assert response.truncated


async def test_only_what_may_improve_is_tried_again():
    seen = {"/503": 0, "/404": 0, "/429": 0}

    def counted(status):
        def answer(request):
            seen[request.path] += 1
            return web.Response(status=200 if seen[request.path] == 3 else status)

        return answer

    answers = {"/503": counted(503), "/404": counted(404), "/429": counted(429)}
    async with PageSite(answers) as site, site.client() as client:
        assert (await client.get(site.url + "/503", tries=3)).status == 200
        assert (await client.get(site.url + "/404", tries=3)).status == 404
        assert (await client.get(site.url + "/429", tries=2)).status == 429
        assert (await client.request("POST", site.url + "/503", body=b"")).status == 503
    assert seen == {"/503": 4, "/404": 1, "/429": 2}


async def test_secrets_that_the_site_echoes_do_not_come_back():
    def echo(request):
        value = request.headers["Authorization"]
        return web.Response(text=f"you sent {value}", headers={"X-Echo": value})

    async with (
        PageSite({"/": echo}) as site,
        site.client(Access({"Authorization": "Bearer s3cr3t-token"})) as client,
    ):
        response = await client.get(site.url + "/")
    assert "s3cr3t" not in response.text + str(dict(response.headers)) + repr(response)


async def test_credentials_stay_with_their_own_origin():
    async with PageSite() as stage, PageSite() as production:
        origins = {stage.url: Access({"Authorization": "Bearer stage-token"}), production.url: Access()}
        async with Client(origins, rate_limit=RateLimit(5000)) as client:
            await client.get(stage.url + "/")
            await client.get(production.url + "/")
    assert "Authorization" in stage.requests[0].headers
    assert "Authorization" not in production.requests[0].headers


async def test_log_ins_that_are_stored_on_the_worker_are_not_sent(tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("default login somebody password of-the-worker\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    async with PageSite() as site:
        by_name = site.url.replace("127.0.0.1", "stage.example")
        asked = socket.getaddrinfo
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda host, *rest, **more: asked("127.0.0.1", *rest, **more)
        )
        rule = Rule.of([by_name], private=[by_name])
        async with Client({by_name: Access()}, rule=rule, rate_limit=RateLimit(5000)) as client:
            assert (await client.get(by_name + "/")).answered
    assert "Authorization" not in site.requests[0].headers


async def test_cookies_are_not_kept_between_requests():
    answers = {"/": lambda _: web.Response(headers={"Set-Cookie": "affinity=1"})}
    async with PageSite(answers) as site, site.client() as client:
        await client.get(site.url + "/")
        await client.get(site.url + "/")
    assert all("Cookie" not in request.headers for request in site.requests)


async def test_plain_text_answers_are_read_in_their_character_set():
    answers = {
        "/": lambda _: web.Response(
            body="Zürich".encode("latin-1"), headers={"Content-Type": "text/html; charset=ISO-8859-1"}
        ),
        "/odd": text("x", "text/html", charset="no-such-charset"),
    }
    async with PageSite(answers) as site, site.client() as client:
        assert (await client.get(site.url + "/")).text == "Zürich"
