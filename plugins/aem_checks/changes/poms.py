"""Which dependencies does a POM or a ``package.json`` change? A release's own version, and whitespace, are none."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aem_checks.safe_xml import parsed

_KNOWN = (
    (re.compile(r"core\.wcm\.components(?:\.\w+)?(?:\.version)?"), "Core Components"),
    (re.compile(r"aem-sdk-api|aem\.sdk\.api(?:\.version)?"), "AEM SDK"),
)
_PROPERTY = re.compile(r"\$\{([\w.-]{1,200})\}")


@dataclass(frozen=True)
class PomChange:
    """What differs between two versions of a POM or ``package.json``."""

    dependencies: Mapping[str, tuple[str, str]]
    """Name to version before and after; empty for one that was not there."""
    build: bool = False
    """Whether anything else of it differs, but for the project's own version."""


def pom_change(before: str, after: str) -> PomChange | None:
    """What a POM changes; ``None`` where one of the texts can't be read."""
    one, other = _Pom.read(before), _Pom.read(after)
    if one is None or other is None:
        return None
    changed = _changed(one.versions, other.versions)
    return PomChange(changed, build=one.rest != other.rest)


def package_change(before: str, after: str) -> PomChange | None:
    """What a ``package.json`` changes; ``None`` where one of the texts can't be read."""
    one, other = _package(before), _package(after)
    if one is None or other is None:
        return None
    return PomChange(_changed(one[0], other[0]), build=one[1] != other[1])


def told(name: str, versions: tuple[str, str]) -> str:
    """``Core Components 2.23.4 → 2.24.0``."""
    short = next((known for pattern, known in _KNOWN if pattern.fullmatch(name)), name)
    before, after = versions
    if before and after:
        return f"{short} {before} → {after}"
    return f"{short} {after} added" if after else f"{short} {before} removed"


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return {name: (before.get(name, ""), after.get(name, "")) for name in names}


@dataclass(frozen=True)
class _Pom:
    versions: Mapping[str, str]
    rest: str

    @classmethod
    def read(cls, text: str) -> _Pom | None:
        if not text.strip():
            return cls({}, "")
        root = parsed(text)
        if root is None or _local(root) != "project":
            return None
        parent = _node(root, "parent")
        own = _child(root, "groupId") or _child(parent, "groupId")
        properties = {
            _local(each): (each.text or "").strip() for each in _elements(_node(root, "properties"))
        }
        versions = _properties_of_versions(properties)
        for each in [node for node in root.iter("{*}dependency") if isinstance(node.tag, str)]:
            version = _child(each, "version")
            group = _child(each, "groupId")
            if group == own or group in ("${project.groupId}", "${groupId}") or "project." in version:
                continue
            if not _PROPERTY.search(version):
                versions[_child(each, "artifactId")] = version or "(managed)"
        if parent is not None and _child(parent, "groupId") != own:
            versions[_child(parent, "artifactId")] = _child(parent, "version")
        return cls(versions, _rest(root, versions))


def _properties_of_versions(properties: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in properties.items()
        if re.search(r"version$|^aem\.sdk\.api$", name) and value[:1].isdigit()
    }


def _rest(root: Any, versions: Mapping[str, str]) -> str:
    """All texts but those of dependencies, of known versions, and of the project's own version."""
    skipped = {
        each
        for place in (root, _node(root, "parent"))
        for each in _elements(place)
        if _local(each) == "version"
    }
    skipped |= {each for each in _elements(_node(root, "properties")) if _local(each) in versions}
    skipped |= {each for each in _elements(_node(root, "scm")) if _local(each) == "tag"}
    texts = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node in skipped or _local(node) == "dependency":
            continue
        texts.append((_local(node), (node.text or "").strip()))
        waiting.extend(_elements(node))
    return repr(texts)


def _elements(node: Any) -> list[Any]:
    return [each for each in node if isinstance(each.tag, str)] if node is not None else []


def _local(node: Any) -> str:
    return str(node.tag.rpartition("}")[2])


def _node(node: Any, name: str) -> Any:
    return next((each for each in _elements(node) if _local(each) == name), None)


def _child(node: Any, name: str) -> str:
    found = _node(node, name)
    return (found.text or "").strip() if found is not None else ""


def _package(text: str) -> tuple[dict[str, str], str] | None:
    if not text.strip():
        return {}, ""
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(tree, dict):
        return None
    versions: dict[str, str] = {}
    for name in ("dependencies", "devDependencies", "peerDependencies"):
        found = tree.pop(name, None)
        if isinstance(found, dict):
            versions |= {str(key): str(value)[:200] for key, value in found.items()}
    tree.pop("version", None)
    return versions, json.dumps(tree, sort_keys=True)
