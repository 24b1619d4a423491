"""Is this candidate fit for production? A pure function from plan, candidate and results to a verdict."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pydantic import BaseModel, ConfigDict

from aem_checks.outcomes import CheckResult, Outcome, Severity, worst
from stage_gate.rules.candidate import Candidate, must_be_built_again
from stage_gate.rules.decision import Mode
from stage_gate.rules.following import Follows, follows_from
from stage_gate.rules.leniency import weigh
from stage_gate.rules.plan import (
    CLOUD_MANAGER,
    NOT_AUTOMATIC,
    OWN_TESTS,
    PROVES_NOTHING,
    Plan,
    PlannedCheck,
    RecordedResult,
)
from stage_gate.rules.sentences import Consequences, consequences, explain, grouped, standing
from stage_gate.rules.stage_changes import goes_on
from stage_gate.rules.surroundings import NEVER_TOLD

PLAN = "plan"
"""What an override accepts where the plan itself is in doubt."""
SILENT_CHECKS = 5
"""How many checks without an answer are spelled out among the reasons: often all of them have the same."""

_UNVERIFIED = "Served build not verified: not on every site does a blocking check compare a build marker."


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
    not_passed: tuple[str, ...] = ()
    """Keys of all that stands against the release, ``plan`` for doubts about the plan itself."""


class _Answer(BaseModel):
    """What one planned check contributes: its outcome, and its result or why it has none that counts."""

    key: str
    outcome: Outcome
    result: CheckResult | None = None
    doubt: str = ""


def judge(plan: Plan, candidate: Candidate, recorded: Sequence[RecordedResult]) -> Verdict:
    """The verdict of all planned stage checks for one candidate.

    It walks the plan, not the results: what was promised and did not answer is inconclusive. It is ``passed``
    only if at least one check of the site blocks, every kind that the deployment wants to block does, every
    blocking check has exactly one result, for this candidate, that passed and examined something, and every check
    that warns and can find what blocks has a result.
    """
    weighed = [weigh(plan, entry) for entry in recorded]
    counted = [each.entry for each in weighed]
    blocking = [check for check in plan.stage_checks if check.blocks]
    answers = [_answer(plan, check, candidate, counted) for check in blocking]
    answers += [_escalation(entry) for entry in _escalated(plan, counted)]
    answers += [_unheard(check) for check in _missing(plan, counted) if check.may_block]
    doubts = [*_unplanned(plan, counted), *_gaps(plan, candidate)]
    doubted = [_Answer(key=PLAN, outcome=Outcome.INCONCLUSIVE, doubt=doubt) for doubt in doubts]
    outcome = worst(answer.outcome for answer in (*answers, *doubted))
    return Verdict(
        outcome=outcome,
        summary=_summary(outcome, answers, len(doubts)),
        reasons=_reasons([*answers, *doubted]),
        warnings=_warnings(
            plan, candidate, counted, [note for each in weighed for note in each.notes], _against(answers)
        ),
        not_passed=tuple(
            sorted({each.key for each in (*answers, *doubted) if each.outcome is not Outcome.PASSED})
        ),
    )


def _gaps(plan: Plan, candidate: Candidate) -> list[str]:
    """Why these checks, whatever they say, could not prove that this release is fit."""
    gaps = []
    blocking = {check.kind for check in plan.stage_checks if check.blocks and check.kind not in NOT_AUTOMATIC}
    if not blocking - PROVES_NOTHING:
        gaps.append("The plan has no effective blocking check of the site, so nothing can be proven.")
    gaps += [
        f"The deployment wants {kind} to block in every gate, and in this plan it does not."
        for kind in plan.minimum
        if kind not in blocking
    ]
    gaps += [f"While stage was tested: {sentence}" for sentence in goes_on(candidate.stage)]
    gaps += [each.sentence for each in candidate.stage.unread_but(plan.accept_unread)]
    rebuild = must_be_built_again(candidate, plan.build_marker)
    return [*gaps, rebuild] if rebuild else gaps


def _answer(
    plan: Plan, check: PlannedCheck, candidate: Candidate, recorded: Sequence[RecordedResult]
) -> _Answer:
    entries = [entry for entry in recorded if entry.result.key == check.key]
    doubt = _doubt(check, candidate, entries) or _elsewhere(plan, check, candidate)
    if doubt:
        return _Answer(key=check.key, outcome=Outcome.INCONCLUSIVE, doubt=doubt)
    result = entries[0].result
    return _Answer(key=check.key, outcome=result.outcome, result=result)


def _doubt(check: PlannedCheck, candidate: Candidate, entries: Sequence[RecordedResult]) -> str | None:
    """Why this check's result proves nothing, if so."""
    if not entries:
        return f"{check.key} was planned and gave no result{_why_none(check)} (cause: check)."
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
    if check.host not in candidate.stage.hosts and check.kind != CLOUD_MANAGER:
        return (
            f"{check.key} asked {check.host}, which is no host of stage environment {candidate.stage.environment_id}: "
            f"Cloud Manager {candidate.stage.listed_as(check.host)}. To do: name one of its hosts in the gate file, as 'origin' "
            "where something else stands before it (cause: check)."
        )
    if result.outcome is Outcome.PASSED and (result.examined == 0 or result.severity is not Severity.BLOCK):
        return f"{check.key} says passed but examined nothing that blocks (cause: check)."
    return _contradiction(result)


