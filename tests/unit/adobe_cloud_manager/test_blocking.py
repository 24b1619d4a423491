"""Does a wait ever stop the triggerer's event loop? Every blocking call below it is an error here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from blockbuster import BlockingError, blockbuster_ctx

from adobe_cloud_manager.events.hint import HINT_VARIABLE
from adobe_cloud_manager.triggers.execution_wait import ExecutionTrigger
from unit.adobe_cloud_manager.adobe_double import Adobe
from unit.adobe_cloud_manager.events.triggerer import Supervisor
from unit.adobe_cloud_manager.local_cloud_manager import EXECUTION, PIPELINE, PROGRAM, execution_json
from unit.adobe_cloud_manager.local_server import SILENCE, reply

PATH = f"/api/program/{PROGRAM}/pipeline/{PIPELINE}/execution"


def trigger(goal: str) -> ExecutionTrigger:
    return ExecutionTrigger(
        goal=goal,
        program_id=PROGRAM,
        pipeline_id=PIPELINE,
        execution_id=EXECUTION,
        cloud_manager_conn_id="cloud_manager_default",
        deadline=time.time() + 120,
        poll_interval=0.02,
    )


def run_watched(*triggers: ExecutionTrigger) -> list[Any]:
    """Run them on one event loop, as a triggerer does, where whatever blocks raises."""

    async def beside() -> list[Any]:
        waits = [asyncio.create_task(anext(one.run())) for one in triggers]  # type: ignore[arg-type]
        return await asyncio.gather(*waits)

    async def main() -> list[Any]:
        with blockbuster_ctx():
            return await asyncio.wait_for(beside(), 120)

    return asyncio.run(main())


@pytest.mark.parametrize("proxied", [False, True])
def test_waits_of_every_kind_never_block(
    adobe: Adobe, monkeypatch: pytest.MonkeyPatch, proxied: bool
) -> None:
    """From reading connection, settings and hints to a token that expires, a broken connection and the end."""
    host = adobe.url.replace("127.0.0.1", "localhost")  # a name, so that it has to be resolved
    monkeypatch.setenv("AIRFLOW__ADOBE_CLOUD_MANAGER__API_URL", host)
    monkeypatch.setenv("AIRFLOW__ADOBE_CLOUD_MANAGER__IMS_URL", host)
    if proxied:
        monkeypatch.setenv("HTTP_PROXY", adobe.url)
        monkeypatch.setenv("NO_PROXY", "elsewhere.example")
        adobe.server.respond = lambda request: adobe.respond(
            replace(request, target=urlsplit(request.target).path)
        )
    Supervisor().install(monkeypatch).variables[HINT_VARIABLE] = "{}"
    monkeypatch.setattr("adobe_cloud_manager.hooks.cloud_manager_async._ACCOUNT_KEPT", 0.01)
    expired = reply(403, {"error_code": "401013", "message": "Oauth token is not valid"})
    building, staged = (reply(200, execution_json(*at)) for at in (("build",), ("deploy:prod", "FINISHED")))
    adobe.routes[f"{PATH}/{EXECUTION}"] = [building, expired, building, SILENCE, building, building, staged]
    adobe.routes[PATH] = building
    adobe.routes[f"{PATH}s"] = reply(200, {"_embedded": {"executions": [execution_json()]}})
    events = run_watched(trigger("stage deployment"), trigger("decision about production"))
    assert [event.payload["kind"] for event in events] == ["done", "done"]


@pytest.mark.parametrize("blocks", [lambda: time.sleep(0.001), lambda: Path("/dev/null").read_text()])
def test_a_call_that_blocks_would_be_noticed(
    adobe: Adobe, monkeypatch: pytest.MonkeyPatch, blocks: Callable[[], object]
) -> None:
    from adobe_cloud_manager.hooks.account import Account

    monkeypatch.setattr(Account, "headers", lambda *_, **__: blocks() or {})
    adobe.routes[f"{PATH}/{EXECUTION}"] = reply(200, execution_json("deploy:stage", "FINISHED"))
    with pytest.raises(BlockingError):
        run_watched(trigger("stage deployment"))
