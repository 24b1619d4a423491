"""What does the end of a test amount to, with the reports that it left? From values to a judgement; no I/O.

An assertion that failed, or a case of a report that failed, is a failure, whatever else is said. Any other end that is
no good one is no answer, and so is a good one without anything examined.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from aem_checks.kinds.suites import _suite_findings as say
from aem_checks.outcomes import Cause, Finding, Judgement, Outcome
from aem_checks.text import count, plain, quoted

if TYPE_CHECKING:
    from aem_checks.junit import Report

_NAMED = 10
_LONGEST = 500


class How(StrEnum):
    """How the task itself ended."""

    WELL = "well"
    ASSERTION = "an assertion failed"
    LATE = "its time was over"
    BROKE_OFF = "it broke off"


@dataclass(frozen=True)
class End:
    """How a run of a test ended."""

    how: How
    said: str = ""
    """What the assertion, or the exception, says."""
    examined: int = 0
    """How many things it examined, by its own word."""
    named: tuple[str, ...] = ()
    """Some of them by name."""


@dataclass(frozen=True)
class Left:
    """The reports that a run of a test left."""

    reports: tuple[Report, ...] = ()
    problems: tuple[Finding, ...] = ()
    """What could not be used of them, and notes."""
    evidence: str = ""
    """Where they are kept."""
    missing: str = ""
    """Which pattern found none, empty where one was found."""


def judge(name: str, end: End, left: Left | None, limit: str) -> Judgement:
    """``left`` is ``None`` for a test without reports; ``limit`` is how long it may take, as a gate file writes it."""
    findings = [*_of_assertion(name, end)]
    if left is None:
        findings += _without_reports(name, end, limit)
        return Judgement(examined=_examined(end), findings=tuple(findings))
    report = _combined(end, left)
    findings += say.failures(name, report, left.evidence, lambda _: "")
    findings += left.problems
    findings += say.unknown(name, report, left.evidence)
    findings += say.contradictions(name, report, left.evidence)
    findings += _bad_end(name, end, limit, report)
    findings += _nothing_read(name, left, report)
    findings += say.retried(name, report, left.evidence)
    failed = end.how is How.ASSERTION
    return Judgement(examined=report.executed + failed, findings=tuple(findings), flaky=bool(report.flaky))


def _combined(end: End, left: Left) -> Report:
    from aem_checks.junit import combine

    return combine(each.of_success() if end.how is How.WELL else each for each in left.reports)


def _of_assertion(name: str, end: End) -> Iterator[Finding]:
    if end.how is How.ASSERTION:
        said = end.said or "no message"
        yield Finding(
            code="assertion",
            subject=name,
            sentence=f"Test {name}: an assertion failed: {quoted(said, _LONGEST)}.",
            expected="what the test asserts",
            actual=plain(said, _LONGEST),
        )


def _without_reports(name: str, end: End, limit: str) -> Iterator[Finding]:
    if end.how is How.ASSERTION:
        return
    if end.how is not How.WELL:
        yield _broken(name, end, limit, "")
    elif end.examined == 0:
        yield _unsure(
            "unexamined",
            name,
            "ended well, and nobody says what it examined",
            "return from it what was examined (a number, or a list of names), or write 'examined=' or 'reports=' where it "
            "is declared",
        )
    else:
        yield _examined_note(name, end)


def _examined(end: End) -> int:
    """What counts of it: an assertion that failed has looked at one thing at least."""
    if end.how is How.ASSERTION:
        return max(1, end.examined)
    return end.examined if end.how is How.WELL else 0


def _examined_note(name: str, end: End) -> Finding:
    named = f": {', '.join(quoted(each, 100) for each in end.named[:_NAMED])}" if end.named else ""
    sentence = f"Test {name} says that it examined {count(end.examined, 'thing')}{named}."
    return Finding(code="examined", subject=name, sentence=sentence, outcome=Outcome.PASSED)


def _bad_end(name: str, end: End, limit: str, report: Report) -> Iterator[Finding]:
    """An end that its reports do not explain."""
    if end.how in (How.WELL, How.ASSERTION) or (end.how is How.BROKE_OFF and report.failed):
        return
    said = f"no failed case among {report.executed}" if report.cases else "no case at all"
    yield _broken(name, end, limit, f", and its reports hold {said}" if not report.failed else "")


def _nothing_read(name: str, left: Left, report: Report) -> Iterator[Finding]:
    if left.missing and all(each.outcome is Outcome.PASSED for each in left.problems):
        yield say.no_report_in(name, left.missing, "")
    elif left.reports and report.executed == 0 and not report.unknown:
        yield say.no_case(name, len(report.cases), left.evidence)


def _broken(name: str, end: End, limit: str, but: str) -> Finding:
    if end.how is How.LATE:
        what = f"did not end within {limit}{but}"
        return _unsure("time_limit", name, what, "see what is slow, or raise 'within' where it is declared")
    what = f"broke off with {quoted(end.said or 'no message', _LONGEST)}{but}"
    return _unsure("ended", name, what, "read the log of its task in Airflow, and test stage again")


def _unsure(code: str, name: str, what: str, remedy: str) -> Finding:
    return Finding(
        code=code,
        subject=name,
        sentence=f"Test {name} {what}, so it proves nothing. To do: {remedy}.",
        expected="an end with reports, or with what was examined",
        actual=what,
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )


def says_anything(judgement: Judgement) -> bool:
    """Whether a run said something of the release: where it did not, another try of its task may."""
    return judgement.examined > 0 or any(each.outcome is Outcome.FAILED for each in judgement.findings)


def problems_of(names: Sequence[tuple[str, str]], name: str, listed: int = 5) -> Iterator[Finding]:
    """Of reports that could not be used: the first ones, each with why, and how many more there are."""
    for file, why in names[:listed]:
        yield say.unreadable(name, file, why, "")
    if len(names) > listed:
        more = f"has {len(names)} reports that could not be used; {listed} are listed"
        yield _unsure("more", name, more, "let it write fewer and smaller reports")


def notes_of(names: Iterable[str], why: str, name: str) -> Iterator[Finding]:
    """Of files that are no reports and were not kept."""
    found = list(names)
    if found:
        yield say.left_out(name, len(found), found[0], why)
