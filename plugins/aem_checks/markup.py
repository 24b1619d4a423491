"""Which parts of a page does a browser act on, and which are only shown as an example?"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

SAMPLES = frozenset({"pre", "code", "samp", "kbd", "textarea"})
"""Elements whose content is shown to a reader as it is written."""


_TAG = re.compile(rb"<(\\?/)?([a-zA-Z][a-zA-Z0-9-]{0,40})")
"""A tag; in a script an end tag is written with a backslash."""
_CLOSED_BY_ITSELF = frozenset(
    b"area base br col dd dt embed hr img input li link meta option p source td th tr track wbr".split()
)
DEEPEST = 2_000
"""Elements inside of each other that are parsed; Chromium stops at 512, and 100,000 would take minutes."""


def not_too_deep(body: bytes) -> bytes:
    """The body up to where more than ``DEEPEST`` elements are open at once, found in linear time."""
    if body.count(b"<") <= DEEPEST:
        return body
    opened: dict[bytes, int] = {}
    depth = 0
    for tag in _TAG.finditer(body):
        name = tag[2].lower()
        count = opened.get(name, 0)
        if name in _CLOSED_BY_ITSELF or (tag[1] and not count):
            continue
        step = -1 if tag[1] else 1
        opened[name] = count + step
        depth += step
        if depth > DEEPEST:
            return body[: tag.start()]
    return body


class Attribute(NamedTuple):
    """One attribute of one element."""

    node: LexborNode
    tag: str
    name: str
    value: str


def attributes_with(document: LexborHTMLParser, *needles: str) -> Iterator[Attribute]:
    """Attributes outside of samples whose value contains one of the needles, without regard to case."""
    lower = tuple(needle.lower() for needle in needles)
    for node in document.css("*"):
        for name, value in node.attributes.items():
            if value and any(needle in value.lower() for needle in lower) and not in_sample(node):
                yield Attribute(node, node.tag or "", name, value)


def in_sample(node: LexborNode) -> bool:
    """Whether an element is, or is inside of, a code sample."""
    current: LexborNode | None = node
    while current is not None:
        if current.tag in SAMPLES:
            return True
        current = current.parent
    return False


def in_samples(document: LexborHTMLParser, text: str) -> int:
    """How often a text occurs inside of code samples."""
    outermost = (
        node
        for node in document.css(", ".join(sorted(SAMPLES)))
        if node.parent is None or not in_sample(node.parent)
    )
    return sum((node.html or "").count(text) for node in outermost)


def scripts(document: LexborHTMLParser, *, of_json: bool) -> Iterator[str]:
    """The content of inline scripts: those that hold JSON, or those that are run."""
    for node in document.css("script:not([src])"):
        kind = (node.attributes.get("type") or "").lower()
        runs = kind in {"", "module", "text/javascript", "application/javascript"}
        if ("json" in kind) if of_json else runs:
            yield node.text()


def json_strings(text: str) -> Iterator[str]:
    """Every string value in a JSON text; the text itself when it is not JSON."""
    try:
        yield from _strings(json.loads(text))
    except (ValueError, RecursionError):
        yield text


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)
