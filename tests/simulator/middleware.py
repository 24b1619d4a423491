"""What happens to every request of every service? It is recorded, broken by rule, marked as simulated."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable
from email.utils import formatdate

from aiohttp import web

from simulator.echo import echo_error, echoed
from simulator.faults import Fault, FaultRules, body_of, merged
from simulator.holds import Hold, wait_for_holds
from simulator.request_log import RecordedRequest, record

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
MARK = {"X-Simulated": "true"}


class Surroundings:
    """What the middleware of all services shares."""

    def __init__(
        self, faults: FaultRules, now: Callable[[], float], expire_tokens: Callable[[], None]
    ) -> None:
        self.faults, self.now, self.expire_tokens = faults, now, expire_tokens
        self.requests: list[RecordedRequest] = []
        self.holds: list[Hold] = []


def surround(app: web.Application, service: str, around: Surroundings) -> web.Application:
    """Put the recording, the faults and the mark around an application that has not been started."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/_simulator/"):
            return await handler(request)
        recorded = await record(service, request, around.now())
        around.requests.append(recorded)
        picked = around.faults.pick(service, request.method, request.raw_path)
        await wait_for_holds(around.holds, recorded, answered=False)
        response = await _handle(request, handler, picked, around)
        await wait_for_holds(around.holds, recorded, answered=True)
        return response

    async def mark(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(MARK)
        if response.headers.get("Date") == "":
            del response.headers["Date"]
        if service in ("api", "ims", "io-events"):
            response.headers.setdefault("x-request-id", f"simulated-{uuid.uuid4().hex[:12]}")

    app.middlewares.insert(0, middleware)
    app.on_response_prepare.append(mark)
    return app


async def _handle(
    request: web.Request, handler: Handler, faults: tuple[Fault, ...], around: Surroundings
) -> web.StreamResponse:
    for fault in faults:
        if fault.effect == "delay":
            await asyncio.sleep(fault.seconds)
        elif fault.effect == "expire_tokens":
            around.expire_tokens()
        elif fault.effect == "drop":
            return _hang_up(request)
        elif fault.effect == "answer":
            return _instead(fault)
        elif fault.effect == "echo_error":
            return echo_error(request, await request.read(), fault.status)
    response = await _answer(request, handler)
    for fault in faults:
        response = await _spoil(request, response, fault)
    return response


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        return web.Response(status=error.status, headers=error.headers, body=error.body)


async def _spoil(request: web.Request, response: web.StreamResponse, fault: Fault) -> web.StreamResponse:
    if fault.effect == "lose_answer":
        return _hang_up(request)
    if fault.effect == "late_answer":
        await asyncio.sleep(fault.seconds)
    if fault.effect == "clock":
        response.headers["Date"] = (
            "" if fault.offset is None else formatdate(time.time() + fault.offset, usegmt=True)
        )
    if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        return response
    if fault.effect == "echo":
        return echoed(request, response)
    if fault.effect == "malformed":
        response.body = response.body[: len(response.body) // 2] + b" "
    elif fault.effect == "merge":
        response.body = json.dumps(merged(json.loads(response.body), fault.body)).encode()
    elif fault.effect == "truncate":
        return await _truncate(request, response)
    return response


async def _truncate(request: web.Request, response: web.Response) -> web.StreamResponse:
    body = bytes(response.body or b"") if isinstance(response.body, bytes) else b""
    cut = web.StreamResponse(status=response.status, headers={"Content-Type": response.content_type})
    cut.content_length = len(body) + 1
    await cut.prepare(request)
    await cut.write(body[: len(body) // 2])
    return _hang_up(request)


def _instead(fault: Fault) -> web.Response:
    body, content_type = body_of(fault)
    return web.Response(
        status=fault.status, headers={"Content-Type": content_type, **fault.headers}, body=body
    )


def _hang_up(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.close()
    return web.Response()