def _contradiction(result: CheckResult) -> str | None:
    """Why this result of a blocking check can't be what the runner made of these findings, if it passed."""
    against = (
        f for f in result.findings if f.outcome is not Outcome.PASSED and f.severity is not Severity.WARN
    )
    found = next(against, None) if result.outcome is Outcome.PASSED else None
    return f"{result.key} says passed, and also: {found.sentence} (cause: check)" if found else None


def _why_none(check: PlannedCheck) -> str:
    """What can have kept a task of a team from writing one, as the end of a clause."""
    if check.kind != OWN_TESTS:
        return ""
    return (
        ": its task was marked or skipped, was mapped over nothing, is gone from the Dag file, or lost its worker; a state "
        "of Airflow is no result"
    )


def _elsewhere(plan: Plan, check: PlannedCheck, candidate: Candidate) -> str | None:
    """Why a check of a gate that acts has perhaps tested something else than this stage."""
    doubt = _where_asked(plan, check, candidate) if plan.mode == Mode.GUARD else None
    return f"{check.key} proves nothing: {doubt} (cause: check)." if doubt else None


def _escalated(plan: Plan, recorded: Sequence[RecordedResult]) -> list[RecordedResult]:
    """Results of checks planned to warn whose findings were so grave that the check made them blocking."""
    milder = {check.key for check in plan.stage_checks if check.escalates}
    return [
        entry for entry in recorded if entry.result.key in milder and entry.result.severity is Severity.BLOCK
    ]


def _escalation(entry: RecordedResult) -> _Answer:
    return _Answer(key=entry.result.key, outcome=entry.result.outcome, result=entry.result)


def _missing(plan: Plan, recorded: Sequence[RecordedResult]) -> list[PlannedCheck]:
    """Checks planned to warn of which there is no result at all, whoever kept them from running."""
    heard = {entry.result.key for entry in recorded}
    return [check for check in plan.stage_checks if check.escalates and check.key not in heard]


def _unheard(check: PlannedCheck) -> _Answer:
    doubt = f"{check.key} was planned, can find what blocks, and gave no result (cause: check)."
    return _Answer(key=check.key, outcome=Outcome.INCONCLUSIVE, doubt=doubt)


def _unplanned(plan: Plan, recorded: Sequence[RecordedResult]) -> list[str]:
    planned = {check.key for check in plan.stage_checks}
    return [
        f"{e.result.key} gave a result but was never planned (cause: check)."
        for e in recorded
        if e.result.key not in planned
    ]


def _summary(outcome: Outcome, answers: Sequence[_Answer], doubts: int) -> str:
    of = {each: sum(answer.outcome is each for answer in answers) for each in Outcome}
    return (
        f"{outcome.value.capitalize()}: of {len(answers)} blocking checks {of[Outcome.PASSED]} passed, "
        f"{of[Outcome.FAILED]} failed and {of[Outcome.INCONCLUSIVE]} gave no answer"
        f"{f'; {doubts} more doubts are among the reasons' if doubts else ''}."
    )


def _reasons(answers: Sequence[_Answer]) -> tuple[str, ...]:
    """Failures first, doubts about the plan last; of many checks without an answer, most are only named.

    What follows from a finding is counted behind the check that has that one, which is always told.
    """
    against = [answer for answer in answers if answer.outcome is not Outcome.PASSED]
    results = _against(against)
    follows = follows_from(results)
    after = consequences(results, follows)
    failed = [answer for answer in against if answer.outcome is Outcome.FAILED]
    silent = [answer for answer in against if answer not in failed and answer.key != PLAN]
    told, named = _first(silent, follows, {each.key for each in after})
    sentences = [sentence for answer in (*failed, *told) for sentence in _sentences(answer, follows, after)]
    if named:
        keys = ", ".join(answer.key for answer in named)
        sentences.append(f"{len(named)} more blocking checks gave no answer; the report says why: {keys}.")
    return (*sentences, *(answer.doubt for answer in against if answer.key == PLAN))


