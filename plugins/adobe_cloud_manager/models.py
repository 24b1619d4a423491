"""What is an execution of a pipeline, and what are its steps? Frozen values, read leniently from JSON.

Unknown actions, statuses and fields pass through as they are; every predicate names the values it means, so
that an unknown one is neither a success nor an end. Statuses and actions: ``swagger-specs/api.yaml`` and
``receiving-events.md`` in github.com/AdobeDocs/cloudmanager-api-docs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adobe_cloud_manager.environment_resources import DomainMapping, Environment, Variable
from adobe_cloud_manager.parsing import (
    EMPTY,
    REL,
    embedded,
    links,
    mapping,
    moment,
    optional_mapping,
    required_text,
    text,
)
from adobe_cloud_manager.resources import Artifact, Metric, Phase, Pipeline, Program, Tenant
from adobe_cloud_manager.vocabulary import (
    ALIVE,
    ENDED_BADLY,
    FAILED,
    GO_LIVE,
    KNOWN,
    PRODUCTION,
    STAGE,
    STEP_TERMINAL,
    SUCCEEDED,
    UI_NAMES,
    Action,
    ExecutionStatus,
    StepStatus,
)

__all__ = [
    "Action",
    "Artifact",
    "DomainMapping",
    "Environment",
    "EnvironmentUrl",
    "Execution",
    "ExecutionStatus",
    "Metric",
    "Phase",
    "Pipeline",
    "Program",
    "StepState",
    "StepStatus",
    "Tenant",
    "Variable",
]


@dataclass(frozen=True, slots=True)
class EnvironmentUrl:
    """One address of the environment that a deploy step targets."""

    instance_type: str
    url: str


@dataclass(frozen=True, slots=True)
class StepState:
    """One step of one execution, at the moment it was read."""

    id: str
    step_id: str
    phase_id: str
    execution_id: str
    pipeline_id: str
    program_id: str
    action: str
    status: str
    environment: str = ""
    environment_type: str | None = None
    environment_id: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    updated_at: datetime | None = None
    commit_id: str = ""
    branch: str = ""
    repository: str = ""
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)
    links: Mapping[str, str] = field(default_factory=dict, hash=False)

    @classmethod
    def parse(cls, data: object, execution: Mapping[str, Any] = EMPTY) -> StepState:
        """Read a step state; ids that it lacks are those of the ``execution`` around it.

        An absent action or status becomes the empty string, which no predicate knows.
        Raises ``UnexpectedAnswer`` where ``data`` is not a JSON object.
        """
        raw = mapping(data, "a step state")
        return cls(
            id=text(raw, "id"),
            step_id=text(raw, "stepId"),
            phase_id=text(raw, "phaseId"),
            execution_id=text(raw, "executionId") or text(execution, "id"),
            pipeline_id=text(raw, "pipelineId") or text(execution, "pipelineId"),
            program_id=text(raw, "programId") or text(execution, "programId"),
            action=text(raw, "action"),
            status=text(raw, "status"),
            environment=text(raw, "environment"),
            environment_type=text(raw, "environmentType") or None,
            environment_id=text(raw, "environmentId") or None,
            started_at=moment(raw, "startedAt"),
            finished_at=moment(raw, "finishedAt"),
            updated_at=moment(raw, "updatedAt"),
            commit_id=text(raw, "commitId"),
            branch=text(raw, "branch"),
            repository=text(raw, "repository"),
            details=dict(optional_mapping(raw.get("details"))),
            links=links(raw),
        )

    @property
    def is_waiting(self) -> bool:
        """It waits for a person."""
        return self.status == StepStatus.WAITING

    @property
    def has_begun(self) -> bool:
        """It is in any known status but NOT_STARTED."""
        return self.status in KNOWN and self.status != StepStatus.NOT_STARTED

    @property
    def succeeded(self) -> bool:
        """FINISHED, or INCOMPLETE: its tests did not exist, and the pipeline went on without them."""
        return self.status in SUCCEEDED

    @property
    def is_finished(self) -> bool:
        """FINISHED: asked of a deployment or an approval, which must really have happened."""
        return self.status == StepStatus.FINISHED

    @property
    def failed(self) -> bool:
        """It ended badly, or is being rolled back."""
        return self.status in FAILED

    @property
    def is_terminal(self) -> bool:
        """Its status will not change any more."""
        return self.status in STEP_TERMINAL

    @property
    def is_known_status(self) -> bool:
        """The status is one of Adobe's specification."""
        return self.status in KNOWN

    @property
    def advance_link(self) -> str | None:
        """Where to PUT to go on; Adobe offers it only while that is possible."""
        return self.links.get(REL + "pipeline/advance")

    @property
    def cancel_link(self) -> str | None:
        """Where to PUT to stop; Adobe offers it only while that is possible."""
        return self.links.get(REL + "pipeline/cancel")

    @property
    def logs_link(self) -> str | None:
        """Where the step's log is, if it has one."""
        return self.links.get(REL + "pipeline/logs")

    @property
    def metrics_link(self) -> str | None:
        """Where the step's metrics are; Adobe offers it also on steps without metrics."""
        return self.links.get(REL + "pipeline/metrics")

    @property
    def path(self) -> str:
        """The step's own resource, relative to the API's base."""
        return (
            f"/api/program/{self.program_id}/pipeline/{self.pipeline_id}"
            f"/execution/{self.execution_id}/phase/{self.phase_id}/step/{self.step_id}"
        )

    @property
    def environment_urls(self) -> tuple[EnvironmentUrl, ...]:
        """The addresses of the environment, as a deploy step tells them in its details."""
        urls = self.details.get("environmentUrls")
        entries = [entry for entry in urls if isinstance(entry, Mapping)] if isinstance(urls, list) else []
        found = (EnvironmentUrl(text(entry, "instanceType"), text(entry, "instanceUrl")) for entry in entries)
        return tuple(entry for entry in found if entry.url)

    @property
    def name(self) -> str:
        """What Cloud Manager's UI calls the step, with the action in brackets where the two differ."""
        if self.action == Action.DEPLOY:
            places = {STAGE: "Deploy to Stage", PRODUCTION: "Deploy to Production"}
            return places.get(
                self.environment_type or "", f"Deploy to {self.environment_type or 'an environment'}"
            )
        known = UI_NAMES.get(self.action)
        return f"{known} ({self.action})" if known else f"the step {self.action or 'without an action'!r}"

    def input_of(self, key: str) -> object:
        """What was sent for ``key`` when the step was advanced, ``None`` where nothing is recorded."""
        return optional_mapping(self.details.get("input")).get(key)


