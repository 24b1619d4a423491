"""Did a check say of a row what it has to say?"""

from __future__ import annotations

from aem_checks.outcomes import CheckResult, Finding, Outcome, Severity
from catalogue.seeds import Clean, Seed


def bad(result: CheckResult) -> list[Finding]:
    """The findings that are not mere notes."""
    return [finding for finding in result.findings if finding.outcome is not Outcome.PASSED]


def problem(row: Seed | Clean, result: CheckResult) -> str:
    """What is wrong with the result of a row, with what the check said; empty where it is as it should be."""
    wrong = _seed_problem(row, result) if isinstance(row, Seed) else _clean_problem(result)
    if not wrong:
        return ""
    said = "\n".join(f"  {f.outcome} {f.severity or ''} [{f.subject}] {f.sentence}" for f in result.findings)
    return f"{row.name}: {wrong}\n{said}"


def _seed_problem(seed: Seed, result: CheckResult) -> str:
    expected = "passed" if seed.outcome == "passed-with-warning" else seed.outcome
    if (result.severity, result.outcome) != (seed.severity, expected):
        return f"expected {seed.severity} {expected}, got {result.severity} {result.outcome}"
    warned = any(f.severity is Severity.WARN and f.outcome is Outcome.FAILED for f in result.findings)
    if seed.outcome == "passed-with-warning" and not warned:
        return "expected a warning among the findings"
    if seed.says and not any(seed.says in finding.sentence for finding in bad(result)):
        return f"no finding says {seed.says!r}"
    if result.flaky:
        return "it is called flaky"
    return ""


def _clean_problem(result: CheckResult) -> str:
    if result.outcome is not Outcome.PASSED:
        return f"expected passed, got {result.severity} {result.outcome}"
    if result.examined == 0:
        return "nothing was examined"
    return "it has findings" if bad(result) else ""
