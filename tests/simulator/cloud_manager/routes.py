"""Which requests does the Cloud Manager API take, and what does each do?"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web

from simulator.acts import ActRefused
from simulator.cloud_manager import executions as steps
from simulator.cloud_manager import gateway, network, resources, upkeep
from simulator.cloud_manager.metrics import metrics
from simulator.execution import Execution, Step
from simulator.ims import Ims
from simulator.scenario import CredentialPlan, EnvironmentPlan, ProgramPlan
from simulator.world import Busy, NoSource, PipelineState, World

PROGRAM = "/api/program/{program}"
PIPELINE = PROGRAM + "/pipeline/{pipeline}"
STEP = PIPELINE + "/execution/{execution}/phase/{phase}/step/{step}"
CREDENTIAL = web.RequestKey("credential", CredentialPlan)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Missing(Exception):
    """What the path names is not there: answered with 404."""


class CloudManagerApi:
    """The API over the world; `blobs_url` is where log redirects point."""

    def __init__(self, world: World, ims: Ims) -> None:
        self._world, self._ims = world, ims
        self.blobs_url = ""

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._gateway])
        app.add_routes(self._resource_routes() + self._execution_routes())
        return app

    def _resource_routes(self) -> list[web.RouteDef]:
        return [
            web.get("/api/tenants", self._tenants),
            web.get("/api/tenant/{tenant}", self._tenant),
            web.get("/api/tenant/{tenant}/programs", self._programs),
            web.get("/api/programs", self._programs),
            web.get(PROGRAM, self._program),
            web.get(PROGRAM + "/pipelines", self._pipelines),
            web.get(PROGRAM + "/environments", self._environments),
            web.get(PROGRAM + "/environment/{environment}", self._environment),
            web.get(PROGRAM + "/environment/{environment}/variables", self._environment_variables),
            web.get(PROGRAM + "/environment/{environment}/domain-mappings", self._environment_domains),
            web.get(PROGRAM + "/environment/{environment}/advancedNetworking", self._networking),
            web.get(PROGRAM + "/environment/{environment}/restorePoints", self._restore_points),
            web.get(PROGRAM + "/environment/{environment}/restoreExecutions", self._restores),
            web.get(PROGRAM + "/contentFlows", self._content_flows),
            web.get(PROGRAM + "/domain-mappings", self._domains),
            web.get(PROGRAM + "/ipAllowlists", self._allow_lists),
            web.get(PIPELINE, self._pipeline),
            web.get(PIPELINE + "/variables", self._pipeline_variables),
        ]

    def _execution_routes(self) -> list[web.RouteDef]:
        return [
            web.get(PIPELINE + "/execution", self._current),
            web.put(PIPELINE + "/execution", self._start),
            web.get(PIPELINE + "/executions", self._list),
            web.get(PIPELINE + "/execution/{execution}", self._execution),
            web.get(STEP, self._step),
            web.put(STEP + "/advance", self._advance),
            web.put(STEP + "/cancel", self._cancel),
            web.get(STEP + "/metrics", self._metrics),
            web.get(STEP + "/logs", self._logs),
            web.get(STEP + "/artifacts", self._artifacts),
            web.get(STEP + "/artifact/{artifact}", self._artifact),
        ]

    @web.middleware
    async def _gateway(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith("/api/"):
            return await handler(request)
        checked = gateway.check(request, self._world.scenario, self._ims)
        if isinstance(checked, web.Response):
            return checked
        if request.path.endswith(tuple(self._world.lost_rights)):
            return gateway.unauthorized()
        request[CREDENTIAL] = checked
        self._world.tick()
        try:
            return await handler(request)
        except Missing as missing:
            return gateway.not_found(str(missing))
        except web.HTTPException as error:
            return gateway.problem(error.status, "error", error.reason)

    async def _tenants(self, request: web.Request) -> web.Response:
        tenants = [resources.tenant(self._world.scenario)]
        return web.json_response(resources.listing("tenants", tenants, "/api/tenants"))

    async def _tenant(self, request: web.Request) -> web.Response:
        self._right_tenant(request)
        return web.json_response(resources.tenant(self._world.scenario))

    async def _programs(self, request: web.Request) -> web.Response:
        self._right_tenant(request)
        scenario = self._world.scenario
        found = [resources.embedded_program(plan, scenario) for plan in scenario.programs]
        return web.json_response(resources.listing("programs", found, request.path))

    async def _program(self, request: web.Request) -> web.Response:
        return web.json_response(resources.program(self._find_program(request), self._world.scenario))

    async def _pipelines(self, request: web.Request) -> web.Response:
        program = self._find_program(request)
        found = [_pipeline_resource(state) for state in self._world.pipelines(program.id)]
        return _paged("pipelines", found, request, limit=500)

    async def _pipeline(self, request: web.Request) -> web.Response:
        return web.json_response(_pipeline_resource(self._find_pipeline(request)))

    async def _pipeline_variables(self, request: web.Request) -> web.Response:
        state = self._find_pipeline(request)
        shown = [resources.variable(plan) for plan in state.plan.variables]
        return web.json_response(resources.variable_list(shown, state.place.href))

    async def _environments(self, request: web.Request) -> web.Response:
        program, wanted = self._find_program(request), request.query.get("type")
        plans = [plan for plan in program.environments if wanted in (None, plan.type)]
        found = [self._environment_resource(plan, program) for plan in plans]
        return web.json_response(resources.listing("environments", found, request.path))

    async def _environment(self, request: web.Request) -> web.Response:
        program = self._find_program(request)
        return web.json_response(self._environment_resource(_find_environment(request, program), program))

    async def _environment_variables(self, request: web.Request) -> web.Response:
        program = self._find_program(request)
        plan = _find_environment(request, program)
        href = f"/api/program/{program.id}/environment/{plan.id}"
        variables, now = self._world.upkeep.state(program.id, plan.id).variables, self._world.now()
        shown = [resources.variable(each.plan, each.status(now)) for each in variables.values()]
        return web.json_response(resources.variable_list(shown, href))

    async def _environment_domains(self, request: web.Request) -> web.Response:
        program = self._find_program(request)
        plan = _find_environment(request, program)
        found = [domain for domain in program.domains if domain.environment == plan.id]
        return web.json_response(resources.domain_mappings(found, program.id))

    async def _domains(self, request: web.Request) -> web.Response:
        program = self._find_program(request)
        return web.json_response(resources.domain_mappings(program.domains, program.id))

    async def _allow_lists(self, request: web.Request) -> web.Response:
        return network.listed(request, "ipAllowlists", network.ip_allow_lists(self._find_program(request)))

    async def _networking(self, request: web.Request) -> web.Response:
        program = self._find_program(request)
        found = network.advanced_networking(_find_environment(request, program), program.id)
        return network.listed(request, "networkingConfigurations", found)

    async def _restore_points(self, request: web.Request) -> web.Response:
        plan = _find_environment(request, self._find_program(request))
        points = [network.restore_point(plan, self._world.sites.aem_release(plan))]
        return network.listed(request, "restorePointsDetails", points)

    async def _restores(self, request: web.Request) -> web.Response:
        program = self._find_program(request)
        plan, now = _find_environment(request, program), self._world.now()
        restores = reversed(self._world.upkeep.state(program.id, plan.id).restores)
        found = [upkeep.restore_execution(each, program.id, plan.id, now) for each in restores]
        return _paged("restoreExecutions", found, request, limit=5)

    async def _content_flows(self, request: web.Request) -> web.Response:
        program, now = self._find_program(request), self._world.now()
        flows = reversed(self._world.upkeep.content_flows)
        found = [upkeep.content_flow(each, now) for each in flows if each.program_id == program.id]
        return _paged("contentFlows", found, request, limit=20, any_page=False)

    async def _current(self, request: web.Request) -> web.Response:
        state = self._find_pipeline(request)
        if state.current is None:
            raise Missing("A running execution of the pipeline")
        return _execution_response(state, state.current)

    async def _start(self, request: web.Request) -> web.Response:
        state = self._find_pipeline(request)
        mode, step_id = request.query.get("pipelineExecutionMode", "NORMAL"), request.query.get("stepId")
        if mode not in ("NORMAL", "EMERGENCY"):
            return gateway.bad_parameter("pipelineExecutionMode", "must be NORMAL or EMERGENCY")
        again = _re_executed(state, step_id)
        if step_id is not None and again is None:
            return gateway.bad_parameter("stepId", "is not the production deployment of the last execution")
        trigger = "MANUAL" if again is None else "RE_EXECUTE"
        release = None if again is None else again.release
        only = None if again is None else "deploy prod"
        source = request.query.get("sourceExecutionId", None if again is None else again.source)
        user = "simulated@techacct.adobe.com"
        try:
            execution = self._world.start(
                state, release, trigger=trigger, user=user, only=only, source=source
            )
        except NoSource as missing:
            return gateway.bad_parameter("sourceExecutionId", str(missing))
        except Busy:
            return gateway.problem(412, "pipeline-busy", "Pipeline is busy", ["an execution is running"])
        location = {"Location": f"{state.place.href}/execution/{execution.id}"}
        return _execution_response(state, execution, status=201, headers=location)

    async def _list(self, request: web.Request) -> web.Response:
        state = self._find_pipeline(request)
        newest_first = [_execution_json(state, item) for item in reversed(state.executions)]
        return _paged("executions", newest_first, request, limit=20)

    async def _execution(self, request: web.Request) -> web.Response:
        return _execution_response(*self._find_execution(request))

    async def _step(self, request: web.Request) -> web.Response:
        state, execution, step = self._find_step(request)
        shown = steps.step_resource(execution, step, state.place, last=execution is state.last)
        return web.json_response(shown)

    async def _advance(self, request: web.Request) -> web.Response:
        return await self._act(request, self._world.advance)

    async def _cancel(self, request: web.Request) -> web.Response:
        return await self._act(request, self._world.cancel)

    async def _act(
        self, request: web.Request, act: Callable[[Execution, Step, Any, str], None]
    ) -> web.Response:
        _, execution, step = self._find_step(request)
        try:
            body = json.loads(await request.read())
        except ValueError:
            return gateway.bad_parameter("body", "is not JSON")
        try:
            act(execution, step, body, request[CREDENTIAL].client_id)
        except ActRefused as refusal:
            return _refused(refusal, body)
        return web.Response(status=202)

    async def _metrics(self, request: web.Request) -> web.Response:
        _, _, step = self._find_step(request)
        if step.blueprint.action in steps.SILENT:
            raise Missing("Metrics of the step")
        shown = metrics(step)
        if shown is None:
            raise Missing("Metrics of the step")
        return web.json_response(shown)

    async def _logs(self, request: web.Request) -> web.Response:
        _, execution, step = self._find_step(request)
        if step.blueprint.action in steps.SILENT or step.status == "NOT_STARTED":
            raise Missing("Log of the step")
        file = request.query.get("file", f"{step.blueprint.action}.log")
        url = f"{self.blobs_url}/simulated/{execution.id}/{execution.steps.index(step)}/{file}?sig=simulated"
        return _redirect(request, url)

    async def _artifacts(self, request: web.Request) -> web.Response:
        _, execution, step = self._find_step(request)
        href = request.path.removesuffix("/artifacts")
        return web.json_response(
            resources.listing("artifacts", steps.artifacts(execution, step, href), request.path)
        )

    async def _artifact(self, request: web.Request) -> web.Response:
        _, execution, step = self._find_step(request)
        found = {item["id"]: item for item in steps.artifacts(execution, step, request.path)}
        if request.match_info["artifact"] not in found:
            raise Missing("Artifact")
        index = execution.steps.index(step)
        file = found[request.match_info["artifact"]]["file"]
        return _redirect(request, f"{self.blobs_url}/simulated/{execution.id}/{index}/{file}?sig=simulated")

    def _right_tenant(self, request: web.Request) -> None:
        if request.match_info.get("tenant", self._world.scenario.tenant) != self._world.scenario.tenant:
            raise Missing("Tenant")

    def _find_program(self, request: web.Request) -> ProgramPlan:
        wanted = request.match_info["program"]
        found = next((plan for plan in self._world.scenario.programs if plan.id == wanted), None)
        if found is None:
            raise Missing("Program")
        return found

    def _find_pipeline(self, request: web.Request) -> PipelineState:
        found = self._world.pipeline(request.match_info["program"], request.match_info["pipeline"])
        if found is None:
            raise Missing("Pipeline")
        return found

    def _find_execution(self, request: web.Request) -> tuple[PipelineState, Execution]:
        state, wanted = self._find_pipeline(request), request.match_info["execution"]
        found = next((execution for execution in state.executions if execution.id == wanted), None)
        if found is None:
            raise Missing("Execution")
        return state, found

    def _find_step(self, request: web.Request) -> tuple[PipelineState, Execution, Step]:
        state, execution = self._find_execution(request)
        wanted = (request.match_info["phase"], request.match_info["step"])
        for step in execution.steps:
            if (state.place.phase_id(step), state.place.step_id(step)) == wanted:
                return state, execution, step
        raise Missing("Step")

    def _environment_resource(self, plan: EnvironmentPlan, program: ProgramPlan) -> resources.Json:
        status = self._world.upkeep.state(program.id, plan.id).shown_status(self._world.now())
        return resources.environment(plan, program.id, urls=self._world.sites.urls(plan.id), status=status)


def _find_environment(request: web.Request, program: ProgramPlan) -> EnvironmentPlan:
    wanted = request.match_info["environment"]
    found = next((plan for plan in program.environments if plan.id == wanted), None)
    if found is None:
        raise Missing("Environment")
    return found


def _pipeline_resource(state: PipelineState) -> resources.Json:
    last = state.last
    return resources.pipeline(
        state.plan,
        state.program.id,
        status="IDLE" if state.current is None else "BUSY",
        started=None if last is None else last.created_at,
        finished=None if last is None else last.finished_at,
    )


def _execution_json(state: PipelineState, execution: Execution) -> resources.Json:
    return steps.execution_resource(execution, state.place, last=execution is state.last)


def _execution_response(state: PipelineState, execution: Execution, **options: Any) -> web.Response:
    return web.json_response(_execution_json(state, execution), **options)


def _re_executed(state: PipelineState, step_id: str | None) -> Execution | None:
    last = state.last
    if step_id is None or last is None or not last.is_over:
        return None
    step = last.steps[-1]
    is_it = step.blueprint.key == "deploy prod" and state.place.step_id(step) == step_id
    return last if is_it and step.status == "FINISHED" else None


def _refused(refusal: ActRefused, body: Any) -> web.Response:
    if refusal.status == 400:
        return gateway.constraint_violation("advance.arg0", refusal.message, body)
    return gateway.problem(refusal.status, "step-exception", refusal.title, [refusal.message])


def _redirect(request: web.Request, url: str) -> web.Response:
    if "application/json" in request.headers.get("Accept", ""):
        return web.json_response({"redirect": url})
    return web.Response(status=307, headers={"Location": url})


def _paged(
    name: str, items: Sequence[resources.Json], request: web.Request, *, limit: int, any_page: bool = True
) -> web.Response:
    try:
        start, limit = int(request.query.get("start", "0")), int(request.query.get("limit", limit))
    except ValueError:
        return gateway.bad_parameter("start", "start and limit are numbers")
    if start < 0 or limit < 1:
        return gateway.bad_parameter("limit", "start must be 0 or more, limit 1 or more")
    shown = resources.page(name, items, request.path, start=start, limit=limit)
    if not any_page:
        del shown["_links"]["page"]  # this list alone has no template for any page of it
    return web.json_response(shown)
