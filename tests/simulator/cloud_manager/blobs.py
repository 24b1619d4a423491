"""Where do step logs lie? A blob store with ranges, which refuses Adobe's headers as the real one does."""

from __future__ import annotations

from aiohttp import web

from simulator.cloud_manager.resources import timestamp
from simulator.execution import Execution, Step
from simulator.world import World

ADOBE_HEADERS = ("Authorization", "x-api-key", "x-gw-ims-org-id")


class BlobStore:
    """Serves the log of a step, also while it grows, as blob storage behind a signed URL does."""

    def __init__(self, world: World) -> None:
        self._world = world

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/simulated/{execution}/{step}/{file:.+}", self._get)
        return app

    async def _get(self, request: web.Request) -> web.Response:
        if any(name in request.headers for name in ADOBE_HEADERS):
            return _error(
                400, "InvalidAuthenticationInfo", "Adobe's headers must not be sent to the blob store"
            )
        if request.query.get("sig") != "simulated":
            return _error(403, "AuthenticationFailed", "the signature is missing")
        found = self._find(request)
        if found is None:
            return _error(404, "BlobNotFound", "the log is not there, or not there yet")
        return ranged(request.headers.get("Range"), log_text(*found, now=self._world.now()).encode())

    def _find(self, request: web.Request) -> tuple[Execution, Step] | None:
        self._world.tick()
        try:
            _, execution = self._world.find(request.match_info["execution"])
            step = execution.steps[int(request.match_info["step"])]
        except (KeyError, ValueError, IndexError):
            return None
        return None if step.status == "NOT_STARTED" else (execution, step)


def log_text(execution: Execution, step: Step, *, now: float) -> str:
    """What the log holds at that time: a running step shows the part that its time has reached."""
    action = step.blueprint.key
    lines = [
        f"[simulated] {timestamp(step.started_at or step.updated_at)} {action} of execution {execution.id}"
    ]
    lines += [f"[simulated] [INFO] {action}: line {number} of 20" for number in range(1, 21)]
    if step.status == "RUNNING" and step.started_at is not None:
        share = min(1.0, (now - step.started_at) / max(step.blueprint.plan.seconds, 0.001))
        return "\n".join(lines[: 1 + int(20 * share)]) + "\n"
    if step.blueprint.plan.log:
        lines.append(step.blueprint.plan.log.rstrip())
    return "\n".join([*lines, f"[simulated] {action} ended: {step.status}"]) + "\n"


def ranged(header: str | None, body: bytes) -> web.Response:
    """The body, or the part of it that a `Range: bytes=` header asks for: 206, or 416 when there is none."""
    if header is None or not header.startswith("bytes="):
        return web.Response(body=body, content_type="text/plain", headers={"Accept-Ranges": "bytes"})
    first, _, last = header.removeprefix("bytes=").partition("-")
    start = int(first) if first else max(0, len(body) - int(last))
    end = min(int(last), len(body) - 1) if first and last else len(body) - 1
    if start > end:
        return web.Response(status=416, headers={"Content-Range": f"bytes */{len(body)}"})
    headers = {"Content-Range": f"bytes {start}-{end}/{len(body)}", "Accept-Ranges": "bytes"}
    return web.Response(status=206, body=body[start : end + 1], content_type="text/plain", headers=headers)


def _error(status: int, code: str, message: str) -> web.Response:
    text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return web.Response(status=status, text=text, content_type="application/xml")
