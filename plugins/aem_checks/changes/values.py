"""What is a release's change, as values: commits, changed files, and what each of them is in an AEM project?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from aem_checks.text import count, plain

_SHOWN = 6
FOR_AUTHORS = "what authors see in the editor"
"""The note of a change that no page shows."""
GONE = "it is no more"
"""The note of a change of a component that the release has not."""


class Kind(StrEnum):
    """What a file is in an AEM project; in the order in which a summary tells them."""

    COMPONENT = "component"
    PAGE_STRUCTURE = "page_structure"
    TEMPLATE = "template"
    POLICY = "policy"
    CLIENT_LIBRARY = "client_library"
    DEPENDENCY = "dependency"
    JAVA = "java"
    OSGI = "osgi"
    DISPATCHER = "dispatcher"
    CDN = "cdn"
    INDEX = "index"
    WORKFLOW = "workflow"
    CONTENT = "content"
    FRONT_END = "front_end"
    BUILD = "build"
    TEST = "test"
    OTHER = "other"


_NOUNS = {
    Kind.COMPONENT: ("component", "components"),
    Kind.PAGE_STRUCTURE: ("page component", "page components"),
    Kind.TEMPLATE: ("template", "templates"),
    Kind.POLICY: ("policy", "policies"),
    Kind.CLIENT_LIBRARY: ("client library", "client libraries"),
    Kind.DEPENDENCY: ("dependency", "dependencies"),
    Kind.JAVA: ("Java file of no component", "Java files of no component"),
    Kind.OSGI: ("OSGi configuration", "OSGi configurations"),
    Kind.CDN: ("CDN file", "CDN files"),
    Kind.INDEX: ("index", "indexes"),
    Kind.WORKFLOW: ("workflow", "workflows"),
    Kind.CONTENT: ("content root", "content roots"),
    Kind.FRONT_END: ("front-end file", "front-end files"),
    Kind.BUILD: ("build file", "build files"),
    Kind.TEST: ("test", "tests"),
    Kind.OTHER: ("other file", "other files"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One changed file, or one of several things that a changed file holds."""

    path: str
    """From the root of the repository; what is no UTF-8 in it is replaced."""
    kind: Kind
    name: str = ""
    """Which one: a resource type, a category, a PID, ``filters`` of a dispatcher."""
    components: tuple[str, ...] = ()
    """Resource types of the components that show this change, as far as the files say."""
    templates: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    """Client libraries that show it: its own category, and those that embed it."""
    everything: str = ""
    """Why it cannot be narrowed down, so that every page counts as changed; empty where it can."""
    note: str = ""
    """What else is to be said: versions, run modes, "only time stamps"."""


@dataclass(frozen=True, slots=True)
class ChangeCommit:
    """One commit between the two, newest first."""

    id: str
    parents: int
    author: str
    """Name and address as the commit has them: whoever made it chose them."""
    seconds: int
    """When it was written, in seconds since 1970, as the commit has it."""
    title: str
    files: tuple[str, ...] = ()
    """What it changed; of a merge only what differs from all of its parents."""

    @property
    def is_merge(self) -> bool:
        return self.parents > 1


@dataclass(frozen=True)
class ChangeMap:
    """From one commit to another."""

    base: str
    """The full id of the commit that is compared with; empty where none is known."""
    head: str
    commits: tuple[ChangeCommit, ...] = ()
    files: int = 0
    """How many files differ between the two commits."""
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    """What has to be said about it, as sentences: a rebuilt older commit, a history that was cut short."""
    incomplete: str = ""
    """Why the project was not read to its end, as a sentence; empty where it was."""
    problem: str = ""
    """Why nothing is known, as a sentence; empty where it is."""

    @property
    def everything(self) -> tuple[str, ...]:
        """Why every page counts as changed, each reason once; empty where the change is narrowed down."""
        if self.problem:
            return (self.problem,)
        reasons = (self.incomplete, *(each.everything for each in self.changes))
        return tuple(dict.fromkeys(each for each in reasons if each))

    @property
    def people(self) -> int:
        """How many authors the commits that are no merges have."""
        written = [each for each in self.commits if not each.is_merge] or self.commits
        return len({each.author.rpartition("<")[2].lower() for each in written})

    def names(self, kind: Kind) -> list[str]:
        """The names of what changed of this kind, sorted."""
        return sorted({each.name or each.path for each in self.changes if each.kind is kind})

    @property
    def components(self) -> tuple[str, ...]:
        """Resource types of all components that show a change."""
        return tuple(sorted({name for each in self.changes for name in each.components}))

    @property
    def summary(self) -> str:
        """``41 files in 9 commits by 4 people: 3 components, 1 client library, dispatcher filters``."""
        if self.problem:
            return self.problem
        if not self.files:
            return f"No file differs between {self.base[:12]} and {self.head[:12]}."
        told = ", ".join(self._told())
        if not self.commits:
            return f"{count(self.files, 'file')}, with no commit of its own: {told}"
        by = f"{count(len(self.commits), 'commit')} by {count(self.people, 'person', 'people')}"
        return f"{count(self.files, 'file')} in {by}: {told}"

    def _told(self) -> list[str]:
        parts = []
        for kind in Kind:
            names = self.names(kind)
            if kind is Kind.DISPATCHER and names:
                parts.append(f"dispatcher {_listed(names)}")
            elif kind is Kind.DEPENDENCY and names:
                parts.append(f"{count(len(names), *_NOUNS[kind])} ({_listed(names)})")
            elif names:
                parts.append(count(len(names), *_NOUNS[kind]))
        return parts


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(plain(each, 80) for each in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
