"""What does a scenario file say? The programs, pipelines and releases of a simulated organisation."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from simulator.faults import Fault
from simulator.network_plan import AllowListPlan, DomainPlan, NetworkingPlan
from simulator.upkeep_plan import UpkeepPlan, VariablePlan

SIMULATED = "simulated"
SCOPES = (
    "openid",
    "AdobeID",
    "read_organizations",
    "additional_info.projectedProductContext",
    "read_pc.dma_aem_ams",
)
EVENT_SCOPES = ("adobeio_api",)  # of the I/O Management API, for journals

PipelineKind = Literal[
    "full-stack production",
    "full-stack stage only",
    "full-stack production only",
    "full-stack non-production",
    "code quality",
    "front-end",
    "web-tier",
    "config",
]
Outcome = Literal[
    "finished", "incomplete", "failed", "error", "waiting", "rolled back", "cancelled", "unknown"
]
EnvironmentType = Literal["dev", "stage", "prod", "rde", "preprod"]
Access = Literal["open", "basic", "edge-key", "bearer", "ip-blocked"]

TIMED_STEPS = (
    "validate",
    "build",
    "codeQuality",
    "buildImage",
    "artifactPreparation",
    "deploy dev",
    "deploy stage",
    "productTest",
    "functionalTest",
    "uiTest",
    "contentAudit",
    "deploy prod",
)


class ScenarioError(ValueError):
    """The scenario cannot be used; the text says where and why."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class MetricPlan(_Model):
    """What a metric of a step says instead of the usual; a number or a letter alone is its actual value."""

    actual: str | None = None
    expected: str | None = None
    passed: bool | None = None
    override: bool | None = None  # a person overrode it
    severity: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_value(cls, value: Any) -> Any:
        return value if isinstance(value, dict) else {"actual": str(value)}


