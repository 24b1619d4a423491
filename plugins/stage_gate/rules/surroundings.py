"""What is known of stage around a candidate: what was read, what happened, and what nobody could read?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from adobe_cloud_manager.environment_resources import READY
from adobe_cloud_manager.exceptions import CloudManagerError, UnexpectedAnswer

NEVER_TOLD = (
    "The AEM release of stage is unknown, so an AEM update that no pipeline shows cannot be excluded."
)
"""Cloud Manager's public API names no AEM release of an environment."""

NONE = "none"
"""Stands for a pipeline that has changed nothing on stage."""

ELSEWHERE = "elsewhere"
"""Stands for a pipeline that leads to other environments and has changed nothing on stage."""


class Fact(StrEnum):
    """What Cloud Manager's API offers about changes of stage; the value is its name in gate files.

    Each is either read or unread. Unread is never "unchanged": then and now it holds, unless the gate file accepts that
    very fact (``policy.accept_unread``).
    """

    ENVIRONMENT = "environment"
    DOMAIN_MAPPINGS = "domain_mappings"
    OWN_EXECUTIONS = "own_executions"
    OTHER_PIPELINES = "other_pipelines"
    CONTENT_COPIES = "content_copies"
    RESTORES = "restores"
    ENVIRONMENT_VARIABLES = "environment_variables"


@dataclass(frozen=True)
class Reading:
    """How a fact is read."""

    question: str
    """What it tells, as the end of "nobody knows …"."""
    call: str
    permission: str
    """What the credential needs for it, as far as Adobe documents it (``permissions.json`` in
    github.com/AdobeDocs/cloudmanager-api-docs)."""


_EVERY_PROFILE = "Program Access, which every Cloud Manager product profile has"
READINGS: Mapping[Fact, Reading] = {
    Fact.ENVIRONMENT: Reading(
        "whether the stage environment is ready, and which hosts are its own",
        "GET /api/program/{program}/environment/{environment}",
        _EVERY_PROFILE,
    ),
    Fact.DOMAIN_MAPPINGS: Reading(
        "which domains lead to stage",
        "GET /api/program/{program}/environment/{environment}/domain-mappings",
        _EVERY_PROFILE,
    ),
    Fact.OWN_EXECUTIONS: Reading(
        "whether the pipeline has run again",
        "GET /api/program/{program}/pipeline/{pipeline}/executions",
        _EVERY_PROFILE,
    ),
    Fact.OTHER_PIPELINES: Reading(
        "what other pipelines and AEM updates did to stage",
        "GET /api/program/{program}/pipelines and GET /api/program/{program}/pipeline/{pipeline}/executions",
        _EVERY_PROFILE,
    ),
    Fact.CONTENT_COPIES: Reading(
        "whether content was copied into stage",
        "GET /api/program/{program}/contentFlows",
        "Content Copy Manage, which the profile Deployment Manager has",
    ),
    Fact.RESTORES: Reading(
        "whether stage was restored from a backup",
        "GET /api/program/{program}/environment/{environment}/restoreExecutions",
        "the profile Deployment Manager; Adobe documents Environment Restore Create for starting one, and nothing for reading",
    ),
    Fact.ENVIRONMENT_VARIABLES: Reading(
        "whether variables of stage were changed",
        "GET /api/program/{program}/environment/{environment}/variables",
        "the profile Deployment Manager; Adobe documents Environment Variables Manage for changing them, and nothing for reading",
    ),
}


class _Seen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Unread(_Seen):
    """A fact that could not be read, or a part of it."""

    fact: Fact
    subject: str = ""
    """The pipeline whose executions they are; empty for the whole fact."""
    call: str
    """Method and path."""
    why: str
    """What the call came to, as a sentence."""
    remedy: str
    """What to do about it, as a sentence."""
    passing: bool = False
    """It may come back by itself, as after a time-out."""

    @property
    def sentence(self) -> str:
        """Which fact, which call, what it came to, and what to do."""
        return (
            f"Nobody knows {READINGS[self.fact].question}: {self.fact} can't be read ({self.call}). {self.why} "
            f"{self.remedy}"
        )

    @classmethod
    def because(cls, error: CloudManagerError, fact: Fact, call: str, *, subject: str = "") -> Unread:
        """``error`` says what the call came to."""
        return cls(
            fact=fact,
            subject=subject,
            call=call,
            why=str(error),
            remedy=remedy_for(fact, error),
            passing=error.retryable,
        )

    def is_known_of(self, others: Iterable[Unread]) -> bool:
        """Whether one of the others says the same, or more."""
        return any(each.fact is self.fact and each.subject in ("", self.subject) for each in others)


