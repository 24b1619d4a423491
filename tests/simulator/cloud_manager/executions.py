"""How do an execution and its steps look in JSON, and which links do they show in which state?

Links are present only when the action is possible (specification); which step has which in which state
follows the fixtures of Adobe's JavaScript library.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from simulator.cloud_manager.resources import Json, links, timestamp
from simulator.execution import Execution, Step
from simulator.pipelines import HUMAN_ACTIONS
from simulator.scenario import PipelinePlan

SILENT = HUMAN_ACTIONS | {"validate"}  # no logs, no metrics
Urls = Callable[[str], Mapping[str, str]]  # environment id -> instance type -> URL


@dataclass(frozen=True, slots=True)
class Place:
    """Where an execution belongs, and what its JSON needs of its surroundings."""

    program_id: str
    pipeline: PipelinePlan
    pipeline_number: int
    environment_names: Mapping[str, str]
    urls: Urls

    @property
    def href(self) -> str:
        return f"/api/program/{self.program_id}/pipeline/{self.pipeline.id}"

    def phase_id(self, step: Step) -> str:
        """The same in every execution of the pipeline."""
        return str(9001 + 100 * self.pipeline_number + step.blueprint.phase)

    def step_id(self, step: Step) -> str:
        return f"{self.phase_id(step)}{step.blueprint.number}"

    def step_href(self, execution: Execution, step: Step) -> str:
        return f"{self.href}/execution/{execution.id}/phase/{self.phase_id(step)}/step/{self.step_id(step)}"


def execution_resource(execution: Execution, place: Place, *, last: bool) -> Json:
    """An execution with its step states; `last` is true for the latest one of its pipeline."""
    href = f"{place.href}/execution/{execution.id}"
    shown: Json = {
        "_links": links(href, program=f"/api/program/{place.program_id}", pipeline=place.href),
        "_embedded": {
            "stepStates": [step_resource(execution, step, place, last=last) for step in execution.steps]
        },
        "id": execution.id,
        "programId": place.program_id,
        "pipelineId": place.pipeline.id,
        "trigger": execution.trigger,
        "status": execution.status,
        "pipelineExecutionMode": "NORMAL",
        "pipelineType": "CI_CD",
        "createdAt": timestamp(execution.created_at),
        "updatedAt": timestamp(execution.updated_at),
    }
    if _is_built(execution):
        shown["artifactsVersion"] = execution.artifacts_version
    if execution.user is not None:
        shown["user"] = execution.user
    if execution.finished_at is not None:
        shown["finishedAt"] = timestamp(execution.finished_at)
    return shown


def step_resource(execution: Execution, step: Step, place: Place, *, last: bool) -> Json:
    """One step state, with the fields of Adobe's fixtures that the specification does not list."""
    blueprint = step.blueprint
    shown: Json = {
        "_links": _step_links(execution, step, place, last=last),
        "id": f"{execution.id}{execution.steps.index(step):02d}",
        "stepId": place.step_id(step),
        "phaseId": place.phase_id(step),
        "executionId": execution.id,
        "pipelineId": place.pipeline.id,
        "programId": place.program_id,
        "action": blueprint.action,
        "updatedAt": timestamp(step.updated_at),
        "details": _details(step, place),
        "status": step.status,
    }
    if blueprint.phase == 1 and blueprint.environment_type is None:
        shown |= {
            "repository": "wknd-simulated",
            "branch": place.pipeline.branch,
            "commitId": execution.commit_id,
        }
    if blueprint.environment_id is not None:
        shown |= _environment(step, place)
    times = {"startedAt": step.started_at, "finishedAt": step.finished_at}
    return shown | {key: timestamp(at) for key, at in times.items() if at is not None}


def artifacts(execution: Execution, step: Step, href: str) -> Sequence[Json]:
    """The artifacts of a step; an empty sequence for most."""
    kinds = {
        "buildImage": ("SKYLINE_CUSTOMER_IMAGE", "SKYLINE_DISPATCHER_CONFIGURATION"),
        "contentAudit": ("CONTENT_AUDIT_RESULTS",),
        "uiTest": ("UI_TEST_RESULTS",),
    }
    names = kinds.get(step.blueprint.action, ()) if step.status == "FINISHED" else ()
    return [
        {
            "_links": links(f"{href}/artifact/{number}"),
            "id": str(number),
            "stepName": step.blueprint.action,
            "type": name,
            "file": f"simulated/{execution.artifacts_version}/{name.lower()}.zip",
            "format": "zip",
            "md5": "d41d8cd98f00b204e9800998ecf8427e",
        }
        for number, name in enumerate(names, start=1)
    ]


def _step_links(execution: Execution, step: Step, place: Place, *, last: bool) -> Json:
    href = place.step_href(execution, step)
    rels = {"execution": f"{place.href}/execution/{execution.id}", "pipeline": place.href}
    rels["program"] = f"/api/program/{place.program_id}"
    rels |= {f"pipeline__{verb}": f"{href}/{verb}" for verb in sorted(step.links)}
    if (
        step.status != "NOT_STARTED"
        and step.blueprint.action not in SILENT
        and not _is_paused_deployment(step)
    ):
        rels |= {"pipeline__logs": f"{href}/logs", "pipeline__metrics": f"{href}/metrics"}
    if last and step.status == "FINISHED" and execution.is_over and step.blueprint.key == "deploy prod":
        rels["pipeline__reExecute"] = f"{place.href}/execution?stepId={place.step_id(step)}"
    return links(href, **rels)


def _is_paused_deployment(step: Step) -> bool:
    return step.blueprint.action == "deploy" and step.status == "WAITING"


def _details(step: Step, place: Place) -> Json:
    details: Json = {} if step.input is None else {"input": dict(step.input)}
    if step.blueprint.action == "deploy" and step.blueprint.environment_id is not None:
        urls = place.urls(step.blueprint.environment_id)
        shown = [
            {"instanceType": kind, "instanceUrl": urls[kind]}
            for kind in ("author", "publish")
            if kind in urls
        ]
        details["environmentUrls"] = shown
    return details


def _environment(step: Step, place: Place) -> Json:
    environment_id = step.blueprint.environment_id or ""
    name = place.environment_names.get(environment_id, environment_id)
    shown: Json = {"environment": name, "environmentId": environment_id}
    return shown | ({"environmentType": step.blueprint.environment_type} if step.blueprint.shows_type else {})


def _is_built(execution: Execution) -> bool:
    making = ("build", "artifactPreparation")
    building = [step for step in execution.steps if step.blueprint.action in making]
    return not building or building[0].status == "FINISHED"
