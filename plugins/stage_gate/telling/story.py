"""What happened in a run, read back from the evidence: what the report shows and the state of the run follows from."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adobe_cloud_manager.exceptions import CloudManagerError
from aem_checks.outcomes import CheckResult, Outcome, Severity, worst
from stage_gate.acting.retest import tell
from stage_gate.configuration.flaky import Proposal, proposals
from stage_gate.evidence.files import EvidenceError
from stage_gate.evidence.kept_decisions import CARRIED_OUT, DecisionRecord, read_decision, read_retest
from stage_gate.evidence.ledger import Ledger, read_ledger
from stage_gate.evidence.pin import Pin
from stage_gate.evidence.seal import Sealed
from stage_gate.observing.observe import go_live
from stage_gate.rules.decision import Decision, Mode
from stage_gate.rules.ending import End
from stage_gate.rules.following import follows_from
from stage_gate.rules.sentences import consequences, grouped, standing
from stage_gate.telling.coverage_report import SiteCoverage, read_coverages

if TYPE_CHECKING:
    from stage_gate.acting.run import GateRun
    from stage_gate.configuration.gate import Gate
    from stage_gate.evidence.store import Evidence

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Story:
    """Everything the report tells."""

    pin: Pin
    gate: Gate
    sealed: Sealed | None
    trouble: str
    """Why there is no trustworthy seal or decision, empty where there is one or none was due."""
    decision: DecisionRecord | None
    production: tuple[CheckResult, ...]
    end: End
    evidence: str
    earlier: list[str] = field(default_factory=list)
    """One sentence on each attempt before the newest: its verdict, who wanted another one, and why."""
    sentences: list[str] = field(default_factory=list)
    ledger: Ledger = field(default_factory=lambda: Ledger(""))
    """The releases before this one, as many as the flake policy looks at."""
    flaky: list[Proposal] = field(default_factory=list)
    """Checks that were flaky too often, this release included."""
    coverage: tuple[SiteCoverage, ...] = ()
    """What the sites are made of and what of it was tested, where pages are chosen for that."""


def read_story(run: GateRun) -> Story:
    """Read a run back from its evidence. Never raises for broken evidence: it says so instead."""
    sealed, trouble = _seal(run)
    decision, doubt = _decision(run)
    trouble = " ".join(filter(None, (trouble, doubt)))
    try:
        production = run.evidence.read_production_results()
    except EvidenceError as error:
        log.error("The results of the production tests can't be read: %s", error)
        production = ()
    earlier = earlier_attempts(run.evidence)
    planned = run.gate.production_checks
    outcome = sealed.verdict.outcome if sealed else None
    if decision is not None and decision.decision is Decision.APPROVED:
        outcome = decision.outcome  # what it rests on, also where stage was tested again since
    ledger, flaky = _history(run, sealed)
    claimed = run.may_have_acted
    carried_out = decision is not None and decision.decision in CARRIED_OUT
    end = End(
        mode=run.gate.mode,
        decision=decision.decision if decision else None,
        outcome=outcome,
        production_reached=bool(decision and decision.production_reached),
        production_deployed=_is_deployed(run, decision),
        production=_production_outcome(
            production, {check.key for check in planned if check.blocks}, decision
        ),
        production_planned=bool(planned),
        claimed=claimed,
        seen_now=_seen_now(run) if claimed and not carried_out else "",
        let_through=run.pin.let_through and run.gate.mode is Mode.GUARD,
        reported_only=bool(run.pin.report_only),
    )
    return Story(
        pin=run.pin,
        gate=run.gate,
        sealed=sealed,
        trouble=trouble,
        decision=decision,
        production=production,
        end=end,
        evidence=str(run.evidence.folder),
        earlier=earlier,
        sentences=[*earlier, *_sentences(run.pin, sealed, trouble, decision, production)],
        ledger=ledger,
        flaky=flaky,
        coverage=_coverage(run, sealed),
    )


def _coverage(run: GateRun, sealed: Sealed | None) -> tuple[SiteCoverage, ...]:
    if sealed is None:
        return ()
    try:
        return read_coverages(run.evidence.attempt_folder(sealed.attempt), run.gate, sealed)
    except EvidenceError as error:
        log.error("The choice of pages can't be read: %s", error)
        return ()


def _history(run: GateRun, sealed: Sealed | None) -> tuple[Ledger, list[Proposal]]:
    """How the checks fared before, and which of them were flaky too often."""
    rule, day = run.gate.policy.flakes, (sealed.sealed_at if sealed else run.pin.pinned_at).date()
    try:
        ledger = read_ledger(run.evidence.store, run.gate.name, run.evidence.keys, last=rule.of_last + 1)
    except OSError as error:
        log.error("The ledger can't be read: %s", error)
        return Ledger(run.gate.name), []
    return ledger.before(run.execution_id), list(proposals(ledger, run.gate.policy, day))


def _seen_now(run: GateRun) -> str:
    """How production stands, for a run that began to act and can't say how that ended."""
    try:
        return go_live(run.read_execution()).sentence
    except CloudManagerError as error:
        return f"Cloud Manager does not say how production stands: {error}"


