"""How does a resource look in JSON? HAL documents as in Adobe's specification; pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from simulator.pipelines import phases
from simulator.scenario import (
    SIMULATED,
    DomainPlan,
    EnvironmentPlan,
    PipelinePlan,
    ProgramPlan,
    Scenario,
)
from simulator.upkeep_plan import VariablePlan

Json = dict[str, Any]
REL = "http://ns.adobe.com/adobecloud/rel/"
CREATED = "2026-01-05T09:00:00.000+0000"


@lru_cache(maxsize=4096)
def timestamp(at: float) -> str:
    """Adobe's form of a time: milliseconds, and an offset without a colon."""
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def link(href: str, *, templated: bool = False) -> Json:
    return {"href": href, "templated": templated}


def links(self_href: str, **others: str) -> Json:
    """`_links` with a `self` and Adobe's relations, whose names are written with `__` for `/`."""
    found = {
        REL + name.replace("__", "/"): link(href, templated="{" in href) for name, href in others.items()
    }
    return {**found, "self": link(self_href)}


def marked(name: str) -> str:
    """A name that shows that what it names is simulated."""
    return name if SIMULATED in name else f"{name} ({SIMULATED})"


def tenant(scenario: Scenario) -> Json:
    href = f"/api/tenant/{scenario.tenant}"
    return {
        "_links": links(href, programs=f"{href}/programs"),
        "id": scenario.tenant,
        "imsOrgId": scenario.org_id,
        "imsTenantId": scenario.tenant,
        "description": "Simulated tenant of Stage Gate",
        "status": "ready",
    }


def embedded_program(plan: ProgramPlan, scenario: Scenario) -> Json:
    """A program as lists hold it; the relations are those that Adobe's JavaScript library follows."""
    href = f"/api/program/{plan.id}"
    return {
        "_links": links(
            href,
            tenant=f"/api/tenant/{scenario.tenant}",
            pipelines=f"{href}/pipelines",
            environments=f"{href}/environments",
            ipAllowlists=f"{href}/ipAllowlists",
        ),
        "id": plan.id,
        "name": marked(plan.name),
        "enabled": True,
        "tenantId": scenario.tenant,
        "status": "ready",
        "createdAt": CREATED,
        "updatedAt": CREATED,
    }


def program(plan: ProgramPlan, scenario: Scenario) -> Json:
    more = {
        "imsOrgId": scenario.org_id,
        "type": "aem_cloud_service",
        "capabilities": {"sandbox": False},
    }
    return {**embedded_program(plan, scenario), **more}


def pipeline(
    plan: PipelinePlan, program_id: str, *, status: str, started: float | None, finished: float | None
) -> Json:
    href = f"/api/program/{program_id}/pipeline/{plan.id}"
    shown = {
        "_links": links(
            href,
            program=f"/api/program/{program_id}",
            execution=f"{href}/execution",
            execution__id=f"{href}/execution/{{executionId}}",
            executions=f"{href}/executions",
            variables=f"{href}/variables",
            cache=f"{href}/cache",
        ),
        "id": plan.id,
        "programId": program_id,
        "name": marked(plan.name),
        "trigger": plan.trigger,
        "status": status,
        "type": "CI_CD",
        "createdAt": CREATED,
        "updatedAt": CREATED,
        "phases": _phases(plan),
    }
    told = {"lastStartedAt": started, "lastFinishedAt": finished}
    times = {key: at for key, at in told.items() if at is not None}
    if times:
        times["updatedAt"] = max(times.values())
    return shown | {key: timestamp(at) for key, at in times.items()}


def environment(plan: EnvironmentPlan, program_id: str, *, urls: Mapping[str, str], status: str) -> Json:
    """An environment; `urls` are the absolute ones of author, publish and preview."""
    href = f"/api/program/{program_id}/environment/{plan.id}"
    return {
        "_links": links(
            href,
            program=f"/api/program/{program_id}",
            logs=f"{href}/logs?service={{service}}&name={{name}}&days={{days}}",
            variables=f"{href}/variables",
            advancedNetworking=f"{href}/advancedNetworking",
            developerConsole="https://dev-console.simulated.invalid",
            **urls,
        ),
        "id": plan.id,
        "programId": program_id,
        "name": marked(plan.name),
        "description": f"Simulated {plan.type} environment",
        "type": plan.type,
        "status": status,
        "region": "va7",
        "availableLogOptions": [{"service": "publish", "name": "aemerror"}],
    }


def variable(plan: VariablePlan, status: str = "ready") -> Json:
    """A variable; the value of a secret is never in an answer."""
    shown: Json = {"name": plan.name, "type": plan.type, "status": status}
    if plan.type == "string":
        shown["value"] = plan.value
    return shown if plan.service is None else {**shown, "service": plan.service}


def variable_list(variables: Sequence[Json], owner: str) -> Json:
    return {
        "_totalNumberOfItems": len(variables),
        "_embedded": {"variables": list(variables)},
        "_links": links(f"{owner}/variables", program="/".join(owner.split("/")[:4])),
    }


def domain_mappings(plans: Iterable[DomainPlan], program_id: str) -> Json:
    found = [
        {
            "domainMappingId": 100 + number,
            "programId": int(program_id),
            "originId": int(plan.environment),
            "originType": "SKYLINE_ENVIRONMENT",
            "domainMappingStatus": plan.status,
            "domainName": plan.name,
            "tier": "PUBLISH",
            "domainId": 200 + number,
            "certificateId": 300 + number,
        }
        for number, plan in enumerate(plans)
    ]
    return {"totalNumberOfItems": len(found), "domainMappings": found}


def listing(name: str, items: Sequence[Json], href: str, total: int | None = None) -> Json:
    """A list that is not paged."""
    return {
        "_totalNumberOfItems": len(items) if total is None else total,
        "_embedded": {name: list(items)},
        "_links": links(href),
    }


def page(name: str, items: Sequence[Json], href: str, *, start: int, limit: int) -> Json:
    """One page of a list. As in Adobe's fixture there is a `next` even on the last page."""
    previous = max(0, start - limit)
    listed = listing(name, items[start : start + limit], f"{href}?start={start}&limit={limit}", len(items))
    listed["_page"] = {"limit": limit, "property": [], "next": start + limit, "prev": previous}
    listed["_links"] |= {
        "next": link(f"{href}?start={start + limit}&limit={limit}"),
        "page": link(f"{href}?start={{start}}&limit={{limit}}", templated=True),
        "prev": link(f"{href}?start={previous}&limit={limit}"),
    }
    return listed


def _phases(plan: PipelinePlan) -> list[Json]:
    shown = []
    for phase in phases(plan):
        item: Json = {"name": phase.name, "type": phase.type}
        if phase.type == "BUILD":
            item |= {"repositoryId": "1", "branch": plan.branch}
        if phase.environment_id is not None:
            item |= {"environmentId": phase.environment_id, "environmentType": phase.environment_type}
        if plan.show_steps:
            item["steps"] = [{"name": action, "options": {}} for action in phase.actions]
        shown.append(item)
    return shown
