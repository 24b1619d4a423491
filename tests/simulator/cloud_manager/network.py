"""How do IP allow lists, advanced networking and restore points look in JSON?"""

from __future__ import annotations

from aiohttp import web

from simulator.cloud_manager.resources import CREATED, Json, links, listing
from simulator.network_plan import AllowListPlan
from simulator.scenario import EnvironmentPlan, ProgramPlan


def listed(request: web.Request, name: str, items: list[Json]) -> web.Response:
    """A list that is not paged, as an answer."""
    return web.json_response(listing(name, items, request.path))


def ip_allow_lists(program: ProgramPlan) -> list[Json]:
    """The IP allow lists of a program."""
    return [ip_allow_list(plan, number, program.id) for number, plan in enumerate(program.ip_allow_lists, 1)]


def ip_allow_list(plan: AllowListPlan, number: int, program_id: str) -> Json:
    """An IP allow list with its bindings, as the specification has them inside."""
    href = f"/api/program/{program_id}/ipAllowlist/{number}"
    bindings = [
        {
            "id": 1000 * number + place,
            "tier": plan.tier,
            "status": plan.status,
            "programId": int(program_id),
            "ipAllowListId": number,
            "environmentId": int(environment),
        }
        for place, environment in enumerate(plan.environments)
    ]
    return {
        "_links": links(href, program=f"/api/program/{program_id}", ipAllowlistBindings=f"{href}/bindings"),
        "id": number,
        "name": plan.name,
        "programId": int(program_id),
        "ipCidrSet": ["192.0.2.0/24"],
        "bindings": bindings,
    }


def advanced_networking(plan: EnvironmentPlan, program_id: str) -> list[Json]:
    """The configurations of an environment: none, or one."""
    if plan.networking is None:
        return []
    forwards = [each.rpartition(":") for each in plan.networking.port_forwards]
    configuration = {
        "_links": links(f"/api/program/{program_id}/environment/{plan.id}/advancedNetworking"),
        "programId": program_id,
        "environmentId": plan.id,
        "networkInfrastructureId": "123",
        "nonProxyHosts": ["*.simulated.invalid"],
        "portForwards": [
            {"name": host, "portDest": int(port), "portOrig": 30000 + number}
            for number, (host, _, port) in enumerate(forwards)
        ],
        "advancedNetworkingEnabled": plan.networking.enabled,
    }
    return [configuration]


def restore_point(plan: EnvironmentPlan, aem_release: str) -> Json:
    """A backup; its AEM release is the only one that the API names."""
    return {
        "restorePoint": 1,
        "deploymentDate": CREATED,
        "aemReleaseVersion": aem_release,
        "repositoryName": f"{plan.name}-simulated",
        "branchName": "main",
    }
