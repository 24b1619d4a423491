"""What else does Cloud Manager know: tenants, programs, pipelines, environments, metrics and so on?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adobe_cloud_manager.parsing import links, mapping, moment, required_text, text

_KNOWN_KINDS = {"FRONT_END": "front-end", "WEB_TIER": "web-tier", "CONFIG": "config"}


@dataclass(frozen=True, slots=True)
class Tenant:
    """The customer. ``name`` is the short name in the addresses of Cloud Manager's UI, as in ``@acme``."""

    id: str
    name: str
    description: str
    links: Mapping[str, str] = field(default_factory=dict, hash=False)

    @classmethod
    def parse(cls, data: object) -> Tenant:
        """Read a tenant. Raises ``UnexpectedAnswer`` without an id."""
        raw = mapping(data, "a tenant")
        return cls(
            required_text(raw, "id", "a tenant"),
            text(raw, "imsTenantId"),
            text(raw, "description"),
            links(raw),
        )


@dataclass(frozen=True, slots=True)
class Program:
    """A program: the set of environments and pipelines of one product."""

    id: str
    name: str
    tenant_id: str
    enabled: bool
    type: str = ""
    status: str = ""
    links: Mapping[str, str] = field(default_factory=dict, hash=False)

    @classmethod
    def parse(cls, data: object) -> Program:
        """Read a program. Raises ``UnexpectedAnswer`` without an id."""
        raw = mapping(data, "a program")
        return cls(
            id=required_text(raw, "id", "a program"),
            name=text(raw, "name"),
            tenant_id=text(raw, "tenantId"),
            enabled=raw.get("enabled") is True,
            type=text(raw, "type"),
            status=text(raw, "status"),
            links=links(raw),
        )


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of a pipeline: VALIDATE, BUILD or DEPLOY."""

    name: str
    type: str
    environment_id: str | None = None
    environment_type: str | None = None
    branch: str = ""
    repository_id: str = ""
    steps: tuple[str, ...] = ()

    @classmethod
    def parse(cls, data: object) -> Phase:
        """Read a phase. Raises ``UnexpectedAnswer`` where ``data`` is not a JSON object."""
        raw = mapping(data, "a phase of a pipeline")
        steps = raw.get("steps")
        entries = steps if isinstance(steps, list) else []
        return cls(
            name=text(raw, "name"),
            type=text(raw, "type"),
            environment_id=text(raw, "environmentId") or None,
            environment_type=text(raw, "environmentType") or None,
            branch=text(raw, "branch"),
            repository_id=text(raw, "repositoryId"),
            steps=tuple(text(step, "name") for step in entries if isinstance(step, Mapping)),
        )


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline as it is configured."""

    id: str
    program_id: str
    name: str
    type: str = ""
    status: str = ""
    trigger: str = ""
    updated_at: datetime | None = None
    phases: tuple[Phase, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict, hash=False)

    @classmethod
    def parse(cls, data: object) -> Pipeline:
        """Read a pipeline; lists may leave the phases out. Raises ``UnexpectedAnswer`` without an id."""
        raw = mapping(data, "a pipeline")
        phases = raw.get("phases")
        return cls(
            id=required_text(raw, "id", "a pipeline"),
            program_id=text(raw, "programId"),
            name=text(raw, "name"),
            type=text(raw, "type"),
            status=text(raw, "status"),
            trigger=text(raw, "trigger"),
            updated_at=moment(raw, "updatedAt"),
            phases=tuple(Phase.parse(phase) for phase in phases) if isinstance(phases, list) else (),
            links=links(raw),
        )

    @property
    def kind(self) -> str:
        """What sort of pipeline it is, in words, as far as Cloud Manager tells.

        Adobe documents no field that tells a front-end, web-tier or config pipeline apart. Their phases do so
        only in part: these pipelines deploy, but build no image.
        """
        if self.type in _KNOWN_KINDS:
            return _KNOWN_KINDS[self.type]
        targets = [phase.environment_type for phase in self.phases if phase.type == "DEPLOY"]
        builds = any(phase.type == "BUILD" for phase in self.phases)
        if not targets:
            return "code quality" if builds else "unknown"
        if "stage" in targets and "prod" in targets:
            return "full stack production" if builds else "production without a build phase"
        places = ", ".join(dict.fromkeys(target or "an unknown environment" for target in targets))
        return f"deployment to {places}"

    @property
    def stage_environment_id(self) -> str | None:
        """The id of the stage environment it deploys to."""
        return self._target("stage")

    @property
    def production_environment_id(self) -> str | None:
        """The id of the production environment it deploys to."""
        return self._target("prod")

    def _target(self, environment_type: str) -> str | None:
        deploys = (phase for phase in self.phases if phase.type == "DEPLOY")
        return next(
            (phase.environment_id for phase in deploys if phase.environment_type == environment_type), None
        )


@dataclass(frozen=True, slots=True)
class Metric:
    """One quality metric of a step; values are strings, letters for ratings."""

    kpi: str
    severity: str
    passed: bool
    override: bool
    actual_value: str
    expected_value: str
    comparator: str

    @classmethod
    def parse(cls, data: object) -> Metric:
        """Read a metric; only ``true`` is passed. Raises ``UnexpectedAnswer`` if it is no JSON object."""
        raw = mapping(data, "a metric")
        return cls(
            kpi=text(raw, "kpi"),
            severity=text(raw, "severity"),
            passed=raw.get("passed") is True,
            override=raw.get("override") is True,
            actual_value=text(raw, "actualValue"),
            expected_value=text(raw, "expectedValue"),
            comparator=text(raw, "comparator"),
        )


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that a step left behind."""

    id: str
    type: str
    step_name: str
    file: str = ""
    format: str = ""
    md5: str = ""
    links: Mapping[str, str] = field(default_factory=dict, hash=False)

    @classmethod
    def parse(cls, data: object) -> Artifact:
        """Read an artifact. Raises ``UnexpectedAnswer`` where it is no JSON object."""
        raw = mapping(data, "an artifact")
        names = {"step_name": "stepName", "file": "file", "format": "format", "md5": "md5"}
        rest: dict[str, Any] = {name: text(raw, key) for name, key in names.items()}
        return cls(id=text(raw, "id"), type=text(raw, "type"), links=links(raw), **rest)
