"""C2: does a second visitor get the page from the CDN, with marketing parameters too?

Asks for a few pages twice as a visitor does and looks at ``X-Cache`` and ``Age``, then once more with a new
``utm_source``, which Adobe's CDN leaves out of its key (help/implementing/dispatcher/caching; environments created
since October 2023). It would have caught the ``Vary: User-Agent`` of older dispatcher archetypes, with which hardly
any request is a hit and publish carries the whole load (same page, "Further optimizations"). Known false alarms:
points of presence that change between two requests, so each page has three tries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from aem_checks.asks import Follow, Fresh, ask
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.excuses import above, switch
from aem_checks.kinds.caching._headers import age_of, from_cache, read_policy
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.reach import describe, unreached
from aem_checks.text import quoted

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.response import Response
    from aem_checks.visit import Visit

_FILE = "cache_works/answers.txt"


class CacheWorksSettings(CheckSettings):
    pages: int = Field(default=3, ge=1, le=50)
    """Pages of the site, from the first on, that are asked for; 3, since all pages share their rules."""
    tries: Annotated[int, above()] = Field(default=3, ge=1, le=10)
    """How often a page may come from publish after the first time: points of presence change."""
    marketing_parameters: Annotated[bool, switch(False)] = True
    """Whether a new ``utm_source`` has to come from the cache too; false for environments from before October
    2023, whose CDN keeps such parameters."""


@dataclass(frozen=True, slots=True)
class _Tried:
    """All answers for one address, in order."""

    path: str
    answers: tuple[Response, ...]

    @property
    def hit(self) -> bool:
        """Whether any answer but the first came from the cache; the first may, too."""
        return any(from_cache(answer) for answer in self.answers)

    @property
    def says_nothing(self) -> bool:
        return all(from_cache(answer) is None for answer in self.answers)


class CacheWorks(Check[CacheWorksSettings]):
    """Asks one page after the other, so that a first answer can fill the cache for the second."""

    kind = "cache_works"
    number = "C2"
    title = "The CDN answers second visitors"
    severity = Severity.WARN
    targets = frozenset({"stage", "production"})
    codes = faults(
        missed="a page does not come from the cache, however often it is asked for",
        missed_marked="a page with a new utm_source does not come from the cache",
        says_nothing="no header says whether an answer came from the cache",
        login="the gate's login may keep answers out of the cache",
        not_cacheable="a page is not to be cached, so that this was not tried",
    )
    settings_type = CacheWorksSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        findings: list[Finding] = []
        seen: list[_Tried] = []
        judged = 0
        for path in visit.site.pages[: self.settings.pages]:
            plain = yield from self._try(path, visit)
            seen.append(plain)
            found = _judge(plain, visit)
            if found is None and self.settings.marketing_parameters:
                marked = yield from self._try_marked(path, visit)
                seen.append(marked)
                found = _judge_marked(marked)
            judged += found is None or found.outcome is Outcome.FAILED
            findings += [found] if found is not None else []
        visit.keep(_FILE, "\n".join(_line(tried.path, answer) for tried in seen for answer in tried.answers))
        if findings and not judged and not _any_failed(findings):
            findings = _as_unknown(findings)
        return Judgement(examined=judged, findings=tuple(findings))

    def _try(self, path: str, visit: Visit) -> Steps[_Tried]:
        """Once to fill the cache, then until it answers; redirects within the site are followed."""
        answers: list[Response] = []
        for _ in range(1 + self.settings.tries):
            chain = yield from ask(Follow(visit.url(path), within=visit.endpoint.hosts))
            answers.append(chain[-1])
            if from_cache(answers[-1]) or not answers[-1].ok or _not_cacheable(answers[-1]):
                break
        return _Tried(path, tuple(answers))

    def _try_marked(self, path: str, visit: Visit) -> Steps[_Tried]:
        """With a parameter that is new each time: a hit shows that it is no part of the key."""
        answers: list[Response] = []
        joint = "&" if "?" in path else "?"
        for _ in range(self.settings.tries):
            word = yield from ask(Fresh())
            url = f"{visit.url(path)}{joint}utm_source=stage-gate-{word[:8]}"
            chain = yield from ask(Follow(url, within=visit.endpoint.hosts))
            answers.append(chain[-1])
            if from_cache(answers[-1]):
                break
        return _Tried(f"{path} with utm_source", tuple(answers))


def _not_cacheable(answer: Response) -> bool:
    return not read_policy(answer).is_shared or "Set-Cookie" in answer.headers


def _judge(tried: _Tried, visit: Visit) -> Finding | None:
    last = tried.answers[-1]
    if (refused := unreached(last, tried.path)) is not None:
        return refused
    if not last.ok:
        return _unknown("not_judged", tried, f"answers with {describe(last)}", "see key_pages")
    if tried.hit:
        return None
    if _not_cacheable(last):
        written = read_policy(last).written or "no Cache-Control"
        what = f"is not to be cached ({quoted(written)}), so that was not tried; see cache_policy"
        return _note("not_cacheable", tried, what)
    if tried.says_nothing:
        remedy = "let the CDN send one of them, or switch this check off"
        return _unknown("says_nothing", tried, "has neither X-Cache nor Age", remedy)
    if visit.endpoint.access:
        what = "never came from the cache, perhaps because of the gate's login"
        return _unknown("login", tried, what, "exempt the gate")
    return _missed("missed", tried, "the page again, from the cache")


def _judge_marked(tried: _Tried) -> Finding | None:
    last = tried.answers[-1]
    if (refused := unreached(last, tried.path)) is not None:
        return refused
    if tried.hit:
        return None
    return _missed("missed_marked", tried, "the cached page, whatever utm_source says")


def _missed(code: str, tried: _Tried, expected: str) -> Finding:
    said = ", ".join(_said(answer) for answer in tried.answers)
    vary = tried.answers[-1].headers.get("Vary", "")
    return Finding(
        code=code,
        subject=tried.path,
        sentence=f"{tried.path} came from publish {len(tried.answers)} times in a row ({said}; Vary: "
        f"{quoted(vary or 'none')}); expected {expected}. To do: see Cache-Control and Vary in the virtual host, and "
        "the CDN's rules.",
        expected=expected,
        actual=said,
        evidence=_FILE,
    )


def _unknown(code: str, tried: _Tried, what: str, remedy: str) -> Finding:
    return Finding(
        code=code,
        subject=tried.path,
        sentence=f"{tried.path} {what}, so nothing can be said of the cache. To do: {remedy}.",
        expected="an answer that says where it came from",
        actual=what,
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
        evidence=_FILE,
    )


def _note(code: str, tried: _Tried, what: str) -> Finding:
    sentence = f"{tried.path} {what}."
    return Finding(code=code, subject=tried.path, sentence=sentence, outcome=Outcome.PASSED, evidence=_FILE)


def _any_failed(findings: Sequence[Finding]) -> bool:
    return any(finding.outcome is not Outcome.PASSED for finding in findings)


def _as_unknown(findings: Sequence[Finding]) -> list[Finding]:
    """Pages that no cache may keep: nothing was tried, and that is no success."""
    update = {"outcome": Outcome.INCONCLUSIVE, "cause": Cause.CHECK}
    return [finding.model_copy(update=update) for finding in findings]


def _said(answer: Response) -> str:
    cache, age = answer.headers.get("X-Cache", ""), age_of(answer)
    return f"X-Cache {quoted(cache or 'none', 40)}, Age {'none' if age is None else age}"


def _line(path: str, answer: Response) -> str:
    headers = "; ".join(
        f"{name}: {value}" for name, value in answer.headers.items() if name.lower() in _SHOWN
    )
    return f"{path} {answer.status} {headers}"


_SHOWN = frozenset({"cache-control", "surrogate-control", "age", "x-cache", "x-served-by", "vary", "date"})
