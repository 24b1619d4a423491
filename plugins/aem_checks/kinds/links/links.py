"""F1: do the links of the pages lead somewhere, and anchors to a place that is there?

Links are what a visitor or a search engine follows: ``a``, ``area``, ``link`` to another page, and forms that ask for
nothing and send nothing. Those of the recorded pages are looked at and, with a depth of 2, those of the pages of the
site that they link to, each address once and past all caches. Links to other hosts are checked only where the gate file
allows the host (``allow_hosts`` of the site, and ``external``). It would have caught the links and images below a path
that no longer resolved (Adobe KA-24285).

A broken link in navigation, header or footer blocks, and so do three and more broken links that are above
``broken_percent`` of all; others warn. What was broken at the last approved release too, or is a broken link of the
same page on production, is only a warning: it is not this release's. Content that stage lacks and production has is
the usual false alarm; the finding says so. Links that a script makes are not seen; images, style sheets and scripts
are left to ``images`` and ``client_libraries``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from aem_checks.asks import Read, ask
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.excuses import BEGINNINGS, above, switch
from aem_checks.kinds.links._broken import Broken, count_good, sorted_out
from aem_checks.kinds.links._outside import check_outside
from aem_checks.kinds.links._production import Production
from aem_checks.kinds.links._walk import Walk
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.reach import unjudged
from aem_checks.shortened import shortened
from aem_checks.text import count, quoted
from aem_checks.urls import is_address

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.visit import Visit

_KEPT = "links/broken.json"
_MOST_COMPARED = 20
"""How many broken links are asked for on production too."""
_FEWEST = 3
"""Fewer broken links are no share: on a small site each one would be above any limit."""


class LinksSettings(CheckSettings):
    depth: int = Field(default=2, ge=1, le=2)
    """1: links on the recorded pages; 2: also links on the pages of the site that these link to."""
    most: int = Field(default=300, ge=1, le=10_000)
    """How many URLs of the site are asked for at most; 300 take 30 s at 10 requests/s."""
    anchors: Annotated[bool, switch(False)] = True
    """Whether ``#anchors`` have to be on the page that they point to; a missing one warns."""
    external: Annotated[bool, switch(False)] = True
    """Whether links to the site's ``allow_hosts`` are checked; a broken one warns."""
    broken_percent: Annotated[float, above(50)] = Field(default=5, ge=0, le=100)
    """Per cent of the site's links, outside of navigation too, above which broken ones block."""
    ignore: Annotated[tuple[str, ...], BEGINNINGS] = ()
    """Beginnings of paths whose links are not judged, such as ``/us/en/archive/``."""


class Links(Check[LinksSettings]):
    kind = "links"
    number = "F1"
    title = "Links and anchors"
    severity = Severity.WARN
    targets = frozenset({"stage", "production"})
    codes = faults(
        broken="a link leads to an address of the site that is no good",
        anchor="a link leads to a place that is not on its page",
        too_many="the share of broken links is too large",
        outside="a link leads to a page of another host that is gone",
        no_links="no page has a link",
    )
    reads_recording = True
    settings_type = LinksSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        recording, findings = visit.recorded, list[Finding]()
        walk = Walk(visit, self.settings.most)
        for path in visit.pages:
            page = yield from ask(Read(path))
            findings += unjudged(page, recording)
            walk.begin_with(page)
        yield from walk.through(recording, self.settings.depth)
        outside: list[Finding] = []
        if self.settings.external:
            elsewhere = {
                link.url: link.source
                for link in reversed(walk.links)
                if walk.path_of(link.url) is None and is_address(link.url)
            }
            outside = yield from check_outside(dict(reversed(elsewhere.items())), visit)
        found = sorted_out(walk, self.settings.ignore, anchors=self.settings.anchors)
        asked = count_good(walk) + sum(not each.anchor for each in found)
        findings += yield from self._compared(found, asked, visit)
        if not walk.links and recording.good_pages:
            findings.append(_no_links(f"{visit.endpoint.url}: no page has a link"))
        findings += [*outside, *_notes(walk, found)]
        return Judgement(examined=asked, findings=shortened(findings, severity=self.weight))

    def _compared(self, found: list[Broken], asked: int, visit: Visit) -> Steps[list[Finding]]:
        before = _broken_before(visit)
        visit.keep(_KEPT, json.dumps(sorted({each.subject for each in found if each.is_failure}), indent=0))
        findings, production, new = list[Finding](), Production(visit), 0
        for number, each in enumerate(found):
            there, same = "", False
            if number < _MOST_COMPARED:
                there, same = yield from production.compare(each)
            old = same or each.subject in before
            new += each.is_failure and not each.anchor and not old
            findings.append(_finding(each, visit, known=each.subject in before, there=there, old=old))
        return [*self._too_many(new, asked), *findings]

    def _too_many(self, broken: int, all_links: int) -> Iterator[Finding]:
        share = 100 * broken / all_links if all_links else 0.0
        if share > self.settings.broken_percent and broken >= _FEWEST:
            yield Finding(
                code="too_many",
                subject="share of broken links",
                sentence=f"{broken} of {count(all_links, 'link')} are broken, {share:.1f} %; expected at most "
                f"{self.settings.broken_percent:g} %. To do: see the first of them below.",
                expected=f"at most {self.settings.broken_percent:g} %",
                actual=f"{share:.1f} %",
                severity=Severity.BLOCK,
            )


