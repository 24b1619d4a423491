"""Which event follows from a change of an execution, and how does it look in JSON? Pure functions.

Sources: `receiving-events.md` and `understanding-the-api.md` of the Cloud Manager API documentation and its
`events.yaml`. The steps in SILENT_STARTS never emit a start; whether a cancelled or incomplete step emits its end is
not documented: here it does. An event names neither action nor status nor environment.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from simulator.cloud_manager.executions import Place
from simulator.cloud_manager.resources import Json
from simulator.execution import ENDED, Event, Execution, Step

SILENT_STARTS = frozenset({"approval", "schedule", "codeQuality", "managed"})
STEP_ENDS = frozenset({"FINISHED", "INCOMPLETE", "FAILED", "ERROR", "CANCELLED", "ROLLED_BACK"})
ADOBE = "https://cloudmanager.adobe.io"  # as in Adobe's own events: a reader must use the path only
TYPES = "https://ns.adobe.com/experience/cloudmanager/"
Noun = Literal["pipeline-execution", "execution-step-state"]
Verb = Literal["started", "waiting", "ended"]
Spelling = Literal["both", "old", "new"]
CODES = {
    ("pipeline-execution", "started"): "pipeline_execution_start",
    ("pipeline-execution", "ended"): "pipeline_execution_end",
    ("execution-step-state", "started"): "pipeline_execution_step_start",
    ("execution-step-state", "waiting"): "pipeline_execution_step_waiting",
    ("execution-step-state", "ended"): "pipeline_execution_step_end",
}


@dataclass(frozen=True, slots=True)
class Emitted:
    """One event: its id, its code, when it happened (seconds since 1970), Cloud Manager's JSON."""

    id: str
    code: str
    at: float
    event: Json

    @property
    def path(self) -> str:
        """The path of the resource that it is about."""
        return str(self.event["activitystreams:object"]["@id"]).removeprefix(ADOBE)


def emitted_by(place: Place, execution: Execution, change: Event, org_id: str) -> Emitted | None:
    """The event that a change of an execution or of one of its steps emits; None for most changes."""
    if change.step is None:
        verb: Verb = "ended" if change.status in ENDED else "started"
        path = f"{place.href}/execution/{execution.id}"
        made = emitted("pipeline-execution", verb, path, at=change.at, org_id=org_id)
        if execution.user is not None:
            made.event["activitystreams:actor"] = {"@type": "xdmImsUser", "xdmImsUser:id": execution.user}
        return made
    step_verb = _step_verb(change.step, change.status)
    if step_verb is None:
        return None
    path = place.step_href(execution, change.step)
    return emitted("execution-step-state", step_verb, path, at=change.at, org_id=org_id)


def emitted(noun: Noun, verb: Verb, path: str, *, at: float, org_id: str) -> Emitted:
    """An event about the resource at that path; the same change has the same id."""
    id_ = uuid.uuid5(uuid.NAMESPACE_URL, f"{org_id} {path} {verb} {at}")
    event: Json = {
        "@id": f"urn:oeid:cloudmanager:{uuid.uuid5(id_, 'cloudmanager')}",
        "@type": f"{TYPES}event/{verb}",
        "activitystreams:published": _published(at),
        "activitystreams:to": {"@type": "xdmImsOrg", "xdmImsOrg:id": org_id},
        "activitystreams:object": {"@id": ADOBE + path, "@type": TYPES + noun},
        "xdmEventEnvelope:objectType": TYPES + noun,
    }
    return Emitted(str(id_), CODES[noun, verb], at, event)


def wrapped(one: Emitted, client_id: str, spelling: Spelling) -> Json:
    """The event as a webhook gets it. The spellings with underscores end with the year 2026 (Adobe's FAQ)."""
    shown: Json = {"event": one.event}
    if spelling in ("both", "old"):
        shown |= {"event_id": one.id, "recipient_client_id": client_id}
    if spelling in ("both", "new"):
        shown |= {"eventid": one.id, "recipientclientid": client_id}
    return shown


def _step_verb(step: Step, status: str) -> Verb | None:
    if status == "RUNNING":
        return None if step.blueprint.action in SILENT_STARTS else "started"
    if status == "WAITING":
        return "waiting"
    return "ended" if status in STEP_ENDS else None


def _published(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
