"""A3: does a page that cannot exist answer a real 404, in the site's own words, without a stack trace?

A path that nobody has asked for is past all caches by itself. Adobe's own smoke test says that anything but a
404 usually indicates a flawed error handler (adobe/aem-test-samples, ErrorHandlerIT). It would have caught
error handlers that answer 200 or redirect, so that search engines keep pages that are gone, and those that show
visitors where the code failed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, NamedTuple

from aem_checks.asks import Follow, Fresh, ask
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.excuses import Excuses, switch
from aem_checks.outcomes import Finding, Judgement, Outcome, Severity
from aem_checks.reach import describe, unreached
from aem_checks.sites import PagePath
from aem_checks.text import quoted
from aem_checks.urls import parts_of

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.response import Response
    from aem_checks.visit import Visit

_NOT_FOUND = frozenset({404, 410})
_TRACE = re.compile(
    r"(?:^|\s)at [\w.$]{1,300}\([\w$]{1,200}\.java:\d{1,6}\)|Caused by: [\w.]{1,300}(?:Exception|Error)"
    r"|\b(?:java|javax|org\.apache|com\.day|com\.adobe)\.[\w.]{1,200}(?:Exception|Error)\b"
)
_BARE = re.compile(
    r"No resource found|Resource at .{0,200} not found|The requested URL was not found on this server"
    r"|ServletName:|Request Progress:",
    re.IGNORECASE | re.DOTALL,
)


_REDIRECTED = Excuses(
    lambda path, _: path is not None, "any path, since no unknown page then has to answer 404"
)
"""A site that redirects is judged by its redirect alone."""


class Real404Settings(CheckSettings):
    under: PagePath | None = None
    """Folder in which the page that cannot exist is asked; by default that of the last page of the site."""
    contains: Annotated[str | None, switch("", everything=True)] = None
    """Text that the site's own 404 page always shows; without it only known default pages are told apart."""
    redirects_to: Annotated[PagePath | None, _REDIRECTED] = None
    """Path to which the site sends every unknown page on purpose."""


class _Asked(NamedTuple):
    """The page that cannot exist: under a name that stays the same, and as it was asked this time."""

    subject: str
    url: str


class Real404(Check[Real404Settings]):
    kind = "real_404"
    number = "A3"
    title = "Unknown pages answer 404"
    targets = frozenset({"stage", "production"})
    codes = faults(
        no_404="an unknown page answers with something else than 404",
        stack_trace="the 404 page shows where the code failed",
        lacks_text="the 404 page lacks the text that the site's own one always shows",
        default_page="the 404 page is a default one, or empty",
        redirected="a note: an unknown page is redirected before it answers 404",
    )
    settings_type = Real404Settings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        folder = (self.settings.under or visit.site.pages[-1].rpartition("/")[0]).rstrip("/")
        word = yield from ask(Fresh())
        url = visit.url(f"{folder}/stage-gate-{word}.html")
        asked = _Asked(f"{folder}/NO-SUCH-NAME.html", url)
        chain = yield from ask(Follow(url, tries=3, within=visit.endpoint.hosts))
        final = chain[-1]
        evidence = self._keep(visit, final)
        missing = unreached(final, url, evidence=evidence)
        if missing is not None:
            missing = missing.model_copy(update={"subject": asked.subject})
            return Judgement(examined=0, findings=(missing,))
        return Judgement(examined=1, findings=tuple(self._look_at(asked, chain, evidence)))

    def _keep(self, visit: Visit, final: Response) -> str:
        name = f"real_404/{visit.site.name}-{visit.target}.txt"
        return visit.keep(name, f"{final.url}\n{describe(final)}\n\n".encode() + final.body)

    def _look_at(self, asked: _Asked, chain: tuple[Response, ...], evidence: str) -> list[Finding]:
        final = chain[-1]
        if self._sent_on_purpose(chain):
            return []
        if final.status not in _NOT_FOUND:
            actual = _wrong_answer(chain)
            return [_finding("no_404", asked, "status 404", actual, evidence)]
        findings = []
        if found := _TRACE.search(final.text):
            shown = f"shows a stack trace: {quoted(found.group().strip())}"
            expected = "a 404 page without a stack trace"
            findings.append(_finding("stack_trace", asked, expected, shown, evidence))
        findings += self._brand(asked, final, evidence)
        if len(chain) > 1:
            note = f"{asked.url} is redirected before it answers 404; search engines prefer the 404 at once."
            findings.append(
                Finding(
                    code="redirected",
                    subject=asked.subject,
                    sentence=note,
                    outcome=Outcome.PASSED,
                    evidence=evidence,
                )
            )
        return findings

    def _brand(self, asked: _Asked, final: Response, evidence: str) -> list[Finding]:
        wanted = self.settings.contains
        if wanted is not None:
            if wanted in final.text:
                return []
            expected = f"a 404 page that contains {quoted(wanted)}"
            return [_finding("lacks_text", asked, expected, "has no such text", evidence)]
        if final.body.strip() and not _BARE.search(final.text):
            return []
        shown = "shows a default error page" if final.body.strip() else "shows an empty page"
        expected = "the site's own 404 page"
        return [_finding("default_page", asked, expected, shown, evidence, Severity.WARN)]

    def _sent_on_purpose(self, chain: tuple[Response, ...]) -> bool:
        wanted, target = self.settings.redirects_to, chain[0].location
        return wanted is not None and target is not None and _path(target) == wanted


def _wrong_answer(chain: tuple[Response, ...]) -> str:
    final = chain[-1]
    if len(chain) == 1:
        soft = ": search engines would index it" if final.ok else ""
        return f"answers with {describe(final)}{soft}"
    return f"is redirected to {quoted(chain[0].location or '')} and there answers with {describe(final)}"


def _path(url: str) -> str:
    return parts_of(url).path or "/"


def _finding(
    code: str, asked: _Asked, expected: str, actual: str, evidence: str, severity: Severity | None = None
) -> Finding:
    return Finding(
        code=code,
        subject=asked.subject,
        sentence=f"{asked.url}, a page that cannot exist, {actual}; expected {expected}.",
        expected=expected,
        actual=actual,
        severity=severity,
        evidence=evidence,
    )
