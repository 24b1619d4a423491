"""K4: does stage answer as production does, for the pages that production's sitemap lists?

Content moves down from production and is never a mirror (help/implementing/developing/tools/content-copy of
Adobe's documentation), so a difference is a warning. It blocks where production serves a key page and stage,
with the new release, cannot. Stage is asked past all caches, production as its visitors ask.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from aem_checks.check import CheckSettings, SiteCheck
from aem_checks.kinds.parity._likeness import Likeness, look, path_on_site
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.reach import is_unreached, unreached
from aem_checks.shortened import shortened
from aem_checks.text import count, quoted
from aem_checks.urls import uncached

if TYPE_CHECKING:
    from aem_checks.response import Response
    from aem_checks.sitemaps import Sitemap
    from aem_checks.visit import Visit

Aspect = Literal[
    "status", "content type", "redirect", "headers", "title", "canonical", "robots", "clientlibs"
]
_BY_VALUE = frozenset({"status", "content type", "headers", "robots", "clientlibs"})
_EXAMPLES = 3


class ResponseParitySettings(CheckSettings):
    """How much is compared, and what may differ."""

    urls: int = Field(default=100, ge=1, le=5000)
    """How many pages of the sitemap, spread evenly over it; the site's own pages come on top."""
    ignore: tuple[Aspect, ...] = ()
    """What may differ, such as ``robots`` where stage is kept out of search engines."""
    headers: tuple[str, ...] = (
        "Strict-Transport-Security",
        "Content-Security-Policy",
        "X-Frame-Options",
        "X-Content-Type-Options",
        "Referrer-Policy",
    )
    """Headers that stage has to send where production does; their values may differ."""


@dataclass(frozen=True, slots=True)
class _Difference:
    aspect: Aspect
    path: str
    production: str
    stage: str


@dataclass(frozen=True, slots=True)
class _Pair:
    path: str
    production: Response
    stage: Response


class ResponseParity(SiteCheck[ResponseParitySettings]):
    """Fetches each page from both and compares what should not depend on content."""

    kind = "response_parity"
    number = "K4"
    title = "Stage answers as production does"
    severity = Severity.WARN
    settings_type = ResponseParitySettings

    async def run(self, visit: Visit) -> Judgement:
        from aem_checks.sitemaps import read_sitemaps

        if visit.site.production is None:
            return Judgement(examined=0, findings=(_no_production(visit.site.name),))
        sitemap = await read_sitemaps(visit.site.production.url, visit.client)
        paths = choose(sitemap.urls, visit, self.settings.urls)
        pairs = await asyncio.gather(*(_fetch(path, visit) for path in paths))
        compared = [
            pair for pair in pairs if not is_unreached(pair.production) and not is_unreached(pair.stage)
        ]
        findings = [
            *_sitemap_problems(sitemap, len(paths)),
            *_lost_key_pages(compared, frozenset(visit.site.pages)),
            *_not_reached(pairs),
            *self._differences(compared, visit),
        ]
        severity = self.settings.severity or self.severity
        return Judgement(examined=len(compared), findings=shortened(findings, severity=severity))

    def _differences(self, pairs: Sequence[_Pair], visit: Visit) -> Iterator[Finding]:
        groups: dict[tuple[str, ...], list[_Difference]] = {}
        for pair in pairs:
            for found in self._compare(pair, visit):
                values = (found.production, found.stage) if found.aspect in _BY_VALUE else ()
                groups.setdefault((found.aspect, *values), []).append(found)
        for group in sorted(groups.values(), key=len, reverse=True):
            yield _differs(group, len(pairs))

    def _compare(self, pair: _Pair, visit: Visit) -> Iterator[_Difference]:
        hosts = visit.site.hosts
        production = look(pair.production, hosts, self.settings.headers)
        stage = look(pair.stage, hosts, self.settings.headers)
        for aspect, there, here in _aspects(production, stage):
            if there != here and aspect not in self.settings.ignore:
                yield _Difference(aspect, pair.path, there, here)


