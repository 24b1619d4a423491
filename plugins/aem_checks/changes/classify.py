"""What is each changed file in an AEM project, and which components, templates and libraries show the change?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from aem_checks.changes import java, policies, poms
from aem_checks.changes.history import Difference
from aem_checks.changes.places import (
    content_root,
    dispatcher_part,
    index_of,
    is_policies,
    jcr_path,
    template_of,
    workflow_of,
)
from aem_checks.changes.project import Project
from aem_checks.changes.values import FOR_AUTHORS, GONE, Change, Kind
from aem_checks.kinds.parity._cdn_files import cdn_files
from aem_checks.kinds.parity._osgi import config_files
from aem_checks.text import count, plain

_LONGEST_NAME = 1_000
"""Characters of a path."""
_TEST = re.compile(r"(?:^|.*/)(?:it\.tests?|ui\.tests?(?:\.[\w-]+)?|ui-tests?|it-tests?|cypress|src/test)/.*")
_CLASSIC = re.compile(r"(?:^|.*/)(?:classic|[\w.-]+[.-]classic|osgiconfig-classic)/.*")
_BUILD = re.compile(
    r"(?:^|.*/)(?:pom\.xml|package(?:-lock)?\.json|yarn\.lock|assembly\.xml|archetype\.properties|bnd\.bnd|Jenkinsfile|"
    r"\.gitlab-ci\.yml|\.cloudmanager/.*|\.mvn/.*|\.github/.*|webpack\.[\w.]+\.js|tsconfig\.json|clientlib\.config\.js)"
)
_EDITOR = re.compile(r".*/cq:(?:dialog|design_dialog|editConfig|childEditConfig|template)(?:\.xml|/.*)?")
_LOCK = re.compile(r"(?:^|.*/)(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml)")
_TEXTUAL = re.compile(
    r"(?:^|.*/)(?:README|LICENSE|CHANGELOG|CONTRIBUTING|NOTICE|CODEOWNERS)[^/]*|.*\.(?:md|txt|adoc)|(?:^|.*/)\.git\w+"
)
_PACKAGE_INSIDE = re.compile(r"/src/|/?META-INF/")
_PROFILE = re.compile(r"(?:^|.*/)META-INF/vault/.*")


@dataclass
class Sides:
    """The project before and after, and the texts of changed files on both sides: empty where there is none."""

    now: Project
    before: Project
    texts_now: Mapping[str, str] = field(default_factory=dict)
    texts_before: Mapping[str, str] = field(default_factory=dict)
    mappings: Mapping[str, str] = field(default_factory=dict)
    """The file of policy mappings of each template, by the template's name."""
    unread: frozenset[str] = frozenset()
    """Changed files that were too long to be read."""

    def project_of(self, difference: Difference) -> Project:
        return self.before if difference.status == "D" else self.now

    def text(self, path: str) -> str:
        return self.texts_now.get(path) or self.texts_before.get(path) or ""


def needs_text(path: str) -> bool:
    """Whether what a changed file is can be told only by what it says."""
    return path.endswith((".java", "pom.xml", "package.json", ".yaml", ".yml")) or is_policies(jcr_path(path))


def classified(difference: Difference, sides: Sides) -> Iterator[Change]:
    """What a changed file is: one value, or several where it holds or serves several things."""
    path = difference.path
    if difference.mode == "160000":
        yield Change(path, Kind.OTHER, path, everything=f"the submodule {plain(path, 120)} is another commit")
    elif len(path) > _LONGEST_NAME:
        yield Change(
            path[:_LONGEST_NAME], Kind.OTHER, "", everything="a file's name is too long to be looked at"
        )
    elif path in sides.unread:
        yield Change(path, Kind.OTHER, path, everything=f"{plain(path, 120)} is too long to be read")
    elif _CLASSIC.fullmatch(path):
        yield Change(
            path, Kind.OTHER, path, note="a part for AEM outside of the cloud, which never reaches it"
        )
    elif _TEST.fullmatch(path):
        yield Change(path, Kind.TEST, path)
    elif part := dispatcher_part(path):
        yield Change(path, Kind.DISPATCHER, part, everything=f"the dispatcher's {part} changed")
    elif config_files([path]):
        yield _osgi(path)
    elif jcr := jcr_path(path):
        yield from _node(difference, jcr, sides)
    else:
        yield from _outside(difference, sides)