def remedy_for(fact: Fact, error: CloudManagerError) -> str:
    """What to do about a fact whose call came to this."""
    if error.retryable:
        return "Wait until Cloud Manager answers again; then stage is looked at again."
    if isinstance(error, UnexpectedAnswer):
        return f"Look in Cloud Manager {READINGS[fact].question}, and decide there; the answer to this call does not tell."
    return f"Give the credential {READINGS[fact].permission}."


class Way(StrEnum):
    """How stage can be changed by something that has an end; what it *is* besides (state, variables) has none."""

    OWN_RELEASE = "own release"
    """The pipeline whose deployment is tested runs again."""
    OTHER_RELEASE = "other release"
    """Another pipeline that builds an image, or may have brought one."""
    DEPLOYMENT = "deployment"
    """A pipeline that builds no image: front-end, web tier, config."""
    AEM_UPDATE = "AEM update"
    CONTENT_COPY = "content copy"
    RESTORE = "restore"

    @property
    def brings_code(self) -> bool:
        """Whether another image than the tested one may answer on stage afterwards."""
        return self in _BRINGS_CODE


_BRINGS_CODE = frozenset({Way.OWN_RELEASE, Way.OTHER_RELEASE, Way.AEM_UPDATE, Way.RESTORE})


class StageEvent(_Seen):
    """Something that reached stage after its deployment, or goes on."""

    way: Way
    id: str
    """Of the execution, content flow or restore."""
    pipeline: str = ""
    runs: bool = False
    """It had not ended when it was seen, or nobody knows."""
    told: str = ""
    """In words for a sentence: name, trigger, times. They decide nothing."""

    @property
    def words(self) -> str:
        return self.told or f"{_NOUN.get(self.way, 'execution')} {self.id}"

    def is_same(self, other: StageEvent) -> bool:
        return (self.way, self.id) == (other.way, other.id)


_NOUN = {Way.CONTENT_COPY: "content copy", Way.RESTORE: "restore"}


class VariableSeen(_Seen):
    """A variable of the environment."""

    type: str
    fingerprint: str
    """Of its value, where one is shown; a secret's never is."""
    changes: bool = False
    """A change of it went on."""


class Source(_Seen):
    """The execution of a stage-only pipeline that built and deployed to stage what a production-only one releases."""

    pipeline_id: str
    execution_id: str
    trigger: str
    stage_step_id: str
    stage_deployed_at: AwareDatetime | None
    commit_id: str | None = None
    artifacts_version: str

    def __str__(self) -> str:
        return f"execution {self.execution_id} of pipeline {self.pipeline_id}"


class Surroundings(_Seen):
    """The stage environment around a candidate: what else could have changed what the checks saw."""

    environment_id: str
    hosts: tuple[str, ...]
    """Host names, with port where it is not the scheme's own, that Cloud Manager says belong to the environment."""
    unsettled_domains: Mapping[str, str] = Field(default_factory=dict)
    """Name to status of the domains that are mapped to the environment and not known to lead there: being deployed,
    deleted, failed, or in a state whose word nobody knows. They are no hosts of it."""
    status: str = READY
    """Of the environment, as Adobe writes it."""
    other_pipelines: Mapping[str, str] = Field(default_factory=dict)
    """Pipeline id to id of its latest execution that has reached the environment, else ``none`` or ``elsewhere``, for all
    other pipelines of the program that could be read; AEM updates are not among the executions."""
    events: tuple[StageEvent, ...] = ()
    """Everything that reached the environment after the stage deployment, or goes on."""
    variables: Mapping[str, VariableSeen] = Field(default_factory=dict)
    """By name, with the service in front where it is for one only."""
    unread: tuple[Unread, ...] = ()
    source: Source | None = None
    """What was tested on stage, where that is another execution than the one that goes to production."""

    def has_read(self, fact: Fact) -> bool:
        return all(each.fact is not fact for each in self.unread)

    def unread_but(self, accepted: Iterable[Fact]) -> tuple[Unread, ...]:
        """What could not be read and is not accepted."""
        allowed = frozenset(accepted)
        return tuple(each for each in self.unread if each.fact not in allowed)

    def listed_as(self, host: str) -> str:
        """What Cloud Manager says of a host that is none of the environment's, as the end of a sentence."""
        word = self.unsettled_domains.get(host)
        if word is None:
            return "lists no such host for it"
        return f"says {repr(word) if word else 'nothing'} of that domain, which does not mean that it leads there"

    def latest_of(self, pipeline: str) -> StageEvent | None:
        """Some event of this pipeline, ``None`` where it has none."""
        return next((each for each in self.events if each.pipeline == pipeline), None)


def newly_unread(then: Surroundings, now: Surroundings, accepted: Iterable[Fact]) -> list[Unread]:
    """What can't be read now, is not accepted, and was known when stage was tested."""
    return [each for each in now.unread_but(accepted) if not each.is_known_of(then.unread)]