def _aspects(production: Likeness, stage: Likeness) -> Iterator[tuple[Aspect, str, str]]:
    """What to compare: all of it only where both answer with a page."""
    yield "status", str(production.status), str(stage.status)
    if production.status != stage.status:
        return
    yield "redirect", production.redirect, stage.redirect
    yield "content type", production.content_type, stage.content_type
    lost = sorted(production.headers - stage.headers)
    yield "headers", ", ".join(lost), ""
    if production.status == 200:
        yield "title", production.title, stage.title
        yield "canonical", production.canonical, stage.canonical
        yield "robots", production.robots, stage.robots
        yield "clientlibs", ", ".join(sorted(production.clientlibs)), ", ".join(sorted(stage.clientlibs))


def choose(urls: Iterable[str], visit: Visit, most: int) -> tuple[str, ...]:
    """The site's own pages and ``most`` paths of the sitemap, spread evenly and the same each time."""
    hosts = visit.site.production.hosts if visit.site.production else frozenset()
    known = dict.fromkeys(path for url in urls if (path := path_on_site(url, hosts)) is not None)
    paths = [path for path in known if path not in visit.site.pages]
    step = max(1.0, len(paths) / most)
    spread = [paths[int(index * step)] for index in range(min(most, len(paths)))]
    return (*visit.site.pages, *spread)


async def _fetch(path: str, visit: Visit) -> _Pair:
    assert visit.site.production is not None
    production, stage = await asyncio.gather(
        visit.client.get(visit.site.production.url + path, tries=3),
        visit.client.get(uncached(visit.site.stage.url + path), tries=3),
    )
    return _Pair(path, production, stage)


def _lost_key_pages(pairs: Iterable[_Pair], key_pages: frozenset[str]) -> Iterator[Finding]:
    for pair in pairs:
        if pair.path in key_pages and pair.production.status == 200 and pair.stage.status >= 400:
            yield Finding(
                subject=pair.path,
                sentence=f"The key page {pair.path} is served by production (200) but stage answers "
                f"{pair.stage.status}: this release would take it down. To do: see the page on stage and its log.",
                expected="status 200 as on production",
                actual=f"status {pair.stage.status} on stage",
                severity=Severity.BLOCK,
            )


def _not_reached(pairs: Iterable[_Pair]) -> Iterator[Finding]:
    """One finding per target: how many pages gave no answer, with the first as the example."""
    for target in ("production", "stage"):
        missing = [getattr(pair, target) for pair in pairs if is_unreached(getattr(pair, target))]
        example = unreached(missing[0], missing[0].url) if missing else None
        if example is not None:
            number = count(len(missing), "page")
            sentence = f"{number} of {target} could not be compared, for example: {example.sentence}"
            yield example.model_copy(update={"subject": f"{number} of {target}", "sentence": sentence})


def _differs(group: Sequence[_Difference], compared: int) -> Finding:
    first = group[0]
    examples = ", ".join(quoted(found.path, 120) for found in group[:_EXAMPLES])
    here = "lost on stage" if first.aspect == "headers" else quoted(first.stage or "nothing", 200)
    actual = f"production {quoted(first.production or 'nothing', 200)}, stage {here}"
    return Finding(
        subject=f"{first.aspect} of {count(len(group), 'page')}",
        sentence=f"{first.aspect} differs on {len(group)} of {count(compared, 'page')}, such as {examples}; "
        f"the first: {actual}.",
        expected=f"production: {first.production or 'nothing'}"[:300],
        actual=f"stage: {first.stage or 'nothing'}"[:300],
    )


def _sitemap_problems(sitemap: Sitemap, compared: int) -> Iterator[Finding]:
    if not sitemap.problems and sitemap.urls:
        return
    network = sitemap.unreached is not None
    why = "; ".join(quoted(problem, 200) for problem in sitemap.problems[:3]) or "it lists no page"
    yield Finding(
        subject="sitemap of production",
        sentence=f"The sitemap of production could not be read in full: {why}. {count(compared, 'page')} "
        "were compared. To do: repair the sitemap or name it in robots.txt.",
        expected="a sitemap with pages",
        actual=why,
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.NETWORK if network else Cause.PRODUCT,
    )


def _no_production(site: str) -> Finding:
    return Finding(
        subject=site,
        sentence=f"Site {site} has no 'production:' address, so there is nothing to compare stage with. To do: add "
        "it, or switch the check off with 'response_parity: false'.",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )
