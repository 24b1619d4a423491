"""Which parts of a page does a browser act on, and which are only shown as an example?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

SAMPLES = frozenset({"pre", "code", "samp", "kbd", "textarea"})
"""Elements whose content is shown to a reader as it is written."""


class Attribute(NamedTuple):
    """One attribute of one element."""

    node: LexborNode
    tag: str
    name: str
    value: str


def attributes_with(document: LexborHTMLParser, *needles: str) -> Iterator[Attribute]:
    """Attributes outside of samples whose value contains one of the needles, without regard to case."""
    lower = tuple(needle.lower() for needle in needles)
    known: dict[int, bool] = {}
    for node in document.css("*"):
        for name, value in node.attributes.items():
            if value and any(needle in value.lower() for needle in lower) and not in_sample(node, known):
                yield Attribute(node, node.tag or "", name, value)


def above(node: LexborNode) -> Iterator[LexborNode]:
    """The elements that it is inside of, the nearest first."""
    current = node.parent
    while current is not None:
        yield current
        current = current.parent


def in_sample(node: LexborNode, known: dict[int, bool] | None = None) -> bool:
    """Whether an element is, or is inside of, a code sample.

    ``known`` keeps the answers for whoever asks of many elements of a page, which may be deep.
    """
    known = {} if known is None else known
    current: LexborNode | None = node
    way: list[int] = []
    found = False
    while current is not None and not found:
        if current.mem_id in known:
            found = known[current.mem_id]
            break
        way.append(current.mem_id)
        found = current.tag in SAMPLES
        current = current.parent
    known.update(dict.fromkeys(way, found))
    return found


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
