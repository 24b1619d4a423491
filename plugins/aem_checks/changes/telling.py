"""How is a change told to a person in a terminal, and to a program?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from aem_checks.changes.values import ChangeMap, Kind
from aem_checks.text import plain

FORMAT = 1
_MOST_REASONS = 10
_MOST_NAMES = 40


def lines(found: ChangeMap) -> Iterator[str]:
    """The summary, what each kind of file changes, and why it counts as everything where it does."""
    yield found.summary
    if found.problem:
        return
    yield from found.notes
    for kind in Kind:
        names = found.names(kind)
        if names:
            yield f"  {kind.value.replace('_', ' ')}: {_some(names)}"
    if found.components:
        yield f"Components that show a change: {_some(found.components)}"
    reasons = found.everything
    if reasons:
        yield "Every page counts as changed:"
        yield from (f"  {plain(each)}" for each in reasons[:_MOST_REASONS])
    if len(reasons) > _MOST_REASONS:
        yield f"  and {len(reasons) - _MOST_REASONS} more reasons"


def as_json(found: ChangeMap) -> str:
    """All of it for programs: ``format``, ``summary``, ``everything``, and the fields of ``ChangeMap``."""
    told = {"format": FORMAT, "summary": found.summary, "everything": found.everything, **asdict(found)}
    return json.dumps(told, indent=1, ensure_ascii=True)


def head_in(told: bytes) -> str:
    """The commit that ``as_json`` told the changes of; empty where it is none of its texts."""
    try:
        found = json.loads(told)
        head = found["head"] if found["format"] == FORMAT else ""
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return head if isinstance(head, str) else ""


def _some(names: tuple[str, ...] | list[str]) -> str:
    shown = ", ".join(plain(each, 120) for each in names[:_MOST_NAMES])
    return shown if len(names) <= _MOST_NAMES else f"{shown} and {len(names) - _MOST_NAMES} more"
