"""What exactly is being released, and is it still what was tested?"""

from __future__ import annotations

import hashlib
from urllib.parse import urlsplit

from pydantic import AwareDatetime, BaseModel, ConfigDict

from stage_gate.rules.stage_changes import surrounding_changes
from stage_gate.rules.surroundings import Surroundings


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

    What could not be read then or can't be read now is no difference, and no sameness either: ``newly_unread`` and the
    verdict are for that.
    """
    differences = [
        f"{name} was {getattr(pinned, field) or 'unknown'} when it was tested and is {getattr(now, field) or 'unknown'} now."
        for field, name in _IDENTITY.items()
        if getattr(pinned, field) != getattr(now, field)
    ]
    return [*differences, *surrounding_changes(pinned.stage, now.stage)]


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
    which code answers then. The same holds after another release that put its own code there, and after a restore.
    """
    stage = candidate.stage
    happened = [each for each in stage.events if each.way.brings_code and not each.runs]
    if build_marker or not happened:
        return None
    what = "; ".join(f"{each.way} ({each.words})" for each in happened)
    return (
        f"Stage may no longer run the code of {candidate}: since its deployment there was {what}. "
        "No blocking check compares a build marker, so a test can't tell which code answers: build the release again "
        "(start the pipeline anew), or name a build marker in the gate file and let 'settled' block."
    )
