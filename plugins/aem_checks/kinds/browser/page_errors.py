"""D1: does every page run, without script errors and without requests of its own that fail?

Each page is opened in Chromium, past all caches. Looked at are exceptions that nobody caught, errors written to the
console, and requests that end with an error status or without an answer. What the site's own scripts and hosts do
wrong and did not do at the last verified release blocks; what was there before is noted, what others do wrong warns.

It would have caught what WKND's own Cypress tests have to step around by hand: pages whose scripts throw while every
request is answered with 200 (adobe/aem-guides-wknd, ui.tests), which no HTTP check can see.

Known false alarms: a script that misses what the gate did not load, since its host is not under ``allow_hosts``. So
without a baseline such a page only warns. Frames of other sites are not looked into.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from aem_checks.browser.asks import Open, PageSeen
from aem_checks.browser.check import (
    BrowserCheck,
    BrowserSettings,
    each_page,
    judged,
    nothing_to_compare,
    unjudged,
)
from aem_checks.codes import faults
from aem_checks.excuses import expressions
from aem_checks.kinds.browser._page_problems import Judge, Known, Problem, grouped
from aem_checks.network_guard.rule import Rule
from aem_checks.outcomes import Finding, Judgement, Outcome, Severity
from aem_checks.shortened import shortened
from aem_checks.sites import AllowedHost, Pattern
from aem_checks.text import count, quoted

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.visit import Visit

_RECORD = "page_errors/known.json"


_ERRORS = expressions("TypeError: a is null", "status 404", "net::ERR_FAILED", "https://x.test/a.js")


class PageErrorsSettings(BrowserSettings):
    """What is not looked at, and who belongs to the site."""

    ignore: Annotated[tuple[Pattern, ...], _ERRORS] = ("ResizeObserver loop", "Blocked a frame with origin")
    """Expressions for texts and URLs of errors that mean nothing; the default holds two of browsers themselves."""
    first_party: tuple[AllowedHost, ...] = ()
    """Further hosts whose failures are the site's own, such as that of its Dynamic Media."""


class PageErrors(BrowserCheck[PageErrorsSettings]):
    """Opens each page once and groups what went wrong by its fingerprint."""

    kind = "page_errors"
    number = "D1"
    title = "Pages run without errors"
    targets = frozenset({"stage", "production"})
    codes = faults(
        exception="a script throws an exception that nobody catches",
        console="a script writes an error to the console",
        browser="Chromium reports an error",
        request="a request of a page fails",
    )
    settings_type = PageErrorsSettings

    def look(self, visit: Visit) -> Steps[Judgement]:
        judge = Judge(
            visit.endpoint.hosts | frozenset(self.settings.first_party),
            tuple(re.compile(pattern) for pattern in self.settings.ignore),
            Rule.for_site(visit.site),
        )

        def problems(asked: Open, seen: PageSeen) -> tuple[list[Problem], set[str]]:
            traffic = seen.traffic()
            found = list(judge.problems(asked.path, traffic, slow=seen.slow))
            return found, set(judge.refused(traffic))

        questions = [Open(path, warm=True) for path in self.paths(visit)]
        looked = yield from each_page(questions, problems, lost=Severity.BLOCK)
        pages = judged(looked)
        groups = grouped(problem for found, _ in pages for problem in found)
        refused = {host for _, hosts in pages for host in hosts}
        missing = len(pages) + len(unjudged(looked)) < len(looked)
        findings = [*unjudged(looked), *self._compare(visit, groups, refused, missing=missing)]
        return Judgement(examined=len(pages), findings=shortened(findings, severity=self.weight))

    def _compare(
        self, visit: Visit, groups: dict[str, list[Problem]], refused: set[str], *, missing: bool
    ) -> list[Finding]:
        before = Known.read(visit.baseline.read(_RECORD) if visit.baseline else None)
        evidence = _keep(
            visit, before, Known(problems=frozenset(groups), refused=frozenset(refused)), missing=missing
        )
        starved = bool(refused) and (before is None or not refused <= before.refused)
        findings = [
            _finding(name, group, before, starved=starved, evidence=evidence)
            for name, group in groups.items()
        ]
        return findings if before is not None else [*findings, nothing_to_compare(self.kind)]


def _keep(visit: Visit, before: Known | None, record: Known, *, missing: bool) -> str:
    """Leave it for the next release, which would take for new what pages have that were not opened in time."""
    if missing and before is None:
        return ""
    if missing and before is not None:
        record = Known(problems=record.problems | before.problems, refused=record.refused | before.refused)
    return visit.keep(_RECORD, record.model_dump_json(indent=1))


def _finding(
    name: str, group: list[Problem], before: Known | None, *, starved: bool, evidence: str
) -> Finding:
    first, pages = group[0], len({each.path for each in group})
    known = before is not None and name in before.problems
    excused = starved and all(each.starved for each in group)
    blocks = first.own and not excused
    return Finding(
        code=first.code,
        subject=name,
        sentence=_sentence(first, pages, known=known, excused=excused and first.own),
        expected="no error",
        actual=first.text[:200],
        outcome=Outcome.PASSED if known else Outcome.FAILED,
        severity=Severity.BLOCK if blocks else Severity.WARN,
        evidence=evidence,
        about=(
            *sorted({each.path for each in group}),
            *sorted({url for each in group for url in each.files}),
        ),
    )


def _sentence(problem: Problem, pages: int, *, known: bool, excused: bool) -> str:
    where = f" (and {count(pages - 1, 'more page')})" if pages > 1 else ""
    what = {
        "exception": "throws an exception that nobody catches",
        "console": "writes an error to the console",
        "browser": "makes Chromium report an error",
        "request": "has a request that fails",
    }[problem.code]
    place = f" at {quoted(problem.url)}" if problem.url else ""
    whose = "" if problem.own else " of another party"
    end = " It did so at the last verified release too." if known else ""
    if excused:
        end += " The gate did not load all that the page wanted (see allow_hosts), which may be the reason."
    return f"{problem.path}{where} {what}{whose}: {quoted(problem.text, 200)}{place}.{end}"
