"""E1: is the sitemap there, well-formed and complete, and do its pages answer?

Reads the sitemaps that robots.txt names, else ``/sitemap.xml``, with all that an index refers to, past all caches
and on the target itself. It would have caught the malformed sitemap of Adobe KA-21789, which no browser complains
of and every search engine drops. A sample of the listed pages is asked too, and the number of pages is compared
with the last verified release. Known false alarms: AEM writes sitemaps by a scheduler, so that one may be missing
for a while after a deployment, or on stage altogether.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import Field

from aem_checks.asks import Get, ask, ask_all
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.excuses import PATTERNS, above, switch
from aem_checks.kinds.availability.host_leaks import internal
from aem_checks.kinds.search_engines._robots_file import read_robots
from aem_checks.kinds.search_engines._sitemap_files import Files, SitemapFile, Unread, path_here, read_files
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.reach import describe, is_unreached, unreached
from aem_checks.shortened import shortened
from aem_checks.text import count, quoted
from aem_checks.urls import fault_of, host_of, parts_of

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.response import Response
    from aem_checks.visit import Visit

_MOST_IN_A_FILE = 50_000
"""URLs of one file; sitemaps.org/protocol.html."""
_FILE = "sitemap/pages.json"
_KEPT = 20_000
"""Addresses that are kept as evidence."""


class SitemapSettings(CheckSettings):
    sample: Annotated[int, switch(0)] = Field(default=20, ge=0, le=1000)
    """Listed pages that are asked for, spread evenly and the same each time; 20 take two seconds at the usual
    rate."""
    tolerance: Annotated[int, above(99)] = Field(default=20, ge=1, le=100)
    """Percent of its pages that a sitemap may lose or gain since the last verified release; 20 by default, more
    than editors do between two releases."""
    hosts: Annotated[tuple[str, ...], PATTERNS] = ()
    """Further hosts that the sitemap may name, such as those of other countries' sites; none by default."""


class Strange(NamedTuple):
    """Why search engines drop an entry."""

    host: str
    """One that is not the site's; empty where there is none to ask."""
    fault: str = ""
    """What is wrong with an address that is none, as the end of "which …"."""


