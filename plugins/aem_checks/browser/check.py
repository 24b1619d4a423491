"""What do all kinds of checks that open pages in a browser have in common?

A machine without Chromium does not stop a release by itself: these checks are of severity ``warn`` as a whole, and
what they find is as grave as the finding says. So without a Chromium such a check is inconclusive, the report says
how to get one, and the gate goes on; a team that wants it to stop then writes ``severity: block``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import Field

from aem_checks.asks import Question, Steps, ask, together
from aem_checks.browser.asks import Audit, Audited, Open, PageSeen, Reason, Unopened
from aem_checks.browser.finding import REMEDY
from aem_checks.browser.open_page import PageLost
from aem_checks.check import Check, CheckSettings
from aem_checks.durations import Duration, format_duration
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome, Severity
from aem_checks.reach import REFUSALS
from aem_checks.sites import PagePath
from aem_checks.text import count

if TYPE_CHECKING:
    from aem_checks.visit import Visit

FoundT = TypeVar("FoundT")


class BrowserSettings(CheckSettings):
    """Which pages are opened."""

    within: Duration = timedelta(minutes=30)
    """Time limit of the whole check, without what it waits for a free browser; pages load at the site's own rate. When
    it is over, what was seen is judged, and the report says how many pages are missing."""
    pages: tuple[PagePath, ...] = ()
    """Paths to open; by default the pages of the site. One per template is enough."""
    most_pages: int = Field(default=20, ge=1, le=500)
    """Pages at most, since each takes seconds; those beyond are named in the report."""


SettingsT = TypeVar("SettingsT", bound=BrowserSettings)


class BrowserCheck(Check[SettingsT]):
    """Judges what Chromium sees of pages. ``severity`` is ``warn``; graver findings say so themselves."""

    severity = Severity.WARN
    opens_pages = True

    def judge(self, visit: Visit) -> Steps[Judgement]:
        """What ``look`` says, and what was left out, not contacted, or not opened in time."""
        tour = _Tour()
        try:
            judgement = yield from tour.follow(self.look(visit))
        except _NoBrowser as error:
            return Judgement(examined=0, findings=(no_browser(self.kind, error.answer),))
        findings = (
            *judgement.findings,
            *self._missing(tour),
            *self._left_out(visit),
            *_refused(tour.refused),
        )
        return judgement.model_copy(update={"findings": findings})

    @abstractmethod
    def look(self, visit: Visit) -> Steps[Judgement]:
        """Ask for the pages and say what is wrong; see ``each_page``."""

    def paths(self, visit: Visit) -> tuple[str, ...]:
        """The pages to open."""
        return (self.settings.pages or visit.pages)[: self.settings.most_pages]

    def pages_among(self, recorded: tuple[str, ...]) -> tuple[str, ...]:
        opened = (self.settings.pages or recorded)[: self.settings.most_pages]
        return tuple(path for path in opened if path in recorded)

    def _missing(self, tour: _Tour) -> tuple[Finding, ...]:
        """That the time was over before the last page was seen."""
        if not tour.late:
            return ()
        limit, pages = format_duration(self.settings.within), tuple(dict.fromkeys(tour.late))
        opened = len(tour.paths - set(pages))
        sentence = (
            f"{self.kind} opened {opened} of {count(len(tour.paths), 'page')} within {limit}; {len(pages)} "
            f"{'is' if len(pages) == 1 else 'are'} missing: {', '.join(pages[:10])}{' …' if len(pages) > 10 else ''}. "
            "To do: see what is slow, raise 'within', or lower 'most_pages'."
        )
        return (
            Finding(
                code="time_limit",
                subject=self.kind,
                sentence=sentence,
                expected=f"an end within {limit}",
                actual=f"{count(len(pages), 'page')} missing",
                outcome=Outcome.INCONCLUSIVE,
                cause=Cause.CHECK,
            ),
        )

    def _left_out(self, visit: Visit) -> tuple[Finding, ...]:
        rest = (self.settings.pages or visit.pages)[self.settings.most_pages :]
        if not rest:
            return ()
        sentence = (
            f"{self.kind} did not open {count(len(rest), 'page')}, since 'most_pages' is "
            f"{self.settings.most_pages}: {', '.join(rest[:10])}{' …' if len(rest) > 10 else ''}."
        )
        return (Finding(code="left_out", subject="most_pages", sentence=sentence, outcome=Outcome.PASSED),)


@dataclass(frozen=True)
class Unjudged:
    """A page that can't be judged."""

    findings: tuple[Finding, ...] = ()
    """Why; none where it was not opened in time, which ``BrowserCheck`` says of all such pages at once."""


def each_page(
    questions: Iterable[Open],
    judge: Callable[[Open, PageSeen], FoundT | Unjudged],
    *,
    lost: Severity | None = None,
) -> Steps[list[FoundT | Unjudged]]:
    """What ``judge`` makes of each page; what was seen of it is not held any longer.

    ``lost``: how grave it is when Chromium can't show the page, or ``judge`` raises ``PageLost``.
    """
    return together(_page(question, judge, lost) for question in questions)


