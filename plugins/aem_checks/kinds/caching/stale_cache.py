"""C4: do visitors get the new build, or an old page from a cache that should have let go of it?

Compares what a page names as client libraries, and the build marker where the site has one, between the answer
that visitors get and one past all caches. A deployment empties the dispatcher and not the CDN
(help/implementing/dispatcher/caching of Adobe's documentation), so an old page is right until its lifetime is over.
It would have caught the purge race of Adobe's community thread 769111, after which the CDN kept a page of the old
build. An answer older than its lifetime is a warning; older than twice its lifetime, it blocks. An old page that
the CDN has just fetched comes from a layer behind it and is a warning too. What it does not see: pages whose
content changed and whose libraries did not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from aem_checks.asks import Follow, ask, ask_all, together
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.durations import Duration, format_duration
from aem_checks.excuses import above
from aem_checks.kinds.caching._headers import age_of, read_policy
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.reach import describe, unreached
from aem_checks.shortened import shortened
from aem_checks.text import count, quoted

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.response import Response
    from aem_checks.sites import BuildMarker
    from aem_checks.visit import Visit

_LIBRARY = re.compile(r"/etc\.clientlibs/[^\"'\s?#<>]{1,300}\.lc-[0-9a-f]{32}-lc[^\"'\s?#<>]{0,40}")
_MOST_LIBRARIES = 500


class StaleCacheSettings(CheckSettings):
    pages: int = Field(default=20, ge=1, le=1000)
    """Pages of the site, from the first on, that are compared; three requests each, up to six where one looks old."""
    lifetime: Annotated[Duration, above(timedelta(minutes=50))] = timedelta(minutes=5)
    """What counts as the lifetime where an answer names none: 5 minutes, AEM's default for HTML."""


_AGAIN = 3
"""How often a page that looks old is asked for once more, one after the other: publish nodes take turns."""
_MOST_SUSPECTS = 10
"""Pages that are asked for again; where more look old, it is not the rolling."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """One page as visitors get it, and past all caches, several times."""

    path: str
    cached: Response
    fresh: list[Response]

    def looks_old(self, marker: BuildMarker | None) -> bool:
        """Whether all answers past the caches are of one build, and the visitors' of another."""
        if not all(response.ok for response in (self.cached, *self.fresh)):
            return False
        builds = {_print_of(response, marker) for response in self.fresh}
        return len(builds) == 1 and _print_of(self.cached, marker) not in builds


class StaleCache(Check[StaleCacheSettings]):
    """Asks as a visitor and, at the same time, past all caches."""

    kind = "stale_cache"
    number = "C4"
    title = "No cache serves the old build"
    severity = Severity.WARN
    targets = frozenset({"stage", "production"})
    codes = faults(
        stale="visitors get a page of another build, older than it may be",
        stale_layer="a layer behind the CDN gives a page of another build",
        within_lifetime="a note: visitors get a page of another build, for as long as it may be kept",
        unsettled="the publish nodes answer with two builds",
        builds_alike="nothing on the pages tells builds apart",
    )
    settings_type = StaleCacheSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        paths = visit.site.pages[: self.settings.pages]
        pairs = yield from together(_fetch(path, visit) for path in paths)
        yield from _ask_again(pairs, visit)
        findings: list[Finding] = []
        compared = 0
        for pair in pairs:
            found, could = self._compare(pair, visit)
            compared += could
            findings += found
        if not compared and not findings:
            findings.append(_nothing_to_compare(visit, len(pairs)))
        return Judgement(examined=compared, findings=shortened(findings, severity=self.weight))

    def _compare(self, pair: _Pair, visit: Visit) -> tuple[list[Finding], bool]:
        """What is wrong, and whether there was something to compare."""
        for response in (pair.cached, *pair.fresh):
            if (refused := unreached(response, pair.path)) is not None:
                return [refused], False
            if not response.ok:
                return [_not_good(pair.path, response)], False
        marker = visit.site.build_marker
        cached = _print_of(pair.cached, marker)
        builds = [_print_of(response, marker) for response in pair.fresh]
        fresh = builds[0]
        if not fresh:
            return [], False
        if cached in builds:
            return [], True
        if len(set(builds)) > 1:
            return [_unsettled(pair.path)], False
        evidence = visit.keep(f"stale_cache/{_file_name(pair.path)}.html", pair.cached.body)
        return [self._stale(pair, cached, fresh, evidence)], True

    def _stale(self, pair: _Pair, cached: frozenset[str], fresh: frozenset[str], evidence: str) -> Finding:
        policy, age = read_policy(pair.cached), age_of(pair.cached)
        lifetime = (
            policy.shared if policy.shared is not None else round(self.settings.lifetime.total_seconds())
        )
        allowed = lifetime + policy.revalidating
        old = ", ".join(quoted(each, 160) for each in sorted(cached - fresh)[:2]) or "fewer libraries"
        new = ", ".join(quoted(each, 160) for each in sorted(fresh - cached)[:2]) or "fewer libraries"
        told = f"{pair.path} is of another build for visitors than past all caches: {old} instead of {new}"
        if not age:
            where = "the answer is new to the CDN, so a layer behind it is old"
            said = f"{told}; {where}"
            return _finding("stale_layer", pair.path, said, "the new build", evidence, Severity.WARN)
        shown = f"{told}; it is {_words(age)} old and may be kept for {_words(lifetime)}"
        if age <= allowed:
            return Finding(
                code="within_lifetime",
                subject=pair.path,
                sentence=f"{shown}, so it is gone in {_words(allowed - age)} at the latest.",
                outcome=Outcome.PASSED,
                evidence=evidence,
            )
        severity = Severity.BLOCK if age > 2 * lifetime + policy.revalidating else Severity.WARN
        return _finding("stale", pair.path, shown, f"at most {_words(allowed)}", evidence, severity)


