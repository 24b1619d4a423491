"""K4: does stage answer as production does, once noise and drift are taken out?

Production is asked twice and stage once for the same paths: pages that production's sitemap lists, and the site's
own. What differs between answers of one side is noise. What differs beyond noise is this release or drift: it is
drift if stage was so at the last verified release already, whose code production runs now. Compared are status,
redirect, headers, head tags, structured data, client libraries, the structure of each component, and
``.model.json``; texts are content and are not. Values are normalised by rules (``aem_checks.parity.rules``) that
leave a visible mark. A page that looks different is asked again until chance has no part in it. Stage is asked
past all caches; production first as its visitors ask, then past them.

It would have caught Adobe KA-20824, where a site was lost behind an allow list that only one environment had, and
Adobe KA-19473, where pages came without their client libraries on publish only.

It does not see differences in texts, in pictures only where ``screenshots:`` asks for them, and nothing that a side says
only at times. Without a verified release it cannot tell drift from the release. Content moves down from production and
is never a mirror (help/implementing/developing/tools/content-copy of Adobe's documentation), so a difference is a
warning. It blocks where production serves a key page and stage, with the new release, cannot.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from aem_checks.asks import Get, ask
from aem_checks.check import Check
from aem_checks.codes import faults
from aem_checks.kinds.parity._no_production import no_production
from aem_checks.kinds.parity._parity_settings import MODEL, ResponseParitySettings
from aem_checks.outcomes import Judgement, Severity
from aem_checks.parity.rules import VERSION, Normaliser
from aem_checks.reach import is_unreached, unreached
from aem_checks.shortened import shortened
from aem_checks.text import count
from aem_checks.urls import host_of, parts_of, plain_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aem_checks.asks import Steps
    from aem_checks.outcomes import Finding
    from aem_checks.parity.facts import Facts, Reader
    from aem_checks.parity.sampling import SideName
    from aem_checks.response import Response
    from aem_checks.visit import Visit

_KEPT_PAGES = 20


class ResponseParity(Check[ResponseParitySettings]):
    """Asks both for each page and compares what should not depend on content."""

    kind = "response_parity"
    number = "K4"
    title = "Stage answers as production does"
    severity = Severity.WARN
    codes = faults(
        key_page_lost="production serves a key page and stage can't",
        differs="stage answers otherwise than production",
        picture="a page looks different on stage",
        picture_unreadable="pictures of a page can't be compared",
        picture_masked="masks cover more than half of what a picture shows",
        sitemap="the sitemap of production could not be read in full",
        drift="a note: what differed at the last verified release too",
        noise="a note: what changes from answer to answer",
        contract="a note: what may differ by the gate file",
    )
    settings_type = ResponseParitySettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        from aem_checks.kinds.parity import _parity_findings as say
        from aem_checks.parity.sampling import compare
        from aem_checks.sitemaps import read_sitemaps

        if visit.site.production is None:
            return Judgement(examined=0, findings=(no_production(self.kind, visit.site.name),))
        sitemap = yield from read_sitemaps(visit.site.production.url, visit.allows)
        paths, left_out = choose(sitemap.urls, visit, self.settings.urls)
        asking = _Asking(visit, self.settings)
        compared = yield from compare(
            (*paths, *self._models(visit, paths)), asking.ask, rounds=self.settings.rounds
        )
        report = say.Report(visit, self.settings, compared, self.fingerprint)
        findings = [
            *say.sitemap_problems(sitemap, len(paths)),
            *say.lost_key_pages(compared, visit, report.before),
            *asking.unreached(),
            *report.findings(),
            *say.left_out(left_out, len(sitemap.urls)),
        ]
        if self.settings.screenshots:
            from aem_checks.kinds.parity._screenshots import compare_pictures

            findings += yield from compare_pictures(visit, self.settings)
        examined = sum(pair.path in asking.pages for pair in compared.pairs)
        return Judgement(examined=examined, findings=shortened(findings, severity=self.weight))

    @property
    def fingerprint(self) -> str:
        """Of all that decides which facts an answer gives: only equals can be compared."""
        settings = self.settings
        told = [
            VERSION,
            settings.headers,
            settings.header_values,
            sorted(settings.same_hosts.items()),
            "host names" in settings.contract,
        ]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]

    def _models(self, visit: Visit, paths: Iterable[str]) -> list[str]:
        every: dict[str, tuple[str, ...]] = {"off": (), "key pages": visit.site.pages, "all": tuple(paths)}
        wanted = every[self.settings.model_json]
        found = (path.partition("?")[0] for path in wanted)
        return list(dict.fromkeys(p.removesuffix(".html") + MODEL for p in found if p.endswith(".html")))


class _Asking:
    """Asks for the pages, and keeps in mind what gave no answer."""

    def __init__(self, visit: Visit, settings: ResponseParitySettings) -> None:
        self._visit, self._settings = visit, settings
        self._reader = reader_of(visit, settings)
        self._missing: dict[str, list[Response]] = {"production": [], "stage": []}
        self._kept: set[str] = set()
        self._last: dict[str, tuple[object, Facts]] = {}
        self.pages: set[str] = set()

    def ask(self, path: str, side: SideName, number: int) -> Steps[Facts | None]:
        response = yield from ask(self._question(path, side, number))
        if not path.endswith(MODEL):
            self.pages.add(path)
        if is_unreached(response):
            self._missing[side].append(response)
            return None
        if number >= (1 if side == "stage" else 2):
            self._keep(path, side, response)
        return self._read(path, response)

    def _question(self, path: str, side: SideName, number: int) -> Get:
        anew = side == "stage" or (number > 0 and self._settings.production_past_caches)
        return Get(self._visit.site.endpoint(side).url + path, tries=3, past_caches=anew)

    def _read(self, path: str, response: Response) -> Facts:
        """The facts; those of the last answer where this one is the same, as a cache's often is."""
        names = ("Content-Type", "Location", *self._settings.headers, *self._settings.header_values)
        told = tuple(response.headers.get(name) for name in names)
        key = (response.status, hash(response.body), len(response.body), told)
        last = self._last.get(path)
        if last is not None and last[0] == key:
            return last[1]
        facts = self._reader.read(response)
        self._last[path] = (key, facts)
        return facts

    def _keep(self, path: str, side: SideName, response: Response) -> None:
        """The answer of a page that looks different, for people to compare."""
        if len(self._kept) >= _KEPT_PAGES and path not in self._kept:
            return
        self._kept.add(path)
        name = hashlib.sha256(path.encode()).hexdigest()[:12]
        self._visit.keep(f"response_parity/{name}/{side}.txt", f"{path}\n".encode() + response.body)

    def unreached(self) -> Iterator[Finding]:
        """One finding per target: how many answers did not come, with the first as the example."""
        for target, missing in self._missing.items():
            example = unreached(missing[0], plain_url(missing[0].url)) if missing else None
            if example is not None:
                number = count(len({plain_url(each.url) for each in missing}), "page")
                sentence = f"{number} of {target} could not be compared, for example: {example.sentence}"
                yield example.model_copy(update={"subject": f"pages of {target}", "sentence": sentence})


def reader_of(visit: Visit, settings: ResponseParitySettings) -> Reader:
    """Reads answers of this site by its own hosts and the settings' headers."""
    from aem_checks.parity.facts import Reader

    rules = Normaliser(
        hosts=visit.site.hosts,
        same=settings.same_hosts,
        any_host="host names" in settings.contract,
    )
    return Reader(rules, settings.headers, settings.header_values)


def choose(urls: Iterable[str], visit: Visit, most: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The site's own pages and ``most`` paths of the sitemap, spread evenly and the same each time; and the rest."""
    hosts = visit.site.production.hosts if visit.site.production else frozenset()
    known = dict.fromkeys(path for url in urls if (path := path_on_site(url, hosts)) is not None)
    paths = [path for path in known if path not in visit.site.pages]
    step = max(1.0, len(paths) / most)
    spread = dict.fromkeys(paths[int(index * step)] for index in range(min(most, len(paths))))
    return (*visit.site.pages, *spread), tuple(path for path in paths if path not in spread)


def path_on_site(url: str, hosts: frozenset[str]) -> str | None:
    """Path and query of a URL on one of the hosts, else ``None``."""
    if host_of(url) not in hosts:
        return None
    parts = parts_of(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