def _broken_before(visit: Visit) -> frozenset[str]:
    data = visit.baseline.read(_KEPT) if visit.baseline is not None else None
    try:
        value = json.loads(data or b"[]")
    except ValueError:
        return frozenset()
    return (
        frozenset(each for each in value if isinstance(each, str)) if isinstance(value, list) else frozenset()
    )


def _finding(each: Broken, visit: Visit, *, known: bool, there: str, old: bool) -> Finding:
    since = " It was broken at the last approved release too." if known else ""
    blocks = each.in_navigation and not each.anchor and not old
    remedy = (
        "give the place its id"
        if each.anchor
        else "publish the page"
        if each.is_address
        else "see what writes it"
    )
    address = f"{visit.url(each.path)}{each.anchor}" if each.is_address else quoted(each.path, 300)
    place = "the navigation, header or footer of " if each.in_navigation else ""
    return Finding(
        code="no_answer" if not each.is_failure else "anchor" if each.anchor else "broken",
        subject=each.subject,
        sentence=f"{address}, linked in {place}{_pages(each.sources)}, gives {each.words}; "
        f"expected {each.expected}.{there}{since} To do: {remedy}, or correct the link.",
        expected=each.expected,
        actual=each.words,
        outcome=Outcome.FAILED if each.is_failure else Outcome.INCONCLUSIVE,
        cause=Cause.PRODUCT if each.is_failure else Cause.NETWORK,
        severity=Severity.WARN if not blocks else Severity.BLOCK if each.is_failure else None,
    )


def _pages(sources: tuple[str, ...]) -> str:
    more = f" and {count(len(sources) - 2, 'more page')}" if len(sources) > 2 else ""
    return ", ".join(quoted(source) for source in sources[:2]) + more


def _notes(walk: Walk, found: list[Broken]) -> Iterator[Finding]:
    if walk.unread:
        first = quoted(min(walk.unread))
        yield _note(
            f"{count(len(walk.unread), 'page')} with too many links were not read to the end, one is {first}."
        )
    if walk.left_out:
        first = quoted(min(walk.left_out))
        yield _note(
            f"{count(len(walk.left_out), 'URL')} of the site beyond 'most' were not asked, one is {first}."
        )
    if len(found) > _MOST_COMPARED:
        yield _note(f"Only the first {_MOST_COMPARED} broken links were compared with production.")


def _note(sentence: str) -> Finding:
    return Finding(code="left_out", subject="links", sentence=sentence, outcome=Outcome.PASSED)


def _no_links(what: str) -> Finding:
    return Finding(
        code="no_links",
        subject="links",
        sentence=f"{what}. To do: see whether the pages are empty.",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )
