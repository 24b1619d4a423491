"""Which phases and steps does a kind of pipeline have? The order is that of Adobe's documentation.

Sources: `help/implementing/cloud-manager/deploy-code.md` (order of a full-stack production pipeline) and
`receiving-events.md` of the API documentation (names of the actions). Not documented: the phase of `buildImage`, and
action and phase of "Artifact Preparation" in a production-only pipeline (`stage-prod-only.md`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from simulator.scenario import ExtraStep, PipelineKind, PipelinePlan, Release, StepPlan

BUILD = ("build", "codeQuality", "buildImage")
STAGE_TESTS = ("productTest", "functionalTest", "uiTest", "contentAudit")
HUMAN_ACTIONS = frozenset({"approval", "schedule", "managed"})


@dataclass(frozen=True, slots=True)
class StepBlueprint:
    """One step of a pipeline, with the plan of the release for it."""

    key: str  # the action; for deployments with the type of the environment: "deploy stage"
    action: str
    phase: int  # 0 validate, 1 build, 2 first deployment, 3 second one
    number: int  # of the step in its phase
    environment_type: str | None
    environment_id: str | None
    plan: StepPlan
    shows_type: bool = True  # of its environment, in the API


@dataclass(frozen=True, slots=True)
class PhaseBlueprint:
    """A phase as the pipeline resource lists it."""

    name: str
    type: str
    environment_type: str | None = None
    environment_id: str | None = None
    actions: tuple[str, ...] = ()


_BUILT: dict[PipelineKind, tuple[str, ...]] = {
    "full-stack production": BUILD,
    "full-stack stage only": BUILD,
    "full-stack production only": ("artifactPreparation",),
    "full-stack non-production": BUILD,
    "code quality": BUILD[:2],
    "front-end": BUILD[:1],
    "web-tier": (),
    "config": (),
}


def phases(pipeline: PipelinePlan) -> tuple[PhaseBlueprint, ...]:
    """The phases of a pipeline in their order."""
    found = [PhaseBlueprint("VALIDATE", "VALIDATE", actions=("validate",))]
    if _BUILT[pipeline.kind]:
        found.append(PhaseBlueprint("BUILD_1", "BUILD", actions=_BUILT[pipeline.kind]))
    targets = (("dev", pipeline.dev), ("stage", pipeline.stage), ("prod", pipeline.production))
    for number, (kind, environment) in enumerate(((k, e) for k, e in targets if e is not None), start=1):
        actions = _deploy_actions(pipeline, kind)
        found.append(PhaseBlueprint(f"DEPLOY_{number}", "DEPLOY", kind, environment, actions))
    return tuple(found)


def blueprint(
    pipeline: PipelinePlan, release: Release, *, only: str | None = None
) -> tuple[StepBlueprint, ...]:
    """The steps of one execution; `only` keeps the one of that key (a re-execution)."""
    steps = [
        _step(action, index, number, phase, release)
        for index, phase in enumerate(phases(pipeline))
        for number, action in enumerate(phase.actions)
    ]
    for extra in release.extra_steps:
        _insert(steps, extra, pipeline)
    kept = (step for step in steps if only is None or step.key == only)
    return tuple(replace(step, shows_type=step.key not in release.untyped) for step in kept)


def step_key(action: str, environment_type: str | None) -> str:
    """What a scenario calls a step."""
    return f"{action} {environment_type}" if action == "deploy" else action


def _deploy_actions(pipeline: PipelinePlan, kind: str) -> tuple[str, ...]:
    if kind == "stage" and pipeline.kind.startswith("full-stack"):
        return ("deploy", *STAGE_TESTS)
    if kind != "prod":
        return ("deploy",)
    before = ("approval",) * pipeline.pause + ("schedule",) * pipeline.schedule
    return (*before, "deploy")


def _step(action: str, index: int, number: int, phase: PhaseBlueprint, release: Release) -> StepBlueprint:
    key = step_key(action, phase.environment_type)
    plan = release.steps.get(key, StepPlan())
    return StepBlueprint(key, action, index, number, phase.environment_type, phase.environment_id, plan)


def _insert(steps: list[StepBlueprint], extra: ExtraStep, pipeline: PipelinePlan) -> None:
    position = next((i for i, step in enumerate(steps) if step.key == extra.after), len(steps) - 1)
    neighbour = steps[position]
    ids = {"dev": pipeline.dev, "stage": pipeline.stage, "prod": pipeline.production}
    environment = extra.environment or neighbour.environment_type
    number = 5 + sum(step.phase == neighbour.phase for step in steps)
    key = step_key(extra.action, environment)
    added = StepBlueprint(
        key, extra.action, neighbour.phase, number, environment, ids.get(environment or ""), extra.plan
    )
    steps.insert(position + 1, added)
