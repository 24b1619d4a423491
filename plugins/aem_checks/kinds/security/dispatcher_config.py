"""B6: does the release's dispatcher configuration keep the rules that Adobe's own checkers ask for?

Read from the release's commit as the dispatcher reads it: farms and virtual hosts that are enabled, with all that they
include. Of filters the last that matches wins; each path of ``dispatcher_probes`` is asked, so what git would open is
told before stage shows it. The rules are those of Adobe's dispatcher optimizer and of the validator in the dispatcher's
tools; ``docs/dispatcher.md`` lists each with its page and the fault that shows it. What a release only lets through by
mistake has the check's severity, all that is advice warns.

It would have caught issue 64 of Adobe's dispatcher documentation, where a page behind a log-in was cached for
everybody, and the open filters that scanners find (CVE-2016-0957).

It sees files, not what runs: files that the image brings are not in the commit, or are replaced by newer ones. A filter
that is open on purpose is a false alarm: waive it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from aem_checks.check import Check
from aem_checks.checkout import CheckoutSettings, of_source, source
from aem_checks.codes import faults
from aem_checks.outcomes import Finding, Judgement, Severity
from aem_checks.shortened import shortened
from aem_checks.text import count, quoted

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.dispatcher.patterns import Matcher
    from aem_checks.dispatcher.project import FarmRead, Project
    from aem_checks.visit import Visit

FILES = ("**/conf.dispatcher.d/**", "**/conf.d/**")


class DispatcherConfigSettings(CheckoutSettings):
    """Where the release's source is."""


class DispatcherConfig(Check[DispatcherConfigSettings]):
    """Reads farms with all that they include, and Apache's files."""

    kind = "dispatcher_config"
    number = "B6"
    title = "Dispatcher configuration in git"
    severity = Severity.WARN
    default_on = False
    needs = "a git checkout of the release"
    codes = faults(
        allow_by_glob="a filter allows by /glob, which is easily fooled",
        first_filter="the first filter is no denial of everything",
        selectors="no filter denies selectors that export the repository",
        statfileslevel="/statfileslevel is too low",
        grace_period="/gracePeriod is too low",
        parameters="/ignoreUrlParams ignores only what it lists",
        vary="Vary names User-Agent",
        only_production="a note: files have parts for production alone",
        of_the_image="a note: includes are not in the commit",
        too_long="the configuration is too long to be read to its end",
        no_filter="a farm has no filter",
        opens="a filter lets through paths of AEM that have to be closed",
        left_to_publish="a note: paths that have to be closed pass as files of a page's design",
        undecided="a note: files of the image decide about paths that have to be closed",
        selector_list="any selector is let through",
        suffixes="any suffix is let through",
        unexpected="a property is unknown where it stands",
        serve_stale="/serveStaleOnError is off",
        no_cache="a farm has no cache",
        cache_rules="the cache keeps nothing",
        invalidate="activations leave pages in the cache",
        allow_authorized="pages behind a log-in are cached for everybody",
        allowed_clients="/allowedClients is not the image's",
        renders="/renders is not the image's",
        virtual_hosts="a farm names no host",
        farm_names="several farms have one name",
        include_missing="a file that is included is not there",
        root_directory="the root directory is granted to all",
        server_alias="no virtual host answers hosts of the cloud",
        broken_link="what enables a farm or a virtual host is no link to one",
        none_enabled="no farm is enabled",
        not_enabled="a note: farms are available and not enabled",
        other_dispatcher="a note: a dispatcher beside the one that is used was not judged",
        unreadable="a file can't be read to its end",
    )
    settings_type = DispatcherConfigSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        return of_source(self.kind, self.settings, self._examine())

    def _examine(self) -> Steps[Judgement]:
        found = yield from source(*FILES)
        return judged(found.texts, found.links, self.weight)


