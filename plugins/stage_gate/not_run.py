"""What is the result of a planned check that could not begin? Inconclusive, with the reason."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aem_checks.outcomes import Cause, CheckResult, Finding, Outcome, Severity
from aem_checks.text import plain

if TYPE_CHECKING:
    from aem_checks.config import ConfiguredCheck


def not_run(check: ConfiguredCheck, subject: str, why: str) -> CheckResult:
    """``why`` is a sentence with what to do; it may quote what is hostile."""
    now = datetime.now(UTC)
    finding = Finding(
        subject=subject,
        sentence=plain(f"{check.key} was not run: {why}"),
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
    )
    return CheckResult(
        key=check.key,
        kind=check.kind,
        site=check.site,
        target=check.target,
        severity=Severity.WARN if check.settings.dry_run else check.severity,
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CHECK,
        examined=0,
        findings=(finding,),
        started_at=now,
        finished_at=now,
    )
