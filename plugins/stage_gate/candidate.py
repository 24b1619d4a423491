"""What exactly is being released, and what stage looks like around it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from urllib.parse import urlsplit

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

UNKNOWN = "unknown"
"""Stands for a fact that could not be read. It is stated in the evidence and never taken for "unchanged"."""

NONE = "none"
"""Stands for a pipeline that has changed nothing on stage."""

RUNNING = " (running)"
"""Behind the id of an execution that had not ended: it may change stage without a new id."""


class Source(BaseModel):
    """The execution of a stage-only pipeline that built and deployed to stage what a production-only one releases."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pipeline_id: str
    execution_id: str
    trigger: str
    stage_step_id: str
    stage_deployed_at: AwareDatetime | None
    commit_id: str | None = None
    artifacts_version: str

    def __str__(self) -> str:
        return f"execution {self.execution_id} of pipeline {self.pipeline_id}"


class Surroundings(BaseModel):
    """The stage environment around a candidate: what else could have changed what the checks saw."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment_id: str
    hosts: tuple[str, ...]
    """Host names, with port where it is not the scheme's own, that Cloud Manager says belong to the environment."""
    aem_release: str = UNKNOWN
    """The AEM release of the environment, or ``unknown``: Cloud Manager's public API does not name it."""
    other_pipelines: Mapping[str, str] = Field(default_factory=dict)
    """Pipeline id to id of its latest execution that runs or has reached the environment (``none`` or ``unknown``
    else), for all other pipelines that target the environment; AEM updates are not among them."""
    newer_releases: tuple[str, ...] = ()
    """Executions of the pipeline that deployed to stage that were begun after this one, or run beside it."""
    replaced_by: tuple[str, ...] = ()
    """Executions of other pipelines that put code of their own on stage after the stage deployment."""
    aem_updates: tuple[str, ...] = ()
    """AEM updates, of any pipeline, that reached the environment after the stage deployment, or run now; with
    ``unknown`` among them where the executions of a pipeline could not be read."""
    source: Source | None = None
    """What was tested on stage, where that is another execution than the one that goes to production."""
    told: Mapping[str, str] = Field(default_factory=dict)
    """Execution id to words for a sentence: pipeline, trigger, times. It decides nothing."""

    def unknown(self) -> list[str]:
        """Sentences on what could not be read."""
        sentences = []
        if self.aem_release == UNKNOWN:
            sentences.append(
                "The AEM release of stage is unknown, so an AEM update that no pipeline shows cannot be excluded."
            )
        if UNKNOWN in self.aem_updates:
            sentences.append("Whether an AEM update reached stage after its deployment could not be read.")
        if UNKNOWN in self.newer_releases:
            sentences.append("Whether the guarded pipeline has run again could not be read.")
        for pipeline, execution in sorted(self.other_pipelines.items()):
            if execution == UNKNOWN:
                sentences.append(f"What {_pipeline(pipeline)} last did to stage is unknown.")
        return sentences

    def tell(self, execution: str) -> str:
        """An execution in words, as in ``execution 77 ('Web tier' 678904, deployment to stage, MANUAL, ...)``."""
        number = execution.removesuffix(RUNNING)
        return self.told.get(number, f"execution {number}")


