"""J3: does publish itself answer quickly, without any cache?

Asks for each page a few times past all caches, one request after the other, and judges the 95th percentile of the
time to the first byte against a budget and against the last verified release. Adobe's go-live checklist asks for
performance tests on stage, which has the sizing of production. It would have caught a component that queries the
repository without an index: each page is slow until the cache has it, and each deployment empties the cache
(help/operations/indexing of Adobe's documentation). The first answers of a page only warm publish and don't count.
A small steady load is possible and off until somebody agrees to it by name. Known false alarms: a slow network
between the gate and stage.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from aem_checks.asks import Follow, Get, ask, ask_all
from aem_checks.check import Check, CheckSettings
from aem_checks.codes import faults
from aem_checks.durations import Duration, format_duration
from aem_checks.excuses import above
from aem_checks.outcomes import Finding, Judgement, Outcome, Severity
from aem_checks.reach import describe, is_unreached, unreached
from aem_checks.text import count

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.response import Response
    from aem_checks.visit import Visit

_FILE = "response_times/seconds.json"
_LOAD_FILE = "response_times/load.json"
_WARM_UP = 2
_QUANTILE = 0.95
_NOTICEABLE = 0.2
"""Seconds that a page has to lose against the last release, beside ``slower``, before it is worth a finding."""


class Load(BaseModel):
    """A small steady load on the site's pages, past all caches."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    agreed_by: str = Field(min_length=1)
    """Who agreed to it, so that the report can say: a name or a ticket."""
    per_second: float = Field(default=5, gt=0, le=20)
    """Requests a second; 5 by default and 20 at most, far below the 100 of the CDN's usual rate rules, and never
    more than ``requests_per_second`` of the site."""
    duration: Duration = timedelta(seconds=30)
    """How long; 30 s by default."""


class ResponseTimesSettings(CheckSettings):
    pages: int = Field(default=5, ge=1, le=100)
    """Pages of the site, from the first on, that are measured; 5 with 20 requests take ten seconds at least."""
    requests: int = Field(default=20, ge=5, le=200)
    """Answers that are measured of each page; with 20, one may be slow by chance."""
    budget: Annotated[Duration, above(timedelta(seconds=18))] = timedelta(seconds=1.8)
    """The most that the 95th percentile of the time to the first byte may be; beyond 1.8 s web.dev calls it poor."""
    slower: Annotated[int, above(500)] = Field(default=50, ge=5, le=1000)
    """Percent that a page may be slower than at the last verified release, and at least 0.2 s; 50 by default, since
    stage's machines are not always equal."""
    load: Load | None = None
    """A small load at the end; none unless somebody agrees."""


@dataclass(frozen=True, slots=True)
class _Measured:
    """The times of one page in seconds, and the answer that ended the measuring early, if one did."""

    path: str
    seconds: tuple[float, ...]
    bad: Response | None = None

    @property
    def percentile(self) -> float:
        return percentile(self.seconds)


class ResponseTimes(Check[ResponseTimesSettings]):
    """Measures one page after the other, so that it is alone on its connection."""

    kind = "response_times"
    number = "J3"
    title = "Publish answers quickly"
    severity = Severity.WARN
    after = "cloud_manager_tests"
    codes = faults(
        slow="publish answers for a page later than the budget",
        slower="publish answers for a page much later than at the last verified release",
        status="a page does not answer 200 every time",
        failed_under_load="requests fail under the small load",
        slow_under_load="publish answers later than the budget under the small load",
        times="a note: how long the answers took",
    )
    settings_type = ResponseTimesSettings

    def judge(self, visit: Visit) -> Steps[Judgement]:
        measured = list[_Measured]()
        for path in visit.site.pages[: self.settings.pages]:
            measured.append((yield from self._measure(path, visit)))
        findings = [found for each in measured for found in self._look_at(each, visit)]
        if self.settings.load is not None:
            findings += yield from self._load(self.settings.load, visit)
        if visit.baseline is None:
            said = "There is no verified release to compare response times with yet."
            findings.append(_note("nothing_to_compare", said))
        kept = {each.path: [round(value, 4) for value in each.seconds] for each in measured if each.seconds}
        visit.keep(_FILE, json.dumps(kept, indent=1))
        findings += [_summary(each) for each in measured if each.seconds and each.bad is None]
        return Judgement(examined=sum(len(each.seconds) for each in measured), findings=tuple(findings))

    def _measure(self, path: str, visit: Visit) -> Steps[_Measured]:
        """Ask until there are enough answers, or until the budget can't be met any more."""
        seconds: list[float] = []
        allowed = self.settings.requests - math.ceil(_QUANTILE * self.settings.requests)
        budget = self.settings.budget.total_seconds()
        question = Follow(visit.url(path), within=visit.endpoint.hosts, past_caches=True)
        for number in range(_WARM_UP + self.settings.requests):
            answer = (yield from ask(question))[-1]
            if not answer.ok:
                return _Measured(path, tuple(seconds), answer)
            if number >= _WARM_UP:
                seconds.append(answer.first_byte)
            if len(seconds) >= 5 and sum(value > budget for value in seconds) > allowed:
                break
        return _Measured(path, tuple(seconds))

    def _look_at(self, measured: _Measured, visit: Visit) -> Iterator[Finding]:
        if measured.bad is not None:
            yield _broken(measured)
        if len(measured.seconds) < 5:
            return
        budget = self.settings.budget.total_seconds()
        if measured.percentile > budget:
            yield _too_slow(measured, budget)
        before = _before(measured.path, visit)
        limit = before * (1 + self.settings.slower / 100) if before is not None else None
        if (
            limit is not None
            and before is not None
            and measured.percentile > max(limit, before + _NOTICEABLE)
        ):
            yield _slower(measured, before, visit, self.settings.slower)

    def _load(self, load: Load, visit: Visit) -> Steps[list[Finding]]:
        """Requests at an even pace, whether or not the earlier ones are answered."""
        pace = min(load.per_second, visit.site.requests_per_second)
        number = max(5, int(load.duration.total_seconds() * pace))
        pages = visit.site.pages[: self.settings.pages]
        urls = [visit.url(pages[turn % len(pages)]) for turn in range(number)]
        answers = yield from ask_all(Get(url, per_second=pace, past_caches=True) for url in urls)
        failed = [each for each in answers if is_unreached(each) or each.status >= 500]
        times = [each.first_byte for each in answers if each.ok]
        visit.keep(_LOAD_FILE, json.dumps([round(value, 4) for value in times]))
        findings = [_under_load(failed, number, load, pace)] if failed else []
        budget = self.settings.budget.total_seconds()
        if times and percentile(times) > budget:
            findings.append(_slow_under_load(percentile(times), len(times), budget, load, pace))
        return findings


