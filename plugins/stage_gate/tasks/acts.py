"""The tasks that act on production, or record that somebody else did. Each walks the whole road of ``acting``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk.bases.skipmixin import SkipMixin
from airflow.sdk.exceptions import AirflowFailException

from adobe_cloud_manager.links.execution_page import CloudManagerExecutionLink
from adobe_cloud_manager.questions import Approval
from stage_gate.acting.wanting import Held
from stage_gate.evidence.files import EvidenceError
from stage_gate.pages.links import ReleaseLink
from stage_gate.rules.decision import Decision, bypass_sentence
from stage_gate.tasks.gate_task import GateTask
from stage_gate.tasks.judging import newest_sentences, sealed_outcome
from stage_gate.telling.log_line import log_line
from stage_gate.telling.notify import AFTER_A_HALT, Event, tell, tell_once

if TYPE_CHECKING:
    from airflow.sdk import Context

    from stage_gate.acting.run import GateRun
    from stage_gate.evidence.kept_decisions import DecisionRecord


class ActOnProduction(GateTask):
    """Send one act for the pinned execution, or hold and say what is missing."""

    decision: ClassVar[Decision]
    signs = True
    template_fields = ("execution_id",)
    operator_extra_links: tuple[Any, ...] = (ReleaseLink(), CloudManagerExecutionLink())

    def __init__(
        self, *, gate_file: str, program_id: str, pipeline_id: str, execution_id: str, **kwargs: Any
    ) -> None:
        """The ids serve the link into Cloud Manager; the act itself takes its execution from the run id."""
        # Tried again when it died. What it refuses fails for good: see AirflowFailException below.
        kwargs |= {"retries": 5, "retry_delay": timedelta(seconds=10)}
        super().__init__(gate_file=gate_file, **kwargs)
        self.program_id = program_id
        self.pipeline_id = pipeline_id
        self.execution_id = execution_id

    def work(self, run: GateRun, context: Context) -> None:
        from stage_gate.evidence.kept_decisions import write_decision

        try:
            record = run.act().perform(self.decision)
        except Held as held:
            tell(run, Event.ALARM if held.may_have_left else Event.HELD, [str(held), *newest_sentences(run)])
            self._record_held(run, str(held))
            raise AirflowFailException(log_line(held)) from held
        write_decision(run.evidence, record)
        self._publish(context, record)
        self._say(run, record)

    def _publish(self, context: Context, record: DecisionRecord) -> None:
        """What other Dags may follow: the release, in the extra of the event of this decision's asset.

        The act is done and on record by now, so that nothing here may fail it.
        """
        extra: dict[str, Any] = {
            "decision": str(record.decision),
            "execution_id": self.execution_id,
            "program_id": self.program_id,
            "pipeline_id": self.pipeline_id,
            "by": record.by,
            "at": record.at.isoformat(),
            "seal": record.seal_digest,
        }
        try:
            for asset in self.outlets:
                context["outlet_events"][asset].extra = extra
        except Exception as error:  # noqa: BLE001 - as said above
            self.log.warning("Dags that follow this gate are not told which release it is: %r", error)

    def _say(self, run: GateRun, record: DecisionRecord) -> None:
        """The decision last, below what it rests on."""
        for sentence in newest_sentences(run):
            self.log.info("%s", log_line(sentence))
        self.log.info("Evidence and report: %s", run.evidence.folder)
        self.log.info(
            "%s by %s: %s", record.decision.capitalize(), log_line(record.by), log_line(record.sentence)
        )

    def _record_held(self, run: GateRun, sentence: str) -> None:
        from stage_gate.evidence.kept_decisions import DecisionRecord, write_decision

        record = DecisionRecord(
            decision=Decision.HELD,
            sentence=sentence,
            by="Stage Gate",
            at=datetime.now(UTC),
            outcome=sealed_outcome(run),
        )
        try:
            write_decision(run.evidence, record)
        except EvidenceError as error:
            self.log.error("That it is held can't be put on record: %s", error)


class ApproveProduction(ActOnProduction):
    """Approve production: after a sealed verdict of ``passed`` only."""

    decision = Decision.APPROVED
    ui_color = "#ceead6"


class OverrideProduction(ActOnProduction):
    """Approve production on the word of a person who saw the verdict and gave a reason."""

    decision = Decision.OVERRIDDEN
    ui_color = "#fde293"


class HaltProduction(ActOnProduction):
    """Reject production, so that the pipeline is free for the fix."""

    decision = Decision.HALTED
    ui_color = "#fad2cf"

    def _say(self, run: GateRun, record: DecisionRecord) -> None:
        super()._say(run, record)
        for sentence in AFTER_A_HALT:
            self.log.info("%s", log_line(sentence))
        why = [sentence for sentence in newest_sentences(run) if sentence not in record.sentence]
        sentences = [record.sentence, *why, *AFTER_A_HALT]
        tell_once(run, Event.HALTED, sentences, record.seal_digest)


class RecordBypass(GateTask, SkipMixin):
    """Record that production was decided in Cloud Manager, and go on only if it was let through."""

    ui_color = "#e8eaed"

    def __init__(self, *, gate_file: str, production: str, **kwargs: Any) -> None:
        """``production``: id of the task that follows the production deployment, skipped if there is none."""
        super().__init__(gate_file=gate_file, **kwargs)
        self.production = production

    def work(self, run: GateRun, context: Context) -> None:
        from aem_checks.outcomes import Outcome
        from stage_gate.evidence.kept_decisions import DecisionRecord, write_decision
        from stage_gate.observing.observe import go_live

        live = go_live(run.read_execution())
        over = live.is_bypassed or live.approval in (Approval.REJECTED, Approval.ENDED)
        if not over:
            raise AirflowFailException(
                f"Nobody has decided yet: {live.sentence} Clear hold_production to go on holding."
            )
        ended = live.approval is Approval.ENDED and not live.is_bypassed
        outcome = sealed_outcome(run)
        sentence = (
            bypass_sentence(live, outcome or Outcome.INCONCLUSIVE) if live.is_bypassed else live.sentence
        )
        record = DecisionRecord(
            decision=Decision.SUPERSEDED if ended else Decision.BYPASSED,
            sentence=sentence,
            by="Cloud Manager",
            at=datetime.now(UTC),
            outcome=outcome,
            production_reached=live.is_bypassed,
        )
        alarming = live.is_bypassed and outcome is not Outcome.PASSED
        (self.log.error if alarming else self.log.info)(
            "%s: %s", record.decision.capitalize(), log_line(sentence)
        )
        if not ended:
            said = f"Alarm: {sentence}" if alarming else sentence
            sentences = [said, *newest_sentences(run)]
            if (
                alarming
            ):  # told again rather than not at all: whoever can write notes could have noted it as told
                tell(run, Event.BYPASSED, sentences)
            else:
                tell_once(run, Event.BYPASSED, sentences, f"{live.approval} {outcome}")
        write_decision(run.evidence, record)  # last: people are told also where the evidence is away
        if not live.is_bypassed:
            self.skip(context["ti"], [context["dag"].get_task(self.production)])
