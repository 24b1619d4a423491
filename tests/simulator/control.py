"""How is the simulator told what to do from outside? A control API under /_simulator/ on the API's port."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from simulator.acts import ActRefused
from simulator.faults import Fault
from simulator.ims import Ims
from simulator.io_events.faults import EventFault
from simulator.io_events.service import IoEvents
from simulator.middleware import Surroundings
from simulator.scenario import ScenarioError
from simulator.upkeep_plan import UpkeepPlan
from simulator.world import Busy, NoSource, PipelineState, World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ControlApi:
    """GET state, requests, service-credentials, deliveries; POST execution, fault, person, release, site, skip, upkeep,
    registration, event-fault."""

    def __init__(self, world: World, ims: Ims, around: Surroundings, io_events: IoEvents) -> None:
        self._world, self._ims, self._around, self._io_events = world, ims, around, io_events

    def routes(self) -> list[web.RouteDef]:
        gets = {
            "state": self._state,
            "requests": self._requests,
            "service-credentials": self._service_credentials,
            "deliveries": self._deliveries,
        }
        posts = {
            "execution": self._execution,
            "fault": self._fault,
            "person": self._person,
            "release": self._release,
            "site": self._site,
            "skip": self._skip,
            "upkeep": self._upkeep,
            "registration": self._registration,
            "event-fault": self._event_fault,
        }
        return [web.get(f"/_simulator/{name}", _guarded(handler)) for name, handler in gets.items()] + [
            web.post(f"/_simulator/{name}", _guarded(handler)) for name, handler in posts.items()
        ]

    async def _state(self, request: web.Request) -> web.Response:
        return web.json_response(state_of(self._world))

    async def _requests(self, request: web.Request) -> web.Response:
        return web.json_response([item.as_json() for item in self._around.requests])

    async def _service_credentials(self, request: web.Request) -> web.Response:
        return web.json_response(self._ims.service_credentials())

    async def _deliveries(self, request: web.Request) -> web.Response:
        return web.json_response(
            [
                {"registration": each.registration, "at": each.at, "retry": each.retry, "events": each.events,
                 "status": each.status, "error": each.error}
                for each in self._io_events.post.attempts
            ]
        )  # fmt: skip

    async def _registration(self, request: web.Request) -> web.Response:
        made = await self._io_events.register(**await _sent(request))
        shown = {"id": made.id, "status": made.status, "journal_url": made.journal_url}
        return web.json_response(shown, status=201)

    async def _event_fault(self, request: web.Request) -> web.Response:
        self._io_events.faults.add(EventFault.model_validate(await _sent(request)), self._world.now())
        return web.json_response({"accepted": True}, status=201)

    async def _execution(self, request: web.Request) -> web.Response:
        sent = await _sent(request)
        execution_id = start_execution(
            self._world,
            sent.get("release"),
            pipeline=sent.get("pipeline"),
            trigger=sent.get("trigger", "MANUAL"),
            beside=bool(sent.get("beside")),
            user=sent.get("user"),
            source=sent.get("source"),
        )
        return web.json_response({"execution": execution_id}, status=201)

    async def _fault(self, request: web.Request) -> web.Response:
        self._around.faults.add(Fault.model_validate(await _sent(request)))
        return web.json_response({"accepted": True}, status=201)

    async def _person(self, request: web.Request) -> web.Response:
        sent = await _sent(request)
        self._world.person(str(sent["verb"]), str(sent["execution"]))
        return web.json_response({"accepted": True}, status=202)

    async def _release(self, request: web.Request) -> web.Response:
        sent = await _sent(request)
        self._world.scenario.release(str(sent["release"]))
        self._world.next_releases.append(str(sent["release"]))
        return web.json_response({"accepted": True}, status=201)

    async def _site(self, request: web.Request) -> web.Response:
        sent = await _sent(request)
        defects = None if sent.get("defects") is None else frozenset(sent["defects"])
        self._world.site(str(sent["site"])).set(access=sent.get("access"), defects=defects)
        return web.json_response({"accepted": True})

    async def _upkeep(self, request: web.Request) -> web.Response:
        done = self._world.upkeep.do(UpkeepPlan.model_validate(await _sent(request)))
        return web.json_response({"id": done}, status=201)

    async def _skip(self, request: web.Request) -> web.Response:
        self._world.skip(float((await _sent(request))["seconds"]))
        return web.json_response(state_of(self._world))


def start_execution(
    world: World,
    release: str | None,
    *,
    pipeline: str | None,
    trigger: str,
    beside: bool = False,
    user: str | None = None,
    source: str | None = None,
) -> str:
    """Start an execution of a pipeline of the first program (None: its first); its id.

    `source` is the stage-only execution that a production-only one goes on from, or None for the newest good one.
    Without a `user` a manual one is started by the usual person, and no other names anybody, as at Adobe.
    """
    program = world.scenario.first_program
    wanted = pipeline or world.scenario.first_pipeline.id
    state = world.pipeline(program.id, wanted)
    if state is None:
        raise KeyError(f"program {program.id} has no pipeline {wanted}")
    return world.start(state, release, trigger=trigger, beside=beside, user=user, source=source).id


def state_of(world: World) -> dict[str, Any]:
    """The world in short, as JSON."""
    world.tick()
    states = [state for program in world.scenario.programs for state in world.pipelines(program.id)]
    acts = [
        {"execution": act.execution, "action": act.action, "verb": act.verb, "body": act.body, "by": act.by,
         "status": act.status, "at": act.at}
        for act in world.acts
    ]  # fmt: skip
    return {"simulated": True, "executions": _snapshot(states), "sites": world.sites.state(), "acts": acts}


def _snapshot(states: Sequence[PipelineState]) -> list[dict[str, Any]]:
    """The executions of pipelines in short, for the control API."""
    return [
        {
            "id": execution.id,
            "pipeline": state.plan.id,
            "release": execution.release,
            "trigger": execution.trigger,
            "status": execution.status,
            "steps": {step.blueprint.key: step.status for step in execution.steps},
        }
        for state in states
        for execution in state.executions
    ]


def _guarded(handler: Handler) -> Handler:
    async def guarded(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Busy:
            return web.json_response({"error": "the pipeline has an execution that is not over"}, status=409)
        except (
            ActRefused,
            NoSource,
            KeyError,
            TypeError,
            ValueError,
            ScenarioError,
            ValidationError,
        ) as error:
            return web.json_response({"error": str(error)}, status=400)

    return guarded


async def _sent(request: web.Request) -> dict[str, Any]:
    sent = await request.json()
    if not isinstance(sent, dict):
        raise ValueError("the body must be a JSON object")
    return sent
