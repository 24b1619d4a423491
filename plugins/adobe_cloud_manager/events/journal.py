"""What does a page of an I/O Events journal say, and where does it go on? No I/O here.

https://developer.adobe.com/events/docs/guides/api/journaling-api/ : events are kept for 7 days, a position
is opaque and part of the address that an answer links to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from adobe_cloud_manager.answers import Answer, error_of, retry_after
from adobe_cloud_manager.events.envelope import CloudManagerEvent, event_of
from adobe_cloud_manager.events.hint import MAX_SUBJECTS
from adobe_cloud_manager.exceptions import CloudManagerError, UnexpectedAnswer

SERVICE = "Adobe I/O Events"
_PATH = re.compile(
    r"(?:/[0-9A-Za-z_-]{1,50}){0,3}"
    r"(/organizations/[0-9A-Za-z_-]{1,50}/integrations/[0-9A-Za-z_-]{1,50}/[0-9A-Za-z_-]{1,100})"
)
_TARGET = re.compile(r"[!-~]{1,2048}")
_POSITION = re.compile(r"[!-~]{1,1000}")
_LINK = re.compile(
    r'<([^<>\s]{1,2048})>((?:\s*;\s*[^\s=;,"]{1,50}\s*=\s*(?:"[^"]{0,200}"|[^\s",;]{1,200}))*)'
)
_NEXT = re.compile(r';\s*rel\s*=\s*"?next"?(?:\s*;|\s*$)')


class PositionExpired(CloudManagerError):
    """410: the events from this position on are no longer kept."""


@dataclass(frozen=True, slots=True)
class Page:
    """Events in no particular order, and where the journal goes on.

    ``next_target`` is path and query of the next request; ``pause`` the seconds that the journal asks for,
    ``None`` where it says nothing.
    """

    events: tuple[CloudManagerEvent, ...]
    next_target: str | None
    pause: float | None = None

    @property
    def payload(self) -> dict[str, Any] | None:
        """What is told on: the subjects, at most 500, and the newest event's time. ``None`` without a subject."""
        subjects = sorted({event.subject for event in self.events if event.subject})[:MAX_SUBJECTS]
        if not subjects:
            return None
        times = [event.published for event in self.events if event.published]
        return {"subjects": subjects, "newest": max(times).isoformat() if times else None}

    @property
    def hints(self) -> set[str]:
        """The subjects that waits are told."""
        return {event.hint for event in self.events if event.hint}


@dataclass(frozen=True, slots=True)
class Journal:
    """The address of one registration's journal, on the configured host only."""

    origin: str
    path: str

    @classmethod
    def of(cls, url: str, events_url: str) -> Journal:
        """Read the address that the Adobe Developer Console shows. Raises ``ValueError`` naming what is wrong."""
        text = url.strip()
        if not text.startswith(f"{events_url}/"):
            raise ValueError(
                f"A journal's URL does not begin with {events_url}/ ([adobe_cloud_manager] events_url)."
            )
        path = text.removeprefix(events_url)
        if not _PATH.fullmatch(path):
            raise ValueError(
                "A journal's URL does not end in /organizations/…/integrations/…/…: copy it again from the "
                "registration's page in the Adobe Developer Console, without a query."
            )
        return cls(events_url, path)

    @property
    def url(self) -> str:
        return f"{self.origin}{self.path}"

    @property
    def oldest(self) -> str:
        """The target of a first request from the oldest events on."""
        return self.path

    @property
    def latest(self) -> str:
        """The target of a first request for what happens from now on."""
        return f"{self.path}?latest=true"

    def after(self, position: str) -> str:
        """The target of a request for the events after a position."""
        return f"{self.path}?since={quote(position, safe='')}"

    def target_of(self, href: object) -> str | None:
        """Path and query of a link into this journal; ``None`` for a link that leads anywhere else."""
        if not isinstance(href, str) or not _TARGET.fullmatch(href):
            return None
        try:
            parts = urlsplit(urljoin(self.url, href))
        except ValueError:
            return None
        ours, theirs = _PATH.fullmatch(self.path), _PATH.fullmatch(parts.path)
        if f"{parts.scheme}://{parts.netloc}" != self.origin or not ours or not theirs:
            return None
        if ours[1] != theirs[1] or parts.fragment:
            return None
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    def read(self, answer: Answer, now: datetime | None = None) -> Page:
        """The page of an answer. Raises ``PositionExpired`` and every other error of the tree."""
        what = "the reading of the journal"
        if answer.status == 410:
            raise PositionExpired(f"{SERVICE} no longer keeps the events of this position.", status=410)
        if answer.status not in (200, 204):
            raise error_of(answer, what, who=SERVICE)
        linked = next_link(answer.headers.get("link", ""))
        target = self.target_of(linked)
        pause = retry_after(answer.headers, now or datetime.now(UTC))
        if answer.status == 204:
            return Page((), target, pause)
        return self._with_events(answer, target, pause)

    def _with_events(self, answer: Answer, target: str | None, pause: float | None) -> Page:
        document = _document(answer)
        entries = document.get("events")
        if not isinstance(entries, list):
            raise _unreadable(answer, "without a list of events")
        if target is None:
            last = _last_position(document, entries)
            target = self.after(last) if last else None
        if entries and target is None:
            raise _unreadable(answer, "without saying where it goes on")
        return Page(tuple(_event(entry) for entry in entries), target, pause)


def next_link(header: str) -> str | None:
    """The address of the ``next`` link in a Link header, of several the first."""
    for found in _LINK.finditer(header):
        if _NEXT.search(found[2]):
            return found[1]
    return None


def _document(answer: Answer) -> Mapping[str, Any]:
    if answer.cut:
        raise _unreadable(answer, "with more bytes than a page may have")
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, Mapping):
        raise _unreadable(answer, "with something that is not a JSON object")
    return document


def _unreadable(answer: Answer, how: str) -> UnexpectedAnswer:
    return UnexpectedAnswer(
        f"{SERVICE} answered the reading of the journal {how} ({len(answer.body)} bytes).",
        status=answer.status,
        request_id=answer.request_id,
    )


def _last_position(document: Mapping[str, Any], entries: list[Any]) -> str | None:
    page = document.get("_page")
    last = entries[-1] if entries else None
    found = (
        page.get("last") if isinstance(page, Mapping) else None,
        last.get("position") if isinstance(last, Mapping) else None,
    )
    return next((each for each in found if isinstance(each, str) and _POSITION.fullmatch(each)), None)


def _event(entry: object) -> CloudManagerEvent:
    """The event of an entry; samples hold the inner object, an envelope around it is opened."""
    outer = entry.get("event") if isinstance(entry, Mapping) else None
    outer = outer if isinstance(outer, Mapping) else {}
    inner = outer.get("event")
    return event_of(inner if isinstance(inner, Mapping) else outer)
