"""What follows from a verdict, and what may be excused, for how long and by whom, as a gate file says it?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema, field_validator

from aem_checks.excuses import NAMES, Excuses, names_something, switch
from aem_checks.outcomes import Outcome
from stage_gate.configuration.windows import Frozen, Hotfix, Windows
from stage_gate.rules.cloud_manager_results import CloudManagerMinimums
from stage_gate.rules.decision import Action, Policy
from stage_gate.rules.gate_values import (
    Day,
    GateModel,
    Person,
    Wait,
    Words,
    people,
)
from stage_gate.rules.plan import Excuse
from stage_gate.rules.proof import Entitled
from stage_gate.rules.surroundings import Fact

__all__ = [
    "ExcuseSettings",
    "Flakes",
    "FollowUp",
    "Frozen",
    "Hotfix",
    "PolicySettings",
    "Quarantine",
    "WaiverSettings",
    "Windows",
]

_QUESTION = "{ask: [alice, bob], within: 8h, silence: hold}"
_WILDCARDS = "*?[]! "


class FollowUp(GateModel):
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
        raise ValueError(f"ask does not say whom; write {_QUESTION}")
    if value not in tuple(Action):
        raise ValueError(f"{str(value)[:40]!r} is unknown; write approve, halt, hold or {{ask: [users]}}")
    return {"action": value}


def _question(value: Mapping[str, Any]) -> Any:
    if "action" in value:
        raise ValueError(f"'action' is unknown; write one word, or {_QUESTION}")
    users = people(value.get("ask"), _QUESTION)
    if value.get("silence") == "approve":
        raise ValueError("silence can't mean approve; write 'silence: hold' or 'silence: halt'")
    return {**value, "action": Action.ASK, "ask": users}


class Flakes(GateModel):
    """What a check amounts to that passes only on a re-run, or with cases that its own suite had to try again."""

    reruns: int = Field(default=5, strict=True, ge=0, le=100)
    """How many re-runs a release has, all checks together; 0 means that the first answer stands."""
    count_as: Annotated[Outcome, switch(Outcome.PASSED)] = Outcome.PASSED
    """`passed`, `inconclusive` or `failed`; it is reported as flaky in each case."""
    quarantine_after: int = Field(default=3, strict=True, ge=0, le=100)
    """In how many of the last releases a check has to be flaky for its quarantine to be proposed; 0 proposes none."""
    of_last: int = Field(default=10, strict=True, ge=1, le=100)
    """How many releases that looks back."""


class ExcuseSettings(Excuse):
    """A check or a finding that does not count for now, as a gate file says it."""

    check: str
    """Key of the check, as the Docs tab lists it: `key_pages`, `wknd-us.suites.cypress`."""
    owner: Person
    """Who answers for it."""
    until: Day
    """The last day (UTC) on which it holds, at most 366 days ahead; after that the check blocks again."""
    why: Words


class Quarantine(ExcuseSettings):
    """A check that is run and reported, and does not block for now."""


def _single(value: str) -> str:
    if not value.strip(_WILDCARDS) or not names_something(value):
        raise ValueError(
            f"{value!r} would waive every finding, or nearly; name the finding's subject, with a '*' at least 4 "
            "characters of it in a row, or use 'quarantine' for the whole check"
        )
    return value.strip()


class WaiverSettings(ExcuseSettings):
    """Findings of one check that are accepted for now: one fault of what it names."""

    code: Annotated[str, StringConstraints(strip_whitespace=True)] = ""
    """Which fault: the finding's code as the report shows it, such as `robots.open`. A gate file has to name it; what
    was pinned before there were codes is read without, and waives nothing."""
    subject: Annotated[
        str,
        AfterValidator(_single),
        WithJsonSchema(
            {"type": "string", "pattern": r"^[^*?\[\]]*[^*?\[\]! ][^*?\[\]]*$|[^*?/.:;_\[\]\s-]{4}"}
        ),
    ]
    """Which findings: their subject as the report shows it, `*` for any characters, such as `*/old-campaign/*`.
    With a `*` it needs at least 4 characters in a row that no address has anyway."""


class PolicySettings(GateModel):
    """What follows on each outcome, when, and what is excused. ``approve`` on ``passed`` only."""

    passed: FollowUp = FollowUp(action=Action.APPROVE)
    failed: FollowUp = FollowUp(action=Action.HALT)
    inconclusive: FollowUp = FollowUp(action=Action.HOLD)
    windows: Windows | None = None
    """When production may be approved; at any time where absent."""
    evidence_lives: Wait = timedelta(hours=24)
    """How old a verdict may be when production is approved; older, stage is tested again."""
    flakes: Flakes = Flakes()
    quarantine: Annotated[tuple[Quarantine, ...], NAMES] = ()
    """Checks that don't block for now."""
    waivers: Annotated[tuple[WaiverSettings, ...], NAMES] = ()
    """Single findings that are accepted for now; every report shows them."""
    accept_unread: Annotated[tuple[Fact, ...], Excuses()] = ()
    """Facts about changes of stage that may be unreadable, for a credential that lacks a right for good: what they would
    have told is not known then. Every other unread fact holds production; `doctor` tries each."""
    cloud_manager: CloudManagerMinimums = CloudManagerMinimums()
    """What Cloud Manager's own results have to say."""

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

    @field_validator("windows", mode="before")
    @classmethod
    def _not_left_empty(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("the windows are empty; write them, or leave 'windows' out for at any time")
        return value

    @field_validator("quarantine")
    @classmethod
    def _once_each(cls, value: tuple[Quarantine, ...]) -> tuple[Quarantine, ...]:
        keys = [each.check for each in value]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice} is in quarantine twice; keep one of the two")
        return value

    @property
    def rules(self) -> Policy:
        hotfix = self.windows is not None and self.windows.hotfix is not None
        return Policy(self.passed.action, self.failed.action, self.inconclusive.action, hotfix=hotfix)

    def on(self, outcome: Outcome) -> FollowUp:
        follow_up: FollowUp = getattr(self, outcome.value)
        return follow_up

    def entitled(self, outcome: Outcome, *, started_by: str = "") -> Entitled:
        """Whose word counts about a verdict, on a release that ``started_by`` started."""
        rule, hotfix = self.on(outcome), self.windows.hotfix if self.windows else None
        return Entitled(
            release_managers=rule.ask,
            hotfix=hotfix.ask if hotfix else (),
            never=(started_by,) if started_by else (),
            silence_halts=bool(rule.ask) and rule.silence == "halt",
        )

    def in_force_on(self, day: date) -> PolicySettings:
        """The same policy without the quarantines and waivers that have ended before this day (UTC)."""
        return self.model_copy(
            update={
                "quarantine": tuple(each for each in self.quarantine if each.holds_on(day)),
                "waivers": tuple(each for each in self.waivers if each.holds_on(day)),
            }
        )

    def quarantine_of(self, key: str) -> Quarantine | None:
        """The quarantine of the check with this key."""
        return next((each for each in self.quarantine if each.check == key), None)
