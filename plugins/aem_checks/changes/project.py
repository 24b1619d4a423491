"""What does an AEM project consist of, by what AEM reads: components, client libraries, and who uses what?

Nothing depends on the archetype's layout: a file is what its place below ``jcr_root`` and its node's type say.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from aem_checks.changes.places import jcr_path
from aem_checks.checkout import Commit
from aem_checks.git import CheckoutError
from aem_checks.safe_xml import parsed

_MOST_READ = 64 * 1024 * 1024
"""Bytes of a project that are read to learn what it consists of."""
_AT_ONCE = 250
NODE_FILES = (".content.xml", ".content-cloud.xml")
"""A ``.content-cloud.xml`` is copied to a git-ignored ``.content.xml`` by the build for the cloud."""
_JCR, _SLING = "{http://www.jcp.org/jcr/1.0}", "{http://sling.apache.org/jcr/sling/1.0}"
_USE = re.compile(r"""data-sly-use(?:\.[\w-]+)?\s*=\s*(?:"([^"]{1,400})"|'([^']{1,400})')""")
_CATEGORIES = re.compile(r"""categories\s*[=:]\s*(\[[^\]]{0,2000}\]|'[^']{1,200}'|"[^"]{1,200}")""")
_QUOTED = re.compile(r"""['"`]([^'"`$]{1,200})['"`]""")
_PAGE = re.compile(r"(?:^|.*/)(?:page|basicpage|xfpage)(?:/v\d+/\w+)?")
_MOST_ANCESTORS = 20


@dataclass(frozen=True, slots=True)
class Component:
    """One component of the project; ``super_type`` is empty where it extends none."""

    resource_type: str
    super_type: str = ""


@dataclass(frozen=True, slots=True)
class Library:
    """One client library folder."""

    categories: tuple[str, ...] = ()
    embeds: tuple[str, ...] = ()


