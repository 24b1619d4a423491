"""How is a long list of findings cut to what a person reads, without losing how grave it is?"""

from __future__ import annotations

from collections.abc import Iterable

from aem_checks.outcomes import Finding, Outcome, Severity

MOST_FINDINGS = 25
_ORDER = (Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.PASSED)


def shortened(
    findings: Iterable[Finding], *, severity: Severity, most: int = MOST_FINDINGS
) -> tuple[Finding, ...]:
    """The gravest ``most`` findings, and one more that counts the rest and weighs as much as the gravest of it.

    ``severity`` is that of the check, for findings without their own.
    """
    ordered = sorted(findings, key=lambda found: _gravity(found, severity))
    kept, rest = ordered[:most], ordered[most:]
    if not rest:
        return tuple(kept)
    gravest = rest[0]
    summary = Finding(
        code="more",
        subject=f"{len(rest)} more",
        sentence=f"{len(rest)} more findings of the same check are not listed; {len(ordered)} in all.",
        outcome=gravest.outcome,
        cause=gravest.cause,
        severity=gravest.severity,
    )
    return (*kept, summary)


def _gravity(finding: Finding, severity: Severity) -> tuple[bool, bool, int]:
    note = finding.outcome is Outcome.PASSED
    return note, (finding.severity or severity) is not Severity.BLOCK, _ORDER.index(finding.outcome)
