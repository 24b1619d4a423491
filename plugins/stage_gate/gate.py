"""What is a gate: the pipeline it guards, its sites and checks, and what follows from a verdict?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from aem_checks.config import CheckPlan, ConfiguredCheck, SiteConfig
from aem_checks.durations import Duration
from aem_checks.outcomes import Outcome
from stage_gate.decision import Action, Mode, Policy

CLOUD_MANAGER_WAITS = timedelta(days=14)
"""How long Cloud Manager waits for an approval (Experience League, "Deploy your code")."""
_EVERYBODY = frozenset({"*", "all", "any", "anyone", "everybody", "everyone"})


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _as_id(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _is_id(value: str) -> str:
    if not re.fullmatch(r"[0-9]{1,20}", value):
        raise ValueError(
            f"{value[:40]!r} is not an id; write the digits that Cloud Manager shows in its address"
        )
    return value


def _positive(value: timedelta) -> timedelta:
    if value < timedelta(seconds=1):
        raise ValueError("the time is too short; write 1s or more")
    return value


Id = Annotated[
    str,
    BeforeValidator(_as_id),
    AfterValidator(_is_id),
    WithJsonSchema({"type": ["string", "integer"], "pattern": "^[0-9]{1,20}$"}),
]
Wait = Annotated[Duration, AfterValidator(_positive)]
ConnectionId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,200}$")]


class PipelineSettings(_Settings):
    """The production pipeline that is guarded, and the Airflow connections that reach it."""

    connection: ConnectionId = "cloud_manager_default"
    """Airflow connection with the credential that reads Cloud Manager."""
    program: Id
    pipeline: Id
    deciding_connection: ConnectionId | None = None
    """Airflow connection with the credential that approves and halts; ``connection`` where absent."""

    @property
    def deciding(self) -> str:
        return self.deciding_connection or self.connection


class FollowUp(_Settings):
    """What follows on one verdict: a word, or the people to ask."""

    action: Action
    ask: tuple[str, ...] = ()
    """Airflow users who may answer."""
    within: Wait = timedelta(hours=8)
    silence: Literal["hold", "halt"] = "hold"
    """What no answer in time means. It can't mean approve."""


def _follow_up(value: Any) -> Any:
    """Read the two ways of writing it. Raises ``ValueError`` with what would be right."""
    if isinstance(value, FollowUp):
        return value
    if isinstance(value, Mapping):
        return _question(value)
    if value == "ask":
        raise ValueError("ask does not say whom; write {ask: [alice, bob], within: 8h, silence: hold}")
    if value not in tuple(Action):
        raise ValueError(f"{str(value)[:40]!r} is unknown; write approve, halt, hold or {{ask: [users]}}")
    return {"action": value}


def _question(value: Mapping[str, Any]) -> Any:
    if "action" in value:
        raise ValueError(
            "'action' is unknown; write one word, or {ask: [alice, bob], within: 8h, silence: hold}"
        )
    users = value.get("ask")
    if not isinstance(users, list | tuple) or not users:
        raise ValueError(
            "nobody is asked; name Airflow users: {ask: [alice, bob], within: 8h, silence: hold}"
        )
    for user in users:
        if not isinstance(user, str) or not user.strip() or user.strip().lower() in _EVERYBODY:
            raise ValueError(f"{user!r} is not one Airflow user; name each person who may answer")
    if value.get("silence") == "approve":
        raise ValueError("silence can't mean approve; write 'silence: hold' or 'silence: halt'")
    return {**value, "action": Action.ASK, "ask": [user.strip() for user in users]}


class PolicySettings(_Settings):
    """What follows on each outcome; ``approve`` on ``passed`` only."""

    passed: FollowUp = FollowUp(action=Action.APPROVE)
    failed: FollowUp = FollowUp(action=Action.HALT)
    inconclusive: FollowUp = FollowUp(action=Action.HOLD)

    @field_validator("passed", "failed", "inconclusive", mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        return _follow_up(value)

    @field_validator("passed")
    @classmethod
    def _never_halted(cls, value: FollowUp) -> FollowUp:
        if value.action is Action.HALT:
            raise ValueError("halt can't follow a passed verdict; write approve, hold or {ask: [users]}")
        return value

    @field_validator("failed", "inconclusive")
    @classmethod
    def _never_approved(cls, value: FollowUp) -> FollowUp:
        if value.action is Action.APPROVE:
            raise ValueError("approve can follow a passed verdict only; write halt, hold or {ask: [users]}")
        return value

    @property
    def rules(self) -> Policy:
        return Policy(self.passed.action, self.failed.action, self.inconclusive.action)

    def on(self, outcome: Outcome) -> FollowUp:
        follow_up: FollowUp = getattr(self, outcome.value)
        return follow_up


class Waits(_Settings):
    """How long the gate waits, and how often it looks."""

    poll: Wait | None = None
    """Time between two looks at Cloud Manager; sparse while building and denser later by default."""
    stage_deployment: Wait = CLOUD_MANAGER_WAITS
    approval: Wait = CLOUD_MANAGER_WAITS
    production_deployment: Wait = CLOUD_MANAGER_WAITS
    read_back: Wait = timedelta(minutes=10)
    """How long the effect of an act is looked for before the gate holds and raises the alarm."""


class GateSettings(_Settings):
    """The part of a gate file that is not about sites and checks."""

    pipeline: PipelineSettings
    policy: PolicySettings = PolicySettings()
    mode: Mode = Mode.SHADOW
    waits: Waits = Waits()

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
