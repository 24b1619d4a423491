"""E2: does robots.txt keep crawlers out of stage, and let them into production?

Asks for ``/robots.txt`` past all caches and reads it as crawlers do (RFC 9309). Adobe advises to block all
crawling on test environments (SEO and URL management best practices); the file for that is one wrong condition
away from production. It would have caught a release whose stage rules reach production: the file that should be
open disallows everything, and the site drops out of the search results. On stage an open file is a warning, and
none at all where a login or ``noindex`` keeps crawlers out. Known false alarms: a CDN of one's own that answers
``/robots.txt`` itself, so that stage shows another file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import Field

from aem_checks.asks import Read, ask
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.excuses import switch, without
from aem_checks.kinds.search_engines._head import forbidding_element, forbidding_header
from aem_checks.kinds.search_engines._robots_file import MOST_BYTES, RobotsFile, read_robots
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.reach import describe, is_login, unreached
from aem_checks.text import count, quoted
from aem_checks.urls import fault_of, host_of

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.visit import Visit

Expectation = Literal["closed", "open", "any"]
SUBJECT = "/robots.txt"
_FILE = "robots/robots.txt"
_AGENTS = ("*", "Googlebot", "bingbot")


class RobotsSettings(CheckSettings):
    stage: Annotated[Expectation, switch("any", everything=True)] = "closed"
    """What stage's file has to do to the site's pages: ``closed`` disallows all, as Adobe advises, ``open`` allows
    all, for sites whose file is the same on both, ``any`` is not judged."""
    production: Annotated[Expectation, switch("any", everything=True)] = "open"
    """The same of production's file; ``open`` by default."""
    agents: Annotated[tuple[str, ...], without(*_AGENTS)] = Field(default=_AGENTS, min_length=1)
    """Crawlers whose rules are read; ``*`` is any that is not named."""


class Robots(Check[RobotsSettings]):
    """Reads the file and asks it for each page of the site."""

    kind = "robots"
    number = "E2"
    title = "Crawlers are kept out of stage only"
    targets = frozenset({"stage", "production"})
    codes = faults(
        open="the file lets crawlers in where they have to stay out",
        shut="the file keeps crawlers out of pages that they have to read",
        unavailable="the file answers with an error of the server, which crawlers take for 'keep out'",
        html="the file is an HTML page",
        too_long="the file is longer than what crawlers read of it",
        login="the file is behind a log-in, so that crawlers find no rules",
        leaves_site="the file leads to another host, whose rules nobody read",
        endless_redirect="the file leads in a circle, so that there are no rules",
        unreadable="the file leads to what is no address",
        changed="a note: the file is another than at the last verified release",
    )
    settings_type = RobotsSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        file = yield from read_robots(visit)
        if (refused := unreached(file.response, SUBJECT)) is not None and file.response.status < 500:
            return Judgement(examined=0, findings=(refused,))
        evidence = visit.keep(_FILE, file.response.body[:MOST_BYTES])
        expected = self.settings.stage if visit.target == "stage" else self.settings.production
        findings = [*_changed(file, visit)]
        if file.response.status >= 500:
            return Judgement(examined=1, findings=(*findings, _unavailable(file, evidence)))
        if (elsewhere := _elsewhere(file, visit)) is not None:
            return Judgement(examined=1, findings=(*findings, _not_read(elsewhere, file, expected, evidence)))
        findings += _form(file, evidence)
        if expected == "open":
            findings += self._is_open(file, visit, evidence)
        elif expected == "closed":
            findings += yield from self._is_closed(file, visit, evidence)
        return Judgement(examined=1, findings=tuple(findings))

    def _is_open(self, file: RobotsFile, visit: Visit, evidence: str) -> Iterator[Finding]:
        for agent in self.settings.agents:
            shut = [path for path in visit.site.pages if not file.allows(visit.url(path), agent)]
            if not shut:
                continue
            all_of_them = len(shut) == len(visit.site.pages) and not file.allows(visit.url("/"), agent)
            what = "every page" if all_of_them else f"{len(shut)} of {count(len(visit.site.pages), 'page')}"
            yield Finding(
                code="shut",
                subject=f"{SUBJECT} for {agent}",
                sentence=f"{SUBJECT} of {visit.target} forbids {_who(agent)} {what}, such as {quoted(shut[0])}; "
                f"expected none. To do: see which robots.txt this environment serves; if that is meant, set "
                f"'{visit.target}: any'.",
                expected="no page of the gate file disallowed",
                actual=f"{what} disallowed",
                severity=None if all_of_them else Severity.WARN,
                evidence=evidence,
            )

    def _is_closed(self, file: RobotsFile, visit: Visit, evidence: str) -> Steps[list[Finding]]:
        open_to = [
            agent
            for agent in self.settings.agents
            if any(file.allows(visit.url(path), agent) for path in visit.site.pages)
        ]
        if not open_to:
            return []
        if how := (yield from _closed_otherwise(visit)):
            sentence = f"{SUBJECT} of {visit.target} lets crawlers in, and {how}."
            note = Finding(
                code="open", subject=SUBJECT, sentence=sentence, outcome=Outcome.PASSED, evidence=evidence
            )
            return [note]
        who = " and ".join(_who(agent) for agent in open_to)
        found = Finding(
            code="open",
            subject=SUBJECT,
            sentence=f"{SUBJECT} of {visit.target} allows {who} to read the site ({describe(file.response)}); "
            f"expected 'Disallow: /', so that no test page is found by a search. To do: serve such a file on "
            f"{visit.target}, or send X-Robots-Tag: noindex; if stage serves production's file, set 'stage: open'.",
            expected="Disallow: / for all",
            actual=f"open to {', '.join(open_to)}",
            severity=Severity.WARN,
            evidence=evidence,
        )
        return [found]


