"""How are people asked about a verdict? The question in Airflow's Required Actions, and the answer on record."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from airflow.sdk.execution_time.hitl import HITLUser

from aem_checks.outcomes import Outcome
from stage_gate.evidence.files import EvidenceError
from stage_gate.rules.asking import (
    SEAL_SHOWN,
    SILENCE,
    About,
    Asked,
    Given,
    accepted,
    all_of,
    may_be_asked,
    refusal,
)
from stage_gate.rules.decision import APPROVE, HALT, HOTFIX, KEEP_WAITING, OVERRIDE, RETEST, Step
from stage_gate.tasks.judging import newest_sentences, sentences_of
from stage_gate.telling.log_line import log_line

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from airflow.sdk import Context

    from stage_gate.acting.run import GateRun
    from stage_gate.evidence.seal import Sealed

log = logging.getLogger(__name__)

_SILENCE = {"hold": KEEP_WAITING, "halt": HALT}
_MEANS = {
    APPROVE: "approves production",
    RETEST: "tests stage once more, as another attempt in this run",
    OVERRIDE: "approves production although the verdict is not passed",
    HALT: "rejects production",
    KEEP_WAITING: "leaves production waiting",
    HOTFIX: "approves production now, outside the window",
}


class Question(HITLOperator):
    """Ask named people about the verdict of one attempt, and store who answered what, when and why.

    Mapped over the attempts, since Airflow goes on showing the first question of a task however often it is
    cleared: each attempt has a question of its own, and those about earlier attempts skip themselves. A question
    carries the digest of its seal, and an answer that does not bring it back is refused. A refused answer fails
    the try with a sentence; the next try asks anew, for what is left of the time.
    """

    ui_color = "#fde293"
    headline: ClassVar[str]

    def __init__(self, *, gate_file: str, attempt: int, options: list[str], **kwargs: Any) -> None:
        """``attempt``: the number of the attempt whose verdict is asked about; from an XCom, so only a hint."""
        kwargs["params"] = _form()  # instead of the Dag's own params, which are no question here
        super().__init__(subject=self.headline, options=options, **kwargs)
        self.gate_file = gate_file
        self.attempt = attempt

    def whom(self, run: GateRun, sealed: Sealed) -> Asked:
        """Who is asked about this verdict. Raises ``AirflowFailException`` where nobody is."""
        raise NotImplementedError

    def execute(self, context: Context) -> Any:
        from stage_gate.acting.run import GateRun

        run = GateRun.of(self.gate_file, context)
        run.skip_unless_decidable()
        sealed = newest_seal(run)
        if self.attempt != sealed.attempt:
            raise AirflowSkipException(
                f"This question was about attempt {self.attempt}; {sealed.attempt} is the newest."
            )
        asked, about = self.whom(run, sealed), about_of(sealed, who_started(run) or "")
        people = may_be_asked(asked.people, about.started_by)
        left = _asked_at(run, self.task_id, sealed) + asked.within - datetime.now(UTC)
        if not people:
            why = f"{about.started_by} started it, and nobody else is asked"
            return self._store(run, sealed, Given(KEEP_WAITING, SILENCE, "", why, "", ""), ())
        if left <= timedelta(0):
            return self._store(run, sealed, _silent(asked), ())
        self._prepare(run, sealed, about, Asked(people, left, asked.silence))
        self._announce(run, sealed, asked, context)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        from stage_gate.acting.run import GateRun

        run = GateRun.of(self.gate_file, context)
        sealed = newest_seal(run)
        if self.attempt != sealed.attempt:
            raise AirflowFailException(
                f"The answer is about attempt {self.attempt}, and {sealed.attempt} is the newest; production waits."
            )
        asked = self.whom(run, sealed)
        if event.get("timedout"):
            return self._store(run, sealed, _silent(asked), ())
        started_by = who_started(run)
        if started_by is None:
            raise AirflowException(
                "The answer is refused, and the question is asked anew: Cloud Manager can't be read, so whether "
                "whoever answered started the execution themselves can't be checked. Production waits."
            )
        about = about_of(sealed, started_by)
        given = Given.of(event)
        refused = refusal(given, asked, about)
        if refused is None and given.option not in self.options:
            refused = f"{given.option} is no option of this question."
        if refused is not None:
            raise AirflowException(
                f"The answer is refused, and the question is asked anew. {refused} Production waits."
            )
        self.validate_params_input(event.get("params_input") or {})
        return self._store(run, sealed, given, accepted(given, about))

    def _prepare(self, run: GateRun, sealed: Sealed, about: About, asked: Asked) -> None:
        """What Airflow shows, and to whom."""
        self.params["seal"] = sealed.digest[:SEAL_SHOWN]
        self.assigned_users = users_of(asked.people)
        self.response_timeout = asked.within
        self.defaults = [asked.silence]
        self.body = question(run, sealed, about, self.options)

    def _announce(self, run: GateRun, sealed: Sealed, asked: Asked, context: Context) -> None:
        from stage_gate.telling.notify import Event, tell_once

        report_so_far(run)
        sentences = [
            f"{', '.join(user['name'] for user in self.assigned_users or ())} can answer in Airflow: "
            f"{', '.join(self.options)}. Silence for {asked.within} means {asked.silence}.",
            *sentences_of(sealed.verdict),
            f"Answer in {required_actions(context)} (seal {sealed.digest[:SEAL_SHOWN]}).",
        ]
        for sentence in sentences:
            self.log.info("%s", log_line(sentence))
        tell_once(run, Event.ASKED, sentences, f"{self.task_id} {sealed.digest}")

    def _store(self, run: GateRun, sealed: Sealed, given: Given, accepts: tuple[str, ...]) -> str:
        """Keep the answer: what follows reads it from the evidence, never from this task's XCom."""
        from stage_gate.evidence.kept_decisions import StoredAnswer, write_answer

        answer = StoredAnswer(
            option=given.option,
            by=given.user_id,
            name=given.user_name,
            reason=given.reason,
            at=datetime.now(UTC),
            seal_digest=sealed.digest,
            accepts=accepts,
        )
        write_answer(run.evidence, answer)
        self.log.info("%s answered %s: %s", log_line(answer.by), answer.option, log_line(answer.reason))
        if accepts:
            self.log.info("Accepted: %s", ", ".join(accepts))
        return answer.option


