"""How is what was asked of a page, and seen of it, kept with the evidence? Pictures and traffic by their digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aem_checks.browser.asks import (
    Audited,
    Axe,
    Banner,
    Cookies,
    DataLayer,
    Look,
    PageSeen,
    Picture,
    Reason,
    Unopened,
    Value,
)
from aem_checks.browser.blob import Blob, found_in, put_away
from aem_checks.browser.open_page import Viewport

if TYPE_CHECKING:
    from aem_checks.folders import Folder

_LOOKS: Mapping[str, type[Look]] = {
    "value": Value,
    "data_layer": DataLayer,
    "cookies": Cookies,
    "axe": Axe,
    "picture": Picture,
    "banner": Banner,
}
"""By the name under which they are kept, which never changes."""
_NAMES = {kind: name for name, kind in _LOOKS.items()}


def size_of(answer: Any) -> int:
    """Bytes that keeping it takes, beside a little."""
    if isinstance(answer, Audited):
        return answer.report.size
    if not isinstance(answer, PageSeen):
        return 0
    return answer.asked_for.size + sum(blob.size for look in answer.looks for blob in _blobs(look))


def plain(value: Viewport | tuple[Any, ...]) -> Any:
    """The window of a question, or what is looked at, as JSON has it."""
    if isinstance(value, Viewport):
        return asdict(value)
    return [{"look": _NAMES[type(look)], **asdict(look)} for look in value]


def question_from(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a question that was kept. Raises ``KeyError`` and ``TypeError`` for what is none."""
    fields = dict(entry)
    if "viewport" in fields:
        fields["viewport"] = Viewport(**fields["viewport"])
    if "looks" in fields:
        fields["looks"] = tuple(_look(each) for each in fields["looks"])
    return fields


def is_of_browser(answer: Any) -> bool:
    return isinstance(answer, PageSeen | Audited | Unopened)


def answer_to_index(answer: PageSeen | Audited | Unopened, bodies: Folder) -> dict[str, Any]:
    """What was seen; what is large is written into ``bodies``, which exists. Blocks."""
    if isinstance(answer, Unopened):
        told = {"why": answer.why, "status": answer.status, "refused": answer.refused}
        return {"unopened": answer.reason, **told}
    if isinstance(answer, Audited):
        put_away(answer.report, bodies)
        return {"audited": _place(answer.report), "refused": answer.refused}
    put_away(answer.asked_for, bodies)
    return {
        "status": answer.status,
        "slow": answer.slow,
        "clicked": answer.clicked,
        "refused": answer.refused,
        "asked_for": _place(answer.asked_for),
        "looks": [_look_to_index(look, bodies) for look in answer.looks],
    }


def answer_from(entry: Any, bodies: Folder) -> Any:
    """What was kept. Raises ``KeyError``, ``TypeError`` and ``ValueError`` for what is none."""
    if not isinstance(entry, dict):
        return entry  # the handwriting
    if "unopened" in entry:
        why, status, refused = entry["why"], entry["status"], tuple(entry["refused"])
        return Unopened(Reason(entry["unopened"]), why, status, refused)
    if "audited" in entry:
        return Audited(found_in(bodies, **entry["audited"]), tuple(entry["refused"]))
    return PageSeen(
        status=entry["status"],
        slow=entry["slow"],
        asked_for=found_in(bodies, **entry["asked_for"]),
        looks=tuple(_look_from(each, bodies) for each in entry["looks"]),
        refused=tuple(entry["refused"]),
        clicked=entry["clicked"],
    )


def _blobs(look: Any) -> tuple[Blob, ...]:
    """The pictures of an answer; whatever else was looked at is JSON."""
    return look if isinstance(look, tuple) else ()


def _place(blob: Blob) -> dict[str, Any]:
    return {"sha256": blob.sha256, "size": blob.size}


def _look_to_index(look: Any, bodies: Folder) -> dict[str, Any]:
    pictures = _blobs(look)
    for each in pictures:
        put_away(each, bodies)
    return {"pictures": [_place(each) for each in pictures]} if pictures else {"value": look}


def _look_from(entry: Mapping[str, Any], bodies: Folder) -> Any:
    if "pictures" in entry:
        return tuple(found_in(bodies, **each) for each in entry["pictures"])
    return entry["value"]


def _look(entry: Mapping[str, Any]) -> Look:
    fields = {name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()}
    del fields["look"]
    return _LOOKS[entry["look"]](**fields)