class Candidate(BaseModel):
    """A release, pinned. Two candidates with the same digest are the same release on the same stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    program_id: str
    pipeline_id: str
    execution_id: str
    trigger: str
    stage_step_id: str
    stage_deployed_at: AwareDatetime | None
    commit_id: str | None = None
    artifacts_version: str | None = None
    stage: Surroundings

    @property
    def digest(self) -> str:
        """SHA-256, as hexadecimal, of the whole candidate."""
        without = None if self.stage.source else {"stage": {"source"}}  # as it was before there were sources
        return hashlib.sha256(self.model_dump_json(exclude=without).encode()).hexdigest()

    @property
    def tested(self) -> tuple[str, str]:
        """Pipeline and execution id of what was built, deployed to stage and tested there."""
        source = self.stage.source
        return (source.pipeline_id, source.execution_id) if source else (self.pipeline_id, self.execution_id)

    def __str__(self) -> str:
        version = self.artifacts_version or "unknown version"
        tested = f", on stage as {self.stage.source}" if self.stage.source else ""
        return f"execution {self.execution_id} of pipeline {self.pipeline_id} ({version}{tested})"


def changes(pinned: Candidate, now: Candidate) -> list[str]:
    """Sentences on everything that differs between the candidate as tested and as read again.

    A fact that was unknown then or is unknown now is not called a change; ``Surroundings.unknown`` states it.
    """
    differences = [
        f"{name} was {getattr(pinned, field) or 'unknown'} when it was tested and is {getattr(now, field) or 'unknown'} now."
        for field, name in _IDENTITY.items()
        if getattr(pinned, field) != getattr(now, field)
    ]
    return [*differences, *_surrounding_changes(pinned.stage, now.stage)]


_IDENTITY = {
    "program_id": "The program",
    "pipeline_id": "The pipeline",
    "execution_id": "The execution",
    "trigger": "The trigger of the execution",
    "stage_step_id": "The stage deployment step",
    "stage_deployed_at": "The end of the stage deployment",
    "commit_id": "The commit",
    "artifacts_version": "The artifacts version",
}


def _surrounding_changes(pinned: Surroundings, now: Surroundings) -> list[str]:
    return [
        *_source_changes(pinned.source, now.source),
        *_environment_changes(pinned, now),
        *_updates(pinned, now),
        *_newer_releases(pinned, now),
        *_pipeline_changes(pinned, now),
    ]


def _source_changes(pinned: Source | None, now: Source | None) -> list[str]:
    if pinned == now:
        return []
    was, found = pinned or "no execution of another pipeline", now or "none"
    if str(was) == str(found):
        return [f"What Cloud Manager says of {found}, which was tested on stage, is not what it said then."]
    return [f"Tested on stage was {was}, and what goes to production comes from {found} now."]


def _environment_changes(pinned: Surroundings, now: Surroundings) -> list[str]:
    sentences = []
    if pinned.environment_id != now.environment_id:
        sentences.append(
            f"The stage environment was {pinned.environment_id} and is {now.environment_id} now."
        )
    if pinned.aem_release != now.aem_release and UNKNOWN not in (pinned.aem_release, now.aem_release):
        sentences.append(f"AEM on stage was release {pinned.aem_release} and is {now.aem_release} now.")
    gone = sorted(set(pinned.hosts) - set(now.hosts))
    if gone:
        sentences.append(f"Cloud Manager no longer lists {', '.join(gone)} for the stage environment.")
    return sentences


def _updates(pinned: Surroundings, now: Surroundings) -> list[str]:
    return [
        f"An AEM update changes stage just now: {now.tell(update)}."
        if update.endswith(RUNNING)
        else f"An AEM update has changed stage since the tests began: {now.tell(update)}."
        if update != UNKNOWN
        else "Whether an AEM update has changed stage since the tests began can't be read now."
        for update in _new(pinned.aem_updates, now.aem_updates)
    ]


def _newer_releases(pinned: Surroundings, now: Surroundings) -> list[str]:
    return [
        f"The {_builder(now)} has run again since the tests began: {now.tell(execution)}."
        if execution != UNKNOWN
        else f"Whether the {_builder(now)} has run again since the tests began can't be read now."
        for execution in _new(pinned.newer_releases, now.newer_releases)
    ]


def _builder(now: Surroundings) -> str:
    return f"stage-only pipeline {now.source.pipeline_id}" if now.source else "guarded pipeline"


def _new(pinned: tuple[str, ...], now: tuple[str, ...]) -> list[str]:
    """What was not there when it was pinned, and what still runs: it changes stage under the tests."""
    return [each for each in now if each not in pinned or each.endswith(RUNNING)]


def _pipeline_changes(pinned: Surroundings, now: Surroundings) -> list[str]:
    if now.other_pipelines.get("others") == UNKNOWN != pinned.other_pipelines.get("others"):
        return ["What other pipelines did to stage since the tests began can't be read now."]
    names = sorted({*pinned.other_pipelines, *now.other_pipelines} - {"others"})
    found = (
        _pipeline_change(
            name, pinned.other_pipelines.get(name, NONE), now.other_pipelines.get(name, NONE), now
        )
        for name in names
    )
    return [sentence for sentence in found if sentence]


def _pipeline_change(pipeline: str, before: str, after: str, now: Surroundings) -> str | None:
    if after == UNKNOWN != before:
        return f"What pipeline {pipeline} did to stage since the tests began can't be read now."
    if after.endswith(RUNNING):
        return f"Pipeline {pipeline} runs {now.tell(after)} just now."
    if before in (after, UNKNOWN):
        return None
    if after == NONE:
        return f"Cloud Manager no longer shows what pipeline {pipeline} did to stage ({now.tell(before)})."
    return f"Pipeline {pipeline} has run {now.tell(after)} on stage since the tests began."


def _pipeline(pipeline: str) -> str:
    return "any other pipeline" if pipeline == "others" else f"pipeline {pipeline}"


def host_of(url: str) -> str:
    """The host of a URL in lower case, with its port unless that is the scheme's own."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower().rstrip(".")
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return host if parts.port in (None, default) else f"{host}:{parts.port}"


def must_be_built_again(candidate: Candidate, build_marker: bool) -> str | None:
    """Why no test of stage can prove this release any more, ``None`` where one can.

    An AEM update may put the code of the last production release back on stage ("the next AEM update will remove
    those changes to reflect the git tag of the last successful customer release to production":
    ``help/implementing/deploying/overview.md`` of Adobe's Cloud Service documentation). Only a build marker shows
    which code answers then. The same holds after another release that put its own code there.
    """
    stage = candidate.stage
    if build_marker:
        return None
    happened = [("an AEM update", each) for each in stage.aem_updates if each != UNKNOWN]
    others = dict.fromkeys((*stage.newer_releases, *stage.replaced_by))
    happened += [("another release", each) for each in others if each != UNKNOWN]
    if not happened:
        return None
    what = "; ".join(f"{kind} ({stage.tell(each)})" for kind, each in happened)
    return (
        f"Stage may no longer run the code of {candidate}: since its deployment there was {what}. "
        "No blocking check compares a build marker, so a test can't tell which code answers: build the release again "
        "(start the pipeline anew), or name a build marker in the gate file and let 'settled' block."
    )
