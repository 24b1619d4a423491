"""Which CDN and pipeline files of a commit hold for stage and not for production?"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aem_checks.outcomes import Finding
from aem_checks.text import quoted

PATTERNS = (
    "config/**/*.yaml",
    "config/**/*.yml",
    "**/config/*.yaml",
    "**/config/*.yml",
    "**/config/*/*.yaml",
)
KINDS = frozenset({"CDN", "LogForwarding", "EnvironmentVariables", "AlertForwarding"})
_ALL = frozenset({"dev", "stage", "prod"})
_MOST_RULES = 5_000
_LONGEST = 300_000
"""Characters of a file that are read; more would take many seconds."""
_MOST_MERGES = 20
_MERGES = re.compile(r"<<[ \t]*:[ \t]*\[")
"""A merge of several mappings: ten of ten of ten of them take all memory."""


@dataclass(frozen=True, slots=True)
class CdnFile:
    """One file: its kind, the environments that it holds for, and the names of its rules by place."""

    path: str
    kind: str
    environments: frozenset[str]
    rules: frozenset[str]


def cdn_files(texts: Mapping[str, str]) -> tuple[list[CdnFile], list[str]]:
    """The files that are such configurations, and those that should be and cannot be read."""
    import yaml

    found, broken = [], []
    for path, text in texts.items():
        if len(text) > _LONGEST or text.count("<<") > _MOST_MERGES or _MERGES.search(text):
            broken += [path] if "kind:" in text else []
            continue
        try:
            tree = yaml.safe_load(text)
        except (yaml.YAMLError, RecursionError, ValueError):
            if "kind:" in text:
                broken.append(path)
            continue
        kind = tree.get("kind") if isinstance(tree, dict) else None
        if isinstance(kind, str) and kind in KINDS:
            found.append(CdnFile(path, kind, _environments(tree), _rules(tree.get("data"))))
    return found, broken


def _environments(tree: dict[Any, Any]) -> frozenset[str]:
    """``metadata.envTypes``; without them the file holds everywhere."""
    metadata = tree.get("metadata")
    types = metadata.get("envTypes") if isinstance(metadata, dict) else None
    named = types if isinstance(types, list) else []
    # only words: as text, a list that holds itself ten times over in ten steps takes all memory
    return frozenset(each.lower() for each in named if isinstance(each, str)) or _ALL


def _rules(data: Any) -> frozenset[str]:
    """Names such as ``trafficFilters/block-bots``."""
    names: set[str] = set()
    waiting: list[tuple[str, Any]] = [("", data)]
    for _ in range(_MOST_RULES):
        if not waiting:
            break
        place, node = waiting.pop()
        if isinstance(node, dict):
            name = node.get("name")
            if isinstance(name, str) and place:
                names.add(f"{place}/{name}"[:300])
            for key, each in node.items():
                if isinstance(each, dict):
                    waiting.append((str(key), each))
                elif isinstance(each, list):
                    waiting.append((place or str(key), each))
        elif isinstance(node, list):
            waiting.extend((place, each) for each in node if isinstance(each, dict | list))
    return frozenset(names)


def differences(files: list[CdnFile]) -> Iterator[Finding]:
    """Kinds that stage has and production has not, and rules of the same kind that only one of them has."""
    by_kind: dict[str, list[CdnFile]] = defaultdict(list)
    for file in files:
        by_kind[file.kind].append(file)
    for kind, group in sorted(by_kind.items()):
        stage = [file for file in group if "stage" in file.environments]
        production = [file for file in group if "prod" in file.environments]
        if stage and not production:
            yield _not_for_production(kind, stage)
        elif {file.path for file in stage} != {file.path for file in production}:
            yield from _other_rules(kind, stage, production)


def _not_for_production(kind: str, stage: list[CdnFile]) -> Finding:
    return Finding(
        code="not_for_production",
        subject=f"{kind} of production",
        sentence=f"{quoted(stage[0].path, 200)} configures {quoted(kind)} for {', '.join(sorted(stage[0].environments))} and "
        "not for prod: its rules were tested here and do not hold there. To do: add prod to its envTypes.",
        expected="envTypes with prod",
        actual=f"envTypes {', '.join(sorted(stage[0].environments))}",
    )


def _other_rules(kind: str, stage: list[CdnFile], production: list[CdnFile]) -> Iterator[Finding]:
    here = frozenset(rule for file in stage for rule in file.rules)
    there = frozenset(rule for file in production for rule in file.rules)
    for where, other, rules in (("stage", "production", here - there), ("production", "stage", there - here)):
        if rules:
            shown = ", ".join(quoted(rule) for rule in sorted(rules)[:5])
            yield Finding(
                code="other_rules",
                subject=f"{kind} rules only of {where}",
                sentence=f"{len(rules)} rules of {quoted(kind)} hold for {where} and not for {other}: {shown}. To do: use one "
                "file for both, or waive this where it is meant.",
                expected=f"the rules of {where} on {other} too",
                actual=f"not there: {', '.join(sorted(rules))}"[:300],
            )
