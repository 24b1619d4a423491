"""What does a delivery of Adobe I/O say, and about which execution? A strict reader of foreign bytes. No I/O here.

An event carries neither status nor environment, only the address of a resource; of that address nothing but
the numbers in its path is used (https://developer.adobe.com/experience-cloud/cloud-manager/guides/api-usage/receiving-events/).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NoReturn

MAX_BODY = 2 * 1024 * 1024
"""Bytes: Adobe's limit for a batch (https://developer.adobe.com/events/docs/guides/)."""
MAX_EVENTS = 20
"""Events: Adobe's limit for a batch."""
MAX_PARTS = 50_000
"""Brackets, braces and commas. Twenty events of Cloud Manager have a few thousand; two megabytes of nothing else cost
0.3 s of parsing, in which a process does nothing else, and 60 MB of memory, before anybody has seen a signature."""

_TYPES = "https://ns.adobe.com/experience/cloudmanager/"
_OBJECT = re.compile(
    r"(?:https?://[^/?#\s]{1,255})?/api/program/([0-9]{1,20})/pipeline/([0-9]{1,20})"
    r"(?:/execution/([0-9]{1,20})(?:/phase/[0-9]{1,20}/step/[0-9]{1,20})?)?/?"
)
_TOKEN = re.compile(r"[!-~]{1,200}")


class MalformedDelivery(ValueError):
    """The body is not what Adobe I/O sends; the sentence says why and quotes nothing of it."""


class EventKind(StrEnum):
    """The five events of Cloud Manager; ``OTHER`` is everything else, which is a hint all the same."""

    EXECUTION_STARTED = "pipeline execution started"
    EXECUTION_ENDED = "pipeline execution ended"
    STEP_STARTED = "step started"
    STEP_WAITING = "step waiting"
    STEP_ENDED = "step ended"
    OTHER = "other"


_KINDS = {
    ("started", "pipeline-execution"): EventKind.EXECUTION_STARTED,
    ("ended", "pipeline-execution"): EventKind.EXECUTION_ENDED,
    ("started", "execution-step-state"): EventKind.STEP_STARTED,
    ("waiting", "execution-step-state"): EventKind.STEP_WAITING,
    ("ended", "execution-step-state"): EventKind.STEP_ENDED,
}


@dataclass(frozen=True, slots=True)
class CloudManagerEvent:
    """One event. The ids are digits only; empty (execution: ``None``) where the event names none.

    ``event_id`` is the same in every attempt to deliver it. ``recipient`` is the client id that Adobe
    addressed, empty where none was named (as in the journal) or where it can't be one.
    """

    event_id: str
    kind: EventKind
    program_id: str
    pipeline_id: str
    execution_id: str | None
    published: datetime | None
    recipient: str

    @property
    def subject(self) -> str:
        """``program/pipeline/execution``, ``program/pipeline/``, or empty for an event about something else."""
        return f"{self.program_id}/{self.pipeline_id}/{self.execution_id or ''}" if self.program_id else ""

    @property
    def hint(self) -> str:
        """The subject that waits are told; empty for the start of a step, which shows nothing that anybody waits for."""
        return "" if self.kind is EventKind.STEP_STARTED else self.subject


def parse_delivery(body: bytes) -> tuple[CloudManagerEvent, ...]:
    """The events of a webhook delivery, single or batch. Raises ``MalformedDelivery``.

    Events of other Adobe products are kind ``OTHER`` without subject. The two spellings of an id must agree.
    """
    document = _document(body)
    if isinstance(document, Mapping):
        return (parse_event(document),)
    if not isinstance(document, list) or not document:
        raise MalformedDelivery("The body is neither a JSON object nor an array of them.")
    if len(document) > MAX_EVENTS:
        raise MalformedDelivery(f"The body holds {len(document)} events, more than {MAX_EVENTS}.")
    return tuple(parse_event(element) for element in document)


def parse_event(element: object) -> CloudManagerEvent:
    """One event in the wrapping that I/O Events gives it. Raises ``MalformedDelivery``."""
    if not isinstance(element, Mapping):
        raise MalformedDelivery("An event of the body is not a JSON object.")
    inner = element.get("event")
    return event_of(
        inner if isinstance(inner, Mapping) else {},
        event_id=_either(element, "eventid", "event_id"),
        recipient=_either(element, "recipientclientid", "recipient_client_id"),
    )


def event_of(inner: Mapping[str, Any], *, event_id: str = "", recipient: str = "") -> CloudManagerEvent:
    """The event of its inner object, which is all that the journal's samples hold."""
    program, pipeline, execution = _ids(inner.get("activitystreams:object"))
    return CloudManagerEvent(
        event_id=event_id or _token(inner.get("@id")),
        kind=_kind(inner.get("@type"), inner.get("xdmEventEnvelope:objectType")),
        program_id=program,
        pipeline_id=pipeline,
        execution_id=execution,
        published=_moment(inner.get("activitystreams:published")),
        recipient=recipient,
    )


def _document(body: bytes) -> object:
    if len(body) > MAX_BODY:
        raise MalformedDelivery(f"The body is longer than {MAX_BODY} bytes.")
    if sum(map(body.count, (b"[", b"{", b","))) > MAX_PARTS:
        raise MalformedDelivery(f"The body has more than {MAX_PARTS} parts.")
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_no_number)
    except RecursionError:
        raise MalformedDelivery("The body is nested too deeply.") from None
    except ValueError:
        raise MalformedDelivery("The body is not JSON in UTF-8.") from None


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _either(element: Mapping[str, Any], new: str, old: str) -> str:
    """One of two spellings, of which Adobe removes the older one by the end of 2026
    (https://developer.adobe.com/events/docs/support/faq/)."""
    values = {_token(element[name]) for name in (new, old) if element.get(name) is not None}
    if len(values) > 1:
        raise MalformedDelivery(f"{new} and {old} of an event differ.")
    return values.pop() if values else ""


def _token(value: object) -> str:
    return value if isinstance(value, str) and _TOKEN.fullmatch(value) else ""


def _kind(verb: object, noun: object) -> EventKind:
    if not isinstance(verb, str) or not isinstance(noun, str):
        return EventKind.OTHER
    if not (verb.startswith(f"{_TYPES}event/") and noun.startswith(_TYPES)):
        return EventKind.OTHER
    words = (verb.removeprefix(f"{_TYPES}event/"), noun.removeprefix(_TYPES))
    return _KINDS.get(words, EventKind.OTHER)


def _ids(resource: object) -> tuple[str, str, str | None]:
    address = resource.get("@id") if isinstance(resource, Mapping) else None
    found = _OBJECT.fullmatch(address) if isinstance(address, str) else None
    return (found[1], found[2], found[3]) if found else ("", "", None)


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
