"""What exactly is being released, and what stage looks like around it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from urllib.parse import urlsplit

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

UNKNOWN = "unknown"
"""Stands for a fact that could not be read. It is stated in the evidence and never taken for "unchanged"."""

RUNNING = " (running)"
"""Behind the id of an execution that had not ended: it may change stage without a new id."""


class Surroundings(BaseModel):
    """The stage environment around a candidate: what else could have changed what the checks saw."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment_id: str
    hosts: tuple[str, ...]
    """Host names, with port where it is not the scheme's own, that Cloud Manager says belong to the environment."""
    aem_release: str = UNKNOWN
    """The AEM release of the environment, or ``unknown``: Cloud Manager's public API does not name it."""
    other_pipelines: Mapping[str, str] = Field(default_factory=dict)
    """Pipeline id to id of its latest execution (``none`` or ``unknown``), for all that target the environment."""

    def unknown(self) -> list[str]:
        """Sentences on what could not be read."""
        sentences = []
        if self.aem_release == UNKNOWN:
            sentences.append(
                "The AEM release of stage is unknown, so an AEM update in between cannot be excluded."
            )
        for pipeline, execution in sorted(self.other_pipelines.items()):
            if execution == UNKNOWN:
                sentences.append(f"What pipeline {pipeline} last did to stage is unknown.")
        return sentences


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
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def __str__(self) -> str:
        version = self.artifacts_version or "unknown version"
        return f"execution {self.execution_id} of pipeline {self.pipeline_id} ({version})"


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
    if now.other_pipelines.get("others") == UNKNOWN != pinned.other_pipelines.get("others"):
        return [*sentences, "What other pipelines did to stage since the tests began can't be read now."]
    for pipeline in sorted({*pinned.other_pipelines, *now.other_pipelines} - {"others"}):
        before = pinned.other_pipelines.get(pipeline, "none")
        after = now.other_pipelines.get(pipeline, "none")
        if after == UNKNOWN != before:
            sentences.append(
                f"What pipeline {pipeline} did to stage since the tests began can't be read now."
            )
        elif after.endswith(RUNNING):
            sentences.append(f"Pipeline {pipeline} runs execution {after.removesuffix(RUNNING)} just now.")
        elif before != after and before != UNKNOWN:
            sentences.append(f"Pipeline {pipeline} has run execution {after} on stage since the tests began.")
    return sentences


def host_of(url: str) -> str:
    """The host of a URL in lower case, with its port unless that is the scheme's own."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower().rstrip(".")
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return host if parts.port in (None, default) else f"{host}:{parts.port}"
