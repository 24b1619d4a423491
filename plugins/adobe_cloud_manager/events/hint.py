"""Which executions did Adobe I/O speak of lately? The text of one Airflow Variable that all waits share. No I/O here.

A hint is no truth: who finds one asks Cloud Manager sooner than planned. Two writers at once may lose one of
two hints, which costs the time to the next planned look.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

EVENTS_ASSET = "adobe_io_events"
"""The asset whose events are Adobe's news."""
HINT_VARIABLE = "adobe_io_events_hint"
"""The Airflow Variable: JSON ``{subject: ISO time at which its newest event arrived}``."""

MAX_SUBJECTS = 500
KEPT_FOR = timedelta(hours=1)
_CLOCKS_DIFFER = timedelta(minutes=5)
"""How far ahead of ours the clock of another machine may be; a later time is not believed."""
_SUBJECT = re.compile(r"[0-9]{1,20}/[0-9]{1,20}/[0-9]{0,20}")
_LONGEST_TEXT = 200_000


def is_subject(text: object) -> bool:
    """Whether this is ``program/pipeline/execution``, or ``program/pipeline/`` for all of a pipeline."""
    return isinstance(text, str) and _SUBJECT.fullmatch(text) is not None


def merged(old_text: str | None, subjects: Iterable[str], now: datetime) -> str:
    """The Variable's new text: the old hints of the last hour, and these subjects at ``now`` (aware).

    At most 500 subjects, the newest ones. A text that is no hint is replaced; what is no subject is left out.
    """
    times = {subject: time for subject, time in arrivals(old_text).items() if _is_recent(time, now)}
    times |= {subject: now.astimezone(UTC) for subject in subjects if is_subject(subject)}
    newest = sorted(times.items(), key=lambda item: item[1], reverse=True)[:MAX_SUBJECTS]
    return json.dumps({subject: time.isoformat() for subject, time in newest})


def subjects_since(text: str | None, since: datetime) -> set[str]:
    """The subjects with an event that arrived later than ``since`` (aware); none where the text is no hint."""
    return {subject for subject, time in arrivals(text).items() if time > since}


def concerns(subject: str, program_id: str, pipeline_id: str, execution_id: str) -> bool:
    """Whether a hint about ``subject`` concerns this execution."""
    pipeline = f"{program_id}/{pipeline_id}/"
    return subject in (pipeline, f"{pipeline}{execution_id}")


def _is_recent(time: datetime, now: datetime) -> bool:
    return now - KEPT_FOR <= time <= now + _CLOCKS_DIFFER


def arrivals(text: str | None) -> dict[str, datetime]:
    """When the newest event about each subject arrived; nothing where the text is no hint."""
    if not text or len(text) > _LONGEST_TEXT:
        return {}
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(raw, dict):
        return {}
    read = ((subject, _time(value)) for subject, value in raw.items() if is_subject(subject))
    return {subject: time for subject, time in read if time}


def _time(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value).astimezone(UTC) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None
