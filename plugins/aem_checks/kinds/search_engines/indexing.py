"""E3: may search engines index each page, under its right address?

Looks at ``X-Robots-Tag``, ``<meta name="robots">``, the canonical link and the hreflang links of every recorded
page. It would have caught a template that went live with the ``noindex`` meant for stage, after which a site
leaves the search results within days (Adobe, SEO and URL management best practices, asks for exactly that
setting on test environments). A page that said ``noindex`` at the last verified release too is a warning.
What it does not see: pages that are not recorded. That hreflang links point back is judged by D4.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Literal

from aem_checks.asks import Read, ask
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.excuses import PATHS, PATTERNS, Excuses
from aem_checks.kinds.search_engines._head import addresses, forbidding_element, forbidding_header, read_head
from aem_checks.outcomes import Finding, Judgement, Outcome, Severity
from aem_checks.reach import unjudged
from aem_checks.shortened import shortened
from aem_checks.text import count, quoted
from aem_checks.urls import host_of, parts_of

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.reading import ReadPage
    from aem_checks.recording import Page, Recording
    from aem_checks.visit import Visit

Place = Literal["nowhere", "header", "page", "both"]
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z]{4})?(-([a-z]{2}|\d{3}))?|x-default", re.IGNORECASE)
_MOST_LINKS = 500


_ON_STAGE = Excuses(lambda place, _: place == "both", "`both`, since no `noindex` on stage is then told")


class IndexingSettings(CheckSettings):
    not_indexed: Annotated[tuple[str, ...], PATHS] = ()
    """Paths, ``*`` standing for anything, of pages that have to say ``noindex``, such as ``/*/search.html``; none
    by default, since the pages of a gate file are the ones that matter."""
    stage_noindex: Annotated[Place, _ON_STAGE] = "nowhere"
    """Where stage alone says ``noindex``, so that it is expected there: in the ``header``, in the ``page`` or in
    ``both``. By default nowhere: what stage says, production will say."""
    hosts: Annotated[tuple[str, ...], PATTERNS] = ()
    """Further hosts that canonical links may name, such as a main domain; none by default, and those of
    production are always right."""


class Indexing(Check[IndexingSettings]):
    """Judges what each recorded page says to crawlers."""

    kind = "indexing"
    number = "E3"
    title = "Pages may be indexed"
    targets = frozenset({"stage", "production"})
    codes = faults(
        noindex_header="a header keeps search engines from indexing a page",
        noindex_element="an element of a page keeps search engines from indexing it",
        indexable="a page that has to say noindex does not",
        canonical_number="a page has no canonical link, or several",
        canonical_relative="a canonical link is no whole address",
        canonical_host="a canonical link names another host than production's",
        canonical_shared="pages with different titles have the same canonical address",
        hreflang_language="hreflang names no language",
        hreflang_doubled="hreflang names one language for several addresses",
        hreflang_relative="an hreflang link is no whole address",
    )
    reads_recording = True
    settings_type = IndexingSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        recording, canonicals = visit.recorded, dict[str, list[tuple[str, str]]]()
        not_judged, findings = list[Finding](), list[Finding]()
        for path in visit.pages:
            page = yield from ask(Read(path))
            not_judged += unjudged(page, recording)
            if page.is_good:
                findings += self._robots(page, recording)
                findings += self._canonical(page, recording)
                findings += _languages(page, recording)
                _gather_canonical(page, canonicals)
        findings = [*not_judged, *findings, *_shared_canonicals(canonicals)]
        return Judgement(
            examined=len(recording.good_pages), findings=shortened(findings, severity=self.weight)
        )

    def _robots(self, page: ReadPage, recording: Recording) -> Iterator[Finding]:
        header, element = forbidding_header(page.final), forbidding_element(page.final)
        evidence = recording.evidence(page.final)
        if any(fnmatchcase(page.path, pattern) for pattern in self.settings.not_indexed):
            if not header and not element:
                yield _open_by_mistake(page, evidence)
            return
        declared = self.settings.stage_noindex if recording.target == "stage" else "nowhere"
        wrong_header = header and declared not in ("header", "both")
        wrong_element = element and declared not in ("page", "both")
        known = bool(wrong_header or wrong_element) and _said_noindex(page.before)
        if wrong_header:
            yield _forbidden("noindex_header", page, "the header X-Robots-Tag", header, evidence, known=known)
        if wrong_element:
            yield _forbidden("noindex_element", page, "its robots element", element, evidence, known=known)

    def _canonical(self, page: Page, recording: Recording) -> Iterator[Finding]:
        evidence = recording.evidence(page.final)
        written = list(dict.fromkeys(href for _, href in addresses(page.final, 'link[rel~="canonical" i]')))
        if len(written) != 1 or not written[0]:
            told = f"{len(written)} different" if written and written[0] else "no"
            what = f"has {told} canonical links"
            yield _warned("canonical_number", page, what, "one canonical link", told, evidence)
            return
        host = host_of(written[0])
        if not host:
            what = f"has the canonical link {quoted(written[0])}"
            yield _warned("canonical_relative", page, what, "a whole address", written[0], evidence)
        elif (right := self._right_hosts(recording)) and host not in right:
            expected = " or ".join(sorted(right))
            what = f"names {quoted(host)} as its canonical host"
            yield _warned("canonical_host", page, what, expected, host, evidence)

    def _right_hosts(self, recording: Recording) -> frozenset[str]:
        """Those of production; empty, and so any host, while the gate file names no production."""
        production = recording.other_hosts if recording.target == "stage" else recording.hosts
        return production | frozenset(self.settings.hosts) if production else production


def _said_noindex(before: Page | None) -> bool:
    """Whether a page kept crawlers away when its release was approved."""
    return before is not None and bool(forbidding_header(before.final) or forbidding_element(before.final))


def _forbidden(code: str, page: Page, place: str, value: str, evidence: str, *, known: bool) -> Finding:
    since = ", as at the last verified release" if known else ""
    return Finding(
        code=code,
        subject=page.path,
        sentence=f"{page.path} tells search engines not to index it, by {place}: {quoted(value)}{since}; expected "
        "an indexable page. To do: see the template's page properties and the dispatcher's headers; if only stage "
        "says so, declare it with 'stage_noindex', if the page always should, with 'not_indexed'.",
        expected="an indexable page",
        actual=value,
        severity=Severity.WARN if known else None,
        evidence=evidence,
    )


def _open_by_mistake(page: Page, evidence: str) -> Finding:
    expected = "noindex, as 'not_indexed' says"
    return _warned("indexable", page, "may be indexed", expected, "no noindex", evidence)


def _warned(code: str, page: Page, what: str, expected: str, actual: str, evidence: str) -> Finding:
    return Finding(
        code=code,
        subject=page.path,
        sentence=f"{page.path} {what}; expected {expected}. To do: see the page's template and the externalizer.",
        expected=expected,
        actual=actual,
        severity=Severity.WARN,
        evidence=evidence,
    )


def _languages(page: Page, recording: Recording) -> Iterator[Finding]:
    evidence = recording.evidence(page.final)
    links: dict[str, set[str]] = {}
    for language, href in list(addresses(page.final, 'link[rel~="alternate" i][hreflang]'))[:_MOST_LINKS]:
        links.setdefault(language, set()).add(href)
    if wrong := sorted(each for each in links if not _LANGUAGE.fullmatch(each)):
        what = f"has the hreflang {quoted(wrong[0])}"
        yield _warned("hreflang_language", page, what, "a language such as en-US", wrong[0], evidence)
    if doubled := sorted(each for each, hrefs in links.items() if len(hrefs) > 1):
        told = f"{len(links[doubled[0]])} addresses for the hreflang {quoted(doubled[0])}"
        yield _warned("hreflang_doubled", page, f"has {told}", "one for each language", told, evidence)
    relative = sorted(href for hrefs in links.values() for href in hrefs if not _is_whole(href))
    if relative:
        what = f"has the hreflang link {quoted(relative[0])}"
        yield _warned("hreflang_relative", page, what, "a whole address", relative[0], evidence)


def _is_whole(address: str) -> bool:
    return parts_of(address).scheme in {"http", "https"} and bool(host_of(address))


def _gather_canonical(page: Page, sharing: dict[str, list[tuple[str, str]]]) -> None:
    """Put path and title of a page to those that have the same canonical address."""
    head = read_head(page.final)
    if head["canonical"]:
        sharing.setdefault(head["canonical"], []).append((page.path, head["title"] or ""))


def _shared_canonicals(sharing: Mapping[str, list[tuple[str, str]]]) -> Iterator[Finding]:
    """Pages with different titles and one canonical address: all but one of them vanish from the results."""
    for address, pages in sharing.items():
        if len({title for _, title in pages}) > 1:
            yield _shared(address, [path for path, _ in pages])


def _shared(address: str, paths: Iterable[str]) -> Finding:
    listed = list(paths)
    return Finding(
        code="canonical_shared",
        subject=f"canonical {parts_of(address).path or '/'}",
        sentence=f"{count(len(listed), 'page')} with different titles name the same canonical address "
        f"{quoted(address)}, such as {', '.join(quoted(path) for path in listed[:3])}; search engines keep one of "
        "them. To do: see how the template builds its canonical link.",
        expected="an address of its own for each page",
        actual=address,
        outcome=Outcome.FAILED,
        severity=Severity.WARN,
    )
