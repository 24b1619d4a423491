"""B2: can anybody fill the caches with copies of a page, by selectors and suffixes that mean nothing?

It asks a few pages by addresses that no component knows: a selector (``page.WORD.html``), a suffix
(``page.html/WORD``) and a parameter (``page.html?WORD=1``), the word different each time. They should not be
found, or not be kept by caches. A random selector that is answered and kept blocks, since each copy takes room
in the dispatcher's cache until it is full; a suffix warns. It would have caught dispatchers without the rules
that Adobe's security checklist asks for under prevention of denial of service
(AdobeDocs/experience-manager-dispatcher.en, security-checklist).

A component that takes any selector on purpose is a false alarm: name its pages in ``waive``. Any page of AEM answers
to any parameter and the CDN keeps each such answer by itself; that is noted and judged only with ``parameters``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import Field

from aem_checks.asks import Fresh, Get, ask, together
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.excuses import PAGES
from aem_checks.kinds.availability._lifetime import lifetime_of, was_kept
from aem_checks.kinds.security._pages import fresh, real_pages
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.reach import describe, unreached
from aem_checks.sites import PagePath
from aem_checks.text import quoted

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.response import Response
    from aem_checks.visit import Visit

_WORD = "WORD"
_DENIED = frozenset({401, 403, 405, 406})
"""How a filter may refuse the address, where the page itself answers."""


class SelectorFloodSettings(CheckSettings):
    pages: int = Field(default=3, ge=1, le=50)
    """How many of the site's pages are asked; one per template is enough, since the rules are the same."""
    parameters: bool = False
    """Whether an unknown parameter that makes a copy in the CDN is a warning, too; by default only a note."""
    waive: Annotated[tuple[PagePath, ...], PAGES] = ()
    """Pages whose components take any selector or suffix on purpose, as in ``pages`` of the site."""


class Variant(NamedTuple):
    """One way to write a page's address so that it means nothing."""

    code: str
    what: str
    page: str
    before: str
    after: str
    """The address is ``before``, a random word and ``after``."""
    severity: Severity | None
    """``None`` for a mere note."""

    @property
    def path(self) -> str:
        """The same in each release."""
        return f"{self.before}{_WORD}{self.after}"


class SelectorFlood(Check[SelectorFloodSettings]):
    kind = "selector_flood"
    number = "B2"
    title = "Random selectors do not fill caches"
    severity = Severity.WARN
    targets = frozenset({"stage", "production"})
    codes = faults(
        selector="a random selector is answered and kept by caches",
        suffix="a random suffix is answered and kept by caches",
        parameter="an unknown parameter is answered and kept by caches",
        no_page="no page of the site ends in .html",
    )
    settings_type = SelectorFloodSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        pages = yield from real_pages(visit, self.settings.pages + len(self.settings.waive))
        pages = [page for page in pages if page not in self.settings.waive][: self.settings.pages]
        if not pages:
            return Judgement(examined=0, findings=(_no_page(),))
        variants = [variant for page in pages for variant in self._variants(page)]
        judged = yield from together(_knock(visit, variant) for variant in variants)
        findings = [found for found, _ in judged if found is not None]
        return Judgement(examined=sum(answered for _, answered in judged), findings=tuple(findings))

    def _variants(self, page: str) -> tuple[Variant, ...]:
        stem = page.removesuffix(".html")
        parameter = Severity.WARN if self.settings.parameters else None
        return (
            Variant("selector", "a random selector", page, f"{stem}.", ".html", Severity.BLOCK),
            Variant("suffix", "a random suffix", page, f"{page}/", "", Severity.WARN),
            Variant("parameter", "an unknown parameter", page, f"{page}?", "=1", parameter),
        )


def _knock(visit: Visit, variant: Variant) -> Steps[tuple[Finding | None, bool]]:
    """Asked as a visitor would, since how caches treat it is the question; the word makes it new to them."""
    word = yield from ask(Fresh())
    url = visit.url(f"{variant.before}sg{word[:10]}{variant.after}")
    response = yield from ask(Get(url, tries=2))
    if response.status in _DENIED and response.error is None:
        missing = unreached((yield from fresh(visit, variant.page)), variant.page)
        return missing, missing is None
    if (missing := unreached(response, variant.path)) is not None:
        return missing, False
    return _judge(variant, response, visit), True


def _judge(variant: Variant, response: Response, visit: Visit) -> Finding | None:
    seconds = lifetime_of(response.headers)
    if not response.ok or not (was_kept(response.headers) or seconds is None or seconds > 0):
        return None
    control = ", ".join(response.headers.getall("Cache-Control", [])) or "no Cache-Control"
    actual = f"{describe(response)}, {quoted(control)}"
    if variant.severity is None:
        note = f"{variant.path}: {variant.what} gives {actual}; the CDN keeps a copy for each."
        return Finding(code=variant.code, subject=variant.path, sentence=note, outcome=Outcome.PASSED)
    return Finding(
        code=variant.code,
        subject=variant.path,
        sentence=f"{variant.path}: {variant.what} gives {actual}, so that each new word takes room in the caches; "
        "expected status 404 or an answer that is not kept. To do: deny unknown selectors and suffixes in "
        "the dispatcher's filter, or waive the page if a component needs them.",
        expected="status 404, or an answer that caches do not keep",
        actual=actual,
        severity=variant.severity,
        evidence=visit.keep(f"selector_flood/{response.sha256[:16]}.txt", f"{response.url}\n{actual}\n"),
    )


def _no_page() -> Finding:
    return Finding(
        code="no_page",
        subject="pages",
        sentence="No page of the site ends in .html, so nothing could be asked. To do: name one under 'pages:'.",
        expected="a page that ends in .html",
        actual="none",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )
