"""J1: do pages appear as fast and as steadily as people expect on a phone?

Each page is opened several times as a phone on a slow line (1.6 Mbit/s, 150 ms, processor slowed down four times), and
what Google calls Web Vitals is measured: how long until the largest element appears (LCP), how much the layout moves
(CLS), how long scripts block (TBT). The median of the runs counts. Where Lighthouse (npm, 12 or newer) is on the worker,
it measures, and the report of the median run is among the evidence; else Chromium alone does. A note says which. While it
measures, no other browser of any gate runs on the same machine.

It would have caught what Adobe's Experience Audit reports too late to matter: it runs in the pipeline, on up to 25
pages, and never blocks (AdobeDocs/experience-manager-cloud-service.en, report-experience-audit).

Times depend on the machine and on what else it does, so budgets warn; only the absolute floors of ``block`` block.
Lighthouse computes from what it saw without a brake what a slow line would give, Chromium alone brakes: the two are never
compared with each other. There is no score.
"""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aem_checks.asks import ask, together
from aem_checks.browser.asks import Audit, Open, Reason, Unopened, Value
from aem_checks.browser.check import (
    BrowserCheck,
    BrowserSettings,
    Unjudged,
    judged,
    nothing_to_compare,
    unjudged,
    unopened,
)
from aem_checks.browser.lighthouse import REMEDY
from aem_checks.browser.open_page import PHONE, PageLost
from aem_checks.codes import faults
from aem_checks.excuses import above
from aem_checks.kinds.browser._lighthouse_report import read_report
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.shortened import shortened

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.visit import Visit

_RECORD = "web_vitals/vitals.json"
_CHROMIUM = "chromium"
_MEASURE = """new Promise(resolve => {
  const seen = {lcp: 0, cls: 0, tbt: 0, fcp: 0};
  let start = 0, last = 0, sum = 0;
  const watch = (type, heard) => { try {
    new PerformanceObserver(list => list.getEntries().forEach(heard)).observe({type, buffered: true}); } catch {} };
  watch('largest-contentful-paint', each => { seen.lcp = each.startTime; });
  watch('paint', each => { if (each.name === 'first-contentful-paint') seen.fcp = each.startTime; });
  watch('longtask', each => { seen.tbt += Math.max(0, each.duration - 50); });
  watch('layout-shift', each => {
    if (each.hadRecentInput) return;
    if (each.startTime - last > 1000 || each.startTime - start > 5000) { start = each.startTime; sum = 0; }
    last = each.startTime; sum += each.value; seen.cls = Math.max(seen.cls, sum); });
  setTimeout(() => resolve(seen), 400);
})"""
_WORDS = {
    "lcp": "its largest element appears after {:.0f} ms",
    "cls": "its layout moves by {:.2f}",
    "tbt": "its scripts block it for {:.0f} ms",
}
_REMEDIES = {
    "lcp": "load the largest image earlier and smaller, and fewer scripts before it",
    "cls": "give images, banners and embeds their height before they arrive",
    "tbt": "split long scripts, or load them later",
}


class Vitals(BaseModel):
    """What one page showed, or the limits of it; times in milliseconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lcp: Annotated[float, above(25_000)] = Field(default=2500, ge=0)
    """Milliseconds until the largest element appears; 2,500 is what Google calls good."""
    cls: Annotated[float, above(1)] = Field(default=0.1, ge=0)
    """Movement of the layout, without unit; 0.1 is what Google calls good."""
    tbt: Annotated[float, above(6000)] = Field(default=600, ge=0)
    """Milliseconds that scripts block beyond 50 ms each; 600 is where Lighthouse's poor begins."""


class Floors(BaseModel):
    """Limits beyond which a page blocks the release; none by default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lcp: float | None = Field(default=None, ge=0)
    """Milliseconds."""
    cls: float | None = Field(default=None, ge=0)
    """Without unit."""
    tbt: float | None = Field(default=None, ge=0)
    """Milliseconds."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    pages: dict[str, Vitals]
    measured_by: str = _CHROMIUM
    """``chromium`` or ``lighthouse``."""


@dataclass(frozen=True)
class Measured:
    """What the runs of one page come to."""

    path: str
    vitals: Vitals
    by: str = _CHROMIUM
    """As ``_Record.measured_by``."""
    version: str = ""
    """Of Lighthouse."""
    report: bytes = b""
    """Of Lighthouse's median run."""
    otherwise: str = ""
    """Why it was not Lighthouse."""


