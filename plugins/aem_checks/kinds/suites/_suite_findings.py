"""What is said of a suite that failed, or that did not say whether it passed?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from aem_checks.outcomes import Cause, Finding, Outcome
from aem_checks.running import NotRun
from aem_checks.text import count, quoted

if TYPE_CHECKING:
    from aem_checks.junit import Report
    from aem_checks.running import Ran

_LISTED = 20
_WORDS = 5


def failures(
    suite: str, report: Report, evidence: str, picture_of: Callable[[str], str]
) -> Iterator[Finding]:
    """Each failed case with its picture, up to a number that a person reads, and how many there are."""
    failed = report.failed
    for case in failed[:_LISTED]:
        yield Finding(
            code="case_failed",
            subject=f"{suite}: {case.name}"[:300],
            sentence=f"Suite {suite}: {quoted(case.name, 200)} failed: {quoted(case.message or 'no message', 300)}.",
            expected="passed",
            actual=case.message or "failed without a message",
            evidence=picture_of(case.name) or evidence,
        )
    if len(failed) > _LISTED:
        yield Finding(
            code="more",
            subject=f"{suite}: {len(failed) - _LISTED} more",
            sentence=f"Suite {suite}: {len(failed)} of {report.executed} executed cases failed; "
            f"{_LISTED} are listed.",
            evidence=evidence,
        )


def ends(suite: str, result: Ran, limit: str, report: Report, output: str) -> Iterator[Finding]:
    """What the way in which the command ended says."""
    if result.timed_out:
        yield _unsure(
            "time_limit",
            suite,
            f"did not end in time (limit {limit}) and was ended with all that it started",
            output,
            "an end",
        )
    elif result.exit_code is None:
        what = "lost the process that guards it, so its exit code is not known"
        yield _unsure("exit_code", suite, what, output, "an exit code")
    elif result.exit_code != 0 and not report.failed:
        said = f"no failed case among {report.executed}" if report.cases else "no case at all"
        how = f"signal {-result.exit_code}" if result.exit_code < 0 else f"exit code {result.exit_code}"
        what = f"ended with {how}, but its reports hold {said}"
        yield _unsure("exit_code", suite, what, output, "exit code 0")
    if result.survivors:
        what = f"left processes that cannot be ended: {', '.join(result.survivors)}"
        yield _unsure("survivors", suite, what, output)
    if result.left_over:
        names = ", ".join(quoted(name, 60) for name in result.left_over[:5])
        what = f"left {count(len(result.left_over), 'process', 'processes')} that were ended: {names}"
        yield _note("processes", suite, what)


def unknown(suite: str, report: Report, output: str) -> Iterator[Finding]:
    """Each word that nobody knows, with how many cases it ends and one of them."""
    words: dict[str, list[str]] = {}
    for case in report.unknown:
        words.setdefault(case.message, []).append(case.name)
    for word, names in list(words.items())[:_WORDS]:
        what = (
            f"says {quoted(word, 100)} of {count(len(names), 'case')}, such as {quoted(names[0], 200)}, and it is not "
            "known whether that is passed"
        )
        yield _unsure("unknown_word", suite, what, output, "passed, failed or skipped")
    if len(words) > _WORDS:
        what = f"says {len(words)} such words of its cases; {_WORDS} are listed"
        yield _unsure("more", suite, what, output)


def retried(suite: str, report: Report, evidence: str) -> Iterator[Finding]:
    """The cases that passed when the suite itself tried them again, with what the first try said."""
    if not report.flaky:
        return
    first = report.flaky[0]
    named = ", ".join(quoted(case.name, 120) for case in report.flaky[:_WORDS])
    said = f"; a try of the first one said {quoted(first.message, 200)}" if first.message else ""
    what = (
        f"had {len(report.flaky)} of {count(report.executed, 'executed case')} that passed only on a further try "
        f"(flaky): {named}{said}"
    )
    yield _note("retried", suite, what).model_copy(update={"evidence": evidence})


def colours(suite: str, name: str, number: int, evidence: str) -> Finding:
    what = (
        f"has a report with {count(number, 'control character')}, such as colours for a terminal, which no XML can hold: "
        f"{quoted(name, 200)}. It was read without them. To do: switch the colours off where the suite runs, with NO_COLOR: "
        "'1' and FORCE_COLOR: '0' under 'environment:', or as docs/suites.md says for the tool"
    )
    return _note("control_characters", suite, what).model_copy(update={"evidence": evidence})


def contradictions(suite: str, report: Report, output: str) -> Iterator[Finding]:
    for line in report.contradictions[:5]:
        what = f"has a report that contradicts itself: {quoted(line, 300)}"
        yield _unsure("contradiction", suite, what, output)


def unreadable(suite: str, name: str, why: str, evidence: str) -> Finding:
    what = f"has a report that cannot be used, {quoted(name, 200)}: {quoted(why, 300)}"
    return _unsure("unreadable", suite, what, evidence)


def no_report(suite: str, output: str) -> Finding:
    what = "wrote no JUnit XML below REPORTS_PATH"
    return _unsure("no_report", suite, what, output, "a JUnit XML report")


def no_report_in(suite: str, folder: str, output: str) -> Finding:
    what = f"wrote no JUnit XML of this run into {quoted(folder, 200)}, which 'reports:' names"
    return _unsure("no_report", suite, what, output, "a JUnit XML report in each folder")


def no_case(suite: str, listed: int, output: str) -> Finding:
    what = f"skipped all {count(listed, 'case')}" if listed else "reported no test case"
    return _unsure("no_case", suite, what, output, "at least one executed case")


def not_run(suite: str, folder: str, ran: Ran) -> Finding:
    """Why the command was not run, to be run in that folder."""
    if ran.not_run is NotRun.NO_FOLDER:
        what = f"has no folder {quoted(folder, 300)} on this worker"
        return _unsure("not_configured", suite, what, "", "the suite's folder")
    if ran.not_run is NotRun.NO_ACCESS:
        return _unsure("no_access", suite, f"cannot log in: {ran.why}", "", "a usable connection")
    what = f"was not run, since it can't run as the user that is set for it: {ran.why}"
    return _unsure("no_user", suite, what, "", "a run")


def pictures(suite: str, number: int, evidence: str) -> Finding:
    what = f"left {count(number, 'screenshot or video', 'screenshots and videos')}: see {evidence}"
    note = _note("pictures", suite, what)
    return note.model_copy(update={"evidence": evidence})


def left_out(suite: str, number: int, name: str, why: str) -> Finding:
    what = f"left {count(number, 'file')} that were not kept, such as {quoted(name, 200)}: {why}"
    return _note("left_out", suite, what)


def _unsure(code: str, suite: str, what: str, evidence: str, expected: str = "") -> Finding:
    return Finding(
        code=code,
        subject=f"suite {suite}",
        sentence=f"Suite {suite} {what}, so it proves nothing. To do: read {evidence or 'the gate file'} and run "
        "the suite again.",
        expected=expected,
        actual=what,
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
        evidence=evidence,
    )


def _note(code: str, suite: str, what: str) -> Finding:
    sentence = f"Suite {suite} {what}."
    return Finding(code=code, subject=f"suite {suite}", sentence=sentence, outcome=Outcome.PASSED)