def _osgi(path: str) -> Change:
    found = config_files([path])[0]
    modes = ".".join(sorted(found.modes))
    only_author = "author" in found.modes
    elsewhere = bool(found.modes & {"dev", "rde", "local"})
    disabled = found.pid.startswith(("example.", "disabled."))
    why = (
        ""
        if only_author or elsewhere or disabled
        else f"the OSGi configuration {plain(found.pid, 120)} changed"
    )
    where = f"run modes {modes}" if modes else "all run modes"
    return Change(path, Kind.OSGI, f"{found.pid} ({modes or 'all'})", everything=why, note=where)


def _node(difference: Difference, jcr: str, sides: Sides) -> Iterator[Change]:
    path, project = difference.path, sides.project_of(difference)
    if jcr.endswith("/rep:policy.xml"):
        yield Change(path, Kind.CONTENT, f"access rights of {jcr.rpartition('/')[0]}")
    elif name := index_of(jcr):
        yield Change(path, Kind.INDEX, name, note="searches may find something else")
    elif name := workflow_of(jcr):
        yield Change(path, Kind.WORKFLOW, name)
    elif is_policies(jcr):
        yield from _policies(path, sides)
    elif (template := template_of(jcr))[0]:
        yield Change(path, Kind.TEMPLATE, template[0], templates=(template[0],), note=template[1])
    elif jcr.startswith(("/content/", "/var/", "/home/", "/etc/", "/conf/")):
        yield Change(path, Kind.CONTENT, content_root(jcr))
    elif found := project.library_at(path):
        yield from _library(path, found[1].categories, project)
    elif component := project.component_at(jcr.removesuffix(".xml")):
        gone = component not in sides.now.resource_types
        note = GONE if gone else FOR_AUTHORS if _EDITOR.fullmatch(jcr) else ""
        yield replace(_component(path, component, project), note=note)
    elif jcr.startswith(("/apps/", "/libs/")):
        yield _shared(path, jcr, project)
    else:
        yield Change(path, Kind.OTHER, path)


def _component(path: str, component: str, project: Project) -> Change:
    shown = project.extending(component)
    if project.is_page(component):
        return Change(
            path, Kind.PAGE_STRUCTURE, component, shown, everything=f"the page component {component} changed"
        )
    return Change(path, Kind.COMPONENT, component, shown)


def _shared(path: str, jcr: str, project: Project) -> Change:
    """A file below ``/apps`` of no component: HTL that components use, or what nobody can tell."""
    shown = sorted({kind for each in project.users_of(jcr) for kind in project.extending(each)})
    if path.endswith(".html") and shown:
        pages = [each for each in shown if project.is_page(each)]
        why = f"{jcr}, which the page component {pages[0]} uses, changed" if pages else ""
        return Change(path, Kind.COMPONENT, shown[0], tuple(shown), everything=why, note=f"through {jcr}")
    return Change(path, Kind.OTHER, jcr, everything=f"{plain(jcr, 160)} belongs to no component")


def _library(path: str, categories: tuple[str, ...], project: Project) -> Iterator[Change]:
    """A client library counts where HTL of components alone asks for it; else any page may load it."""
    shown = project.embedding(categories)
    askers = project.components_of(folder for each in shown for folder in project.wanted.get(each, ()))
    name = categories[0] if categories else path.rpartition("/")[0]
    inside = {found} if (found := project.component_at(jcr_path(path))) else set()
    components = sorted({kind for each in askers | inside for kind in project.extending(each)})
    narrow = components and not any(project.is_page(each) for each in components)
    why = "" if narrow else f"the client library {plain(name, 120)} may be on every page"
    yield Change(path, Kind.CLIENT_LIBRARY, name, tuple(components), categories=shown, everything=why)


def _policies(path: str, sides: Sides) -> Iterator[Change]:
    changed = policies.changed_policies(sides.texts_before.get(path, ""), sides.texts_now.get(path, ""))
    if changed is None:
        yield Change(path, Kind.POLICY, path, everything=f"the policies in {plain(path, 160)} can't be read")
    elif not changed:
        yield Change(path, Kind.OTHER, path, note="nothing but time stamps and order differs in the policies")
    for policy in changed or ():
        component = policies.component_of(policy)
        shown = tuple({component, *sides.now.extending(component)})
        templates = policies.templates_with([policy], sides.mappings)
        page = sides.now.is_page(component)
        why = f"the policy {plain(policy, 160)} of a page component changed" if page else ""
        yield Change(path, Kind.POLICY, policy, tuple(sorted(shown)), templates, everything=why)


