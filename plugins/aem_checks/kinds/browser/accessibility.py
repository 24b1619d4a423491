"""I1: can people who do not see or use a mouse use every page as they could before this release?

axe-core looks at each page in Chromium, by the rules of WCAG 2.0 to 2.2, levels A and AA, and no others. An element
that breaks a rule of serious or critical impact and did not break it at the last verified release blocks; what was
so before, or is of less impact, warns. The same element is known by what it is and says, not by its
place on the page: one that is moved, or edited, or has a new neighbour, is none that is new.

It would have caught components that lose their labels in a refactoring: pages look the same, and only those who use a
screen reader notice. AET, the tool with which AEM sites are compared, has a test of accessibility for that reason
(wttech/aet). Only these tags are used, since axe's best-practice rules fired on each of 142 pages of an official site.

A page without a finding is not accessible because of it: automatic rules see a part of what people meet. Frames of
other sites are not looked into. Known false alarms: widgets of others, and a banner that covers a page once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from aem_checks.browser.asks import Axe, Open, PageSeen
from aem_checks.browser.axe import axe_version
from aem_checks.browser.check import (
    BrowserCheck,
    BrowserSettings,
    Unjudged,
    each_page,
    judged,
    nothing_to_compare,
    unjudged,
)
from aem_checks.codes import faults
from aem_checks.excuses import PATTERNS
from aem_checks.kinds.browser._axe import (
    GRAVE,
    AxeError,
    Element,
    Violation,
    Violations,
    read_axe,
    without_known,
)
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.shortened import shortened
from aem_checks.text import count, plain, quoted

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.visit import Visit

_RECORD = "accessibility/violations.json"


class AccessibilitySettings(BrowserSettings):
    """What is not looked at."""

    ignore_rules: Annotated[tuple[str, ...], PATTERNS] = ()
    """Names of axe rules that are not told, such as ``color-contrast``; none by default."""


class Accessibility(BrowserCheck[AccessibilitySettings]):
    """Asks axe-core about each page, and compares with the last verified release."""

    kind = "accessibility"
    number = "I1"
    title = "Accessible as before"
    codes = faults(
        new_violation="elements break a rule gravely that did not at the last verified release",
        violation="elements break a rule, as before or less gravely",
        unanswered="axe-core gave no answer that can be read",
    )
    settings_type = AccessibilitySettings

    def look(self, visit: Visit) -> Steps[Judgement]:
        questions = [Open(path, looks=(Axe(),), warm=True) for path in self.paths(visit)]
        looked = yield from each_page(questions, self._violations, lost=Severity.BLOCK)
        record = Violations(axe=axe_version(), pages=dict(judged(looked)))
        before = Violations.read(visit.baseline.read(_RECORD) if visit.baseline else None)
        evidence = visit.keep(_RECORD, record.model_dump_json(indent=1))
        findings = [*unjudged(looked), *_compare(record, before, evidence)]
        if before is None:
            findings.append(nothing_to_compare(self.kind))
        return Judgement(examined=len(record.pages), findings=shortened(findings, severity=self.weight))

    def _violations(self, asked: Open, seen: PageSeen) -> tuple[str, tuple[Violation, ...]] | Unjudged:
        try:
            found = read_axe(seen.looks[0])
        except AxeError as error:
            return Unjudged((_unanswered(asked.path, error),))
        return asked.path, tuple(each for each in found if each.rule not in self.settings.ignore_rules)


def _compare(record: Violations, before: Violations | None, evidence: str) -> Iterator[Finding]:
    """New violations of each page, then old ones once per rule."""
    old: dict[str, list[tuple[str, Violation]]] = {}
    for path, violations in record.pages.items():
        known = before.pages.get(path) if before is not None else None
        for violation in violations:
            new = [] if known is None else without_known(violation.elements, _of_rule(violation.rule, known))
            if new and violation.impact in GRAVE:
                yield _finding(path, violation, new, evidence)
            elif violation.elements:
                old.setdefault(violation.rule, []).append((path, violation))
    for rule, places in old.items():
        yield _existing(rule, places, compared=before is not None, evidence=evidence)


def _of_rule(rule: str, violations: tuple[Violation, ...]) -> list[Element]:
    return [element for each in violations if each.rule == rule for element in each.elements]


def _finding(path: str, violation: Violation, new: list[Element], evidence: str) -> Finding:
    return Finding(
        code="new_violation",
        subject=f"{path} {plain(violation.rule, 60)}",
        sentence=(
            f"{path} breaks the rule {plain(violation.rule, 60)} ({violation.impact}) at {count(len(new), 'element')} "
            f"that did not break it at the last verified release, first at {quoted(new[0].selector)}. "
            f"To do: {plain(violation.help, 120)}."
        ),
        expected="no new violation of WCAG A or AA",
        actual=f"{len(new)} new, {violation.impact}",
        severity=Severity.BLOCK,
        evidence=evidence,
    )


def _existing(rule: str, places: list[tuple[str, Violation]], *, compared: bool, evidence: str) -> Finding:
    path, first = places[0]
    more = f" and {count(len(places) - 1, 'more page')}" if len(places) > 1 else ""
    when = "not only since this release" if compared and first.impact in GRAVE else "as it is"
    return Finding(
        code="violation",
        subject=plain(rule, 60),
        sentence=(
            f"{path}{more} breaks the rule {plain(rule, 60)} ({plain(first.impact, 20)}), {when}, "
            f"first at {quoted(first.elements[0].selector)}. To do: {plain(first.help, 120)}."
        ),
        expected="no violation of WCAG A or AA",
        actual=f"{len(places)} pages",
        severity=Severity.WARN,
        evidence=evidence,
    )


def _unanswered(path: str, error: AxeError) -> Finding:
    return Finding(
        code="unanswered",
        subject=path,
        sentence=f"{path} was not judged: {error}. To do: open it with axe's own browser extension.",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
        severity=Severity.BLOCK,
    )
