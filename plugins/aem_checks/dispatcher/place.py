"""Where in the dispatcher's files does something stand, and what could not be read there?"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

DEEPEST = 15
"""Sections inside of each other, and files that include each other."""
_SERVER = "/etc/httpd/"
"""Where the image of AEM as a Cloud Service has the folders ``conf.d`` and ``conf.dispatcher.d``."""
_OF_THE_IMAGE = frozenset(
    {
        "aso_redirect_map.conf",
        "default.farm",
        "default.vars",
        "default.vhost",
        "default_clientheaders.any",
        "default_filters.any",
        "default_invalidate.any",
        "default_renders.any",
        "default_rewrite.rules",
        "default_rules.any",
        "default_virtualhosts.any",
        "dispatcher.any",
        "dispatcher_vhost.conf",
    }
)
"""Names of files that the image brings and that a project can't change (immutable.files of the dispatcher's SDK)."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file; lines begin at 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """What could not be read, as the end of a sentence, and where."""

    place: Place
    what: str


class Broken(ValueError):
    """A file that can't be read on; ``problem`` says where and why."""

    def __init__(self, place: Place, what: str) -> None:
        super().__init__(f"{place} {what}")
        self.problem = Problem(place, what)


@dataclass(slots=True)
class Budget:
    """How much is read before it is said that there is more: hostile files include each other again and again."""

    words: int = 200_000
    includes: int = 2_000
    is_cut: bool = False

    def word(self) -> bool:
        """Whether one more word may be read."""
        self.words -= 1
        self.is_cut = self.is_cut or self.words < 0
        return self.words >= 0

    def include(self) -> bool:
        """Whether one more file may be included."""
        self.includes -= 1
        self.is_cut = self.is_cut or self.includes < 0
        return self.includes >= 0


def below(root: str, target: str) -> str | None:
    """A path as the server knows it, as a path of the project; ``None`` where it lies elsewhere on the server."""
    if target.startswith(_SERVER):
        target = target.removeprefix(_SERVER)
    elif target.startswith("/"):
        return None
    path = posixpath.normpath(root + target)
    return None if path.startswith("../") else path


def matching(pattern: str, paths: Iterable[str]) -> list[str]:
    """The paths that a pattern of an include names, sorted as Apache and the dispatcher do; ``*`` stays in its folder."""
    if not any(char in pattern for char in "*?["):
        return [pattern] if pattern in paths else []
    depth = pattern.count("/")
    return sorted(path for path in paths if path.count("/") == depth and fnmatchcase(path, pattern))


def is_of_the_image(target: str) -> bool:
    """Whether the dispatcher's image brings this file itself, whatever is in the commit."""
    return posixpath.basename(target) in _OF_THE_IMAGE


def trouble_with_text(text: str) -> str:
    """Why this is no text, as the end of a sentence; empty where it is one."""
    return "is no text: it holds a NUL byte" if "\0" in text else ""
