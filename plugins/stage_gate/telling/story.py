"""How did a run end, and what is said of it last? Its evidence, and what Cloud Manager says of production now."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adobe_cloud_manager.exceptions import CloudManagerError
from aem_checks.outcomes import CheckResult, Outcome, Severity, worst
from stage_gate.evidence.kept_decisions import CARRIED_OUT, DecisionRecord
from stage_gate.observing.observe import go_live
from stage_gate.rules.decision import Decision, Mode
from stage_gate.rules.ending import End
from stage_gate.rules.following import follows_from
from stage_gate.rules.sentences import consequences, grouped, standing
from stage_gate.telling.release import Release, read_release

if TYPE_CHECKING:
    from stage_gate.acting.run import GateRun
    from stage_gate.configuration.gate import Gate

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Story:
    """A release as its run ends."""

    release: Release
    end: End
    sentences: list[str] = field(default_factory=list)

    @property
    def trouble(self) -> str:
        """Why there is no trustworthy seal or decision, empty where there is one or none was due."""
        return self.release.trouble


def read_story(run: GateRun) -> Story:
    """Read a run back from its evidence. Never raises for broken evidence: it says so instead."""
    release = read_release(run.evidence, run.pin, run.gate)
    return Story(release, _end(run, release), [*release.earlier, *_sentences(release)])


def _end(run: GateRun, release: Release) -> End:
    decision, gate = release.decision, run.gate
    outcome = release.outcome
    if decision is not None and decision.decision is Decision.APPROVED:
        outcome = decision.outcome  # what it rests on, also where stage was tested again since
    claimed = run.may_have_acted
    carried_out = decision is not None and decision.decision in CARRIED_OUT
    return End(
        mode=gate.mode,
        decision=decision.decision if decision else None,
        outcome=outcome,
        production_reached=bool(decision and decision.production_reached),
        production_deployed=_is_deployed(run, decision),
        production=_production_outcome(release.production, _blocking(gate), decision),
        production_planned=bool(gate.production_checks),
        claimed=claimed,
        seen_now=_seen_now(run) if claimed and not carried_out else "",
        let_through=run.pin.let_through and gate.mode is Mode.GUARD,
        reported_only=bool(run.pin.report_only),
    )


def _blocking(gate: Gate) -> set[str]:
    return {check.key for check in gate.production_checks if check.blocks}


def _seen_now(run: GateRun) -> str:
    """How production stands, for a run that began to act and can't say how that ended."""
    try:
        return go_live(run.read_execution()).sentence
    except CloudManagerError as error:
        return f"Cloud Manager does not say how production stands: {error}"


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


def _sentences(release: Release) -> list[str]:
    pin, sealed, decision = release.pin, release.sealed, release.decision
    sentences = [f"Execution {pin.execution_id} of pipeline {pin.pipeline_id}, gate {pin.gate}."]
    if pin.report_only:
        sentences.append(f"Reported only: {pin.report_only}")
    if sealed:
        sentences += [sealed.verdict.summary, *sealed.verdict.reasons]
    if release.trouble:
        sentences.append(release.trouble)
    if decision:
        sentences.append(f"{decision.decision.capitalize()} by {decision.by}: {decision.sentence}")
    return [*sentences, *(f"Production, {sentence}" for sentence in _of_production(release.production))]


def _of_production(production: tuple[CheckResult, ...]) -> Iterator[str]:
    against = [result for result in production if result.outcome is not Outcome.PASSED]
    follows = follows_from(against)
    for result in against:
        notes = [each for each in result.findings if each.outcome is Outcome.PASSED]
        yield from (
            f"{result.key}: {each.sentence}" for each in grouped([*standing(result, follows), *notes])
        )
    yield from (each.sentence for each in consequences(against, follows))