class Sitemap(Check[SitemapSettings]):
    """Reads the files, then asks for some of the pages."""

    kind = "sitemap"
    number = "E1"
    title = "Sitemap is valid and complete"
    targets = frozenset({"stage", "production"})
    codes = faults(
        absent="there is no sitemap",
        status="a sitemap answers with an error status",
        malformed="a sitemap is none that crawlers can read",
        too_many="a sitemap lists more pages than crawlers take",
        too_long="a sitemap is longer than what is read of it",
        empty="the sitemaps list no page, or none that search engines keep",
        unreadable="a sitemap is named, or lists pages, by what is no address",
        internal_host="the sitemap names a host that only exists inside",
        foreign_host="the sitemap names a host that is not the site's",
        no_host="the sitemap names addresses without a host",
        hreflang_namespace="the sitemap's hreflang links are in a namespace that crawlers do not read",
        fewer="the sitemap lists fewer pages than at the last verified release",
        more_pages="the sitemap lists more pages than at the last verified release",
        listed_page="a page that the sitemap lists does not answer 200",
    )
    settings_type = SitemapSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        robots = yield from read_robots(visit)
        found = yield from read_files(visit, robots.sitemaps)
        findings = [problem for file in found.files for problem in _judge(file)]
        if len(found.files) == 1 and not found.files[0].named_by and found.files[0].response.status == 404:
            findings = [(yield from _absent(visit))]
        elif not found.urls and not findings and not found.unread:
            findings = [_empty(found.files[0], "no page, with all that it refers to")]
        findings += map(_unread, found.unread)
        dropped = self._dropped(found, visit)
        kept = len(found.urls) - sum(map(len, dropped.values()))
        if found.urls and not kept and not _may_be_productions(dropped, visit):
            findings.append(
                _empty(found.files[0], f"{count(len(found.urls), 'page')} and none that search engines keep")
            )
        findings += [_strange(why, urls, len(found.urls)) for why, urls in sorted(dropped.items())]
        findings += [*self._count(kept or len(found.urls), visit), *_limits(found)]
        paths = {path: None for url in found.urls if (path := path_here(url, visit)) is not None}
        findings += yield from self._sampled(tuple(paths), visit)
        _keep(found, kept or len(found.urls), visit)
        reached = sum(not is_unreached(file.response) for file in found.files)
        return Judgement(examined=reached, findings=shortened(findings, severity=self.weight))

    def _dropped(self, found: Files, visit: Visit) -> dict[Strange, list[str]]:
        """Pages that search engines do not take from this sitemap, by what is strange about their addresses."""
        known = visit.site.hosts | {host.lower() for host in self.settings.hosts}
        dropped: dict[Strange, list[str]] = {}
        for url in found.urls:
            if fault := fault_of(url):
                dropped.setdefault(Strange("", fault if "://" in url else ""), []).append(url)
            elif (host := host_of(url)) not in known:
                dropped.setdefault(Strange(host), []).append(url)
        return dropped

    def _count(self, now: int, visit: Visit) -> Iterator[Finding]:
        before = _count_before(visit)
        if before is None or visit.baseline is None:
            yield _note(
                "nothing_to_compare", "There is no verified release to compare the number of pages with yet."
            )
            return
        change = 100 * (now - before) / before if before else 0.0
        if abs(change) <= self.settings.tolerance or now == 0:
            return
        yield Finding(
            code="fewer" if change < 0 else "more_pages",
            subject="number of pages",
            sentence=f"The sitemap lists {count(now, 'page')} and listed {before} at {visit.baseline.release}, "
            f"{change:+.0f} %; expected at most ±{self.settings.tolerance} %. To do: see whether editors or the "
            "sitemap's generator changed it.",
            expected=f"{before} ± {self.settings.tolerance} %",
            actual=str(now),
            severity=None if change < 0 else Severity.WARN,
            evidence=_FILE,
        )

    def _sampled(self, paths: tuple[str, ...], visit: Visit) -> Steps[list[Finding]]:
        chosen = _spread(paths, self.settings.sample)
        answers = yield from ask_all(Get(visit.url(path), tries=3, past_caches=True) for path in chosen)
        found = (_sample(path, answer) for path, answer in zip(chosen, answers, strict=True))
        return [finding for finding in found if finding is not None]


def _judge(file: SitemapFile) -> Iterator[Finding]:
    """What is wrong with one file by itself."""
    who = f" (named by {file.named_by})" if file.named_by else ""
    if file.response.status < 500 and (refused := unreached(file.response, file.path)) is not None:
        yield refused
    elif file.response.truncated:
        yield _too_long(file)
    elif file.response.status != 200:
        told = f"answers with {describe(file.response)}{who}"
        yield _failed("status", file.path, told, "a sitemap with status 200")
    elif file.problem:
        told = f"{quoted(file.problem, 300)[1:-1]}{who}"
        yield _failed("malformed", file.path, told, "a valid sitemap")
    elif len(file.urls) > _MOST_IN_A_FILE:
        told = f"lists {len(file.urls)} pages"
        expected = f"at most {_MOST_IN_A_FILE}, else crawlers drop it"
        yield _failed("too_many", file.path, told, expected, Severity.WARN)
    elif file.has_lost_hreflang:
        told = "has hreflang links in a namespace that crawlers do not read"
        expected = 'xmlns:xhtml="http://www.w3.org/1999/xhtml", else the languages are not known'
        yield _failed("hreflang_namespace", file.path, told, expected, Severity.WARN)


def _failed(code: str, path: str, actual: str, expected: str, severity: Severity | None = None) -> Finding:
    return Finding(
        code=code,
        subject=path,
        sentence=f"{path} {actual}; expected {expected}. To do: see the sitemap's scheduler and generator in AEM "
        "and the dispatcher's filter for this path.",
        expected=expected,
        actual=actual,
        severity=severity,
    )


def _too_long(file: SitemapFile) -> Finding:
    return Finding(
        code="too_long",
        subject=file.path,
        sentence=f"{file.path} is longer than the {len(file.response.body)} bytes that are read, so it is not "
        "judged. To do: split it into several files with an index.",
        expected="a sitemap that can be read in whole",
        actual=f"more than {len(file.response.body)} bytes",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )


