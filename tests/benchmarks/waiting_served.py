"""Who answers a thousand waiting gates without being the bottleneck? A Cloud Manager that only shows what time it is.

`python -m benchmarks.waiting_served GATES READY`: serves the gates of a file (``waiting_gates``) on a free port of
this machine, in real time, and counts who asked for what. It is a process of its own, so that it costs the
triggerer nothing.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from aiohttp import web

from benchmarks.waiting_gates import Gate, gates_in
from unit.adobe_cloud_manager.local_cloud_manager import step_json

SLOW = 0.05
"""Seconds until an answer, as over the internet."""


class Served:
    """The gates by their execution's id, and how often they were asked for."""

    def __init__(self, gates: list[Gate]) -> None:
        self.gates = {gate.execution_id: gate for gate in gates}
        self.calls: dict[str, int] = {}

    def app(self) -> web.Application:
        app = web.Application()
        pipeline = "/api/program/{program}/pipeline/{pipeline}"
        app.add_routes(
            [
                web.post("/ims/{rest:.*}", self.token),
                web.get(pipeline + "/execution/{execution}", self.execution),
                web.get(pipeline + "/execution", self.current),
                web.get("/calls", self.counted),
                web.get("/{rest:.*}", self.nothing),
            ]
        )
        return app

    async def token(self, request: web.Request) -> web.Response:
        self._count("tokens")
        return web.json_response({"access_token": "a-token", "token_type": "bearer", "expires_in": 86399})

    async def execution(self, request: web.Request) -> web.Response:
        self._count("looks")
        await asyncio.sleep(SLOW)
        return web.json_response(_document(self.gates[request.match_info["execution"]]))

    async def current(self, request: web.Request) -> web.Response:
        self._count("current")
        await asyncio.sleep(SLOW)
        return web.json_response(_document(self.gates[request.match_info["pipeline"]]))

    async def nothing(self, request: web.Request) -> web.Response:
        """What the HTTP provider's trigger takes for *not yet*."""
        self._count("others")
        await asyncio.sleep(SLOW)
        raise web.HTTPNotFound

    async def counted(self, _: web.Request) -> web.Response:
        return web.json_response(self.calls)

    def _count(self, what: str) -> None:
        self.calls[what] = self.calls.get(what, 0) + 1


def _document(gate: Gate) -> dict[str, Any]:
    seen = gate.plan.at(time.time() - gate.created_at)
    steps = []
    for step in seen.steps:
        name = f"deploy:{step.environment_type}" if step.action == "deploy" else step.action
        shown = step_json(name, step.status, execution=gate.execution_id, pipelineId=gate.execution_id)
        for key, at in (("startedAt", step.started_at), ("finishedAt", step.finished_at)):
            shown.pop(key, None)
            if at is not None:
                shown[key] = _moment(gate.created_at + gate.plan.seconds_of(at))
        steps.append(shown)
    return {
        "id": gate.execution_id,
        "programId": gate.program_id,
        "pipelineId": gate.execution_id,
        "status": seen.status,
        "createdAt": _moment(gate.created_at),
        "_embedded": {"stepStates": steps},
    }


def _moment(at: float) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at))
    return f"{whole}.{int(at % 1 * 1000):03d}+0000"


async def _serve(gates: Path, ready: Path) -> None:
    runner = web.AppRunner(Served(gates_in(gates)).app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    draft = ready.with_suffix(".draft")
    draft.write_text(json.dumps({"url": f"http://127.0.0.1:{runner.addresses[0][1]}"}))
    draft.replace(ready)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), Path(sys.argv[2])))
