"""Is this candidate fit for production? A pure function from plan, candidate and results to a verdict."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from aem_checks.outcomes import Cause, CheckResult, Outcome, Severity, worst
from stage_gate.candidate import Candidate
from stage_gate.plan import Plan, PlannedCheck, RecordedResult

REASONS_PER_CHECK = 5
"""How many findings of one check are spelled out among the reasons; the rest is counted and in the report."""


class Verdict(BaseModel):
    """``passed``, ``failed`` or ``inconclusive``, with the sentences that say why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome: Outcome
    summary: str
    """One sentence with numbers."""
    reasons: tuple[str, ...] = ()
    """Why it is not ``passed``, gravest first; empty when it is."""
    warnings: tuple[str, ...] = ()
    """What did not stop the release but should be known."""


class _Answer(BaseModel):
    """What one planned check contributes: its outcome, and the sentences to show for it."""

    outcome: Outcome
    sentences: tuple[str, ...] = ()


def judge(plan: Plan, candidate: Candidate, recorded: Sequence[RecordedResult]) -> Verdict:
    """The verdict of all planned stage checks for one candidate.

    It walks the plan, not the results: what was promised and did not answer is inconclusive. It is ``passed``
    only if at least one check of the plan blocks and every one of those has exactly one result, for this
    candidate, that passed and examined something.
    """
    blocking = [check for check in plan.stage_checks if check.blocks]
    answers = [_answer(check, candidate, recorded) for check in blocking]
    answers += [_escalation(entry) for entry in _escalated(plan, recorded)]
    answers += [_Answer(outcome=Outcome.INCONCLUSIVE, sentences=(s,)) for s in _unplanned(plan, recorded)]
    outcome = worst(answer.outcome for answer in answers)
    if not blocking:
        outcome = worst([outcome, Outcome.INCONCLUSIVE])
    return Verdict(
        outcome=outcome,
        summary=_summary(outcome, blocking, answers),
        reasons=_reasons(outcome, blocking, answers),
        warnings=_warnings(plan, candidate, recorded),
    )


def _answer(check: PlannedCheck, candidate: Candidate, recorded: Sequence[RecordedResult]) -> _Answer:
    entries = [entry for entry in recorded if entry.result.key == check.key]
    doubt = _doubt(check, candidate, entries)
    if doubt:
        return _Answer(outcome=Outcome.INCONCLUSIVE, sentences=(doubt,))
    result = entries[0].result
    return _Answer(outcome=result.outcome, sentences=_explain(result))


def _doubt(check: PlannedCheck, candidate: Candidate, entries: Sequence[RecordedResult]) -> str | None:
    """Why this check's result proves nothing, if so."""
    if not entries:
        return f"{check.key} was planned and gave no result (cause: check)."
    if len(entries) > 1:
        return f"{check.key} gave {len(entries)} results where one was planned (cause: check)."
    entry, result = entries[0], entries[0].result
    if entry.candidate_digest != candidate.digest:
        return f"{check.key} was found for another candidate than {candidate} (cause: check)."
    planned = (check.kind, check.site, check.target, check.settings_digest)
    if (result.kind, result.site, result.target, entry.settings_digest) != planned:
        return (
            f"{check.key} did not run as planned: its kind, site, target or settings differ (cause: check)."
        )
    if check.host not in candidate.stage.hosts:
        return (
            f"{check.key} asked {check.host}, which Cloud Manager does not list for stage environment "
            f"{candidate.stage.environment_id} (cause: check)."
        )
    if result.outcome is Outcome.PASSED and (result.examined == 0 or result.severity is not Severity.BLOCK):
        return f"{check.key} says passed but examined nothing that blocks (cause: check)."
    return None


def _explain(result: CheckResult) -> tuple[str, ...]:
    if result.outcome is Outcome.PASSED:
        return ()
    cause = f" (cause: {result.cause or Cause.CHECK})"
    told = [f for f in result.findings if f.outcome is not Outcome.PASSED]
    if not told:
        return (f"{result.key} is {result.outcome} and examined {result.examined} things{cause}.",)
    shown = REASONS_PER_CHECK if result.outcome is Outcome.FAILED else 1
    sentences = [f"{result.key}: {finding.sentence}" for finding in told[:shown]]
    if result.outcome is Outcome.INCONCLUSIVE:
        sentences[0] += cause
    if len(told) > shown:
        sentences.append(f"{result.key}: {len(told) - shown} more findings are in the report.")
    return tuple(sentences)


def _escalated(plan: Plan, recorded: Sequence[RecordedResult]) -> list[RecordedResult]:
    """Results of checks planned to warn whose findings were so grave that the check made them blocking."""
    milder = {check.key for check in plan.stage_checks if not check.blocks and not check.dry_run}
    return [
        entry for entry in recorded if entry.result.key in milder and entry.result.severity is Severity.BLOCK
    ]


def _escalation(entry: RecordedResult) -> _Answer:
    return _Answer(outcome=entry.result.outcome, sentences=_explain(entry.result))


def _unplanned(plan: Plan, recorded: Sequence[RecordedResult]) -> list[str]:
    planned = {check.key for check in plan.stage_checks}
    return [
        f"{e.result.key} gave a result but was never planned (cause: check)."
        for e in recorded
        if e.result.key not in planned
    ]


def _summary(outcome: Outcome, blocking: Sequence[PlannedCheck], answers: Sequence[_Answer]) -> str:
    if not blocking:
        return "No blocking check was planned, so nothing can be proven."
    count = {each: sum(answer.outcome is each for answer in answers) for each in Outcome}
    return (
        f"{outcome.value.capitalize()}: of {len(answers)} blocking checks {count[Outcome.PASSED]} passed, "
        f"{count[Outcome.FAILED]} failed and {count[Outcome.INCONCLUSIVE]} gave no answer."
    )


def _reasons(
    outcome: Outcome, blocking: Sequence[PlannedCheck], answers: Sequence[_Answer]
) -> tuple[str, ...]:
    if outcome is Outcome.PASSED:
        return ()
    if not blocking:
        return ("The plan has no effective blocking check: every check only warns or is a dry run.",)
    gravest_first = sorted(answers, key=lambda answer: answer.outcome is not Outcome.FAILED)
    return tuple(sentence for answer in gravest_first for sentence in answer.sentences)


def _warnings(plan: Plan, candidate: Candidate, recorded: Sequence[RecordedResult]) -> tuple[str, ...]:
    """What a reader should know although it did not decide anything."""
    sentences = [] if plan.build_marker else ["Served build not verified: no build marker is configured."]
    sentences += candidate.stage.unknown()
    silent = {check.key for check in plan.stage_checks if not check.blocks} - {e.result.key for e in recorded}
    sentences += [f"{key} (warns only) gave no result." for key in sorted(silent)]
    blocking = {check.key for check in plan.stage_checks if check.blocks}
    for entry in recorded:
        deciding = entry.result.key in blocking or entry.result.severity is Severity.BLOCK
        if deciding and entry.result.outcome is not Outcome.PASSED:
            continue
        sentences += [f"{entry.result.key}: {f.sentence}" for f in entry.result.findings]
    return tuple(dict.fromkeys(sentences))