def _empty(first: SitemapFile, what: str) -> Finding:
    return _failed("empty", first.path, f"lists {what}", "at least one page")


def _unread(each: Unread) -> Finding:
    told = f"names the sitemap {quoted(each.written, 200)}, which {each.fault}"
    return _failed("unreadable", each.named_by, told, "an address that crawlers can ask for")


def _absent(visit: Visit) -> Steps[Finding]:
    """Nobody names a sitemap and the usual path has none: lost where there was one, else the site's own way."""
    was_there = bool(_count_before(visit))
    production = visit.site.production
    if not was_there and visit.target == "stage" and production is not None:
        live = yield from ask(Get(f"{production.url}/sitemap.xml", tries=2))
        was_there = live.status == 200 and not live.is_html
    severity = None if was_there else Severity.WARN
    reason = "there was one before, or production has one" if was_there else "search engines look for one"
    actual = f"is not there and robots.txt names no other; {reason}"
    return _failed("absent", "/sitemap.xml", actual, "a sitemap", severity)


def _may_be_productions(dropped: dict[Strange, list[str]], visit: Visit) -> bool:
    """Whether all of them are on one host that may well be production's, which the gate file does not name."""
    if visit.site.production is not None or len(dropped) > 1:
        return False
    host = next(iter(dropped)).host
    return bool(host) and not _is_internal(host)


def _is_internal(host: str) -> bool:
    return bool(host) and internal(parts_of(f"//{host}").hostname or "") is not None


def _strange(why: Strange, urls: list[str], total: int) -> Finding:
    host, fault = why
    inside = _is_internal(host)
    told = (
        f"the host {quoted(host)}" if host else "what is no address" if fault else "addresses without a host"
    )
    such = f"{quoted(urls[0])}, which {fault}" if fault else quoted(urls[0])
    return Finding(
        code="internal_host" if inside else "foreign_host" if host else "unreadable" if fault else "no_host",
        subject=f"address that {fault}" if fault else f"host {host or 'missing'}",
        sentence=f"The sitemap has {told} in {len(urls)} of {count(total, 'page')}, such as {such}; expected a host of "
        "the site, else search engines drop the entry. To do: see the externalizer and the resource mapping; name a "
        "foreign host that is right under 'hosts'.",
        expected="a host of the site",
        actual=host or fault or "no host",
        severity=None if inside else Severity.WARN,
    )


def _count_before(visit: Visit) -> int | None:
    """How many pages the last verified release listed."""
    kept = visit.baseline.read(_FILE) if visit.baseline else None
    try:
        return int(json.loads(kept)["count"]) if kept else None
    except (ValueError, KeyError, TypeError):
        return None


def _sample(path: str, answer: Response) -> Finding | None:
    if answer.status < 500 and (refused := unreached(answer, path)) is not None:
        return refused.model_copy(update={"severity": Severity.WARN})
    if answer.status == 200:
        return None
    return _failed(
        "listed_page",
        path,
        f"is in the sitemap and answers with {describe(answer)}",
        "a page with status 200",
        Severity.WARN,
    )


def _spread(paths: tuple[str, ...], most: int) -> list[str]:
    step = max(1.0, len(paths) / most) if most else 1.0
    return [paths[int(index * step)] for index in range(min(most, len(paths)))]


def _limits(found: Files) -> Iterable[Finding]:
    if found.left_out:
        number = count(found.left_out, "further sitemap")
        sentence = f"{number} of the index were not read: {len(found.files)} files are the most."
        yield _note("left_out", sentence)


def _keep(found: Files, number: int, visit: Visit) -> None:
    told = {
        "count": number,
        "files": {file.path: len(file.urls) for file in found.files},
        "pages": list(found.urls)[:_KEPT],
    }
    visit.keep(_FILE, json.dumps(told, indent=1))


def _note(code: str, sentence: str) -> Finding:
    return Finding(code=code, subject="sitemap", sentence=sentence, outcome=Outcome.PASSED)
