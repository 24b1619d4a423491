"""What can a site answer that no check expects? A server that answers every request with the same garbage."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache

Send = Callable[[asyncio.StreamWriter, str], Awaitable[None]]
"""Answers one request for a path."""
_HTML = "text/html;charset=utf-8"
_BIG = 50 * 1024 * 1024
_PAGE = (
    b"<!DOCTYPE html><html lang='en'><head><title>Larkfell</title></head><body><main>%s</main></body></html>"
)


def _whole(
    body: Callable[[str], bytes], content_type: str = _HTML, status: int = 200, more: str = ""
) -> Send:
    async def send(writer: asyncio.StreamWriter, path: str) -> None:
        content = body(path)
        head = (
            f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {len(content)}\r\n{more}"
        )
        writer.write(head.encode("latin-1") + b"Connection: close\r\n\r\n" + content)

    return send


async def _truncated_gzip(writer: asyncio.StreamWriter, path: str) -> None:
    packed = gzip.compress(_PAGE % (b"<p>Ridge</p>" * 500))
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {_HTML}\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    writer.write(head.encode() + packed[: len(packed) // 2])


async def _slow_loris(writer: asyncio.StreamWriter, path: str) -> None:
    writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {_HTML}\r\nContent-Length: 100000\r\n\r\n".encode())
    with contextlib.suppress(ConnectionError):
        for _ in range(200):
            writer.write(b"<")
            await writer.drain()
            await asyncio.sleep(0.05)


async def _hangs_up(writer: asyncio.StreamWriter, path: str) -> None:
    writer.transport.abort()


@cache
def _bomb() -> bytes:
    """50 MB of markup as 50 kB of gzip."""
    packer = zlib.compressobj(9, wbits=31)
    block = b"<p class='x'>ridge &amp; tarn</p>" * 32768
    packed = packer.compress(_PAGE[:90])
    for _ in range(_BIG // len(block)):
        packed += packer.compress(block)
    return packed + packer.flush()


def _links(path: str) -> bytes:
    if "/page-" in path:
        return _PAGE % b"<h1>Ridge</h1>"
    links = b"".join(b'<a href="/us/en/page-%d.html#part-%d">%d</a>' % (n, n, n) for n in range(10_000))
    return _PAGE % links


_LAUGHS = "".join(
    f'<!ENTITY l{level} "{f"&l{level - 1};" * 10}">' if level else '<!ENTITY l0 "larkfell">'
    for level in range(10)
)
_XML_BOMB = f'<?xml version="1.0"?><!DOCTYPE urlset [{_LAUGHS}]><urlset><url><loc>&l9;</loc></url></urlset>'
_OUTSIDE = (
    '<?xml version="1.0"?><!DOCTYPE urlset [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    "<urlset><url><loc>&e;</loc></url></urlset>"
)
_STRANGE = (
    "Cache-Control: max-age=99999999999999999999, =, ,;\r\nX-Vhost: \x1b]0;x\x07\r\nVary: *,,\r\nAge: -1\r\n"
    "Strict-Transport-Security: max-age=nine\r\nContent-Security-Policy: ;;;frame-ancestors\r\nLink: <\r\n"
    "Location: http://[::1\r\nExpires: never\r\nAccess-Control-Allow-Origin: null\r\nSet-Cookie: =;;\r\n"
)


async def _endless(writer: asyncio.StreamWriter, path: str) -> None:
    start, _, turn = path.partition("turn=")
    number = int(turn.partition("&")[0] or 0) + 1 if turn[:1].isdigit() else 1
    target = f"{start.partition('?')[0]}?turn={number}"
    head = f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    writer.write(head.encode())


NOTHING: dict[str, Send] = {
    "truncated gzip": _truncated_gzip,
    "no gzip at all": _whole(lambda path: b"\x1f\x8b" + b"larkfell" * 40, more="Content-Encoding: gzip\r\n"),
    "endless redirects": _endless,
    "slow loris": _slow_loris,
    "connections that are cut": _hangs_up,
}
"""Garbage that is no answer: no check may pass on it."""
SOMETHING: dict[str, Send] = {
    "no bytes": _whole(lambda path: b""),
    "a page of 50 MB": _whole(lambda path: _bomb(), more="Content-Encoding: gzip\r\n"),
    "a wrong charset": _whole(lambda path: _PAGE % "Köpfe".encode("latin-1"), "text/html;charset=utf-16"),
    "a charset that is none": _whole(lambda path: _PAGE % b"x", "text/html;charset=klingon"),
    "invalid UTF-8": _whole(lambda path: _PAGE % (b"\xc3\x28\xff\xfe\x00\x80" * 300)),
    "10,000 links": _whole(_links),
    "broken XML": _whole(lambda path: b"<?xml version='1.0'?><urlset><url><loc>http://", "application/xml"),
    "an XML bomb": _whole(lambda path: _XML_BOMB.encode(), "application/xml"),
    "an XML bomb as a page": _whole(lambda path: _XML_BOMB.encode()),
    "XML that asks for a file": _whole(lambda path: _OUTSIDE.encode(), "text/xml"),
    "elements inside of elements": _whole(lambda path: _PAGE % (b"<div>" * 90_000)),
    "brackets inside of brackets": _whole(lambda path: b"[" * 200_000, "application/json"),
    "broken structured data": _whole(
        lambda path: _PAGE % (b'<script type="application/ld+json">{"@type":' + b"[" * 50_000 + b"</script>")
    ),
    "strange headers": _whole(lambda path: _PAGE % (b"<p>Ridge</p>" * 100), ";;;", more=_STRANGE),
    "strange headers of an error": _whole(lambda path: b"lost", "text/html", 404, _STRANGE),
}
"""Garbage that is an answer: checks judge it as they like, but do not crash, hang or pass without a look."""


@asynccontextmanager
async def garbage_site(send: Send) -> AsyncIterator[str]:
    """A server whose every answer is this; its address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            asked = await reader.readuntil(b"\r\n\r\n")
            await send(writer, asked.split(b" ", 2)[1].decode("latin-1"))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