def _against(answers: Sequence[_Answer]) -> list[CheckResult]:
    """The results that count against the release."""
    return [each.result for each in answers if each.result and each.outcome is not Outcome.PASSED]


def _first(
    silent: Sequence[_Answer], follows: Follows, origins: Collection[str]
) -> tuple[list[_Answer], list[_Answer]]:
    """Of those without an answer the ones that are told, and those that are only named; all others follow from these."""
    own = [each for each in silent if each.result is None or explain(each.result, follows)]
    own.sort(key=lambda each: each.key not in origins)
    most = max(SILENT_CHECKS, sum(each.key in origins for each in own))
    return own[:most], own[most:]


def _sentences(answer: _Answer, follows: Follows, after: Sequence[Consequences]) -> list[str]:
    if answer.result is None:
        return [answer.doubt]
    own = explain(answer.result, follows)
    return [*own, *(each.sentence for each in after if each.key == answer.key)]


def _only_by_origin(plan: Plan, candidate: Candidate) -> list[str]:
    """What a reader of shadow mode should know of addresses that guard mode would not believe."""
    told = (_where_asked(plan, check, candidate) for check in plan.stage_checks)
    return [sentence for sentence in told if sentence] if plan.mode != Mode.GUARD else []


def _where_asked(plan: Plan, check: PlannedCheck, candidate: Candidate) -> str | None:
    """Why nothing but the gate file says that the address which is asked leads to this stage, if so."""
    if not check.asked or check.asked in candidate.stage.hosts or plan.build_marker:
        return None
    return (
        f"{check.site} is asked at {check.asked}, which only 'origin' in the gate file ties to stage environment "
        f"{candidate.stage.environment_id}: Cloud Manager {candidate.stage.listed_as(check.asked)}. To do: map the domain to "
        "stage in Cloud Manager, ask stage at its own host, or name a build marker for every site and let 'settled' block."
    )


def _accepted_unread(plan: Plan, candidate: Candidate) -> list[str]:
    """What the gate file accepts not to know, whether it was known this time or not."""
    return [
        f"The gate file accepts that {fact} may be unreadable (policy.accept_unread)"
        + (", and this time it was read." if candidate.stage.has_read(fact) else ", and so it was.")
        for fact in plan.accept_unread
    ] + [each.sentence for each in candidate.stage.unread if each.fact in plan.accept_unread]


def _warnings(
    plan: Plan,
    candidate: Candidate,
    recorded: Sequence[RecordedResult],
    notes: Sequence[str],
    against: Sequence[CheckResult],
) -> tuple[str, ...]:
    """What a reader should know although it did not decide anything, beside what is told of the results ``against``."""
    sentences = [] if plan.build_marker else [_UNVERIFIED]
    sentences += [*_only_by_origin(plan, candidate), NEVER_TOLD]
    sentences += [*_accepted_unread(plan, candidate), *notes]
    silent = {check.key for check in plan.stage_checks if not check.blocks} - {e.result.key for e in recorded}
    silent -= {check.key for check in _missing(plan, recorded) if check.may_block}
    sentences += [f"{key} (warns only) gave no result." for key in sorted(silent)]
    sentences += [
        f"{check.key} is in quarantine and does not block ({check.quarantine})."
        for check in plan.stage_checks
        if check.quarantine
    ]
    sentences += [check.exposed for check in plan.checks if check.unisolated]
    sentences += _told_beside(plan, recorded, against)
    return tuple(dict.fromkeys(sentences))


def _told_beside(plan: Plan, recorded: Sequence[RecordedResult], against: Sequence[CheckResult]) -> list[str]:
    """What checks that did not decide have seen, and those that passed."""
    milder = {check.key for check in plan.stage_checks if not check.blocks}
    escalated = _escalated(plan, recorded)
    beside = [
        entry.result
        for entry in recorded
        if entry.result.outcome is Outcome.PASSED or (entry.result.key in milder and entry not in escalated)
    ]
    follows = follows_from([*against, *beside])
    sentences = [sentence for result in beside for sentence in _seen(result, follows)]
    return [*sentences, *(each.sentence for each in consequences(beside, follows))]


def _seen(result: CheckResult, follows: Follows) -> Sequence[str]:
    if result.outcome is not Outcome.PASSED:
        return explain(result, follows)
    notes = (each for each in result.findings if each.outcome is Outcome.PASSED)
    return [f"{result.key}: {each.sentence}" for each in grouped([*standing(result, follows), *notes])]
