"""What stands against a release today, and what would a gate file have to excuse so that one like it passes?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from pydantic import ValidationError

from aem_checks.codes import is_common
from aem_checks.outcomes import CheckResult, Finding, Outcome, Severity
from stage_gate.configuration.policy import Quarantine, WaiverSettings
from stage_gate.rules.leniency import weigh
from stage_gate.rules.plan import Plan, RecordedResult

DAYS = 30
"""How long a proposed waiver holds, by default: long enough to mend a thing, short enough to remember it."""

MOST_WAIVERS = 10
"""Waivers of one check; beyond that its whole quarantine is proposed."""


@dataclass(frozen=True)
class Standing:
    """One thing that stands against a release today."""

    check: str
    finding: Finding
    on_production: bool | None
    """Whether production shows the same; ``None`` where the check did not look there."""

    @property
    def where(self) -> str:
        if self.on_production is None:
            return "stage (production was not looked at)"
        return "stage and production" if self.on_production else "stage only"


@dataclass
class Proposal:
    """What to write into the gate file so that a release like today's would pass, and what no waiver can do."""

    waivers: list[WaiverSettings] = field(default_factory=list)
    quarantine: list[Quarantine] = field(default_factory=list)
    """Checks whose findings can't be waived one by one."""
    insisted: list[str] = field(default_factory=list)
    """Checks that the deployment wants to block in every gate: nothing of them can be excused."""
    unanswered: list[Standing] = field(default_factory=list)
    """Blocking checks without an answer: somebody has to make it possible to look."""


def standing(
    plan: Plan, stage: Iterable[CheckResult], production: Mapping[str, CheckResult]
) -> list[Standing]:
    """What blocks on stage, check by check, and is not excused by the plan already.

    ``production`` are the results there, by the key of the check on stage.
    """
    excused = {check.key for check in plan.stage_checks if check.dry_run or check.quarantine}
    found = []
    for result in (_weighed(plan, each) for each in stage if each.key not in excused):
        if result.severity is Severity.BLOCK and result.outcome is not Outcome.PASSED:
            there = production.get(result.key)
            found += [Standing(result.key, each, _is_there(each, there)) for each in _against(result)]
    return found


def propose(
    found: Sequence[Standing],
    owner: str,
    today: date,
    *,
    days: int = DAYS,
    insisted: Collection[str] = (),
) -> Proposal:
    """Waivers for all that failed, a quarantine where there are too many of one check or one can't be written.

    ``insisted`` are the keys of checks that can't be excused.
    """
    proposal = Proposal()
    until = today + timedelta(days=days)
    for check in dict.fromkeys(each.check for each in found):
        own = [each for each in found if each.check == check]
        failed = [each for each in own if each.finding.outcome is Outcome.FAILED]
        proposal.unanswered += [each for each in own if each.finding.outcome is not Outcome.FAILED]
        faults = {(each.finding.code, each.finding.subject): each for each in failed}
        written = {fault: _waiver(each, owner, until, today) for fault, each in faults.items()}
        waivers = [each for each in written.values() if each is not None]
        if written and check in insisted:
            proposal.insisted.append(check)
        elif len(written) > MOST_WAIVERS or len(waivers) < len(written):
            why = f"{len(written)} things failed when the gate was calibrated on {today}."
            proposal.quarantine.append(Quarantine(check=check, owner=owner, until=until, why=why))
        else:
            proposal.waivers += waivers
    return proposal


def _weighed(plan: Plan, result: CheckResult) -> CheckResult:
    """As the verdict would count it: without what is waived already, and flaky as the gate wants it."""
    entry = RecordedResult(candidate_digest="", attempt=1, settings_digest="", result=result)
    return weigh(plan, entry).entry.result


def _against(result: CheckResult) -> list[Finding]:
    """The findings that block; where a result names none, one that stands for it."""
    blocking = [
        each
        for each in result.findings
        if each.outcome is not Outcome.PASSED and each.severity is not Severity.WARN
    ]
    if blocking:
        return blocking
    sentence = f"{result.key} is {result.outcome} and examined {result.examined} things."
    code = f"{result.kind}.no_answer"
    return [Finding(code=code, subject=result.key, sentence=sentence, outcome=Outcome.INCONCLUSIVE)]


def _is_there(finding: Finding, production: CheckResult | None) -> bool | None:
    """Whether production shows the same fault; URLs are compared without their host."""
    if production is None or production.outcome is Outcome.INCONCLUSIVE:
        return None
    there = {
        (each.code, _without_host(each.subject))
        for each in production.findings
        if each.outcome is finding.outcome
    }
    return (finding.code, _without_host(finding.subject)) in there


def _without_host(subject: str) -> str:
    scheme, mark, rest = subject.partition("://")
    return rest[rest.find("/") :] if mark and scheme in ("http", "https") and "/" in rest else subject


def _waiver(each: Standing, owner: str, until: date, today: date) -> WaiverSettings | None:
    """``None`` where none can be written: the subject says nothing, or the code names what was not seen."""
    finding = each.finding
    if is_common(finding.code):
        return None
    why = f"So on {each.where} when the gate was calibrated on {today}."
    told = {
        "check": each.check,
        "code": finding.code,
        "subject": finding.subject,
        "owner": owner,
        "until": until,
        "why": why,
    }
    try:
        return WaiverSettings.model_validate(told)
    except ValidationError:
        return None
