"""What a check can say: findings, outcomes and the result of one check."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

RETRIED = "retried"
"""The word, in the code of a note, for what passed only when the check itself tried it again."""


class Severity(StrEnum):
    """Whether a failed check stops the release (``block``) or is only reported (``warn``)."""

    BLOCK = "block"
    WARN = "warn"


class Outcome(StrEnum):
    """What a check says of the site. There is no third way to be good: nothing seen is inconclusive."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


class Cause(StrEnum):
    """Where to look for the reason of an outcome that is not ``passed``."""

    PRODUCT = "product"
    CHECK = "check"
    NETWORK = "network"
    CLOUD_MANAGER = "cloud manager"
    QUOTA = "quota"


class Finding(BaseModel):
    """One thing that a check saw and that is not as it should be, or that it could not see.

    ``sentence`` stands alone: somebody on call reads it in a task log and knows what is wrong and where.
    Every text may quote the site and is therefore hostile input; whoever shows it escapes it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = ""
    """Which fault it is: a word of ``codes`` of its kind, and in a result the whole code, ``<kind>.<word>``."""
    subject: str
    """What it is about: a URL, a header, a component."""
    sentence: str
    expected: str = ""
    actual: str = ""
    outcome: Outcome = Outcome.FAILED
    """``failed`` or ``inconclusive``; ``passed`` marks a note that changes nothing."""
    cause: Cause = Cause.PRODUCT
    severity: Severity | None = None
    """Set where a check judges this finding milder or harder than its own severity; of a note, how grave it would be."""
    evidence: str = ""
    """Path of the proof inside the evidence folder, empty where the sentence is all there is."""
    about: tuple[str, ...] = ()
    """What it is about beside its subject, all of it: pages of the site as paths, files as whole addresses. By these it is
    seen that one finding follows from another."""


class Judgement(BaseModel):
    """What one run of a check found, before its severity and name are attached.

    ``examined`` counts what was really looked at (pages, URLs, cases). Zero is never good: see ``outcome``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    examined: int = Field(ge=0)
    findings: tuple[Finding, ...] = ()
    flaky: bool = False
    """Whether a part of it passed only when it was tried again, as a suite does that repeats its cases by itself."""

    def weigh(self, severity: Severity, *, capped: bool = False) -> tuple[Severity, Outcome, Cause | None]:
        """What the findings amount to for a check of this severity: severity, outcome, cause.

        A blocking finding outweighs any number of milder ones, a failure outweighs a missing answer, and
        nothing examined is no answer. A warning inside a blocking check leaves it passed. With ``capped``
        (the gate file names the severity itself) no finding can weigh more than the check.
        """
        seen = [finding for finding in self.findings if finding.outcome is not Outcome.PASSED]
        blocking = [f for f in seen if (f.severity or severity) is Severity.BLOCK]
        if blocking and not (capped and severity is Severity.WARN):
            return Severity.BLOCK, *_gravest(blocking)
        if self.examined == 0:
            return severity, Outcome.INCONCLUSIVE, _gravest(seen)[1] if seen else Cause.CHECK
        if seen and severity is Severity.WARN:
            return Severity.WARN, *_gravest(seen)
        return severity, Outcome.PASSED, None

    def as_result(
        self,
        severity: Severity,
        *,
        capped: bool,
        key: str,
        kind: str,
        site: str,
        target: str,
        started_at: datetime,
        finished_at: datetime,
        attempts: int = 1,
    ) -> CheckResult:
        """The result of a check of this severity, once it has been weighed (see ``weigh``)."""
        weight, outcome, cause = self.weigh(severity, capped=capped)
        return CheckResult(
            key=key,
            kind=kind,
            site=site,
            target=target,
            severity=weight,
            outcome=outcome,
            cause=cause,
            examined=self.examined,
            findings=self.findings,
            attempts=attempts,
            flaky=self.flaky,
            started_at=started_at,
            finished_at=finished_at,
        )


def _gravest(findings: Iterable[Finding]) -> tuple[Outcome, Cause]:
    gravest = min(findings, key=lambda finding: finding.outcome is not Outcome.FAILED)
    return gravest.outcome, gravest.cause


class CheckResult(BaseModel):
    """The result of one planned check on one target, as it is kept in the evidence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    """Unique in a plan and a valid Airflow task id, for example ``key_pages`` or ``wknd-us.suite.cypress``."""
    kind: str
    site: str
    target: str
    """``stage`` or ``production``."""
    severity: Severity
    outcome: Outcome
    cause: Cause | None = None
    examined: int = Field(ge=0)
    findings: tuple[Finding, ...] = ()
    attempts: int = Field(default=1, ge=1)
    """How often it ran; a failing blocking check is confirmed by one re-run."""
    flaky: bool = False
    """Whether it, or a part of it, passed only when it was tried again, or failed on its re-run without something that
    failed before."""
    started_at: AwareDatetime
    finished_at: AwareDatetime

    @model_validator(mode="after")
    def _names_codes_of_its_kind(self) -> CheckResult:
        strange = next(
            (f.code for f in self.findings if f.code and not f.code.startswith(f"{self.kind}.")), None
        )
        if strange is not None:
            raise ValueError(
                f"a finding of {self.kind} has the code {strange[:80]!r}, which is none of this kind"
            )
        return self

    @property
    def retried(self) -> bool:
        """Whether it is flaky by its own account, run again or not: a part of it passed when it tried that again."""
        return self.flaky and any(each.code == f"{self.kind}.{RETRIED}" for each in self.findings)

    @property
    def sentences(self) -> list[str]:
        return [finding.sentence for finding in self.findings]


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """``failed`` over ``inconclusive`` over ``passed``; of nothing it is ``inconclusive``."""
    seen = set(outcomes)
    for outcome in (Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.PASSED):
        if outcome in seen:
            return outcome
    return Outcome.INCONCLUSIVE
