"""What does a ``.model.json`` export, component by component, whatever the content is?"""

from __future__ import annotations

import json
from typing import Any

from aem_checks.parity.rules import node_name

_KINDS = {
    str: "text",
    bool: "true or false",
    int: "number",
    float: "number",
    list: "list",
    dict: "object",
    type(None): "null",
}
_CHILDREN = frozenset({":items", ":children"})
_ORDER = frozenset(
    {":itemsOrder", "columnClassNames", "columnCount", "appliedCssClassNames", "allowedComponents"}
)
_MOST_NODES = 50_000


def model_facts(text: str) -> set[tuple[str, str]]:
    """The fields that each kind of component exports, with the kind of value; no values, since they are content."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {("model", "is no JSON")}
    if isinstance(value, dict) and not value:
        return {("model", "is empty")}
    facts: set[tuple[str, str]] = set()
    waiting: list[tuple[str, Any]] = [("model", value)]
    for _ in range(_MOST_NODES):
        if not waiting:
            return facts
        owner, node = waiting.pop()
        if isinstance(node, list):
            waiting.extend((owner, each) for each in node if isinstance(each, dict | list))
        elif isinstance(node, dict):
            _read_object(owner, node, facts, waiting)
    return facts


def _read_object(
    owner: str, node: dict[str, Any], facts: set[tuple[str, str]], waiting: list[tuple[str, Any]]
) -> None:
    kind = node.get(":type")
    name = f"model {kind[:120]}" if isinstance(kind, str) else owner
    for key, value in node.items():
        if key in _ORDER:
            continue
        if key in _CHILDREN and isinstance(value, dict):
            waiting.extend((name, child) for child in value.values() if isinstance(child, dict))
            facts.update(
                (f"{name} children", node_name(child)) for child in value if not child.startswith("/")
            )
            continue
        facts.add((name, f"{node_name(key[:120])}: {_KINDS[type(value)]}"))
        if isinstance(value, dict | list):
            waiting.append((name, value))