@dataclass(frozen=True, slots=True)
class Execution:
    """One run of a pipeline, with its steps in their order, at the moment it was read."""

    id: str
    program_id: str
    pipeline_id: str
    status: str
    trigger: str = ""
    user: str = ""
    artifacts_version: str = ""
    created_at: datetime | None = None
    finished_at: datetime | None = None
    updated_at: datetime | None = None
    pipeline_type: str = ""
    steps: tuple[StepState, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict, hash=False)

    @classmethod
    def parse(cls, data: object) -> Execution:
        """Read an execution. Raises ``UnexpectedAnswer`` without id or status, or where steps are no list."""
        raw = mapping(data, "an execution")
        return cls(
            id=required_text(raw, "id", "an execution"),
            program_id=text(raw, "programId"),
            pipeline_id=text(raw, "pipelineId"),
            status=required_text(raw, "status", "an execution"),
            trigger=text(raw, "trigger"),
            user=text(raw, "user"),
            artifacts_version=text(raw, "artifactsVersion"),
            created_at=moment(raw, "createdAt"),
            finished_at=moment(raw, "finishedAt"),
            updated_at=moment(raw, "updatedAt"),
            pipeline_type=text(raw, "pipelineType"),
            steps=tuple(StepState.parse(step, raw) for step in embedded(raw, "stepStates")),
            links=links(raw),
        )

    def step(self, action: str, environment_type: str) -> StepState | None:
        """The step with this action and environment type; of several the first still open, else the last.

        Several such steps are not documented; an open one must not hide behind one that is done.
        """
        steps = [
            step for step in self.steps if (step.action, step.environment_type) == (action, environment_type)
        ]
        still_open = (step for step in steps if not step.is_terminal)
        return next(still_open, steps[-1] if steps else None)

    @property
    def stage_deployment(self) -> StepState | None:
        """Deploy to Stage. The production deployment has the same action and another environment type."""
        return self.step(Action.DEPLOY, STAGE)

    @property
    def production_approval(self) -> StepState | None:
        """The go-live approval: never an approval of stage, which Managed Services pipelines can have."""
        return self.step(Action.APPROVAL, PRODUCTION)

    @property
    def production_deployment(self) -> StepState | None:
        """Deploy to Production."""
        return self.step(Action.DEPLOY, PRODUCTION)

    @property
    def schedule(self) -> StepState | None:
        """Schedule Production Deployment, there only if the pipeline says *Scheduled*."""
        return next((step for step in self.steps if step.action == Action.SCHEDULE), None)

    @property
    def waiting_steps(self) -> tuple[StepState, ...]:
        """The steps that wait for a person."""
        return tuple(step for step in self.steps if step.is_waiting)

    @property
    def commit_id(self) -> str:
        """The commit that is built; empty until a step names it."""
        return next((step.commit_id for step in self.steps if step.commit_id), "")

    @property
    def is_running(self) -> bool:
        """It has a known status that is not an end. It stays so for about 20 s after its last step ended."""
        return self.status in ALIVE

    @property
    def is_terminal(self) -> bool:
        """It has ended, well or badly."""
        return self.status == ExecutionStatus.FINISHED or self.status in ENDED_BADLY

    @property
    def ended_badly(self) -> bool:
        """It was cancelled, or failed."""
        return self.status in ENDED_BADLY

    @property
    def is_aem_update(self) -> bool:
        """Adobe started it to update AEM; it carries no change of the team's."""
        return self.trigger == "PUSH_UPGRADES"

    @property
    def stage_tests(self) -> tuple[StepState, ...]:
        """The steps between the stage deployment and the first step that concerns production."""
        deployment = self.stage_deployment
        if deployment is None:
            return ()
        after = self.steps[self.steps.index(deployment) + 1 :]
        end = next((i for i, step in enumerate(after) if _concerns_production(step)), len(after))
        return after[:end]

    @property
    def cloud_manager_tests_over(self) -> bool:
        """Stage is deployed and Cloud Manager tests it no more, so tests that would disturb may start."""
        deployment = self.stage_deployment
        if deployment is None or not deployment.is_finished:
            return False
        tests = self.stage_tests
        went_on = any(step.has_begun for step in self.steps if _concerns_production(step))
        return self.is_terminal or went_on or (bool(tests) and all(step.is_terminal for step in tests))

    def step_at(self, path: str) -> StepState | None:
        """The step with this path, ``None`` where there is none."""
        return next((step for step in self.steps if step.path == path), None)


def _concerns_production(step: StepState) -> bool:
    """Of the steps after the stage deployment: whether it belongs to going live, not to testing stage."""
    return step.environment_type == PRODUCTION or step.action in GO_LIVE