class StepPlan(_Model):
    """How one step of an execution goes: how long it runs (seconds), and how it ends."""

    seconds: float = Field(default=0.1, ge=0)
    outcome: Outcome = "finished"
    failing: tuple[Literal["coverage", "sqale_rating"], ...] = ("coverage",)  # KPIs, when code quality waits
    log: str = ""  # text appended to the step's log
    metrics: dict[str, MetricPlan] = {}  # by KPI, of code quality and the experience audit
    no_metrics: Literal["empty", "missing"] | None = None  # the answer is `{}`, or 404
    shows: str = "TELEPORTED"  # the status of a step whose outcome is `unknown`: it stays there

    @model_validator(mode="before")
    @classmethod
    def _from_seconds(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError("a step is a number of seconds, an outcome, or a mapping with both")
        if isinstance(value, (int, float)):
            return {"seconds": value}
        return {"outcome": value} if isinstance(value, str) else value


class ExtraStep(_Model):
    """A step that the pipeline's kind does not have: an action added by Adobe later, a second approval."""

    action: str
    after: str  # key of the step it follows, e.g. "contentAudit" or "deploy stage"
    environment: EnvironmentType | None = None
    plan: StepPlan = StepPlan()


class SiteState(_Model):
    """What a release makes of a site once its deployment is over."""

    defects: frozenset[str] = frozenset()
    access: Access | None = None  # None: what the environment has configured
    mutable_content_after: float = Field(default=0.0, ge=0)  # seconds


class Act(_Model):
    """Something that happens beside the release: exactly one of the fields is set."""

    person: Literal["approve", "reject", "cancel"] | None = None
    execution: str | None = None  # release name; started on `pipeline`, or on the same one
    pipeline: str | None = None
    trigger: Literal["MANUAL", "ON_COMMIT", "PUSH_UPGRADES", "RE_EXECUTE"] = "MANUAL"
    aem_release: str | None = None  # the stage environment gets this AEM release
    access: Access | None = None  # of the stage site
    defects: frozenset[str] | None = None  # of the stage site, from now on
    fault: Fault | None = None
    upkeep: UpkeepPlan | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Act:
        names = ("person", "execution", "aem_release", "access", "defects", "fault", "upkeep")
        if sum(getattr(self, name) is not None for name in names) != 1:
            raise ValueError(f"set one of {', '.join(names)}")
        return self


class Happening(_Model):
    """`act`, `after` seconds after the step named has reached the status named."""

    step: str
    status: str
    after: float = Field(default=0.0, ge=0)
    act: Act


class Release(_Model):
    """One release by name: its steps by key (`build`, `deploy stage`, …), the sites after it."""

    steps: dict[str, StepPlan] = {}
    extra_steps: tuple[ExtraStep, ...] = ()
    untyped: frozenset[str] = (
        frozenset()
    )  # steps without environmentType, which is optional in the specification
    stage: SiteState = SiteState()
    production: SiteState = SiteState()
    happenings: tuple[Happening, ...] = ()

    @model_validator(mode="after")
    def _steps_exist(self) -> Release:
        extra = {step.action for step in self.extra_steps}
        extra |= {f"{step.action} {step.environment}" for step in self.extra_steps}
        places = {*(step.after for step in self.extra_steps), *(item.step for item in self.happenings)}
        _all_known(self.steps, TIMED_STEPS)
        _all_known({*places, *self.untyped}, {*TIMED_STEPS, "approval", "schedule", *extra})
        return self


class EnvironmentPlan(_Model):
    id: str
    name: str
    type: EnvironmentType
    status: str = "ready"
    site: bool = True  # stage and prod environments have real sites unless they say no
    access: Access = "open"
    aem_release: str = "2026.11.23482.20261101T000000Z-260900"
    pages: int = Field(default=44, ge=1)  # of the site, per language tree
    variables: tuple[VariablePlan, ...] = ()
    networking: NetworkingPlan | None = None


class PipelinePlan(_Model):
    id: str
    name: str
    kind: PipelineKind = "full-stack production"
    trigger: Literal["MANUAL", "ON_COMMIT"] = "MANUAL"
    pause: bool = True  # "Pause before deploying to Production"
    schedule: bool = False
    show_steps: bool = False  # phases list their steps: "Might be added or not", says the specification
    dev: str | None = None  # environment ids
    stage: str | None = None
    production: str | None = None
    source: str | None = None  # of a production-only pipeline: the stage-only one whose artifacts it takes
    branch: str = "main"
    history: int = Field(default=0, ge=0)  # executions that are over already
    variables: tuple[VariablePlan, ...] = ()


class ProgramPlan(_Model):
    id: str
    name: str
    environments: tuple[EnvironmentPlan, ...] = ()
    pipelines: tuple[PipelinePlan, ...] = ()
    domains: tuple[DomainPlan, ...] = ()
    ip_allow_lists: tuple[AllowListPlan, ...] = ()

    @model_validator(mode="after")
    def _references_exist(self) -> ProgramPlan:
        known = {None, *(environment.id for environment in self.environments)}
        sources = {None, *(plan.id for plan in self.pipelines if plan.kind == "full-stack stage only")}
        for plan in self.pipelines:
            for wanted in {plan.dev, plan.stage, plan.production} - known:
                raise ValueError(f"pipeline {plan.id} names environment {wanted}, which is not there")
            if plan.source not in sources or (plan.source and plan.kind != "full-stack production only"):
                raise ValueError(
                    f"pipeline {plan.id}: only a production-only one has a source, a stage-only one"
                )
        return self


class CredentialPlan(_Model):
    """A technical account of the simulated organisation; its parts must show that they are simulated."""

    client_id: str = "simulated-client"
    client_secrets: tuple[str, ...] = ("simulated-secret-8c1f2e",)
    scopes: tuple[str, ...] = (*SCOPES, *EVENT_SCOPES)
    profile: Literal["none", "developer", "deployment manager"] = "deployment manager"
    content_copy_manage: bool = False
    """A developer's profile has this permission beside its own; a deployment manager's always has it."""

    @model_validator(mode="after")
    def _is_simulated(self) -> CredentialPlan:
        for part in (self.client_id, *self.client_secrets):
            if not part.startswith(SIMULATED):
                raise ValueError(
                    f"a credential of the simulator starts with '{SIMULATED}'; keep real ones away"
                )
        return self


class Timing(_Model):
    """Seconds, already compressed."""

    tail: float = 0.3  # an execution stays RUNNING after its last step (20 s at Adobe)
    act: float = 0.05  # from a 202 to its effect
    rollback: float = 0.3
    wait: float = 14 * 86400.0  # how long a step waits for a person
    token: float = 86399.0  # life of an access token


class Scenario(_Model):
    """Everything the simulator starts with."""

    org_id: str = "5140000000000000000000AA@AdobeOrg"
    tenant: str = "simulated-tenant"
    sites: bool = True  # False: the APIs only, no AEM sites
    expired_token_status: Literal[401, 403] = 403
    timing: Timing = Timing()
    credentials: tuple[CredentialPlan, ...] = (CredentialPlan(),)
    programs: tuple[ProgramPlan, ...]
    releases: dict[str, Release] = Field(default_factory=lambda: {"good": Release()})
    faults: tuple[Fault, ...] = ()

    @property
    def first_program(self) -> ProgramPlan:
        return self.programs[0]

    @property
    def first_pipeline(self) -> PipelinePlan:
        return self.programs[0].pipelines[0]

    def release(self, name: str) -> Release:
        """The release of that name; ScenarioError names the nearest when there is none."""
        if name not in self.releases:
            raise ScenarioError(f"no release '{name}' in this scenario{_did_you_mean(name, self.releases)}")
        return self.releases[name]


def load_scenario(source: str | Path | Mapping[str, Any] | Scenario | None = None) -> Scenario:
    """A scenario from a YAML file, the name of a shipped one, a mapping, or the standard one (None).

    Without `programs` it gets the standard program; keys that start with `x-` are for YAML anchors.
    Raises ScenarioError.
    """
    if isinstance(source, Scenario):
        return source
    given = dict(source) if isinstance(source, Mapping) else _read(source)
    given = {key: value for key, value in given.items() if not key.startswith("x-")}
    given.setdefault("programs", standard_programs())
    try:
        return Scenario.model_validate(given)
    except ValidationError as error:
        raise ScenarioError(_sentences(error)) from None


def scenario_path(name: str) -> Path:
    """The file of a scenario that is shipped with the simulator."""
    return Path(__file__).parent / "scenarios" / f"{name}.yaml"


def standard_programs() -> list[dict[str, Any]]:
    """One program with every kind of pipeline: what a scenario has that names none."""
    text = scenario_path("_program").read_text(encoding="utf-8")
    programs: list[dict[str, Any]] = yaml.safe_load(text)
    return programs


def _read(source: str | Path | None) -> dict[str, Any]:
    if source is None:
        return {}
    path = Path(source)
    if not path.suffix and not path.is_file():
        path = scenario_path(str(source))
    if not path.is_file():
        raise ScenarioError(f"there is no scenario file {path}")
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ScenarioError(f"{path} is not YAML: {error}") from None
    if not isinstance(loaded, dict):
        raise ScenarioError(f"{path} must hold a mapping")
    return loaded


def _sentences(error: ValidationError) -> str:
    lines = (f"{'.'.join(map(str, part['loc'])) or 'scenario'}: {part['msg']}" for part in error.errors())
    return "the scenario is not valid: " + "; ".join(lines)


def _all_known(names: Iterable[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"there is no step '{name}'{_did_you_mean(name, known)}")


def _did_you_mean(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"; did you mean '{near[0]}'?" if near else f"; there are {', '.join(known)}"
