"""What do Cloud Manager's own results say of a release, and what does a gate want of them? Settings and pure rules.

Cloud Manager stops a release by itself where a critical metric or a stage test fails. What it lets through is judged
here: metrics that a person overrode, tests that there are none of any more, scores that nothing else looks at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from adobe_cloud_manager.resources import Metric
from adobe_cloud_manager.vocabulary import KNOWN, StepStatus
from aem_checks.codes import faults, with_codes
from aem_checks.excuses import below, switch
from aem_checks.outcomes import Cause, CheckResult, Finding, Judgement, Outcome, Severity
from stage_gate.rules.cloud_manager_metrics import Limit, adobes_judgement, own_limits
from stage_gate.rules.gate_values import GateModel
from stage_gate.rules.plan import CLOUD_MANAGER, PlannedCheck

Rating = Literal["A", "B", "C", "D", "E"]
Percent = Annotated[float, Field(strict=True, ge=0, le=100)]
Count = Annotated[int, Field(strict=True, ge=0)]
Flag = Annotated[bool, Field(strict=True)]


class _Part(GateModel):
    """What every part can be told."""

    severity: Annotated[Severity | None, switch(Severity.WARN, everything=True)] = None
    """`block` or `warn`. Where absent it warns, and blocks only where tests are gone that the previous release had."""

    def limits(self) -> dict[str, Limit]:
        """The gate's own limits, by Cloud Manager's name of the metric."""
        return {}


class CodeQualityMinimum(GateModel):
    """The worst that is accepted; Cloud Manager's own limits hold besides."""

    security_rating: Rating | None = None
    reliability_rating: Rating | None = None
    maintainability_rating: Rating | None = None
    coverage: Percent | None = None
    """Per cent of the code that unit tests cover."""


class CodeQualityMaximum(GateModel):
    """The most that is accepted."""

    skipped_tests: Count | None = None
    open_issues: Count | None = None
    duplicated_lines: Percent | None = None
    """Per cent of the code."""


class CodeQuality(_Part):
    """The metrics of Code Scanning."""

    accept_overridden: Annotated[Flag, switch(True)] = False
    """Whether a failed important metric is only noted when a person overrode it."""
    minimum: CodeQualityMinimum = CodeQualityMinimum()
    maximum: CodeQualityMaximum = CodeQualityMaximum()

    def limits(self) -> dict[str, Limit]:
        least = _given(self.minimum, {"maintainability_rating": "sqale_rating"})
        most = _given(self.maximum, {"duplicated_lines": "duplicated_lines_density"})
        return {kpi: Limit(value) for kpi, value in least.items()} | {
            kpi: Limit(value, at_least=False) for kpi, value in most.items()
        }


class StageTests(_Part):
    """A kind of test that Cloud Manager runs on stage."""

    required: Flag = False
    """Whether it is a failure that there are no such tests."""


class ExperienceAuditMinimum(GateModel):
    """The lowest scores that are accepted, 0 to 100; those of Cloud Manager where absent."""

    performance: Annotated[Percent | None, below(8)] = None
    accessibility: Annotated[Percent | None, below(8)] = None
    best_practices: Annotated[Percent | None, below(8)] = None
    seo: Annotated[Percent | None, below(8)] = None


class ExperienceAudit(_Part):
    """The scores of the Experience Audit, which never stops a release by itself."""

    minimum: ExperienceAuditMinimum = ExperienceAuditMinimum()

    def limits(self) -> dict[str, Limit]:
        given = _given(self.minimum, {"best_practices": "best-practices"})
        return {kpi: Limit(value) for kpi, value in given.items()}


class CloudManagerMinimums(GateModel):
    """What a gate wants of Cloud Manager's own results: ``policy.cloud_manager`` in a gate file."""

    code_quality: CodeQuality = CodeQuality()
    product_tests: StageTests = StageTests()
    functional_tests: StageTests = StageTests()
    ui_tests: StageTests = StageTests()
    experience_audit: ExperienceAudit = ExperienceAudit()


Part: TypeAlias = CodeQuality | StageTests | ExperienceAudit


