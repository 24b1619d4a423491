"""Which checks have to answer before a candidate can pass, fixed before the first of them runs."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from aem_checks.outcomes import CheckResult, Severity


class PlannedCheck(BaseModel):
    """One check of the plan."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    kind: str
    site: str
    target: str
    severity: Severity
    dry_run: bool = False
    host: str
    """The host it asks, as ``candidate.host_of`` writes it."""
    settings_digest: str
    """SHA-256 of its settings, so that a changed gate file cannot change what was promised."""

    @property
    def blocks(self) -> bool:
        return self.severity is Severity.BLOCK and not self.dry_run


class Plan(BaseModel):
    """What a gate promised to check for one candidate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gate: str
    gate_digest: str
    mode: str
    checks: tuple[PlannedCheck, ...]
    build_marker: bool
    """Whether the sites name a build marker, so that the build which answered can be known."""

    @property
    def stage_checks(self) -> tuple[PlannedCheck, ...]:
        return tuple(check for check in self.checks if check.target == "stage")

    @property
    def production_checks(self) -> tuple[PlannedCheck, ...]:
        return tuple(check for check in self.checks if check.target == "production")


class RecordedResult(BaseModel):
    """A check's result as it lies in the evidence, bound to the candidate for which it was found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    candidate_digest: str
    attempt: int
    settings_digest: str
    result: CheckResult
