"""What shape does a JSON answer have: which fields of which types, whatever their order, number and values?

Lists are one entry, ``[]``. Objects with AEM's ``:type``, or the ``@type`` of a data layer, are described once per type
and not by where they are on the page, so that moving, adding or removing a component changes nothing, and renaming a
field of it does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

MOST_FIELDS = 5000
MOST_VALUES = 200_000
"""Values of one answer; one with more is not judged, or a hostile one would keep a worker for minutes."""
_DEEPEST = 40
_BY_ID = frozenset({":items", "dataLayer"})
"""Objects whose names are those of single components: another one is there with each edit of the page."""
_DOT = "\\."
_LAST = re.compile(r"(?<!\\)\.(?:[^.\\]|\\.)*$")
"""The last name of a path, whose own dots are escaped."""
Shape = dict[str, list[str]]
"""Types by the path of the field, sorted: ``{"$.items[].title": ["string"]}``."""


def shape_of(value: Any) -> Shape:
    """The shape of a parsed JSON value, the first ``MOST_FIELDS`` fields of it."""
    found: dict[str, set[str]] = {}
    for path, kind in _fields(value, "$", 0):
        found.setdefault(path, set()).add(kind)
        if len(found) >= MOST_FIELDS:
            break
    return {path: sorted(kinds) for path, kinds in found.items()}


def is_too_large(value: Any) -> bool:
    """Whether a parsed JSON value has more than ``MOST_VALUES`` values in it."""
    left, number = [value], 0
    while left and number <= MOST_VALUES:
        each = left.pop()
        inner = each.values() if isinstance(each, Mapping) else each if isinstance(each, list) else ()
        number += 1 + len(inner)
        left.extend(one for one in inner if isinstance(one, Mapping | list))
    return number > MOST_VALUES


def _fields(value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    yield path, kind_of(value)
    if depth >= _DEEPEST:
        return
    if isinstance(value, Mapping):
        inside = _component(value) or path
        if inside != path:
            yield inside, "object"
        for name, each in value.items():
            here = f"{inside}.{name.replace('.', _DOT)}"
            if name in _BY_ID and isinstance(each, Mapping):
                yield here, "object"
                for item in each.values():
                    yield from _fields(item, _component(item) or f"{here}.*", depth + 1)
            else:
                yield from _fields(each, here, depth + 1)
    elif isinstance(value, list):
        for each in value:
            yield from _fields(each, f"{path}[]", depth + 1)


def _component(value: Any) -> str:
    """``<wknd/components/teaser>`` for a component, ``<@…>`` for what a data layer says of one; else nothing."""
    if not isinstance(value, Mapping):
        return ""
    kinds = ((mark, value.get(name)) for name, mark in ((":type", ""), ("@type", "@")))
    return next((f"<{mark}{kind}>" for mark, kind in kinds if isinstance(kind, str)), "")


def kind_of(value: Any) -> str:
    """JSON's name of a value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def broken(before: Shape, now: Shape) -> Iterator[tuple[str, str, str]]:
    """Fields that are gone or of another type: path, expected, actual. New fields break nobody.

    A field whose component or list is not in the answer any more says nothing; ``null`` stands for any type.
    """
    for path, kinds in before.items():
        expected = " or ".join(kinds)
        if path not in now:
            if _parent(path) in now and not _is_optional(path):
                yield path, expected, "no such field"
        elif kinds != ["null"] and (new := set(now[path]) - {*kinds, "null"}):
            yield path, expected, " or ".join(sorted(new))


def _parent(path: str) -> str:
    """``<type>`` and ``$.list[]`` are parents too: what is inside of nothing is no loss."""
    if path.endswith("[]"):
        return path[:-2]
    last = _LAST.search(path)
    return path[: last.start()] if last else "$"


def _is_optional(path: str) -> bool:
    """Entries of a list and components of a page: there may be none."""
    return path.endswith(("[]", ">", ".*", ".:items"))


def parse_shape(data: bytes | None) -> Shape | None:
    """A shape as it was kept; ``None`` for anything else."""
    try:
        value = json.loads(data or b"")
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not all(
        isinstance(kinds, list) and all(isinstance(kind, str) for kind in kinds) for kinds in value.values()
    ):
        return None
    return value