class WebVitalsSettings(BrowserSettings):
    """Budgets, runs, and what blocks."""

    most_pages: int = Field(default=5, ge=1, le=500)
    """Pages at most, since each is opened several times, one after the other."""
    runs: int = Field(default=3, ge=1, le=9)
    """How often each page is opened; the median counts, so an odd number is best."""
    budgets: Vitals = Vitals()
    """What a page may take before it is told."""
    block: Floors = Floors()
    """What stops a release."""
    measured_by: Literal["lighthouse", "chromium"] | None = None
    """``lighthouse``, and no answer where it is not on the worker, or ``chromium`` alone. By default Lighthouse where it is
    there (``AEM_CHECKS_LIGHTHOUSE``, or on the path), else Chromium."""
    most_worse: Annotated[float, above(5)] = Field(default=0.5, gt=0)
    """Share by which LCP and TBT may be worse than at the last verified release, beyond 300 ms."""


class WebVitals(BrowserCheck[WebVitalsSettings]):
    """Measures one page after the other, alone on the machine."""

    kind = "web_vitals"
    number = "J1"
    title = "Pages appear fast"
    default_on = False
    needs = "a worker that does little else meanwhile, since times are measured"
    codes = faults(
        lcp="the largest element of a page appears late",
        cls="the layout of a page moves",
        tbt="scripts block a page for long",
        lcp_worse="the largest element appears much later than at the last verified release",
        tbt_worse="scripts block a page for much longer than at the last verified release",
        no_lighthouse="a note: why Chromium alone measured",
        lighthouse="a note: which Lighthouse measured",
    )
    settings_type = WebVitalsSettings

    def look(self, visit: Visit) -> Steps[Judgement]:
        looked = yield from together(self._measure(path) for path in self.paths(visit))
        measured, findings = judged(looked), unjudged(looked)
        by = measured[0].by if measured else _CHROMIUM
        before = _read(visit.baseline.read(_RECORD) if visit.baseline else None)
        kept = {each.path: each.vitals for each in measured if each.by == by}
        record = _Record(pages=kept, measured_by=by)
        evidence = visit.keep(_RECORD, record.model_dump_json(indent=1))
        for each in measured:
            comparable = before if before and before.measured_by == each.by else None
            found = (
                *self._over_budget(each.path, each.vitals),
                *self._worse(each.path, each.vitals, comparable),
            )
            proof = visit.keep(_report_of(each.path), each.report) if each.report else evidence
            findings += [finding.model_copy(update={"evidence": proof}) for finding in found]
        findings += _notes(self.kind, measured, before, by)
        return Judgement(examined=len(measured), findings=shortened(findings, severity=self.weight))

    def _measure(self, path: str) -> Steps[Measured | Unjudged]:
        """By Lighthouse where that is meant and there, else by Chromium."""
        if self.settings.measured_by == _CHROMIUM:
            return (yield from self._by_chromium(path))
        measured = yield from self._by_lighthouse(path)
        if not (isinstance(measured, Unopened) and measured.reason is Reason.NO_LIGHTHOUSE):
            return unopened(path, measured, self._gravity) if isinstance(measured, Unopened) else measured
        if self.settings.measured_by is not None:
            return Unjudged((_no_lighthouse(path, measured.why, self._gravity),))
        return (yield from self._by_chromium(path, measured.why))

    def _by_lighthouse(self, path: str) -> Steps[Measured | Unopened]:
        runs = []
        for _ in range(self.settings.runs):
            seen = yield from ask(Audit(path))
            if isinstance(seen, Unopened):
                return seen
            content = seen.report.read()
            try:
                runs.append((read_report(content), content))
            except PageLost as error:
                return Unopened(Reason.LOST, str(error))
        vitals = _medians([figures.values for figures, _ in runs])
        figures, report = min(runs, key=lambda run: abs(run[0].values["lcp"] - vitals.lcp))
        return Measured(path, vitals, "lighthouse", figures.version, report)

    def _by_chromium(self, path: str, otherwise: str = "") -> Steps[Measured | Unjudged]:
        runs = []
        for _ in range(self.settings.runs):
            seen = yield from ask(Open(path, PHONE, (Value(_MEASURE),), slow=True, alone=True))
            if isinstance(seen, Unopened):
                return unopened(path, seen, self._gravity)
            try:
                runs.append(_vitals(seen.looks[0]).model_dump())
            except PageLost as error:
                return unopened(path, Unopened(Reason.LOST, str(error)), self._gravity)
        return Measured(path, _medians(runs), otherwise=otherwise)

    @property
    def _gravity(self) -> Severity | None:
        """Of a page that can't be measured: it may be beyond what blocks, where anything does."""
        return None if self.settings.block == Floors() else Severity.BLOCK

    def _over_budget(self, path: str, vitals: Vitals) -> Iterator[Finding]:
        for code in _WORDS:
            value, budget = getattr(vitals, code), getattr(self.settings.budgets, code)
            floor = getattr(self.settings.block, code)
            blocks = floor is not None and value > floor
            if blocks or value > budget:
                limit = floor if blocks else budget
                severity = Severity.BLOCK if blocks else Severity.WARN
                yield _finding(code, path, code, value, limit, severity)

    def _worse(self, path: str, vitals: Vitals, before: _Record | None) -> Iterator[Finding]:
        known = before.pages.get(path) if before else None
        for code, name in (("lcp_worse", "lcp"), ("tbt_worse", "tbt")):
            if known is not None:
                value, old = getattr(vitals, name), getattr(known, name)
                limit = old + max(300, old * self.settings.most_worse)
                if limit < value <= getattr(self.settings.budgets, name):
                    since = f" ({old:.0f} ms at the last verified release)"
                    yield _finding(code, path, name, value, limit, Severity.WARN, since)