def _seal(run: GateRun) -> tuple[Sealed | None, str]:
    try:
        sealed = run.newest_seal()
    except EvidenceError as error:
        return None, f"The seal can't be trusted: {error}"
    is_missing = sealed is None and run.evidence.attempts() > 0
    return sealed, "The newest attempt was never sealed." if is_missing else ""


def earlier_attempts(evidence: Evidence) -> list[str]:
    """A sentence on each attempt that was done away with by another one, or is to be."""
    sentences = []
    for attempt in range(2, evidence.attempts() + 2):
        try:
            record = read_retest(evidence, attempt)
        except EvidenceError as error:
            sentences.append(f"Why attempt {attempt} was begun can't be read: {error}")
            continue
        begun = attempt <= evidence.attempts()
        if record is not None:
            sentences.append(
                tell(record) if begun else f"{tell(record)} (attempt {attempt} was not begun yet)"
            )
        elif begun:
            sentences.append(
                f"Attempt {attempt} was begun by running settle_stage again (cleared, or restarted by Airflow); "
                "nobody said why."
            )
    return sentences


def _decision(run: GateRun) -> tuple[DecisionRecord | None, str]:
    """The decision on record, and why there is none that counts.

    What was found may be unsigned, since ``decide`` and ``record_bypass`` hold no key; what was done may not.
    """
    try:
        record = read_decision(run.evidence)
    except EvidenceError as error:
        log.error("The decision can't be read: %s", error)
        return None, f"The decision on record does not count: {error}"
    needs_signature = record is not None and record.decision in CARRIED_OUT and run.gate.mode is Mode.GUARD
    if record is None or not needs_signature or record.is_trusted:
        return record, ""
    doubt = (
        f"The decision on record, {record.decision} by {record.by}, is {record.signature} and does not count: "
        "find out who wrote it, and look at the execution in Cloud Manager."
    )
    log.error("%s", doubt)
    return None, doubt


def _is_deployed(run: GateRun, decision: DecisionRecord | None) -> bool:
    """Whether Cloud Manager says that production was deployed to its end; silence is a no."""
    if decision is None or not decision.production_reached:
        return False
    try:
        step = run.read_execution().production_deployment
    except CloudManagerError as error:
        log.warning("Cloud Manager does not say how the production deployment went: %s", error)
        return False
    return step is not None and step.is_finished


def _production_outcome(
    results: tuple[CheckResult, ...], blocking: set[str], decision: DecisionRecord | None
) -> Outcome | None:
    """The outcome of the production tests; a planned one without a result is inconclusive."""
    if decision is None or not decision.production_reached:
        return None
    answered = {result.key: result.outcome for result in results}
    graver = [r.outcome for r in results if r.key not in blocking and r.severity is Severity.BLOCK]
    return worst([*(answered.get(key, Outcome.INCONCLUSIVE) for key in blocking), *graver])


def _sentences(
    pin: Pin,
    sealed: Sealed | None,
    trouble: str,
    decision: DecisionRecord | None,
    production: tuple[CheckResult, ...],
) -> list[str]:
    sentences = [f"Execution {pin.execution_id} of pipeline {pin.pipeline_id}, gate {pin.gate}."]
    if pin.report_only:
        sentences.append(f"Reported only: {pin.report_only}")
    if sealed:
        sentences += [sealed.verdict.summary, *sealed.verdict.reasons]
    if trouble:
        sentences.append(trouble)
    if decision:
        sentences.append(f"{decision.decision.capitalize()} by {decision.by}: {decision.sentence}")
    return [*sentences, *(f"Production, {sentence}" for sentence in _of_production(production))]


def _of_production(production: tuple[CheckResult, ...]) -> Iterator[str]:
    against = [result for result in production if result.outcome is not Outcome.PASSED]
    follows = follows_from(against)
    for result in against:
        notes = [each for each in result.findings if each.outcome is Outcome.PASSED]
        yield from (
            f"{result.key}: {each.sentence}" for each in grouped([*standing(result, follows), *notes])
        )
    yield from (each.sentence for each in consequences(against, follows))