ACTIONS: Mapping[str, str] = {
    "code_quality": "codeQuality",
    "product_tests": "productTest",
    "functional_tests": "functionalTest",
    "ui_tests": "uiTest",
    "experience_audit": "contentAudit",
}
"""The parts in their order, each with the action of its step (``receiving-events.md`` of the API documentation)."""
CODES = faults(
    metric="a metric did not pass by Cloud Manager's own judgement",
    limit="a metric misses a limit of the gate file",
    no_metric="Cloud Manager does not give a metric that the gate file limits",
    unreadable="a metric has a value that can't be compared",
    failed="the step is FAILED",
    no_tests="there are no such tests in this release",
    ended="the step ended without a result",
    not_over="the step was not over when it was read",
    unknown_status="the step has a status that this version does not know",
)
"""What can be wrong with any of the parts."""
WITH_METRICS = frozenset({"codeQuality", "contentAudit"})
_NOT_SHOWN = frozenset({"pwa"})
"""A score that Cloud Manager still computes and shows nobody."""


class SeenStep(BaseModel):
    """A step of the release, as it was read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: str
    name: str
    """What Cloud Manager's UI calls it."""
    status: str
    metrics: tuple[Metric, ...] = ()
    unread: str = ""
    """Why its metrics could not be read, as a sentence."""


class EarlierTests(BaseModel):
    """How the same step ended in an earlier release."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    execution_id: str
    status: str


SEEN = "cloud_manager.json"
"""In the folder of an attempt: what was read, so that a later policy can judge it again."""


class Seen(BaseModel):
    """Everything that the judgement stands on; kept in the evidence, so that it can be repeated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    link: str = ""
    """The page of the execution in Cloud Manager's UI."""
    began_at: AwareDatetime
    read_at: AwareDatetime
    steps: tuple[SeenStep, ...] = ()
    unread: str = ""
    """Why the execution could not be read, as a sentence."""
    earlier: Mapping[str, EarlierTests] = Field(default_factory=dict)
    """By action: the newest earlier release in which that step came to an end; absent where none did."""
    history_unread: str = ""
    """Why the earlier releases could not be read, as a sentence."""


def key_of(name: str) -> str:
    """The key of a part in the plan: ``cloud_manager.ui_tests``."""
    return f"{CLOUD_MANAGER}.{name}"


def planned_results(settings: CloudManagerMinimums) -> tuple[PlannedCheck, ...]:
    """The checks that Cloud Manager's own results have to answer. They ask no host of ours."""
    return tuple(
        PlannedCheck(
            key=key_of(name),
            kind=CLOUD_MANAGER,
            site="",
            target="stage",
            severity=part.severity or Severity.WARN,
            host="",
            settings_digest=_digest(name, part),
            may_block=part.severity is None,
        )
        for name, part in _parts(settings)
    )


def judge_results(settings: CloudManagerMinimums, seen: Seen) -> tuple[CheckResult, ...]:
    """One result per planned check. What is absent, unreadable or unknown is inconclusive, never passed."""
    return tuple(_result(name, part, seen) for name, part in _parts(settings))


def _result(name: str, part: Part, seen: Seen) -> CheckResult:
    return with_codes(CLOUD_MANAGER, CODES, _judge(name, part, seen)).as_result(
        part.severity or Severity.WARN,
        capped=part.severity is not None,
        key=key_of(name),
        kind=CLOUD_MANAGER,
        site="",
        target="stage",
        started_at=seen.began_at,
        finished_at=seen.read_at,
    )


def _judge(name: str, part: Part, seen: Seen) -> Judgement:
    action = ACTIONS[name]
    steps = [step for step in seen.steps if step.action == action]
    if not steps:
        return Judgement(examined=0, findings=(_absent(part, action, seen),))
    examined, findings = 0, []
    for step in steps:
        if isinstance(part, StageTests):
            examined += step.status in (StepStatus.FINISHED, StepStatus.FAILED, StepStatus.INCOMPLETE)
            findings += _tests(part, step, seen)
        else:
            examined += len(step.metrics)
            findings += _measured(part, step, seen.link)
    return Judgement(examined=examined, findings=tuple(findings))


def _absent(part: Part, action: str, seen: Seen) -> Finding:
    """A step that is not there. Tests that the previous release had are as much gone as where they are INCOMPLETE."""
    if seen.unread:
        return _no_answer(action, seen.unread)
    told = f"Cloud Manager shows no step {action} in this execution"
    earlier = seen.earlier.get(action) if isinstance(part, StageTests) else None
    if earlier is None or earlier.status == StepStatus.INCOMPLETE:
        return _no_answer(action, f"{told}. {seen.link}")
    had = f"but execution {earlier.execution_id} before it had such tests ({earlier.status})"
    return _no_answer(action, f"{told}, {had}: were they lost? {seen.link}", Severity.BLOCK)