def _fetch(path: str, visit: Visit) -> Steps[_Pair]:
    cached, *fresh = yield from ask_all(
        _question(path, visit, past_caches=past_caches) for past_caches in (False, True, True)
    )
    return _Pair(path, cached[-1], [answers[-1] for answers in fresh])


def _ask_again(pairs: list[_Pair], visit: Visit) -> Steps[None]:
    """Ask for pages that look old again past all caches, until an answer is of the visitors' build.

    While nodes roll, answers of one moment may all come from one node, and look like a cache's fault.
    """
    suspects = [pair for pair in pairs if pair.looks_old(visit.site.build_marker)]
    for pair in suspects[:_MOST_SUSPECTS]:
        for _ in range(_AGAIN):
            answers = yield from ask(_question(pair.path, visit, past_caches=True))
            pair.fresh.append(answers[-1])
            if not pair.looks_old(visit.site.build_marker):
                break


def _question(path: str, visit: Visit, *, past_caches: bool) -> Follow:
    return Follow(visit.url(path), tries=2, within=visit.endpoint.hosts, past_caches=past_caches)


def _print_of(response: Response, marker: BuildMarker | None) -> frozenset[str]:
    """What tells builds apart: the client libraries with their hashes, and the build marker."""
    found = {match.group() for match in islice(_LIBRARY.finditer(response.text), _MOST_LIBRARIES)}
    if marker is not None and (value := _marker(response, marker)):
        found.add(f"build {value}")
    return frozenset(found)


def _marker(response: Response, marker: BuildMarker) -> str:
    if marker.header:
        source = response.headers.get(marker.header, "")
    elif marker.meta:
        nodes = response.document.css("meta[name]") if response.is_html else []
        contents = (n.attributes.get("content") for n in nodes if n.attributes.get("name") == marker.meta)
        source = next((content for content in contents if content), "")
    else:
        return ""
    match = re.search(marker.pattern, source[:1000])
    return (match.group(1) or "") if match else ""


def _finding(code: str, path: str, told: str, expected: str, evidence: str, severity: Severity) -> Finding:
    return Finding(
        code=code,
        subject=path,
        sentence=f"{told}; expected {expected}. To do: purge the page at the CDN, and see who else caches it.",
        expected=expected,
        actual=told.rpartition("; ")[2],
        severity=severity,
        evidence=evidence,
    )


def _unsettled(path: str) -> Finding:
    return Finding(
        code="unsettled",
        subject=path,
        sentence=f"{path} is of two builds past all caches: the publish nodes do not agree yet, so caches can't be "
        "judged. To do: see the check settled.",
        expected="one build",
        actual="two builds",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.PRODUCT,
    )


def _not_good(path: str, response: Response) -> Finding:
    return Finding(
        code="not_judged",
        subject=path,
        sentence=f"{path} answers with {describe(response)}, so caches can't be judged by it. To do: see key_pages.",
        expected="status 200",
        actual=describe(response),
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.PRODUCT,
    )


def _nothing_to_compare(visit: Visit, pages: int) -> Finding:
    return Finding(
        code="builds_alike",
        subject=visit.endpoint.url,
        sentence=f"{count(pages, 'page')} of {visit.endpoint.url} name neither a client library with a hash nor a "
        "build marker, so builds can't be told apart. To do: give the site a build_marker, or switch the check off.",
        expected="a client library with a hash, or a build marker",
        actual="neither",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )


def _file_name(path: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", path).strip("-")[:80] or "home"


def _words(seconds: int) -> str:
    return format_duration(timedelta(seconds=seconds))