def _who(agent: str) -> str:
    return "all crawlers" if agent == "*" else agent


def _closed_otherwise(visit: Visit) -> Steps[str]:
    """What else keeps crawlers out, as the end of a sentence; empty where nothing does."""
    if visit.endpoint.access:
        return "its login keeps them out"
    pages = visit.recording.good_pages if visit.recording else ()
    for path in (page.path for page in pages):
        page = yield from ask(Read(path))
        if not (forbidding_header(page.final) or forbidding_element(page.final)):
            return ""
    return "every recorded page says noindex" if pages else ""


def _unavailable(file: RobotsFile, evidence: str) -> Finding:
    """Crawlers take an answer of 500 and above for "keep out" (RFC 9309, section 2.3.1.4)."""
    return Finding(
        code="unavailable",
        subject=SUBJECT,
        sentence=f"{SUBJECT} answers with {describe(file.response)}, which crawlers take for 'Disallow: /'; expected "
        "200, or 404 for no rules. To do: see the dispatcher's log for this path.",
        expected="status 200",
        actual=describe(file.response),
        evidence=evidence,
    )


class _Elsewhere(NamedTuple):
    """Why the rules that crawlers find were not read."""

    code: str
    what: str
    """As the end of "leads …"."""
    crawlers: str
    """What crawlers make of it (RFC 9309, sections 2.3.1.2 and 2.3.1.3)."""


def _elsewhere(file: RobotsFile, visit: Visit) -> _Elsewhere | None:
    """Where redirects led instead of to a file of the site; ``None`` where its rules were read."""
    target = next((each for each in file.way if is_login(each)), "")
    if target:
        said = "find a page without rules there, and so may read everything"
        return _Elsewhere("login", f"to a log-in at {quoted(target)}", said)
    if file.response.location is None:
        return None
    target = file.way[-1]
    if fault := fault_of(target):
        said = "can't follow that, and so may read everything"
        return _Elsewhere("unreadable", f"to {quoted(target)}, which {fault}", said)
    if host_of(target) not in visit.endpoint.hosts:
        said = "go there, and keep to the rules that they find"
        return _Elsewhere("leaves_site", f"off the site to {quoted(target)}", said)
    said = "give up after five redirects, and so may read everything"
    return _Elsewhere("endless_redirect", f"in a circle, at last to {quoted(target)}", said)


def _not_read(where: _Elsewhere, file: RobotsFile, expected: Expectation, evidence: str) -> Finding:
    unknown = where.code == "leaves_site" and expected == "open"
    return Finding(
        code=where.code,
        subject=SUBJECT,
        sentence=f"{SUBJECT} leads {where.what} ({describe(file.response)}), so no rules were read; crawlers "
        f"{where.crawlers}. To do: let dispatcher and CDN answer this path themselves.",
        expected="the file itself, with status 200",
        actual=f"a redirect {where.what}",
        outcome=Outcome.INCONCLUSIVE if unknown else Outcome.FAILED,
        cause=Cause.PRODUCT,
        severity=None if unknown else Severity.WARN,
        evidence=evidence,
    )


def _form(file: RobotsFile, evidence: str) -> Iterator[Finding]:
    if file.response.status == 200 and file.is_html:
        yield _malformed("html", "is an HTML page, so crawlers find no rules in it", evidence)
    elif len(file.response.body) > MOST_BYTES:
        problem = f"has {len(file.response.body)} bytes; crawlers read the first {MOST_BYTES}"
        yield _malformed("too_long", problem, evidence)


def _malformed(code: str, problem: str, evidence: str) -> Finding:
    return Finding(
        code=code,
        subject=SUBJECT,
        sentence=f"{SUBJECT} {problem}. To do: serve a short text file.",
        expected="a text file with rules",
        actual=problem,
        severity=Severity.WARN,
        evidence=evidence,
    )


def _changed(file: RobotsFile, visit: Visit) -> Iterator[Finding]:
    before = visit.baseline.read(_FILE) if visit.baseline else None
    if before is not None and before != file.response.body[:MOST_BYTES] and visit.baseline:
        yield Finding(
            code="changed",
            subject=SUBJECT,
            sentence=f"{SUBJECT} is another than at {visit.baseline.release}: {len(before)} bytes then, "
            f"{len(file.response.body)} now.",
            outcome=Outcome.PASSED,
            evidence=_FILE,
        )