def _outside(difference: Difference, sides: Sides) -> Iterator[Change]:
    path, project = difference.path, sides.project_of(difference)
    if path.endswith(("pom.xml", "package.json")) and path.rpartition("/")[2] in ("pom.xml", "package.json"):
        yield from _dependencies(path, sides)
    elif _LOCK.fullmatch(path):
        why = f"{plain(path, 120)} changes which packages the front-end is built with"
        yield Change(path, Kind.DEPENDENCY, path, everything=why)
    elif path.endswith(".java"):
        yield from _java(path, sides, project)
    elif path.endswith((".yaml", ".yml")) and (found := cdn_files({path: sides.text(path)})[0]):
        yield Change(
            path,
            Kind.CDN,
            f"{found[0].kind} {path}",
            everything=f"{found[0].kind} rules changed in {plain(path, 120)}",
        )
    elif _PROFILE.fullmatch(path):
        yield Change(
            path,
            Kind.CONTENT,
            f"package of {_PACKAGE_INSIDE.split(path)[0] or 'the root'}",
            note="what a package installs",
        )
    elif (folder := project.front_end_of(path)) is not None and folder != ".":
        yield _front_end(path, folder, project)
    elif _BUILD.fullmatch(path):
        yield Change(
            path, Kind.BUILD, path, everything=f"{plain(path, 120)} changes how the release is built"
        )
    elif _TEXTUAL.fullmatch(path):
        yield Change(path, Kind.OTHER, path)
    else:
        yield Change(
            path, Kind.OTHER, path, everything=f"nobody can tell what {plain(path, 120)} does in AEM"
        )


def _dependencies(path: str, sides: Sides) -> Iterator[Change]:
    compare = poms.pom_change if path.endswith("pom.xml") else poms.package_change
    found = compare(sides.texts_before.get(path, ""), sides.texts_now.get(path, ""))
    if found is None:
        yield Change(path, Kind.BUILD, path, everything=f"{plain(path, 120)} can't be read")
        return
    for name, versions in found.dependencies.items():
        told = plain(poms.told(name, versions), 200)
        yield Change(path, Kind.DEPENDENCY, told, everything=f"a dependency changed: {told}", note=told)
    if found.build:
        yield Change(
            path, Kind.BUILD, path, everything=f"{plain(path, 120)} changes how the release is built"
        )
    elif not found.dependencies:
        yield Change(path, Kind.OTHER, path, note="nothing but the version of the project itself differs")


def _java(path: str, sides: Sides, project: Project) -> Iterator[Change]:
    served = java.components_of(path, sides.text(path), project)
    if not served:
        yield Change(path, Kind.JAVA, path, everything=f"{plain(path, 160)} is Java that no component names")
    for component in served:
        change = _component(path, component, project)
        yield Change(
            path,
            change.kind,
            change.name,
            change.components,
            everything=change.everything,
            note="its Sling model",
        )


def _front_end(path: str, folder: str, project: Project) -> Change:
    """A source of the front-end: of a component where its folder or name is one's, yet built into one library for all."""
    if _BUILD.fullmatch(path):
        return Change(
            path, Kind.BUILD, path, everything=f"{plain(path, 120)} changes how the front-end is built"
        )
    words = {re.sub(r"^_|\.\w+$", "", each).lower() for each in path.removeprefix(folder).split("/") if each}
    components = project.called(words)
    categories = project.embedding(project.built.get(folder, ()))
    library = categories[0] if categories else folder
    shown = sorted({each for kind in components for each in project.extending(kind)})
    narrow = components and not any(project.is_page(each) for each in components)
    why = (
        "" if narrow else f"{plain(path, 120)} is built into {plain(library, 80)}, which may be on every page"
    )
    kind = Kind.CLIENT_LIBRARY if categories else Kind.FRONT_END
    note = f"of {count(len(components), 'component')} by its name" if components else ""
    return Change(path, kind, library, tuple(shown), categories=categories, everything=why, note=note)
