"""Where people come in: the question to the release manager, and holding until somebody decides."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLBranchOperator
from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.execution_time.hitl import HITLUser

from adobe_cloud_manager.sensors.cloud_manager import DecisionSensor
from aem_checks.outcomes import Outcome
from stage_gate.decision import APPROVE, HALT, KEEP_WAITING, OVERRIDE
from stage_gate.evidence import EvidenceError
from stage_gate.record import read_question, write_question
from stage_gate.tasks.judging import newest_sentences, sentences_of
from stage_gate.tasks.publishing import write_report

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from airflow.sdk import Context

    from stage_gate.evidence import Sealed
    from stage_gate.gate import FollowUp
    from stage_gate.run import GateRun

SILENCE = "silence"
"""Who answered where nobody did in time."""
_SILENCE = {"hold": KEEP_WAITING, "halt": HALT}


class AskReleaseManager(HITLBranchOperator):
    """Ask named people what to do with the verdict. The answer is stored, with who and why, before it branches.

    The question carries the digest of the seal it is about: an answer to an older verdict moves nothing.
    """

    ui_color = "#fde293"

    def __init__(
        self,
        *,
        gate_file: str,
        tasks: Mapping[str, str],
        follow_ups: Mapping[Outcome, FollowUp],
        **kwargs: Any,
    ) -> None:
        """``tasks``: option to task id; ``follow_ups``: for each outcome that is asked about, who and how long."""
        kwargs["params"] = {
            "reason": Param(
                None,  # Airflow validates it before it asks, so nothing has to be a valid default; an answer needs more
                type=["null", "string"],
                minLength=1,
                title="Reason",
                description="Why; it goes on record. Without a reason the answer is refused.",
            )
        }  # instead of the Dag's own params, which Airflow hands to every task and which are no question here
        super().__init__(
            subject="Release manager: what shall happen to this release?",
            options=list(tasks),
            options_mapping=dict(tasks),
            assigned_users=_users(user for rule in follow_ups.values() for user in rule.ask),
            **kwargs,
        )
        self.gate_file = gate_file
        self.follow_ups = dict(follow_ups)

    def execute(self, context: Context) -> Any:
        from stage_gate.run import GateRun

        run = GateRun.of(self.gate_file, context)
        run.skip_unless_decidable()
        sealed = newest_seal(run)
        rule = self.follow_ups.get(sealed.verdict.outcome)
        if rule is None:
            raise AirflowFailException(
                f"The policy asks nobody about {sealed.verdict.outcome}; production waits."
            )
        asked = read_question(run.evidence)
        if asked is not None and asked != sealed.digest:
            self.log.warning(
                "Airflow would show the question about an older verdict again, so nobody is asked: hold."
            )
            return self.do_branch(context, [self.options_mapping[KEEP_WAITING]])
        write_question(run.evidence, sealed.digest)
        self.assigned_users = _users(rule.ask)
        self.response_timeout = rule.within
        self.defaults = [_SILENCE[rule.silence]]
        self.body = question(run, sealed)
        self.log.info("%s", self.body)
        self.log.info("Asked %s; silence for %s means %s.", ", ".join(rule.ask), rule.within, rule.silence)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        from stage_gate.record import StoredAnswer, write_answer
        from stage_gate.run import GateRun

        run = GateRun.of(self.gate_file, context)
        sealed = newest_seal(run)
        rule = self.follow_ups.get(sealed.verdict.outcome)
        if read_question(run.evidence) != sealed.digest or rule is None:
            raise AirflowFailException(
                "The answer was given to another verdict than the newest; production waits."
            )
        if not event.get("timedout") and _who(event) not in rule.ask:
            raise AirflowFailException(
                f"{_who(event) or 'Nobody'} is not among those who are asked; production waits."
            )
        answer = StoredAnswer(
            option=_one_option(event),
            by=SILENCE if event.get("timedout") else _who(event),
            reason="nobody answered in time" if event.get("timedout") else _reason(event),
            at=datetime.now(UTC),
            seal_digest=sealed.digest,
        )
        if answer.option != KEEP_WAITING and not (answer.by and answer.reason):
            raise AirflowFailException(
                "The answer is refused: it names no person or gives no reason. "
                "Clear this task to be asked again; production waits."
            )
        write_answer(run.evidence, answer)
        self.log.info(
            "%s answered %s: %s", answer.by or "Somebody", answer.option, answer.reason or "no reason"
        )
        return super().execute_complete(context, event)


class HoldProduction(DecisionSensor):
    """Keep production un-approved until somebody decides in Cloud Manager, and say what is blocked meanwhile."""

    ui_color = "#fde293"

    def __init__(self, *, gate_file: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.gate_file = gate_file

    def execute(self, context: Context) -> Any:
        from stage_gate.run import GateRun

        run = GateRun.of(self.gate_file, context)
        run.skip_unless_decidable()
        self.log.warning(
            "Production is held: it stays un-approved until somebody decides. Meanwhile other full-stack runs of "
            "this pipeline and changes to production's variables are blocked; Cloud Manager gives up after 14 days."
        )
        for sentence in explain_hold(run):
            self.log.warning("%s", sentence)
        try:
            write_report(run)
            self.log.info("Report so far: %s", run.evidence.folder / "report.html")
        except (OSError, EvidenceError) as error:
            self.log.error("The report could not be written, and the gate holds all the same: %s", error)
        return super().execute(context)


def explain_hold(run: GateRun) -> list[str]:
    """Why production is held and what to do about it, a sentence each."""
    return [
        *newest_sentences(run),
        "To test again: remove the cause, then clear settle_stage with its downstream tasks in this run. "
        "To decide yourself: approve or reject in Cloud Manager; this run notices and records it.",
    ]


def newest_seal(run: GateRun) -> Sealed:
    """The seal a question can be about. Raises ``AirflowFailException`` where there is none."""
    attempt = run.evidence.latest_sealed()
    if attempt == 0:
        raise AirflowFailException(
            "There is no sealed verdict to ask about; production waits. See the log of judge."
        )
    return run.evidence.load_seal(attempt)


def question(run: GateRun, sealed: Sealed) -> str:
    """What the release manager reads: plain sentences in a code block, since they quote the site."""
    quoted = "\n".join(sentence.replace("`", "'") for sentence in sentences_of(sealed.verdict))
    return (
        f"Execution {run.execution_id} of gate {run.gate.name}, attempt {sealed.attempt}, seal {sealed.digest[:12]}.\n\n"
        f"```\n{quoted}\n```\n\n"
        f"**{OVERRIDE}** approves production although the verdict is {sealed.verdict.outcome}; **{HALT}** rejects it; "
        f"**{KEEP_WAITING}** holds. Evidence: `{run.evidence.folder}`."
    )


def options_for(outcomes: Container[Outcome]) -> dict[str, str]:
    """The options of the question and the task each leads to; ``Approve`` only where a passed verdict is asked about."""
    options = {OVERRIDE: "override_production", HALT: "halt_production", KEEP_WAITING: "hold_production"}
    return {APPROVE: "approve_production", **options} if Outcome.PASSED in outcomes else options


def _users(names: Iterable[str]) -> list[HITLUser]:
    return [HITLUser(id=name, name=name) for name in sorted(set(names))]


def _one_option(event: Mapping[str, Any]) -> str:
    chosen = event.get("chosen_options") or []
    return str(chosen[0]) if len(chosen) == 1 else KEEP_WAITING


def _who(event: Mapping[str, Any]) -> str:
    """The Airflow user who answered; empty where Airflow names nobody."""
    user = event.get("responded_by_user")
    if isinstance(user, dict):
        return str(user.get("id") or user.get("name") or "")
    return str(getattr(user, "id", "") or getattr(user, "name", "") or "")


def _reason(event: Mapping[str, Any]) -> str:
    return " ".join(str((event.get("params_input") or {}).get("reason") or "").split())
