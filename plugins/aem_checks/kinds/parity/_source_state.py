"""What in a release's source cannot be undone by going back to the release before? Read from one commit."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from aem_checks.checkout import source
from aem_checks.kinds.parity._variables import uses
from aem_checks.safe_xml import parsed

if TYPE_CHECKING:
    from aem_checks.asks import Steps

FORMAT = 1
_FILTERS = ("**/META-INF/vault/filter.xml", "META-INF/vault/filter.xml")
_INDEXES = ("**/_oak_index/**", "**/_oak_index.xml", "**/oak_index/**")
_MODELS = ("**/settings/dam/cfm/models/**",)
_INDEX_NAME = re.compile(
    r"(?:^|.*/)_?oak_index/([^/]+?)(?:\.tidy)?(?:/.*|\.xml)$|(?:^|.*/)(_oak_index)\.xml$"
)
_ARTIFACT = re.compile(r"<artifactId>\s*([A-Za-z0-9_.-]{1,200})\s*</artifactId>")


@dataclass(frozen=True, slots=True)
class Root:
    """One root of a content package: all below it is replaced, merged or updated at installation."""

    package: str
    path: str
    mode: str
    narrowed: bool
    """Whether it has includes or excludes, so that only parts of the tree are touched."""


@dataclass(slots=True)
class SourceState:
    """What is compared with the release before."""

    roots: list[Root] = field(default_factory=list)
    indexes: dict[str, str] = field(default_factory=dict)
    """Digest of the definition by name."""
    models: dict[str, list[str]] = field(default_factory=dict)
    """Names of the fields of each Content Fragment Model."""
    variables: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    copies: list[str] | None = None
    """Ids of the content copies onto production that were over; ``None`` where nobody knows."""

    def dumps(self) -> str:
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1)


def loads(data: bytes) -> SourceState | None:
    """What ``dumps`` wrote; ``None`` for anything else."""
    try:
        told = json.loads(data)
        if told.pop("format") != FORMAT:
            return None
        if not isinstance(told.get("copies", []), list | None):
            return None
        return SourceState(**{**told, "roots": [Root(**root) for root in told["roots"]]})
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def read_state() -> Steps[tuple[SourceState, int]]:
    """What the release's commit has, and the number of its files. Raises ``CheckoutError``."""
    state = SourceState()
    poms = (yield from source("**/pom.xml", "pom.xml")).texts
    filters = yield from source(*_FILTERS)
    for path, text in filters.texts.items():
        package = _package_of(path)
        if _is_installed(package, poms):
            _read_filter(package, path, text, state)
    state.indexes = _indexes((yield from source(*_INDEXES)).contents)
    for path, text in (yield from source(*_MODELS)).texts.items():
        _read_model(path, text, state)
    used = yield from uses()
    state.variables = sorted({use.name for use in used if "production" in use.environments})
    return state, filters.files


def _package_of(path: str) -> str:
    """The Maven module that the filter belongs to: ``ui.content`` of ``ui.content/src/main/content/META-INF/…``."""
    return path.partition("/src/")[0] if "/src/" in path else str(PurePosixPath(path).parents[2])


def _is_installed(package: str, poms: Mapping[str, str]) -> bool:
    """Whether the container package embeds it, as far as the files say; without a container all are."""
    container = next(
        (text for path, text in poms.items() if re.fullmatch(r"(?:.*/)?all/pom\.xml", path)), None
    )
    own = poms.get(f"{package}/pom.xml")
    if container is None or own is None or PurePosixPath(package).name == "all":
        return True
    names = _ARTIFACT.findall(_without_parent(own)[:20_000])
    return not names or names[0] in _ARTIFACT.findall(container)


def _without_parent(pom: str) -> str:
    before, _, rest = pom.partition("<parent>")
    return before + rest.partition("</parent>")[2]


def _read_filter(package: str, path: str, text: str, state: SourceState) -> None:
    tree = parsed(text)
    if tree is None:
        state.unreadable.append(path)
        return
    for node in tree.iter("{*}filter"):
        root = node.get("root")
        if root:
            state.roots.append(
                Root(package, root[:500], (node.get("mode") or "replace").lower(), len(node) > 0)
            )


def _indexes(files: Mapping[str, bytes]) -> dict[str, str]:
    """All files of an index definition together, by its name."""
    found: dict[str, Any] = {}
    for path, body in sorted(files.items()):
        place = _INDEX_NAME.fullmatch(path)
        name = (place[1] or place[2]) if place else ""
        if name == "_oak_index" or name == ".content":
            for each, digest in _indexes_in(body):
                found.setdefault(each, hashlib.sha256()).update(digest)
        elif name:
            found.setdefault(name, hashlib.sha256()).update(body)
    return {name: digest.hexdigest()[:16] for name, digest in found.items()}


def _indexes_in(body: bytes) -> Iterable[tuple[str, bytes]]:
    """The definitions that one ``_oak_index/.content.xml`` holds."""
    from lxml import etree

    tree = parsed(body.decode("utf-8", "replace"))
    for node in tree if tree is not None else ():
        if isinstance(node.tag, str):
            yield etree.QName(node).localname, etree.tostring(node, method="c14n")


def _read_model(path: str, text: str, state: SourceState) -> None:
    name, mark, _ = path.partition("/.content.xml")
    if not mark:
        return
    tree = parsed(text)
    if tree is None:
        state.unreadable.append(path)
        return
    fields = {
        node.get("name", "")
        for node in tree.iter()
        if node.get("fieldLabel") is not None or node.get("valueType")
    }
    if fields - {""}:
        state.models[name.rpartition("/models/")[2]] = sorted(fields - {""})
