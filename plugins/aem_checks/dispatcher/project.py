"""Which farms and virtual hosts of a commit does the dispatcher use? Those that are enabled, with their files read.

Enabled is what stands in ``enabled_farms`` and ``enabled_vhosts``: a symbolic link to a file of ``available_…``, or a file.
https://experienceleague.adobe.com/en/docs/experience-manager-cloud-service/content/implementing/content-delivery/validation-debug
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aem_checks.dispatcher.any_files import AnyReader, Section
from aem_checks.dispatcher.apache_files import ApacheReader, Directive
from aem_checks.dispatcher.place import Budget, Place, Problem, below, is_of_the_image

FARMS, VHOSTS = "conf.dispatcher.d/enabled_farms/", "conf.d/enabled_vhosts/"
_ROOT = re.compile(r"((?:.*/)?)conf\.dispatcher\.d/.*", re.DOTALL)
_FARM = re.compile(r"[^/]+(?:\.farm|_farm\.any)")
_OLD_LAYOUT = re.compile(r"[^/]+_farm\.any")
"""Farms of Adobe Managed Services; those of an author or of the flush port are no farms of publish."""
_NO_PUBLISH_FARM = re.compile(r"author|flush|invalidate|_lc_", re.IGNORECASE)
_VHOST = re.compile(r"[^/]+\.vhost")
_TEXT_OF_A_LINK = re.compile(r"\s*(?:\.\./|\./)[^\s{}]+\.(?:farm|any|vhost)\s*")
_MOST_STEPS = 5
_MOST_PROJECTS = 20
_MOST_LINES = 500_000
"""Of Apache: sites with many redirects include them in each virtual host."""
_FARM_OF_THE_IMAGE = """/publishfarm {
  /clientheaders { $include "../clientheaders/clientheaders.any" }
  /virtualhosts { $include "../virtualhosts/virtualhosts.any" }
  /renders { $include "../renders/default_renders.any" }
  /filter { $include "../filters/filters.any" }
  /cache { /rules { $include "../cache/rules.any" } }
}"""
"""Which files of a project the image's own farm includes; what else it sets is Adobe's."""


@dataclass(frozen=True, slots=True)
class Enabled:
    """A name in a folder of what is enabled: its file, or why there is none."""

    name: str
    file: str = ""
    is_of_the_image: bool = False
    wrong: str = ""
    """What is wrong with the link, as the end of a sentence."""


@dataclass(slots=True)
class FarmRead:
    """A farm with all that it includes."""

    section: Section
    enabled: Enabled
    problems: list[Problem]

    @property
    def name(self) -> str:
        return self.section.name


@dataclass(slots=True)
class Project:
    """One dispatcher of the commit, read."""

    root: str
    """The path of the folder that ``conf.dispatcher.d`` is in, empty or with ``/`` at its end."""
    farms: list[FarmRead] = field(default_factory=list)
    directives: list[Directive] = field(default_factory=list)
    """All of Apache that is in use."""
    links: list[Enabled] = field(default_factory=list)
    """Names whose link leads nowhere, or is none."""
    only_available: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    """What could not be read, each once."""
    missing: dict[str, Place] = field(default_factory=dict)
    of_the_image: set[str] = field(default_factory=set)
    has_all_vhosts: bool = True
    """Whether each virtual host that is enabled is in the commit."""

    @property
    def is_of_managed_services(self) -> bool:
        """Whether it has the layout of Adobe Managed Services, which never reaches the cloud beside a newer one."""
        return bool(self.farms) and all(_OLD_LAYOUT.fullmatch(each.enabled.name) for each in self.farms)


def read_projects(texts: Mapping[str, str], links: Mapping[str, str], budget: Budget) -> list[Project]:
    """Each dispatcher of the commit; ``links`` are symbolic links with what they point to."""
    roots = {found[1] for path in (*texts, *links) if (found := _ROOT.fullmatch(path))}
    nearest = sorted(roots, key=lambda root: (root.count("/"), root))
    budget.is_cut = budget.is_cut or len(nearest) > _MOST_PROJECTS
    return [
        _read(root, _below(root, texts), _below(root, links), budget)
        for root in sorted(nearest[:_MOST_PROJECTS])
    ]


def used_of(projects: Sequence[Project]) -> list[Project]:
    """Those that the release uses: with the cloud's layout, else with any, and all where none enables anything."""
    with_farms = [each for each in projects if each.farms or each.links or each.problems]
    of_the_cloud = [each for each in with_farms if not each.is_of_managed_services]
    return of_the_cloud or with_farms or list(projects)


