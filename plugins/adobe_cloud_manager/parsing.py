"""How is Adobe's JSON read without trusting it? Small readers for strings, times and HAL links."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from adobe_cloud_manager.exceptions import UnexpectedAnswer

REL = "http://ns.adobe.com/adobecloud/rel/"
"""Prefix of Adobe's link relations. The help pages print https; API, specification and libraries use http."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
_GROUP_MARKER = re.compile(r"::(?=(?:end)?group::)", re.IGNORECASE)
"""With these Airflow's web interface folds a log, and drops the line that holds one."""
_LONGEST_TEXT = 2000
EMPTY: Mapping[str, Any] = MappingProxyType({})
"""What an absent JSON object is read as."""


def one_line(text: str) -> str:
    """The text on one line, at most 2,000 characters: nothing Adobe or a log sends may forge or fold a log line."""
    return _GROUP_MARKER.sub(": :", _CONTROL.sub(" ", text)[:_LONGEST_TEXT]).strip()


def mapping(value: object, what: str) -> Mapping[str, Any]:
    """The value as a JSON object. Raises ``UnexpectedAnswer`` naming ``what`` where it is anything else."""
    if not isinstance(value, Mapping):
        raise UnexpectedAnswer(
            f"Cloud Manager answered {what} as {type(value).__name__}, not as a JSON object."
        )
    return value


def optional_mapping(value: object) -> Mapping[str, Any]:
    """The value as a JSON object; empty where it is absent or something else."""
    return value if isinstance(value, Mapping) else EMPTY


def text(data: Mapping[str, Any], key: str) -> str:
    """A string field; numbers become strings (ids are strings by contract), everything else is empty.

    Control characters become U+FFFD: no log line can be forged, and nothing unknown becomes a known word.
    """
    value = data.get(key)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    plain = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", str(value))[:_LONGEST_TEXT]
    return _GROUP_MARKER.sub(": :", plain)


def required_text(data: Mapping[str, Any], key: str, what: str) -> str:
    """As ``text``; raises ``UnexpectedAnswer`` where the field is absent or empty."""
    value = text(data, key)
    if not value:
        raise UnexpectedAnswer(f"Cloud Manager answered {what} without {key!r}.")
    return value


def moment(data: Mapping[str, Any], key: str) -> datetime | None:
    """A time such as ``2019-05-23T13:49:47.688+0000``, aware; ``None`` where it is absent or not a time."""
    value = data.get(key)
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def links(data: Mapping[str, Any]) -> Mapping[str, str]:
    """HAL links as relation to href, the relation with ``http://``; of an array of links the first."""
    found: dict[str, str] = {}
    for rel, value in optional_mapping(data.get("_links")).items():
        link = value[0] if isinstance(value, list) and value else value
        href = link.get("href") if isinstance(link, Mapping) else None
        if isinstance(href, str) and href:
            found[rel.replace("https://ns.adobe.com/", "http://ns.adobe.com/", 1)] = href
    return found


def embedded(data: Mapping[str, Any], key: str) -> list[Any]:
    """The list ``_embedded[key]``: empty where nothing is embedded, as in ``{"_embedded": {}}`` and ``{}``.

    Raises ``UnexpectedAnswer`` where something else is, or where it is not a list.
    """
    inside = data.get("_embedded")
    if inside is None or inside == {}:
        return []
    value = mapping(inside, "'_embedded'").get(key)
    if not isinstance(value, list):
        raise UnexpectedAnswer(f"Cloud Manager embedded something else than a list of {key!r}.")
    return value


def listed(document: Mapping[str, Any], key: str, what: str) -> list[Any]:
    """The items of a list, embedded or, as of some lists, in the document itself.

    Raises ``UnexpectedAnswer`` where the document is no list, as an error that is told with status 200.
    """
    own = document.get(key)
    if isinstance(own, list):
        return own
    others = document.keys() - {key, "totalNumberOfItems"}
    if own is not None or ("_embedded" not in document and not all(each.startswith("_") for each in others)):
        raise UnexpectedAnswer(f"Cloud Manager answered {what} with something that is not a list.")
    return embedded(document, key)


def total_of(document: Mapping[str, Any]) -> int:
    """How many items a list says that it has on all its pages; 0 where it does not say."""
    said = document.get("_totalNumberOfItems", document.get("totalNumberOfItems"))
    return said if isinstance(said, int) else 0
