"""What did a suite leave behind, what of it becomes evidence, and what does it amount to?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from aem_checks.kinds.suites import _suite_findings as say
from aem_checks.kinds.suites._suite_pictures import PICTURES, picture_of, with_pictured_tries
from aem_checks.outcomes import Finding, Judgement, Outcome

if TYPE_CHECKING:
    from aem_checks.commands import CommandResult
    from aem_checks.junit import Report
    from aem_checks.reports import LeftOut, ReportFile
    from aem_checks.visit import Visit


@dataclass(frozen=True)
class Source:
    """A folder with reports. ``since``: seconds since 1970 before which a file is not of this run."""

    folder: Path
    name: str = ""
    """Below which name its files are kept; empty for the command's own report folder."""
    since: float = 0.0


class Aftermath:
    """Keeps what a command left behind and judges it."""

    def __init__(self, suite: str, visit: Visit, secrets: tuple[str, ...]) -> None:
        self._suite, self._visit, self._secrets = suite, visit, secrets
        self._place = visit.free_place(f"suites/{suite}")
        self._pictures: list[str] = []

    def judge(self, result: CommandResult, sources: Sequence[Source], limit: str) -> Judgement:
        from aem_checks.junit import combine

        output = self._visit.keep(f"{self._place}/output.txt", self._without_secrets(result.output))
        read: list[Report] = []
        problems: list[Finding] = []
        for source in sources:
            reports, wrong = self._take_over(source)
            read += reports
            problems += wrong
            if source.name and not reports:
                problems.append(say.no_report_in(self._suite, source.name, output))
        if result.exit_code == 0:
            read = [each.of_success() for each in read]
        report = with_pictured_tries(combine(read), self._pictures)
        findings = [
            *say.failures(
                self._suite, report, f"{self._place}/reports", lambda case: picture_of(case, self._pictures)
            ),
            *problems,
            *say.unknown(self._suite, report, output),
            *say.contradictions(self._suite, report, output),
            *say.ends(self._suite, result, limit, report, output),
        ]
        if not read and all(problem.outcome is Outcome.PASSED for problem in problems):
            findings.append(say.no_report(self._suite, output))
        elif read and report.executed == 0 and not report.unknown:
            findings.append(say.no_case(self._suite, len(report.cases), output))
        findings += say.retried(self._suite, report, f"{self._place}/reports")
        if self._pictures:
            findings.append(say.pictures(self._suite, len(self._pictures), f"{self._place}/reports"))
        return Judgement(examined=report.executed, findings=tuple(findings), flaky=bool(report.flaky))

    def _take_over(self, source: Source) -> tuple[list[Report], list[Finding]]:
        """Copy every file into the evidence; the reports among them, and what could not be read as one."""
        from aem_checks.reports import LeftOut, collect

        read: list[Report] = []
        problems: list[Finding] = []
        left_out: list[LeftOut] = []
        for file in collect(source.folder, self._secrets, since=source.since):
            if isinstance(file, LeftOut):
                left_out.append(file)
                continue
            found = self._keep(file, source.name)
            if isinstance(found, Finding):
                problems.append(found)
            elif found is not None:
                read.append(found)
                problems += self._say_colours(found, str(PurePosixPath(source.name, file.name)))
        return read, [*problems, *self._say_left_out(left_out)]

    def _keep(self, file: ReportFile, below: str) -> Report | Finding | None:
        """The report that a file holds, what is wrong with it, or nothing for any other file."""
        from aem_checks.junit import ReportError, read_report

        name = str(PurePosixPath(below, file.name))
        proof = self._visit.keep(f"{self._place}/reports/{name}", file.content)
        if PurePosixPath(name).suffix.lower() in PICTURES:
            self._pictures.append(proof)
        if not file.is_xml:
            return None
        try:
            return read_report(file.content)
        except ReportError as error:
            return say.unreadable(self._suite, name, str(error), proof)

    def _say_colours(self, report: Report, name: str) -> Iterator[Finding]:
        if report.replaced:
            yield say.colours(self._suite, name, report.replaced, f"{self._place}/reports/{name}")

    def _say_left_out(self, files: list[LeftOut]) -> Iterator[Finding]:
        """A report that was left out may have held a failure; anything else is only a note."""
        from aem_checks.reports import TOO_OLD

        fresh = [file for file in files if file.why != TOO_OLD]
        reports = [file for file in fresh if file.name.lower().endswith(".xml") or file.name == "."]
        others = [file for file in files if file not in reports]
        for file in reports[:5]:
            yield say.unreadable(self._suite, file.name, file.why, "")
        if others:
            yield say.left_out(self._suite, len(others), others[0].name, others[0].why)

    def _without_secrets(self, content: bytes) -> bytes:
        for secret in self._secrets:
            content = content.replace(secret.encode(), b"*" * len(secret))
        return content