def _page(
    question: Open, judge: Callable[[Open, PageSeen], FoundT | Unjudged], lost: Severity | None
) -> Steps[FoundT | Unjudged]:
    seen = yield from ask(question)
    if isinstance(seen, Unopened):
        return unopened(question.path, seen, lost)
    try:
        return judge(question, seen)
    except PageLost as error:
        return Unjudged((_lost(question.path, str(error), lost),))


def unopened(path: str, answer: Unopened, lost: Severity | None) -> Unjudged:
    """What there is to say of a page that was not opened."""
    if answer.reason is Reason.STATUS:
        return Unjudged((_no_page(path, answer.status),))
    return Unjudged() if answer.reason is Reason.LATE else Unjudged((_lost(path, answer.why, lost),))


def judged(pages: Iterable[FoundT | Unjudged]) -> list[FoundT]:
    """Of those pages that could be judged."""
    return [each for each in pages if not isinstance(each, Unjudged)]


def unjudged(pages: Iterable[Any]) -> list[Finding]:
    """What the others say."""
    return [finding for each in pages if isinstance(each, Unjudged) for finding in each.findings]


class _NoBrowser(Exception):
    """Nothing can be judged, since there is no browser."""

    def __init__(self, answer: Unopened) -> None:
        super().__init__(answer.why)
        self.answer = answer


@dataclass
class _Tour:
    """What is overheard of a conversation about pages."""

    paths: set[str] = field(default_factory=set)
    late: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)

    def follow(self, steps: Steps[FoundT]) -> Steps[FoundT]:
        """Lead it. Raises ``_NoBrowser``."""
        answers: Sequence[Any] | None = None
        while True:
            try:
                questions = steps.send(answers)  # type: ignore[arg-type]
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            answers = yield questions
            for question, answer in zip(questions, answers, strict=True):
                self._hear(question, answer)

    def _hear(self, question: Question[Any], answer: Any) -> None:
        path = question.path if isinstance(question, Open | Audit) else None
        if path is not None:
            self.paths.add(path)
        if isinstance(answer, Unopened) and answer.reason in (Reason.NO_BROWSER, Reason.BUSY):
            raise _NoBrowser(answer)
        if isinstance(answer, PageSeen | Audited | Unopened):
            self.refused |= set(answer.refused)
        if path is not None and isinstance(answer, Unopened) and answer.reason is Reason.LATE:
            self.late.append(path)


def nothing_to_compare(kind: str) -> Finding:
    """The note of the first release."""
    return Finding(
        code="nothing_to_compare",
        subject="baseline",
        sentence=f"{kind} has nothing to compare with yet: no release was approved and verified before this one.",
        outcome=Outcome.PASSED,
    )


def no_browser(kind: str, answer: Unopened) -> Finding:
    """The inconclusive finding of a machine on which no browser starts, or none is free."""
    busy = answer.reason is Reason.BUSY
    to_do = "give the worker more processors, or begin fewer releases at once" if busy else REMEDY
    remedy = "" if to_do in answer.why else f" To do: {to_do}."
    return Finding(
        code="no_browser",
        subject="chromium",
        sentence=f"{kind} opened no page: {answer.why}.{remedy}",
        expected="a Chromium that is free" if busy else "a Chromium that starts",
        actual="none",
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )


def _no_page(path: str, status: int) -> Finding:
    actual = f"status {status}" if status else "no answer"
    refused = status in REFUSALS or not status
    return Finding(
        code="no_answer" if refused else "not_judged",
        subject=path,
        sentence=f"{path} answers a browser with {actual}, so it can't be judged. To do: see key_pages.",
        expected="status 200",
        actual=actual,
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.NETWORK if refused else Cause.PRODUCT,
    )


def _lost(path: str, why: str, severity: Severity | None) -> Finding:
    return Finding(
        code="not_judged",
        subject=path,
        sentence=f"{path} could not be judged in Chromium: {why}. To do: open the page in a browser and see.",
        expected="a page that a browser can show",
        actual=why,
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.NETWORK if "net::" in why else Cause.CHECK,
        severity=severity,
    )


def _refused(refused: set[str]) -> tuple[Finding, ...]:
    """A note on hosts that pages wanted and the gate did not contact."""
    hosts = sorted(refused)
    if not hosts:
        return ()
    shown = ", ".join(hosts[:10]) + (" …" if len(hosts) > 10 else "")
    sentence = (
        f"{count(len(hosts), 'host')} that pages load from are not among the site's own and were not contacted: "
        f"{shown}. To do: name those that belong to the site under 'allow_hosts'."
    )
    return (Finding(code="left_out", subject="allow_hosts", sentence=sentence, outcome=Outcome.PASSED),)
