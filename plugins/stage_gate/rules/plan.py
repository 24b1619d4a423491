"""Which checks have to answer before a candidate can pass, fixed before the first of them runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from aem_checks.outcomes import Cause, CheckResult, Finding, Outcome, Severity
from stage_gate.rules.surroundings import Fact

CLOUD_MANAGER = "cloud_manager"
"""The kind of the planned checks that Cloud Manager itself has run: they ask no host of ours."""

SMOKE_TESTS = "smoke_tests"
"""The kind of the planned checks that a person answers."""

OWN_TESTS = "tasks"
"""The kind of the planned checks that are Airflow tasks of a team's own."""

NOT_AUTOMATIC = frozenset({CLOUD_MANAGER, SMOKE_TESTS})
"""Kinds that are no checks of the gate's own: with them alone a plan would test nothing by itself."""

PROVES_NOTHING = frozenset({"settled"})
"""Kinds that only say when testing can begin."""


UNISOLATED = "may run un-isolated: accepted in the gate file."
"""The end of a sentence on a check whose gate file says ``isolation: accepted``; its key begins it."""


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Excuse(_Fact):
    """Whatever does not count for now: somebody answers for it, and it ends by itself."""

    owner: str
    until: date
    why: str

    def holds_on(self, day: date) -> bool:
        """Whether it is still in force on this day (UTC)."""
        return day <= self.until

    def __str__(self) -> str:
        return f"owner {self.owner}, until {self.until}: {self.why}"


class Waiver(Excuse):
    """Findings of one check that are accepted for now."""

    check: str
    """Key of the check."""
    code: str = ""
    """Which fault. Empty where the gate file names none: then it waives nothing."""
    subject: str
    """Which findings: a pattern of their subject, ``*`` for any characters."""


class FlakeRules(_Fact):
    """What a check amounts to that passed only on a re-run."""

    reruns: int = 5
    """How many re-runs a release has, all checks together."""
    count_as: Outcome = Outcome.PASSED


class PinnedBaseline(_Fact):
    """The release that checks compare with: one attempt of this gate, named by its seal."""

    execution_id: str = Field(pattern=r"^[1-9][0-9]{0,19}$")
    attempt: int = Field(ge=1)
    seal_digest: str
    sealed_at: AwareDatetime

    def __str__(self) -> str:
        return f"execution {self.execution_id} of {self.sealed_at:%Y-%m-%d}"


class PlannedCheck(_Fact):
    """One check of the plan."""

    key: str
    kind: str
    site: str
    target: str
    severity: Severity
    dry_run: bool = False
    quarantine: Excuse | None = None
    unisolated: bool = False
    """Whether the gate file, or its own Dag file, accepts that this code of a team runs un-isolated."""
    host: str
    """The host that ties it to the environment, as ``candidate.host_of`` writes it; empty for Cloud Manager's own results."""
    asked: str = ""
    """The host that its requests go to, where that is another than ``host``."""
    settings_digest: str
    """SHA-256 of its settings, so that a changed gate file cannot change what was promised."""
    may_block: bool = False
    """Whether it warns by its kind alone, so that what it finds can be graver and block."""

    @property
    def exposed(self) -> str:
        """A sentence on a check that may run un-isolated."""
        where = "Dag file" if self.kind == OWN_TESTS else "gate file"
        return f"{self.key} {UNISOLATED.replace('gate file', where)}"

    @property
    def blocks(self) -> bool:
        return self.severity is Severity.BLOCK and not self._is_excused

    @property
    def escalates(self) -> bool:
        """Whether it warns, and what it finds blocks where it says so."""
        return self.severity is Severity.WARN and not self._is_excused

    @property
    def _is_excused(self) -> bool:
        return self.dry_run or self.quarantine is not None


class Plan(_Fact):
    """What a gate promised to check for one candidate."""

    gate: str
    gate_digest: str
    mode: str
    made_at: AwareDatetime
    """When it was written: expiries are compared with it, and the age of the evidence is counted from it."""
    checks: tuple[PlannedCheck, ...]
    waivers: tuple[Waiver, ...] = ()
    """Those in force when the plan was made."""
    flakes: FlakeRules = Field(default_factory=FlakeRules)
    minimum: tuple[str, ...] = ()
    """Kinds that the deployment wants to block in every gate."""
    accept_unread: tuple[Fact, ...] = ()
    """Facts about changes of stage that may be unreadable: what they would have told is not known then, and that is said."""
    build_marker: bool
    """Whether on each site a check that blocks compares the build marker with the candidate."""
    covered: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    """Manual smoke tests that nobody is asked, each with the checks that find out the same."""
    baseline: PinnedBaseline | None = None
    """What checks compare with; ``None`` before the first release that was approved and verified."""
    baseline_notes: tuple[str, ...] = ()
    """Why newer releases are not the baseline, or why there is none, a sentence each."""

    @property
    def stage_checks(self) -> tuple[PlannedCheck, ...]:
        return tuple(check for check in self.checks if check.target == "stage")


class RecordedResult(_Fact):
    """A check's result as it lies in the evidence, bound to the candidate for which it was found."""

    candidate_digest: str
    attempt: int
    settings_digest: str
    result: CheckResult

    def without_answer(self, word: str, sentence: str) -> RecordedResult:
        """The same where it counts for nothing; the sentence says why, and ``word`` is that of its code."""
        finding = Finding(
            code=f"{self.result.kind}.{word}",
            subject=self.result.key,
            sentence=sentence,
            outcome=Outcome.INCONCLUSIVE,
            cause=Cause.CHECK,
        )
        values = {
            "outcome": Outcome.INCONCLUSIVE,
            "cause": Cause.CHECK,
            "examined": 0,
            "findings": (finding,),
        }
        return self.model_copy(update={"result": self.result.model_copy(update=values)})