class AskReleaseManager(Question):
    """Ask the people whom the policy names for this outcome what shall happen to the release."""

    headline = "Release manager: what shall happen to this release?"

    def whom(self, run: GateRun, sealed: Sealed) -> Asked:
        rule = run.gate.policy.on(sealed.verdict.outcome)
        if not rule.ask:
            raise AirflowFailException(
                f"The policy asks nobody about {sealed.verdict.outcome}; production waits."
            )
        return Asked(rule.ask, rule.within, _SILENCE[rule.silence])


class AskForHotfix(Question):
    """Ask whether a release that passed may go outside the window. No answer means that it waits for the window."""

    headline = "The window is closed: shall this release go now, as a hotfix?"

    def whom(self, run: GateRun, sealed: Sealed) -> Asked:
        windows = run.gate.policy.windows
        if windows is None or windows.hotfix is None or sealed.verdict.outcome is not Outcome.PASSED:
            raise AirflowFailException(
                "There is nobody to ask for a hotfix, or nothing that passed; production waits."
            )
        return Asked(windows.hotfix.ask, windows.hotfix.within)


def options_for(outcomes: Container[Outcome], *, windows: bool = False) -> dict[str, str]:
    """The options of the question and the task each leads to; ``Approve`` only where a passed verdict is asked about.

    With ``windows``, what lets production go leads through the wait for one, which is over at once while it is open.
    """
    window = str(Step.WAIT_FOR_WINDOW)
    options = {
        RETEST: str(Step.RETEST),
        OVERRIDE: window if windows else "override_production",
        HALT: str(Step.HALT),
        KEEP_WAITING: str(Step.HOLD),
    }
    approve = {APPROVE: window if windows else str(Step.APPROVE)}
    return {**approve, **options} if Outcome.PASSED in outcomes else options


HOTFIX_OPTIONS = {HOTFIX: str(Step.APPROVE), KEEP_WAITING: str(Step.WAIT_FOR_WINDOW)}
"""The options of the question for a hotfix and the task each leads to."""


def newest_seal(run: GateRun) -> Sealed:
    """The seal a question can be about. Raises ``AirflowFailException`` where there is none."""
    sealed = run.newest_seal()
    if sealed is None:
        raise AirflowFailException(
            "There is no sealed verdict to ask about; production waits. See the log of judge."
        )
    return sealed