def _below(root: str, paths: Mapping[str, str]) -> dict[str, str]:
    return {path: told for path, told in paths.items() if path.startswith(root)}


def _read(root: str, texts: Mapping[str, str], links: Mapping[str, str], budget: Budget) -> Project:
    project = Project(root)
    lines = Budget(words=_MOST_LINES)
    variables = _read_apache(project, texts, links, lines)
    budget.is_cut = budget.is_cut or lines.is_cut
    enabled = [each for each in enabled_in(root + FARMS, _FARM, root, texts, links) if _is_of_publish(each)]
    for each in enabled:
        _read_farm(project, each, texts, variables, budget)
    project.links += [each for each in enabled if each.wrong]
    available = f"{root}conf.dispatcher.d/available_farms/"
    used = {each.file for each in enabled}
    own = (path for path in texts if path.startswith(available) and not is_of_the_image(path))
    project.only_available = sorted(path for path in own if path not in used and path.endswith(".farm"))
    return project


def _is_of_publish(each: Enabled) -> bool:
    return not (_OLD_LAYOUT.fullmatch(each.name) and _NO_PUBLISH_FARM.search(each.name))


def enabled_in(
    folder: str, names: re.Pattern[str], root: str, texts: Mapping[str, str], links: Mapping[str, str]
) -> list[Enabled]:
    """What is enabled in a folder, by name; the folder itself may be a link."""
    real = folder
    if (target := links.get(folder.rstrip("/"))) is not None:
        real = f"{_pointed(folder.rstrip('/'), target, root) or folder.rstrip('/')}/"
    found = sorted(
        path
        for path in {*texts, *links}
        if path.startswith(real) and names.fullmatch(path.removeprefix(real))
    )
    return [_enabled(path, root, texts, links) for path in found]


def _enabled(path: str, root: str, texts: Mapping[str, str], links: Mapping[str, str]) -> Enabled:
    name, here, wrong = posixpath.basename(path), path, ""
    for _ in range(_MOST_STEPS):
        target = links.get(here)
        if target is None and here in texts and _TEXT_OF_A_LINK.fullmatch(texts[here]):
            target, wrong = (
                texts[here].strip(),
                "is a file that holds the path of another instead of a link to it",
            )
        if target is None:
            break
        here = _pointed(here, target, root) or here + "/"
    if here in texts:
        return Enabled(name, here, wrong=wrong)
    if is_of_the_image(here):
        return Enabled(name, here, is_of_the_image=True)
    return Enabled(name, wrong=f"is a link to {links.get(path, here)}, which is not in the commit")


def _pointed(path: str, target: str, root: str) -> str | None:
    if target.startswith("/"):
        return below(root, target)
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), target))


def _read_apache(
    project: Project, texts: Mapping[str, str], links: Mapping[str, str], budget: Budget
) -> dict[str, str]:
    """Read all of Apache that is in use; returns the variables that it sets on every environment."""
    root = project.root
    reader = ApacheReader(texts, root=root, budget=budget)
    enabled = enabled_in(root + VHOSTS, _VHOST, root, texts, links)
    always = re.compile(rf"{re.escape(root)}conf\.d/(?:[^/]+\.conf|variables/global\.vars)")
    first = sorted(path for path in texts if always.fullmatch(path))
    for path in dict.fromkeys([*first, *(each.file for each in enabled if each.file in texts)]):
        project.directives += reader.read(path)
    project.links += [each for each in enabled if each.wrong]
    project.has_all_vhosts = bool(enabled) and all(each.file in texts for each in enabled)
    project.problems += dict.fromkeys(reader.problems)
    project.missing |= reader.missing
    return reader.variables


def _read_farm(
    project: Project,
    each: Enabled,
    texts: Mapping[str, str],
    variables: Mapping[str, str],
    budget: Budget,
) -> None:
    reader = AnyReader(texts, root=project.root, variables=variables, budget=budget)
    if each.is_of_the_image:
        file = reader.read_text(each.file, _FARM_OF_THE_IMAGE)
    elif each.file:
        file = reader.read(each.file)
    else:
        return
    farms = [
        farm
        for section in file.sections()
        for farm in (section.sections() if section.name == "farms" else [section])
    ]
    project.farms += [FarmRead(farm, each, reader.problems) for farm in farms]
    project.problems += [
        problem for problem in dict.fromkeys(reader.problems) if problem not in project.problems
    ]
    if not each.is_of_the_image:
        project.missing |= reader.missing
    project.of_the_image |= reader.of_the_image
    if each.is_of_the_image:
        project.of_the_image.add(each.name)