def judged(texts: Mapping[str, str], links: Mapping[str, str], severity: Severity) -> Judgement:
    """What is wrong with the dispatchers in these files; ``links`` are symbolic links with what they point to."""
    from aem_checks.dispatcher.patterns import Matcher, TooMuch
    from aem_checks.dispatcher.place import Budget
    from aem_checks.dispatcher.project import read_projects, used_of
    from aem_checks.kinds.security._dispatcher_faults import none_enabled, too_long

    budget, matcher = Budget(), Matcher()
    projects = read_projects(texts, links, budget)
    used = used_of(projects)
    findings: list[Finding] = [] if projects else [none_enabled("", 0)]
    examined = 0
    try:
        for project in used:
            examined += sum(_is_judged(farm) for farm in project.farms)
            findings += _of_project(project, matcher)
    except TooMuch:
        budget.is_cut = True
    findings += [_other_dispatcher(each) for each in projects if each not in used]
    if budget.is_cut:
        findings.append(too_long())
    unique = {(each.code, each.subject, each.sentence): each for each in findings}
    return Judgement(examined=examined, findings=shortened(unique.values(), severity=severity))


def _is_judged(farm: FarmRead) -> bool:
    """A farm of which something is known: of the image's own only the filters are the project's."""
    rules = [rule for filters in farm.section.sections("filter") for rule in filters.sections()]
    return not farm.problems and (bool(rules) or not farm.enabled.is_of_the_image)


def _of_project(project: Project, matcher: Matcher) -> Iterator[Finding]:
    from aem_checks.kinds.security import _apache_rules, _dispatcher_faults, _farm_rules, _filter_rules
    from aem_checks.kinds.security._doors import known_doors

    yield from (_dispatcher_faults.unreadable(problem) for problem in project.problems)
    if not any(_is_judged(farm) for farm in project.farms) and not project.problems:
        yield _dispatcher_faults.none_enabled(project.root, len(project.only_available))
    for farm in project.farms:
        if _is_judged(farm):
            yield from _filter_rules.of_filters(farm.section, known_doors(), matcher)
            if not farm.enabled.is_of_the_image:
                in_the_cloud = not project.is_of_managed_services
                yield from _farm_rules.of_farm(farm.section, matcher, in_the_cloud=in_the_cloud)
    yield from _farm_rules.of_names(project.farms)
    yield from _apache_rules.of_apache(project.directives, has_all_vhosts=project.has_all_vhosts)
    yield from _of_files(project)


def _of_files(project: Project) -> Iterator[Finding]:
    """Links, includes, and what was left alone."""
    from aem_checks.kinds.security._dispatcher_faults import at, fault, note

    for each in project.links:
        yield fault(
            "broken_link",
            f"{project.root}{each.name} enabled",
            f"{quoted(each.name)} under {quoted(project.root or '/')} is enabled, but {each.wrong}",
            "make it a symbolic link to the file in the folder of what is available",
        )
    for target, place in project.missing.items():
        yield fault(
            "include_missing",
            f"{place.file} includes {target}",
            f"{at(place)} includes {quoted(target)}, which is neither in the commit nor a file that the image is known to bring",
            "add it, or correct its name",
        )
    if project.of_the_image:
        names = ", ".join(quoted(name) for name in sorted(project.of_the_image)[:3])
        yield note(
            "of_the_image",
            "files of the image",
            f"{count(len(project.of_the_image), 'include')}, such as {names}, are not in the commit: the dispatcher's image "
            "brings them, so what they set was not judged.",
        )
    if project.only_available:
        yield note(
            "not_enabled",
            f"{project.root} available farms",
            f"{count(len(project.only_available), 'farm')}, such as {quoted(project.only_available[0], 200)}, are available and "
            "not enabled, so they were not judged.",
        )


def _other_dispatcher(project: Project) -> Finding:
    from aem_checks.kinds.security._dispatcher_faults import note

    why = "has the layout of Adobe Managed Services" if project.is_of_managed_services else "enables no farm"
    return note(
        "other_dispatcher",
        f"{project.root} other dispatcher",
        f"The dispatcher in {quoted(project.root or '/', 200)} {why} and stands beside another, so it was not judged.",
    )
