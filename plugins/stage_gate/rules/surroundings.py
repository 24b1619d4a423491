"""What could change stage under the tests: what happened to it, what goes on, and what nobody could read?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from adobe_cloud_manager.environment_resources import READY
from adobe_cloud_manager.exceptions import CloudManagerError, UnexpectedAnswer

UNKNOWN = "unknown"
"""Stands for the AEM release, which Cloud Manager's public API never names."""

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
    unsettled_domains: Mapping[str, str] = Field(default_factory=dict, exclude_if=lambda value: not value)
    """Name to status of the domains that are mapped to the environment and not known to lead there: being deployed,
    deleted, failed, or in a state whose word nobody knows. They are no hosts of it. Not written where there are none, so
    that candidates in evidence of before keep their digest."""
    status: str = READY
    """Of the environment, as Adobe writes it."""
    aem_release: str = UNKNOWN
    """The AEM release of the environment, or ``unknown``: Cloud Manager's public API does not name it."""
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

    @property
    def never_told(self) -> list[str]:
        """Sentences on facts that the API never offers."""
        if self.aem_release != UNKNOWN:
            return []
        return [
            "The AEM release of stage is unknown, so an AEM update that no pipeline shows cannot be excluded."
        ]

    @property
    def goes_on(self) -> list[str]:
        """Sentences on what changed stage just when this was read."""
        return [*_not_ready(self), *map(running, filter(_runs, self.events)), *_variables_in_change(self)]

    def listed_as(self, host: str) -> str:
        """What Cloud Manager says of a host that is none of the environment's, as the end of a sentence."""
        word = self.unsettled_domains.get(host)
        if word is None:
            return "lists no such host for it"
        return f"says {repr(word) if word else 'nothing'} of that domain, which does not mean that it leads there"

    def latest_of(self, pipeline: str) -> StageEvent | None:
        """Some event of this pipeline, ``None`` where it has none."""
        return next((each for each in self.events if each.pipeline == pipeline), None)


def _runs(event: StageEvent) -> bool:
    return event.runs


def _not_ready(seen: Surroundings) -> Iterator[str]:
    if seen.status != READY and seen.has_read(Fact.ENVIRONMENT):
        yield (
            f"Stage environment {seen.environment_id} is {seen.status or 'in no state that Cloud Manager tells'}, "
            f"not {READY}."
        )


def _variables_in_change(seen: Surroundings) -> Iterator[str]:
    changing = sorted(name for name, variable in seen.variables.items() if variable.changes)
    if changing:
        yield f"Variables of stage are being changed just now: {', '.join(changing)}."


def running(event: StageEvent) -> str:
    """A sentence on something that goes on."""
    match event.way:
        case Way.AEM_UPDATE:
            return f"An AEM update changes stage just now: {event.words}."
        case Way.CONTENT_COPY:
            return f"Content is copied into stage just now: {event.words}."
        case Way.RESTORE:
            return f"Stage is restored from a backup just now: {event.words}."
        case Way.OWN_RELEASE:
            return (
                f"Pipeline {event.pipeline}, whose deployment is tested, runs again just now: {event.words}."
            )
        case _:
            return f"Pipeline {event.pipeline} runs {event.words} just now."


def happened(event: StageEvent) -> str:
    """A sentence on something that has ended and was not there when the tests began."""
    match event.way:
        case Way.AEM_UPDATE:
            return f"An AEM update has changed stage since the tests began: {event.words}."
        case Way.CONTENT_COPY:
            return f"Content was copied into stage since the tests began: {event.words}."
        case Way.RESTORE:
            return f"Stage was restored from a backup since the tests began: {event.words}."
        case Way.OWN_RELEASE:
            return f"Pipeline {event.pipeline}, whose deployment was tested, has run again since the tests began: {event.words}."
        case _:
            return f"Pipeline {event.pipeline} has run {event.words} on stage since the tests began."


def surrounding_changes(then: Surroundings, now: Surroundings) -> list[str]:
    """Sentences on everything that differs between stage as it was tested and as it was read again.

    What could not be read then can't be compared; that it could not be read is for the verdict to weigh. What can't be
    read now and could then is for ``newly_unread``.
    """
    return [
        *_source_changes(then.source, now.source),
        *_environment_changes(then, now),
        *now.goes_on,
        *map(happened, _new(then, now)),
        *_forgotten(then, now),
        *_variable_changes(then, now),
    ]


def newly_unread(then: Surroundings, now: Surroundings, accepted: Iterable[Fact]) -> list[Unread]:
    """What can't be read now, is not accepted, and was known when stage was tested."""
    return [each for each in now.unread_but(accepted) if not each.is_known_of(then.unread)]


def _new(then: Surroundings, now: Surroundings) -> list[StageEvent]:
    """What has ended and was not there then, or had not ended: it changed stage under the tests or after them."""
    ended = [each for each in then.events if not each.runs]
    return [each for each in now.events if not each.runs and not any(map(each.is_same, ended))]


def _source_changes(then: Source | None, now: Source | None) -> list[str]:
    if then == now:
        return []
    was, found = then or "no execution of another pipeline", now or "none"
    if str(was) == str(found):
        return [f"What Cloud Manager says of {found}, which was tested on stage, is not what it said then."]
    return [f"Tested on stage was {was}, and what goes to production comes from {found} now."]


def _environment_changes(then: Surroundings, now: Surroundings) -> list[str]:
    sentences = []
    if then.environment_id != now.environment_id:
        sentences.append(f"The stage environment was {then.environment_id} and is {now.environment_id} now.")
    if then.aem_release != now.aem_release and UNKNOWN not in (then.aem_release, now.aem_release):
        sentences.append(f"AEM on stage was release {then.aem_release} and is {now.aem_release} now.")
    if now.has_read(Fact.ENVIRONMENT) and now.has_read(Fact.DOMAIN_MAPPINGS):
        sentences += [
            f"{host} was a host of the stage environment, and Cloud Manager {now.listed_as(host)} now."
            for host in sorted(set(then.hosts) - set(now.hosts))
        ]
    return sentences


def _forgotten(then: Surroundings, now: Surroundings) -> Iterator[str]:
    """A pipeline that is gone, or whose last way to stage is told differently now without an event that explains it.

    One that led elsewhere may go: then as now it had nothing to do with stage.
    """
    for pipeline, before in sorted(then.other_pipelines.items()):
        after = now.other_pipelines.get(pipeline)
        unread = any(
            each.fact is Fact.OTHER_PIPELINES and each.subject in ("", pipeline) for each in now.unread
        )
        if before in (after, ELSEWHERE) or unread or now.latest_of(pipeline) is not None:
            continue
        if after is None:
            yield (
                f"Cloud Manager no longer lists pipeline {pipeline}, which led to stage, so nobody knows what it has done "
                "there since the tests began."
            )
        elif before != NONE:
            yield (
                f"Cloud Manager no longer shows what pipeline {pipeline} last did to stage: it was execution {before}, and "
                f"is {after} now."
            )


def _variable_changes(then: Surroundings, now: Surroundings) -> Iterator[str]:
    if not (then.has_read(Fact.ENVIRONMENT_VARIABLES) and now.has_read(Fact.ENVIRONMENT_VARIABLES)):
        return
    names = sorted({*then.variables, *now.variables})
    changed = [
        name for name in names if _settled(then.variables.get(name)) != _settled(now.variables.get(name))
    ]
    if changed:
        yield f"Variables of stage were changed since the tests began: {', '.join(changed)}."


def _settled(variable: VariableSeen | None) -> tuple[str, str] | None:
    return (variable.type, variable.fingerprint) if variable is not None else None
