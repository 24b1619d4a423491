"""What is the result of a check that was planned and must not run?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aem_checks.outcomes import Cause, CheckResult, Finding, Judgement, Outcome, Severity
from aem_checks.text import plain

if TYPE_CHECKING:
    from aem_checks.config import ConfiguredCheck


def not_run(check: ConfiguredCheck, word: str, subject: str, sentences: Iterable[str]) -> CheckResult:
    """Inconclusive, with a finding about ``subject`` for each sentence; ``word`` is one that any check may use."""
    now = datetime.now(UTC)
    return nothing_seen(check.kind, word, subject, sentences).as_result(
        Severity.WARN if check.settings.dry_run else check.severity,
        capped=True,
        key=check.key,
        kind=check.kind,
        site=check.site,
        target=check.target,
        started_at=now,
        finished_at=now,
    )


def nothing_seen(kind: str, word: str, subject: str, sentences: Iterable[str]) -> Judgement:
    """What a check of this kind makes of not having been run."""
    findings = tuple(
        Finding(
            code=f"{kind}.{word}",
            subject=subject,
            sentence=plain(each),
            outcome=Outcome.INCONCLUSIVE,
            cause=Cause.CHECK,
        )
        for each in sentences
    )
    return Judgement(examined=0, findings=findings)
