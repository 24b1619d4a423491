"""How are results shown in a terminal and written for other programs?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aem_checks.outcomes import CheckResult, Outcome
from aem_checks.text import count

if TYPE_CHECKING:
    from junitparser import TestCase

_MOST_FINDINGS = 10


def table(results: Sequence[CheckResult]) -> str:
    """One line per check, and below each the findings that say why it is not passed."""
    width = max((len(result.key) for result in results), default=0)
    lines = []
    for result in sorted(results, key=lambda each: (each.outcome is Outcome.PASSED, each.key)):
        lines += [_line(result, width), *_details(result)]
    return "\n".join(lines)


def _line(result: CheckResult, width: int) -> str:
    seconds = (result.finished_at - result.started_at).total_seconds()
    cause = f" ({result.cause})" if result.cause else ""
    word = f"{result.outcome}{cause}".ljust(30)
    return f"{word} {result.severity:<5}  {result.key.ljust(width)}  {result.examined:>4} examined {seconds:7.1f} s"


def _details(result: CheckResult) -> Iterator[str]:
    shown = result.findings[:_MOST_FINDINGS]
    for finding in shown:
        mark = {Outcome.FAILED: "x", Outcome.INCONCLUSIVE: "?", Outcome.PASSED: "-"}[finding.outcome]
        milder = f" [{finding.severity}]" if finding.severity and finding.severity != result.severity else ""
        yield f"    {mark} {finding.sentence} ({finding.code}){milder}"
    if len(result.findings) > len(shown):
        yield f"    … and {count(len(result.findings) - len(shown), 'more finding')}"


def as_json(gate: str, target: str, outcome: Outcome, results: Sequence[CheckResult]) -> str:
    """All results as one JSON object: ``gate``, ``target``, ``outcome``, ``results``."""
    told = {
        "gate": gate,
        "target": target,
        "outcome": outcome,
        "results": [result.model_dump(mode="json") for result in results],
    }
    return json.dumps(told, indent=2)


def write_junit(path: Path, gate: str, results: Sequence[CheckResult]) -> None:
    """Write JUnit XML: a failed check is a failure, an inconclusive one an error, a failed warning skipped."""
    from junitparser import JUnitXml, TestSuite

    suite = TestSuite(gate)
    for result in results:
        suite.add_testcase(_case(result))
    report = JUnitXml(gate)
    report.add_testsuite(suite)
    report.write(str(path))


def _case(result: CheckResult) -> TestCase:
    from junitparser import Error, Failure, Skipped, TestCase

    seconds = (result.finished_at - result.started_at).total_seconds()
    case = TestCase(result.key, classname=f"{result.site}.{result.target}", time=seconds)
    said = "\n".join(result.sentences)
    first = next(
        (each.sentence for each in result.findings if each.outcome is result.outcome), "nothing examined"
    )
    if result.outcome is Outcome.PASSED:
        case.system_out = said
    elif result.severity == "warn":
        case.result = [Skipped(f"warning: {first}")]
        case.system_out = said
    else:
        kind = Failure if result.outcome is Outcome.FAILED else Error
        element = kind(first, str(result.cause or ""))
        element.text = said
        case.result = [element]
    return case