@dataclass
class Project:
    """A commit's project. Folders are paths in the repository."""

    components: dict[str, list[Component]] = field(default_factory=lambda: defaultdict(list))
    """By JCR path: the same node can come from two packages."""
    libraries: dict[str, Library] = field(default_factory=dict)
    uses: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """JCR folders of the HTL files that use a class or another HTL file, by what is written there."""
    wanted: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """JCR folders of the HTL files that ask for a client library, by category."""
    built: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Categories that a front-end's build makes, by the folder of its ``clientlib.config.js``."""
    front_ends: set[str] = field(default_factory=set)
    incomplete: str = ""
    """Why not all of it was read, as a sentence; empty where it was."""

    def component_at(self, jcr: str) -> str:
        """The resource type of the innermost component that holds this JCR path; empty for none."""
        place = PurePosixPath(jcr)
        for each in (place, *place.parents):
            if str(each) in self.components:
                return resource_type_of(str(each))
        return ""

    def is_page(self, resource_type: str) -> bool:
        """Whether it makes whole pages, itself or through what it extends."""
        return any(_PAGE.fullmatch(each) for each in self.chain(resource_type))

    def chain(self, resource_type: str) -> list[str]:
        """The component, and all that it extends."""
        found = [resource_type]
        while len(found) < _MOST_ANCESTORS:
            known = self.components.get(f"/apps/{found[-1]}") or self.components.get(f"/libs/{found[-1]}")
            above = next((each.super_type for each in known or () if each.super_type), "")
            if not above or above in found:
                break
            found.append(above)
        return found

    def extending(self, resource_type: str) -> tuple[str, ...]:
        """The component and all of the project that extend it, sorted."""
        return tuple(sorted({resource_type, *self._below.get(resource_type, ())}))

    @cached_property
    def resource_types(self) -> frozenset[str]:
        """Those of all components of the project."""
        return frozenset(each.resource_type for known in self.components.values() for each in known)

    @cached_property
    def _below(self) -> dict[str, set[str]]:
        """Components of the project by what they extend, directly or not."""
        found: dict[str, set[str]] = defaultdict(set)
        for kind in self.resource_types:
            for above in self.chain(kind):
                found[above].add(kind)
        return found

    def library_at(self, path: str) -> tuple[str, Library] | None:
        """The innermost client library folder that holds this file of the repository."""
        for each in PurePosixPath(path).parents:
            if str(each) in self.libraries:
                return str(each), self.libraries[str(each)]
        return None

    def embedding(self, categories: Iterable[str]) -> tuple[str, ...]:
        """These categories and all that embed them, directly or not, sorted."""
        found, waiting = set(categories), list(categories)
        while waiting:
            more = self._embedders.get(waiting.pop(), set()) - found
            found |= more
            waiting.extend(more)
        return tuple(sorted(found))

    @cached_property
    def _embedders(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for each in self.libraries.values():
            for category in each.embeds:
                found[category] |= set(each.categories)
        return found

    def users_of(self, jcr: str) -> set[str]:
        """Resource types of the components whose HTL uses this HTL file, told by its path or its name."""
        return self.components_of(self._folders_by_file.get(jcr.rpartition("/")[2], ()))

    @cached_property
    def _folders_by_file(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for written, folders in self.uses.items():
            found[written.rpartition("/")[2]] |= folders
        return found

    def called(self, words: Iterable[str]) -> list[str]:
        """Resource types of the components with one of these names, in lower case; sorted."""
        return sorted(kind for word in words for kind in self._types_by_name.get(word, ()))

    @cached_property
    def _types_by_name(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for kind in self.resource_types:
            found[kind.rpartition("/")[2].lower()].add(kind)
        return found

    def components_of(self, folders: Iterable[str]) -> set[str]:
        """Resource types of the components in these JCR folders."""
        return {found for each in folders if (found := self.component_at(each))}

    def front_end_of(self, path: str) -> str | None:
        """The folder of the front-end's build that this file belongs to."""
        return next((str(each) for each in PurePosixPath(path).parents if str(each) in self.front_ends), None)


def resource_type_of(jcr_folder: str) -> str:
    """``wknd/components/teaser`` of ``/apps/wknd/components/teaser``: the search path is cut off."""
    return re.sub(r"^/(?:apps|libs)/", "", jcr_folder)


async def read_project(commit: Commit) -> Project:
    """What this commit's project consists of. What is too much to read is said in ``incomplete``."""
    project = Project()
    for path in commit.files:
        folder, _, name = path.rpartition("/")
        if name in ("package.json", "clientlib.config.js"):
            project.front_ends.add(folder or ".")
    wanted = [path for path in commit.files if _tells(path)]
    try:
        async for texts in _texts(commit, wanted):
            for path, text in texts.items():
                _read(path, text, project)
    except CheckoutError as error:
        project.incomplete = str(error)
    return project


def _tells(path: str) -> bool:
    if path.endswith("/clientlib.config.js") or path == "clientlib.config.js":
        return True
    jcr = jcr_path(path) if path.endswith((".xml", ".html")) else ""
    return jcr.startswith(("/apps/", "/libs/")) and (
        path.endswith((".html", *NODE_FILES)) or jcr.count("/") > 2
    )


async def _texts(commit: Commit, paths: list[str]) -> AsyncIterator[Mapping[str, str]]:
    read = 0
    for start in range(0, len(paths), _AT_ONCE):
        contents = await commit.read(paths[start : start + _AT_ONCE])
        read += sum(len(each) for each in contents.values())
        yield {path: body.decode("utf-8", "replace") for path, body in contents.items()}
        if read > _MOST_READ:
            raise CheckoutError(
                f"The project's components and client libraries are more than {_MOST_READ // 1024**2} MiB to read."
            )


def _read(path: str, text: str, project: Project) -> None:
    folder, _, name = path.rpartition("/")
    if name == "clientlib.config.js":
        project.built[folder or "."] = _categories_in(text)
    elif name.endswith(".html"):
        _read_htl(jcr_path(path).rpartition("/")[0], text, project)
    elif name in NODE_FILES or "cq:Component" in text or "cq:ClientLibraryFolder" in text:
        at = path if name not in NODE_FILES else f"{folder}.xml"
        _read_node(at.removesuffix(".xml"), text, project)


def _read_node(folder: str, text: str, project: Project) -> None:
    if "cq:Component" not in text and "cq:ClientLibraryFolder" not in text:
        return
    node = parsed(text)
    kind = node.get(f"{_JCR}primaryType") if node is not None else None
    if kind == "cq:Component":
        jcr = jcr_path(folder)
        super_type = resource_type_of(node.get(f"{_SLING}resourceSuperType") or "")
        project.components[jcr].append(Component(resource_type_of(jcr), super_type))
    elif kind == "cq:ClientLibraryFolder":
        project.libraries[folder] = Library(values_of(node, "categories"), values_of(node, "embed"))


def values_of(node: Any, name: str) -> tuple[str, ...]:
    """A property of a node in the file vault's notation: ``[a,b]``, ``{String}[a]`` or ``a``."""
    written = re.sub(r"^\{\w+\}", "", (node.get(name) or "")[:4000]).strip()
    return tuple(each.strip() for each in written.strip("[]").split(",") if each.strip())


def _read_htl(folder: str, text: str, project: Project) -> None:
    for found in _USE.finditer(text):
        written = found[1] or found[2]
        inner = _QUOTED.search(written) if "${" in written else None
        project.uses[(inner[1] if inner else written).strip()].add(folder)
    for category in _categories_in(text):
        project.wanted[category].add(folder)


def _categories_in(text: str) -> tuple[str, ...]:
    found = (name for each in _CATEGORIES.finditer(text) for name in _QUOTED.findall(each[1]))
    return tuple(dict.fromkeys(part.strip() for each in found for part in each.split(",")))
