"""What is a gate: the pipeline it guards, its sites and checks, and what follows from a verdict?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import model_validator

from aem_checks.access_names import ConnectionId
from aem_checks.config import CheckPlan, ConfiguredCheck, SiteConfig
from stage_gate.configuration.notify_settings import Notify
from stage_gate.configuration.policy import PolicySettings
from stage_gate.configuration.smoke_tests import SmokeTests
from stage_gate.rules.decision import Mode
from stage_gate.rules.gate_values import GateModel, Id, Wait

CLOUD_MANAGER_WAITS = timedelta(days=14)
"""How long Cloud Manager waits for an approval (Experience League, "Deploy your code")."""


class SourceSettings(GateModel):
    """The stage-only pipeline whose build a production-only pipeline takes, and which is tested on stage."""

    pipeline: Id
    start: bool = False
    """Start the guarded pipeline from each new execution of this one that is FINISHED; only ever where it is seen to
    pause before production."""
    connection: ConnectionId | None = None
    """Airflow connection with the credential that may start pipelines; `start: true` needs it."""

    @model_validator(mode="after")
    def _starting_has_its_own_credential(self) -> SourceSettings:
        if self.start and self.connection is None:
            raise ValueError(
                "'start: true' needs a connection of its own that may start pipelines; write 'connection:' beside it"
            )
        return self


class PipelineSettings(GateModel):
    """The production pipeline that is guarded, and the Airflow connections that reach it."""

    connection: ConnectionId = "cloud_manager_default"
    """Airflow connection with the credential that reads Cloud Manager."""
    program: Id
    pipeline: Id
    deciding_connection: ConnectionId | None = None
    """Airflow connection with the credential that approves and halts; ``connection`` where absent."""

    source: SourceSettings | None = None
    """Where `pipeline` is production-only: the stage-only pipeline that its releases come from."""

    @model_validator(mode="after")
    def _source_is_another(self) -> PipelineSettings:
        if self.source is not None and self.source.pipeline.lstrip("0") == self.pipeline.lstrip("0"):
            raise ValueError(
                f"pipeline {self.pipeline} can't be its own source; 'pipeline' is the production-only one, and "
                "'source.pipeline' the stage-only one"
            )
        return self

    @property
    def deciding(self) -> str:
        return self.deciding_connection or self.connection

    @property
    def source_pipeline(self) -> str | None:
        """The stage-only pipeline, ``None`` where the guarded pipeline deploys to stage itself."""
        return self.source.pipeline if self.source else None

    @property
    def acting(self) -> list[str]:
        """The connections that can change something in Cloud Manager."""
        starting = self.source.connection if self.source and self.source.start else None
        return [self.deciding, *([starting] if starting else [])]


class Waits(GateModel):
    """How long the gate waits, and how often it looks."""

    poll: Wait | None = None
    """Time between two looks at Cloud Manager; sparse while building and denser later by default."""
    stage_deployment: Wait = CLOUD_MANAGER_WAITS
    approval: Wait = CLOUD_MANAGER_WAITS
    production_deployment: Wait = CLOUD_MANAGER_WAITS
    read_back: Wait = timedelta(minutes=10)
    """How long the effect of an act is looked for before the gate holds and raises the alarm."""


class GateSettings(GateModel):
    """The part of a gate file that is not about sites and checks."""

    pipeline: PipelineSettings
    policy: PolicySettings = PolicySettings()
    mode: Mode = Mode.SHADOW
    waits: Waits = Waits()
    notify: Notify = Notify()
    """Who is told outside Airflow; nobody by default."""
    smoke_tests: SmokeTests | None = None
    """Questions that a person answers about stage, where no check covers them; none by default."""

    @model_validator(mode="before")
    @classmethod
    def _nothing_written_is_default(cls, value: Any) -> Any:
        """``waits:`` with nothing below it is the same as no ``waits:``."""
        if not isinstance(value, dict):
            return value
        return {key: each for key, each in value.items() if each is not None or key == "pipeline"}


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate, read and found to be right."""

    name: str
    settings: GateSettings
    plan: CheckPlan
    content: Mapping[str, Any]
    """What the file says with ``extends`` resolved; ``gate_file.gate_from_content`` reads it again."""
    digest: str
    """SHA-256 of name and content, as hexadecimal."""

    @property
    def pipeline(self) -> PipelineSettings:
        return self.settings.pipeline

    @property
    def policy(self) -> PolicySettings:
        return self.settings.policy

    @property
    def mode(self) -> Mode:
        return self.settings.mode

    @property
    def waits(self) -> Waits:
        return self.settings.waits

    @property
    def sites(self) -> tuple[SiteConfig, ...]:
        return self.plan.sites

    @property
    def stage_checks(self) -> tuple[ConfiguredCheck, ...]:
        return self.plan.on("stage")

    @property
    def production_checks(self) -> tuple[ConfiguredCheck, ...]:
        return self.plan.on("production")

    def site(self, name: str) -> SiteConfig:
        """Raises ``KeyError`` for an unknown name."""
        return self.plan.site(name)

    def check(self, key: str) -> ConfiguredCheck:
        """Raises ``KeyError`` for an unknown key."""
        found = next((check for check in self.plan.checks if check.key == key), None)
        if found is None:
            raise KeyError(key)
        return found