def _medians(runs: Sequence[Mapping[str, float]]) -> Vitals:
    return Vitals(**{name: statistics.median(run[name] for run in runs) for name in _WORDS})


def _report_of(path: str) -> str:
    return f"web_vitals/lighthouse/{hashlib.sha256(path.encode()).hexdigest()[:16]}.json"


def _no_lighthouse(path: str, why: str, severity: Severity | None) -> Finding:
    return Finding(
        code="check_error",
        subject=path,
        sentence=f"{path} was not measured: {why}. To do: {REMEDY}, or leave 'measured_by' out.",
        expected="a Lighthouse that runs",
        actual=why,
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
        severity=severity,
    )


def _notes(kind: str, measured: list[Measured], before: _Record | None, by: str) -> Iterator[Finding]:
    """Who measured, and whether there is anything to compare with."""
    if measured and by == _CHROMIUM:
        why = f", since {measured[0].otherwise}" if measured[0].otherwise else ""
        yield _note("no_lighthouse", f"Chromium alone measured{why}.")
    elif measured:
        said = f"Lighthouse {measured[0].version} measured; its reports are in web_vitals/lighthouse."
        yield _note("lighthouse", said)
    if before is None:
        yield nothing_to_compare(kind)
    elif measured and before.measured_by != by:
        then = "Chromium alone" if before.measured_by == _CHROMIUM else "Lighthouse"
        said = f"The last verified release was measured by {then}, so nothing was compared with it."
        yield _note("nothing_to_compare", said)


def _note(code: str, sentence: str) -> Finding:
    return Finding(code=code, subject="measured_by", sentence=sentence, outcome=Outcome.PASSED)


def _vitals(answer: Any) -> Vitals:
    """Read what the browser measured. Raises ``PageLost`` for nonsense."""
    try:
        return Vitals(**{name: answer[name] for name in _WORDS})
    except (ValidationError, KeyError, TypeError):
        raise PageLost("what it measured can't be read") from None


def _read(content: bytes | None) -> _Record | None:
    try:
        return None if content is None else _Record.model_validate_json(content)
    except ValidationError:
        return None


def _finding(
    code: str, path: str, name: str, value: float, limit: float, severity: Severity, more: str = ""
) -> Finding:
    unit = "" if name == "cls" else " ms"
    shown = f"{limit:.2f}" if name == "cls" else f"{limit:.0f}"
    return Finding(
        code=code,
        subject=f"{path} {name}",
        sentence=(
            f"{path} is slow on a phone: {_WORDS[name].format(value)}{more}; expected at most {shown}{unit}. "
            f"To do: {_REMEDIES[name]}."
        ),
        expected=f"at most {shown}{unit}",
        actual=f"{value:.2f}{unit}" if name == "cls" else f"{value:.0f}{unit}",
        severity=severity,
    )
