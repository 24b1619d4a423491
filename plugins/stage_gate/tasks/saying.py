"""How is the result of a check written into a task's log? Each fault once, and what follows from another one folded."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from stage_gate.telling.log_line import log_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aem_checks.outcomes import CheckResult, Finding
    from aem_checks.sites import Target
    from stage_gate.acting.run import GateRun
    from stage_gate.rules.following import Follows

log = logging.getLogger(__name__)


def follows_in(run: GateRun, target: Target, results: Iterable[CheckResult]) -> Follows:
    """What follows from what among these results and those that others have kept by now. Never raises for evidence."""
    from aem_checks.outcomes import Outcome
    from stage_gate.evidence.files import EvidenceError
    from stage_gate.rules.following import follows_from

    own = list(results)
    known = {each.key for each in own}
    if all(finding.outcome is Outcome.PASSED for each in own for finding in each.findings):
        return follows_from(own)  # nothing of it can follow from anything
    try:
        kept = _kept_on_stage(run) if target == "stage" else run.evidence.read_production_results()
        return follows_from([*own, *(each for each in kept if each.key not in known)])
    except EvidenceError as error:
        log.warning("What others have found is not known, so what follows from it is not marked: %s", error)
        return follows_from(own)


def _kept_on_stage(run: GateRun) -> Iterator[CheckResult]:
    """The only result of each check that others may follow from. Raises ``EvidenceError``."""
    from stage_gate.evidence.files import read_model
    from stage_gate.evidence.store import RESULTS
    from stage_gate.rules.following import ORIGINS
    from stage_gate.rules.plan import RecordedResult

    attempt = run.evidence.attempts()
    for check in run.gate.stage_checks:
        found = run.evidence.kept(attempt, check.key, RESULTS) if check.kind in ORIGINS else []
        if len(found) == 1:
            entry = read_model(found[0], RecordedResult)
            if entry.attempt == attempt:
                yield entry.result


def say(log: Any, result: CheckResult) -> None:
    """Write a result into the task log: its findings, the outcome last."""
    from stage_gate.rules.following import NOTHING_FOLLOWS

    say_findings(log, result, NOTHING_FOLLOWS)
    log.info("%s", outcome_line(result))


def say_findings(log: Any, result: CheckResult, follows: Follows) -> None:
    """Each fault with its remedy on a line of its own; what else has it, or follows from something else, is folded."""
    from aem_checks.outcomes import Outcome
    from stage_gate.rules.sentences import consequences, grouped, standing

    if result.outcome is Outcome.PASSED:
        _fold(log, f"{result.key}: {_count(result)}", result.findings)
        return
    notes = (each for each in result.findings if each.outcome is Outcome.PASSED)
    for each in grouped([*standing(result, follows), *notes]):
        _say_finding(log, each.first)
        _fold(log, each.likewise, each.more)
    for one in consequences([result], follows):
        _fold(log, f"{result.key}: {one.title}", [finding for _, finding in one.findings])


def _fold(log: Any, title: str, findings: Sequence[Finding]) -> None:
    if findings:
        log.info("::group::%s", log_line(title))
        for each in findings:
            _say_finding(log, each)
        log.info("::endgroup::")


def _say_finding(log: Any, finding: Finding) -> None:
    told, _, remedy = finding.sentence.partition(" To do: ")
    log.info("%s %s [%s] %s", finding.outcome, *map(log_line, (finding.code, finding.subject, told)))
    if remedy:
        log.info("To do: %s", log_line(remedy))


def outcome_line(result: CheckResult) -> str:
    """What came of a check, in one line."""
    from aem_checks.text import count

    cause = f", cause: {result.cause}" if result.cause else ""
    return (
        f"{result.key} on {result.target} is {result.outcome}: examined {result.examined}, {_count(result)}, "
        f"{count(result.attempts, 'run')}{cause}."
    )


def _count(result: CheckResult) -> str:
    from aem_checks.text import count

    return count(len(result.findings), "finding")
