"""What does a suite amount to that left these reports and files behind?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from aem_checks.kinds.suites import _suite_findings as say
from aem_checks.kinds.suites._suite_pictures import is_picture, picture_of, with_pictured_tries
from aem_checks.outcomes import Finding, Judgement, Outcome

if TYPE_CHECKING:
    from aem_checks.junit import Report
    from aem_checks.running import Left, Ran, Reports


class Aftermath:
    """Judges what a command left behind."""

    def __init__(self, suite: str, ran: Ran) -> None:
        self._suite, self._ran = suite, ran
        self._output, self._reports = f"{ran.place}/output.txt", f"{ran.place}/reports"
        files = (file for folder in ran.reports for file in folder.files)
        self._pictures = [file.evidence for file in files if is_picture(file.name)]

    def judge(self, limit: str) -> Judgement:
        """``limit``: the time that it had, in words."""
        from aem_checks.junit import combine

        suite, output = self._suite, self._output
        read: list[Report] = []
        problems: list[Finding] = []
        for folder in self._ran.reports:
            reports, wrong = self._read(folder)
            read += reports
            problems += wrong
            if folder.name and not reports:
                problems.append(say.no_report_in(suite, folder.name, output))
        if self._ran.exit_code == 0:
            read = [each.of_success() for each in read]
        report = with_pictured_tries(combine(read), self._pictures)
        findings = [
            *say.failures(suite, report, self._reports, lambda case: picture_of(case, self._pictures)),
            *problems,
            *say.unknown(suite, report, output),
            *say.contradictions(suite, report, output),
            *say.ends(suite, self._ran, limit, report, output),
        ]
        if not read and all(problem.outcome is Outcome.PASSED for problem in problems):
            findings.append(say.no_report(suite, output))
        elif read and report.executed == 0 and not report.unknown:
            findings.append(say.no_case(suite, len(report.cases), output))
        findings += say.retried(suite, report, self._reports)
        if self._pictures:
            findings.append(say.pictures(suite, len(self._pictures), self._reports))
        return Judgement(examined=report.executed, findings=tuple(findings), flaky=bool(report.flaky))

    def _read(self, folder: Reports) -> tuple[list[Report], list[Finding]]:
        """The reports of a folder, and what could not be read as one."""
        read: list[Report] = []
        problems: list[Finding] = []
        for file in folder.files:
            found = self._report(file)
            if isinstance(found, Finding):
                problems.append(found)
            elif found is not None:
                read.append(found)
                problems += self._say_colours(found, file.name)
        return read, [*problems, *self._say_left_out(folder)]

    def _report(self, file: Left) -> Report | Finding | None:
        """The report that a file holds, what is wrong with it, or nothing for any other file."""
        from aem_checks.junit import ReportError, read_report

        if file.xml is None:
            return None
        try:
            return read_report(file.xml.read())
        except ReportError as error:
            return say.unreadable(self._suite, file.name, str(error), file.evidence)

    def _say_colours(self, report: Report, name: str) -> Iterator[Finding]:
        if report.replaced:
            yield say.colours(self._suite, name, report.replaced, f"{self._reports}/{name}")

    def _say_left_out(self, folder: Reports) -> Iterator[Finding]:
        """A report that was left out may have held a failure; anything else is only a note."""
        from aem_checks.reports import TOO_OLD

        fresh = [file for file in folder.left_out if file.why != TOO_OLD]
        reports = [file for file in fresh if file.name.lower().endswith(".xml") or file.name == "."]
        others = [file for file in folder.left_out if file not in reports]
        for file in reports[:5]:
            yield say.unreadable(self._suite, file.name, file.why, "")
        if others:
            yield say.left_out(self._suite, len(others), others[0].name, others[0].why)
