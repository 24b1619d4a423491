"""How does the simulated site meet the network? One aiohttp application around one function."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from functools import lru_cache

from aiohttp import web

from simulator.aem.exchange import Ask, Reply

_WORTH_PACKING = 1000
"""Bytes; smaller answers are sent as they are."""
_PACKED = ("text/", "application/json", "application/javascript", "application/xml")


def application(
    answer: Callable[[Ask], Reply], sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> web.Application:
    """An application without routes: its middleware sees every path exactly as it was sent.

    ``sleep`` is how it waits before an answer that has a delay.
    """

    @web.middleware
    async def door(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        reply = answer(_ask(request, await request.read()))
        if reply.delay:
            await sleep(reply.delay)
        return _response(request, reply)

    return web.Application(middlewares=[door])


def _ask(request: web.Request, body: bytes) -> Ask:
    path, _, query = request.raw_path.partition("?")
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Ask(request.method, path, query, headers, body)


def _response(request: web.Request, reply: Reply) -> web.Response:
    headers, body = dict(reply.headers), reply.body
    if "content-encoding" not in headers and headers.get("content-type", "").startswith(_PACKED):
        headers["vary"] = ", ".join(filter(None, (headers.get("vary"), "Accept-Encoding")))
        if len(body) >= _WORTH_PACKING and "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"], body = "gzip", _packed(body)
    return web.Response(status=reply.status, headers=headers, body=body)


@lru_cache(maxsize=1024)
def _packed(body: bytes) -> bytes:
    packer = zlib.compressobj(1, wbits=31)
    return packer.compress(body) + packer.flush()
