"""Which policies of a site's one policies file differ, and which components and templates have them?

What AEM writes at each edit, time stamps and who it was, is no difference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from aem_checks.safe_xml import parsed

_NOT_COMPARED = re.compile(
    r"\{[^}]*\}(?:lastModified|lastModifiedBy|created|createdBy|lastReplicated\w*|uuid|lastRolledout\w*)"
)
_SLING_TYPE = "{http://sling.apache.org/jcr/sling/1.0}resourceType"
_POLICY_TYPE = "wcm/core/components/policy/policy"
_MAPPED = re.compile(r"""\bcq:policy="([^"]{1,500})\"""")


def changed_policies(before: str, after: str) -> tuple[str, ...] | None:
    """Paths such as ``wknd/components/teaser/policy_1``, sorted; ``None`` where one of the texts is no policies file."""
    one, other = _policies(before), _policies(after)
    if one is None or other is None:
        return None
    return tuple(sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path)))


def component_of(policy: str) -> str:
    """``wknd/components/teaser`` of ``wknd/components/teaser/policy_1``."""
    return policy.rpartition("/")[0]


def templates_with(policies: Iterable[str], mappings: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the templates whose file of mappings names one of these policies, sorted."""
    wanted = set(policies)
    return tuple(sorted(name for name, text in mappings.items() if wanted & set(_MAPPED.findall(text))))


def _policies(text: str) -> dict[str, str] | None:
    """What each policy says, by its path; an absent file has none."""
    if not text.strip():
        return {}
    root = parsed(text)
    if root is None:
        return None
    found: dict[str, str] = {}
    waiting: list[tuple[str, Any]] = [("", root)]
    while waiting:
        path, node = waiting.pop()
        if node.get(_SLING_TYPE) == _POLICY_TYPE:
            found[path] = _told(node)
            continue
        for each in node:
            if isinstance(each.tag, str):
                waiting.append((f"{path}/{_name(each)}".lstrip("/"), each))
    return found


def _name(node: Any) -> str:
    tag = node.tag.rpartition("}")[2]
    return f"{node.prefix}:{tag}" if node.prefix else str(tag)


def _told(node: Any) -> str:
    """All that counts in a node and below it, in an order of its own."""
    return repr(
        [
            (
                each.tag,
                sorted((key, value) for key, value in each.items() if not _NOT_COMPARED.fullmatch(key)),
            )
            for each in node.iter()
            if isinstance(each.tag, str)
        ]
    )