def who_started(run: GateRun) -> str | None:
    """Whom Cloud Manager names now as having started the execution, or nobody; ``None`` where it can't be read."""
    from adobe_cloud_manager.exceptions import CloudManagerError

    try:
        return run.read_execution().user
    except (CloudManagerError, OSError) as error:
        log.warning("Cloud Manager can't be read, so who started the execution is unknown: %s", error)
        return None


def about_of(sealed: Sealed, started_by: str) -> About:
    """What the question is about."""
    verdict = sealed.verdict
    return About(verdict.outcome, sealed.digest, verdict.not_passed, started_by)


def question(run: GateRun, sealed: Sealed, about: About, options: Iterable[str]) -> str:
    """What people read: plain sentences in a code block, since they quote the site, then what each option means."""
    from stage_gate.pages.mount import report_address
    from stage_gate.telling.notify import link_of

    address = report_address(run.dag_id, run.run_id)
    report = f"[The report]({address})" if address else "Report"
    quoted = "\n".join(log_line(sentence).replace("`", "'") for sentence in sentences_of(sealed.verdict))
    means = "\n".join(f"- **{option}** {_MEANS[option]}" for option in options)
    not_passed = ", ".join(about.not_passed).replace("`", "'")
    accepts = (
        f"\n\nAn **{OVERRIDE}** has to accept: `{not_passed}`. Write each of them, or `{all_of(about)}`, into *accepts*."
        if about.not_passed and OVERRIDE in options
        else ""
    )
    return (
        f"Execution {run.execution_id} of gate {run.gate.name}, attempt {sealed.attempt}, "
        f"seal {sealed.digest[:SEAL_SHOWN]}.\n\n```\n{quoted}\n```\n\n{means}{accepts}\n\n"
        f"[The execution in Cloud Manager]({link_of(run)}). {report}: `{run.evidence.folder / 'report.html'}`. "
        f"Evidence: `{run.evidence.attempt_folder(sealed.attempt)}`."
    )


def explain_hold(run: GateRun) -> list[str]:
    """Why production is held and what to do about it, a sentence each."""
    return [
        *newest_sentences(run),
        "To test again: remove the cause, then clear settle_stage with its downstream tasks in this run. "
        "To decide yourself: approve or reject in Cloud Manager; this run notices and records it.",
    ]


def report_so_far(run: GateRun) -> None:
    """Write the report as things stand, for those who are asked now; not to be able to stops nothing."""
    from stage_gate.tasks.publishing import where_report_is, write_report

    try:
        write_report(run)
        log.info("Report so far: %s", where_report_is(run))
    except (OSError, EvidenceError) as error:
        log.error("The report could not be written, and the gate goes on all the same: %s", error)


def _form() -> dict[str, Param]:
    text = [
        "null",
        "string",
    ]  # Airflow validates it before it asks; what an answer needs is checked afterwards
    return {
        "reason": Param(None, type=text, title="Reason", description="Why; it goes on record. Needed."),
        "accepts": Param(
            None,
            type=text,
            title="Accepts",
            description=f"For {OVERRIDE} only: what did not pass and is accepted all the same, by name.",
        ),
        "seal": Param(
            None,
            type=text,
            title="Seal",
            description="Which verdict this answer is about. Leave it as it is.",
        ),
    }


def _silent(asked: Asked) -> Given:
    return Given(asked.silence, SILENCE, "", "nobody answered in time", "", "")


def _asked_at(run: GateRun, task_id: str, sealed: Sealed) -> datetime:
    return asked_at(run, f"{task_id}-{sealed.digest[:20]}")


def asked_at(run: GateRun, question: str) -> datetime:
    """When this question was asked first. ``question`` is safe as a file's name."""
    from stage_gate.evidence import kept_decisions as record

    return record.asked_at(run.evidence, question, datetime.now(UTC))


def required_actions(context: Context) -> str:
    """The page where the question waits; without Airflow's address, its name."""
    from urllib.parse import quote

    from airflow.sdk.configuration import conf

    base = str(conf.get("api", "base_url", fallback="")).rstrip("/")
    page = f"/dags/{quote(str(context['dag'].dag_id))}/runs/{quote(str(context['run_id']))}/required_actions"
    return f"{base}{page}" if base else "Airflow's Required Actions"


def users_of(names: Iterable[str]) -> list[HITLUser]:
    return [HITLUser(id=name, name=name) for name in sorted(set(names))]
