"""J1: do pages appear as fast and as steadily as people expect on a phone?

Chromium opens each page several times as a phone on a slow line (1.6 Mbit/s, 150 ms, processor slowed down four times,
as Lighthouse does) and measures what Google calls Web Vitals: how long until the largest element appears (LCP), how
much the layout moves (CLS), how long scripts block (TBT). The median of the runs counts. While it measures, no other
browser of any gate runs on the same machine.

It would have caught what Adobe's Experience Audit reports too late to matter: it runs in the pipeline, on up to 25
pages, and never blocks (AdobeDocs/experience-manager-cloud-service.en, report-experience-audit).

Times depend on the machine and on what else it does, so budgets warn; only the absolute floors of ``block`` block.
Compared with Lighthouse there is no score and no advice.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aem_checks.asks import ask, together
from aem_checks.browser.asks import Open, Reason, Unopened, Value
from aem_checks.browser.check import (
    BrowserCheck,
    BrowserSettings,
    Unjudged,
    judged,
    nothing_to_compare,
    unjudged,
    unopened,
)
from aem_checks.browser.open_page import PHONE, PageLost
from aem_checks.codes import faults
from aem_checks.excuses import above
from aem_checks.outcomes import Finding, Judgement, Severity
from aem_checks.shortened import shortened

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.visit import Visit

_RECORD = "web_vitals/vitals.json"
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
    )
    settings_type = WebVitalsSettings

    def look(self, visit: Visit) -> Steps[Judgement]:
        looked = yield from together(self._measure(path) for path in self.paths(visit))
        pages = dict(judged(looked))
        findings = unjudged(looked)
        before = _read(visit.baseline.read(_RECORD) if visit.baseline else None)
        evidence = visit.keep(_RECORD, _Record(pages=pages).model_dump_json(indent=1))
        for path, vitals in pages.items():
            found = (*self._over_budget(path, vitals), *self._worse(path, vitals, before))
            findings += [each.model_copy(update={"evidence": evidence}) for each in found]
        if before is None:
            findings.append(nothing_to_compare(self.kind))
        return Judgement(examined=len(pages), findings=shortened(findings, severity=self.weight))

    def _measure(self, path: str) -> Steps[tuple[str, Vitals] | Unjudged]:
        runs = []
        for _ in range(self.settings.runs):
            seen = yield from ask(Open(path, PHONE, (Value(_MEASURE),), slow=True, alone=True))
            if isinstance(seen, Unopened):
                return unopened(path, seen, self._gravity)
            try:
                runs.append(_vitals(seen.looks[0]))
            except PageLost as error:
                return unopened(path, Unopened(Reason.LOST, str(error)), self._gravity)
        medians = {name: statistics.median(getattr(run, name) for run in runs) for name in _WORDS}
        return path, Vitals(**medians)

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