def percentile(seconds: Sequence[float]) -> float:
    """The 95th percentile as one of the values: of 20 the second longest. Needs one value at least."""
    ordered = sorted(seconds)
    return ordered[math.ceil(_QUANTILE * len(ordered)) - 1]


def _before(path: str, visit: Visit) -> float | None:
    """The 95th percentile of the page at the last verified release."""
    kept = visit.baseline.read(_FILE) if visit.baseline else None
    try:
        seconds = [float(value) for value in json.loads(kept)[path]] if kept else []
    except (ValueError, KeyError, TypeError):
        return None
    return percentile(seconds) if seconds else None


def _too_slow(measured: _Measured, budget: float) -> Finding:
    over = sum(value > budget for value in measured.seconds)
    return Finding(
        code="slow",
        subject=measured.path,
        sentence=f"{measured.path} took longer than {_ms(budget)} to its first byte in {over} of "
        f"{len(measured.seconds)} answers past all caches; 95 % took at most {_ms(measured.percentile)}. To do: look "
        "for queries without an index and calls to other services in the components of this page.",
        expected=f"at most {_ms(budget)} for 95 %",
        actual=_ms(measured.percentile),
        evidence=_FILE,
    )


def _slower(measured: _Measured, before: float, visit: Visit, allowed: int) -> Finding:
    release = visit.baseline.release if visit.baseline else "the last verified release"
    more = 100 * (measured.percentile - before) / before if before else 0.0
    return Finding(
        code="slower",
        subject=f"{measured.path} against the last release",
        sentence=f"{measured.path} needs {_ms(measured.percentile)} to its first byte and needed {_ms(before)} at "
        f"{release}, {more:+.0f} % (95th percentile past all caches); expected at most +{allowed} %. To do: compare "
        "what the components of this page do with that release.",
        expected=f"at most {_ms(before)} + {allowed} %",
        actual=_ms(measured.percentile),
        evidence=_FILE,
    )


def _broken(measured: _Measured) -> Finding:
    """An answer that is none, or no page: the first says nothing about speed, the second is a failure of its own."""
    assert measured.bad is not None
    if (refused := unreached(measured.bad, measured.path)) is not None:
        return refused
    after = f" after {count(len(measured.seconds), 'good answer')}" if measured.seconds else ""
    return Finding(
        code="status",
        subject=measured.path,
        sentence=f"{measured.path} answers with {describe(measured.bad)}{after}; expected status 200 every time. To "
        "do: see key_pages and the error log of publish.",
        expected="status 200",
        actual=describe(measured.bad),
        outcome=Outcome.FAILED if measured.seconds else Outcome.INCONCLUSIVE,
    )


def _under_load(failed: Sequence[Response], number: int, load: Load, pace: float) -> Finding:
    return Finding(
        code="failed_under_load",
        subject="load",
        sentence=f"{len(failed)} of {count(number, 'request')} at {pace:g} a second (agreed by {load.agreed_by}) were "
        f"not answered well, the first with {describe(failed[0])}; expected none. To do: see the error log of "
        "publish and the CDN's rate rules.",
        expected="no failed request",
        actual=f"{len(failed)} of {number}",
        evidence=_LOAD_FILE,
    )


def _slow_under_load(value: float, number: int, budget: float, load: Load, pace: float) -> Finding:
    return Finding(
        code="slow_under_load",
        subject="load",
        sentence=f"Under {pace:g} requests a second (agreed by {load.agreed_by}), 95 % of {number} answers took at "
        f"most {_ms(value)} to their first byte; expected {_ms(budget)}. To do: compare with the times without load.",
        expected=f"at most {_ms(budget)} for 95 %",
        actual=_ms(value),
        evidence=_LOAD_FILE,
    )


def _summary(measured: _Measured) -> Finding:
    return _note(
        "times",
        f"{measured.path}: median {_ms(median(measured.seconds))}, 95th percentile {_ms(measured.percentile)} to the "
        f"first byte, of {count(len(measured.seconds), 'answer')} past all caches.",
    )


def _note(code: str, sentence: str) -> Finding:
    return Finding(code=code, subject="times", sentence=sentence, outcome=Outcome.PASSED, evidence=_FILE)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 10 else format_duration(timedelta(seconds=seconds))