def _tests(part: StageTests, step: SeenStep, seen: Seen) -> list[Finding]:
    if step.status == StepStatus.INCOMPLETE:
        return [_none_present(part, step, seen)]
    return _ended(step, seen.link)


def _none_present(part: StageTests, step: SeenStep, seen: Seen) -> Finding:
    """INCOMPLETE: "such tests were not present" (release notes 2023.6.0); the pipeline goes on without them."""
    sentence = f"{step.name}: there are no such tests in this release (INCOMPLETE)"
    if part.required:
        said = f"{sentence}, and the gate requires some. {seen.link}"
        return _finding("no_tests", step, Outcome.FAILED, said)
    if seen.history_unread:
        sentence = f"{sentence}, and whether the previous release had some is unknown: {seen.history_unread}"
        return _finding("no_tests", step, Outcome.INCONCLUSIVE, sentence, Severity.BLOCK)
    earlier = seen.earlier.get(step.action)
    if earlier is not None and earlier.status != StepStatus.INCOMPLETE:
        had = f"but execution {earlier.execution_id} before it had some ({earlier.status})"
        said = f"{sentence}, {had}: were they lost? {seen.link}"
        return _finding("no_tests", step, Outcome.INCONCLUSIVE, said, Severity.BLOCK)
    said = f"{sentence}, so they prove nothing. {seen.link}"
    return _finding("no_tests", step, Outcome.INCONCLUSIVE, said, Severity.WARN)


def _measured(part: CodeQuality | ExperienceAudit, step: SeenStep, link: str) -> list[Finding]:
    audit = isinstance(part, ExperienceAudit)
    ended = _ended(step, link)
    if step.unread:
        return [*ended, _no_answer(step.action, step.unread)]
    if not step.metrics:
        nothing = f"{step.name} is {step.status}, and Cloud Manager gives no metrics of it. {link}"
        return [*ended, _no_answer(step.action, nothing)]
    limits = part.limits()
    theirs = [m for m in step.metrics if not audit or m.kpi not in {*limits, *_NOT_SHOWN}]
    accept = isinstance(part, CodeQuality) and part.accept_overridden
    judged = adobes_judgement(theirs, link, accept_overridden=accept, informational_counts=audit)
    return [*ended, *own_limits(step.metrics, limits, link), *judged]


def _ended(step: SeenStep, link: str) -> list[Finding]:
    """What the status of a step says by itself; nothing where it is FINISHED."""
    match step.status:
        case StepStatus.FINISHED:
            return []
        case StepStatus.FAILED:
            sentence = f"{step.name} is FAILED in Cloud Manager. {link}"
            return [_finding("failed", step, Outcome.FAILED, sentence)]
        case StepStatus.ERROR | StepStatus.CANCELLED | StepStatus.ROLLED_BACK | StepStatus.INCOMPLETE:
            code = "ended"
            why = f"{step.name} ended {step.status} in Cloud Manager, which proves nothing."
        case status if status in KNOWN:
            code = "not_over"
            why = f"{step.name} was {status} in Cloud Manager when it was read, so it has no result yet."
        case status:
            code = "unknown_status"
            why = f"{step.name} shows {status[:40]!r} in Cloud Manager, a status that this version does not know."
    return [_finding(code, step, Outcome.INCONCLUSIVE, f"{why} {link}")]


def _no_answer(subject: str, sentence: str, severity: Severity | None = None) -> Finding:
    return Finding(
        code="no_answer",
        subject=subject,
        sentence=sentence.strip(),
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.CLOUD_MANAGER,
        severity=severity,
    )


def _finding(
    code: str, step: SeenStep, outcome: Outcome, sentence: str, severity: Severity | None = None
) -> Finding:
    return Finding(
        code=code,
        subject=step.action,
        sentence=sentence.strip(),
        expected=StepStatus.FINISHED,
        actual=step.status,
        outcome=outcome,
        cause=Cause.PRODUCT if outcome is Outcome.FAILED else Cause.CLOUD_MANAGER,
        severity=severity,
    )


def _parts(settings: CloudManagerMinimums) -> Sequence[tuple[str, Part]]:
    return [(name, getattr(settings, name)) for name in ACTIONS]


def _given(limits: BaseModel, renamed: Mapping[str, str]) -> dict[str, float | str]:
    return {
        renamed.get(name, name): value for name, value in limits.model_dump().items() if value is not None
    }


def _digest(name: str, part: Part) -> str:
    return hashlib.sha256(f"{key_of(name)} {part.model_dump_json()}".encode()).hexdigest()
