"""What of a check's result is forgiven, on whose word and until when? Pure, and never for want of an answer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from aem_checks.outcomes import Cause, CheckResult, Finding, Judgement, Outcome, Severity
from stage_gate.rules.plan import FlakeRules, Plan, RecordedResult, Waiver


@dataclass(frozen=True)
class Weighed:
    """A result as it counts, and a sentence on everything that was forgiven or held against it."""

    entry: RecordedResult
    notes: tuple[str, ...] = ()


def weigh(plan: Plan, entry: RecordedResult) -> Weighed:
    """Apply the waivers and the flake rule of the plan to one result.

    Only a finding that failed can be waived: what could not be seen is never accepted unseen.
    """
    result, waived = _without_waived(plan.waivers, entry.result)
    result, flaky = _as_flaky(plan.flakes, result, waived=entry.result.outcome is not Outcome.PASSED)
    void = _without_code(plan.waivers, entry.result)
    return Weighed(entry.model_copy(update={"result": result}), (*waived, *void, *flaky))


def _without_waived(waivers: Iterable[Waiver], result: CheckResult) -> tuple[CheckResult, list[str]]:
    matched = [(finding, _waiver_of(waivers, result.key, finding)) for finding in result.findings]
    if all(waiver is None for _, waiver in matched):
        return result, []
    left = tuple(finding for finding, waiver in matched if waiver is None)
    rest = Judgement(examined=result.examined, findings=left)
    _, outcome, cause = rest.weigh(result.severity, capped=True)  # it weighs no more than the whole did
    notes = [f"{result.key}: waived ({waiver}): {each.sentence}" for each, waiver in matched if waiver]
    if result.outcome is Outcome.PASSED:
        outcome, cause = result.outcome, result.cause
    return result.model_copy(update={"findings": left, "outcome": outcome, "cause": cause}), notes


def _waiver_of(waivers: Iterable[Waiver], key: str, finding: Finding) -> Waiver | None:
    """The waiver of this very fault."""
    if finding.outcome is not Outcome.FAILED or not finding.code:
        return None
    own = (w for w in waivers if w.check == key and w.code == finding.code)
    return next((w for w in own if _matches(w.subject, finding.subject)), None)


def _without_code(waivers: Iterable[Waiver], result: CheckResult) -> list[str]:
    """A sentence on each waiver that would be needed and names no fault."""
    notes = []
    for waiver in waivers:
        failed = (f for f in result.findings if f.outcome is Outcome.FAILED)
        codes = dict.fromkeys(f.code for f in failed if _matches(waiver.subject, f.subject))
        if waiver.check == result.key and not waiver.code and codes:
            notes.append(
                f"{result.key}: the waiver of {waiver.subject} ({waiver}) names no code, so it waives nothing; what it "
                f"is about has {', '.join(codes)}."
            )
    return notes


def _matches(pattern: str, subject: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), subject, re.DOTALL) is not None


def _as_flaky(rules: FlakeRules, result: CheckResult, waived: bool) -> tuple[CheckResult, list[str]]:
    """A check that only warns counts as well, where what it found blocked until it ran again."""
    blocked = any(f.outcome is Outcome.PASSED and f.severity is Severity.BLOCK for f in result.findings)
    is_mild = blocked and result.severity is Severity.WARN
    if not result.flaky or not (is_mild or result.outcome is Outcome.PASSED):
        return result, []
    how = "only on a re-run"
    if result.retried and (waived or result.attempts == 1):
        how = "with cases that passed only when it tried them again"
    elif waived:
        how = "only through waivers after a re-run that did not fail as before"
    told = f"passed {how}" if result.outcome is Outcome.PASSED else "did not block again on its re-run"
    sentence = f"{result.key} {told}: flaky, and this gate counts that as {rules.count_as}."
    if rules.count_as is Outcome.PASSED:
        return result, [sentence]
    finding = Finding(
        code=f"{result.kind}.rerun",
        subject="re-run",
        sentence=sentence,
        outcome=rules.count_as,
        cause=Cause.CHECK,
    )
    values = {
        "severity": Severity.BLOCK if blocked else result.severity,
        "outcome": rules.count_as,
        "cause": Cause.CHECK,
        "findings": (finding, *result.findings),
    }
    return result.model_copy(update=values), []
