"""From results to a verdict, and from the verdict to what comes next."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowSkipException

from adobe_cloud_manager.questions import Approval
from aem_checks.outcomes import Outcome
from aem_checks.text import plain
from stage_gate.evidence.files import EvidenceError
from stage_gate.evidence.signing import Signature
from stage_gate.observing.memory import Memory, NotRemembered
from stage_gate.rules.decision import Decision, Mode, Step, next_step
from stage_gate.tasks.gate_task import GateBranch, GateTask
from stage_gate.tasks.source import NO_SOURCE
from stage_gate.telling import metrics
from stage_gate.telling.log_line import log_line
from stage_gate.telling.notify import Event, tell_once

if TYPE_CHECKING:
    from airflow.sdk import Context

    from stage_gate.acting.run import GateRun
    from stage_gate.evidence.seal import Sealed
    from stage_gate.rules.verdict import Verdict

log = logging.getLogger(__name__)


class Judge(GateTask):
    """Walk the plan, reach the verdict, seal it. Runs whatever became of the checks."""

    ui_color = "#fef7e0"
    signs = True

    def work(self, run: GateRun, context: Context) -> list[int]:
        """Returns the attempts so far; the question to the release manager is mapped over them."""
        from stage_gate.rules.verdict import judge

        attempt = run.evidence.attempts()
        if attempt == 0:
            raise AirflowSkipException(
                "Stage was never tested, so there is no verdict; decide says what follows."
            )
        sealed = run.evidence.seal(attempt, judge)
        enter(run, sealed)
        metrics.tell(run.gate.name, metrics.of_verdict(sealed))
        self._say(sealed.verdict)
        self.log.info(
            "Sealed attempt %d as %s in %s; the seal is %s.",
            attempt,
            sealed.digest,
            run.evidence.attempt_folder(attempt),
            f"signed by key {sealed.key}" if sealed.key else sealed.signature,
        )
        if run.gate.mode is Mode.GUARD and sealed.signature is not Signature.TRUSTED:
            self.log.error(
                "Guard mode can't decide on this seal, so production will be held: give the workers of the deciding "
                "queue a signing key (python -m stage_gate key), then clear settle_stage with its downstream tasks."
            )
        return list(range(1, attempt + 1))

    def _say(self, verdict: Verdict) -> None:
        if verdict.warnings:
            self.log.info("::group::%d things to know that did not decide", len(verdict.warnings))
            for warning in verdict.warnings:
                self.log.info("%s", log_line(warning))
            self.log.info("::endgroup::")
        for reason in verdict.reasons:
            self.log.error("%s", log_line(reason))
        self.log.info("%s", log_line(verdict.summary))


class Decide(GateBranch):
    """Choose the way on. It is a signpost: each acting task proves its own right to act."""

    def choose(self, run: GateRun, context: Context) -> list[str]:
        from stage_gate.observing.observe import go_live

        live = go_live(run.read_execution())
        gate = run.gate
        sealed = run.believed_seal()
        outcome = sealed.verdict.outcome if sealed else None
        step, sentence = next_step(outcome, live, gate.policy.rules, gate.mode, run.timing(sealed))
        if step is Step.ASK and outcome is None:
            step, sentence = Step.HOLD, f"{sentence} There is no sealed verdict to ask about: hold."
        if step is not Step.REPORT and step not in context["dag"].task_ids:
            step, sentence = Step.HOLD, f"{sentence} The gate file as it is now has no way there: hold."
        if live.approval is Approval.ENDED and not live.is_bypassed:
            self._record(run, Decision.SUPERSEDED, "Cloud Manager", sentence, outcome)
        elif step not in (Step.REPORT, Step.RECORD_BYPASS):
            self._record(run, Decision.HELD, "Stage Gate", sentence, outcome)
        self.log.info("%s", log_line(sentence))
        if (
            outcome in (None, Outcome.INCONCLUSIVE)
            and not live.is_bypassed
            and live.approval is not Approval.ENDED
        ):
            occasion = f"attempt {run.evidence.attempts()}"
            tell_once(run, Event.INCONCLUSIVE, [sentence, *newest_sentences(run)], occasion)
        return [str(step)] if step is not Step.REPORT else []

    def _record(
        self, run: GateRun, decision: Decision, by: str, sentence: str, outcome: Outcome | None
    ) -> None:
        """What is so until somebody acts; it replaces what an earlier pass found, never an act."""
        from stage_gate.evidence.kept_decisions import DecisionRecord, write_decision

        record = DecisionRecord(
            decision=decision,
            sentence=sentence,
            by=by,
            at=datetime.now(UTC),
            outcome=outcome,
        )
        try:
            write_decision(run.evidence, record)
        except EvidenceError as error:
            self.log.error("That it %s can't be put on record, and goes on all the same: %s", decision, error)


def enter(run: GateRun, sealed: Sealed) -> None:
    """Enter a sealed attempt into the ledger, and say what was flaky too often; not to be able to stops nothing."""
    from stage_gate.configuration.flaky import proposals
    from stage_gate.evidence.ledger import read_ledger, write_entry

    try:
        write_entry(run.evidence, sealed)
    except (EvidenceError, OSError) as error:
        log.error(
            "The ledger can't be written; later: python -m stage_gate ledger %s --rebuild. %s",
            run.gate.name,
            error,
        )
        return
    ledger = read_ledger(
        run.evidence.store, run.gate.name, run.evidence.keys, last=run.gate.policy.flakes.of_last
    )
    for proposal in proposals(ledger, run.gate.policy, sealed.sealed_at.date()):
        log.warning("%s", log_line(proposal.sentence))


def sealed_outcome(run: GateRun) -> Outcome | None:
    """The outcome of the newest seal, ``None`` where there is none or it can't be trusted."""
    sealed = run.believed_seal()
    return sealed.verdict.outcome if sealed else None


def newest_sentences(run: GateRun) -> list[str]:
    """What the newest seal says, or why nothing can be said of it; never raises for broken evidence."""
    try:
        sealed = run.newest_seal()
    except EvidenceError as error:
        return [f"The sealed verdict can't be trusted: {error}"]
    if sealed is None:
        unknown = why_no_source(run)
        return unknown or ["There is no sealed verdict: see the logs of settle_stage and judge."]
    return sentences_of(sealed.verdict)


def why_no_source(run: GateRun) -> list[str]:
    """Why nobody can tell what was tested on stage for a production-only pipeline, where that is so."""
    try:
        noted = Memory.of(run).recall(NO_SOURCE)
    except NotRemembered as error:
        log.warning("Why nothing was tested is not known: %s", error)
        return []
    if noted is None or not noted.text:
        return []
    return [plain(noted.text, 1000), "There is no sealed verdict, since nothing was tested for it."]


SENTENCES_SHOWN = 20


def sentences_of(verdict: Verdict) -> list[str]:
    """The summary and the first reasons, for a log or a question."""
    shown = verdict.reasons[:SENTENCES_SHOWN]
    left = len(verdict.reasons) - len(shown)
    more = [f"{left} more reasons are in the report."] if left else []
    return [verdict.summary, *shown, *more]
