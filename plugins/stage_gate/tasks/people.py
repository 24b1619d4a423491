"""How are people asked about a verdict? The question in Airflow's Required Actions, and the answer on record."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowFailException

from aem_checks.outcomes import Outcome
from aem_checks.text import count
from stage_gate.rules.asking import SEAL_SHOWN, SILENCE, About, Asked, Given, accepted, all_of, refusal
from stage_gate.rules.decision import APPROVE, HALT, HOTFIX, KEEP_WAITING, OVERRIDE, RETEST, Step
from stage_gate.tasks.asking import TEXT, Asking, Matter, asked_first
from stage_gate.tasks.judging import newest_sentences, sentences_of
from stage_gate.telling.log_line import log_line
from stage_gate.telling.standing import told

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

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


class Question(Asking):
    """Ask named people about the verdict of one attempt.

    A question carries the digest of its seal, and an answer that does not bring it back is refused.
    """

    headline: ClassVar[str]

    def __init__(self, *, options: list[str], **kwargs: Any) -> None:
        super().__init__(subject=self.headline, options=options, form=_form(), **kwargs)

    def whom(self, run: GateRun, sealed: Sealed) -> Asked:
        """Who is asked about this verdict. Raises ``AirflowFailException`` where nobody is."""
        raise NotImplementedError

    def newest(self, run: GateRun) -> int:
        return newest_seal(run).attempt

    def matter(self, run: GateRun) -> Matter:
        sealed = newest_seal(run)
        return _Verdict(
            run=run,
            asked=self.whom(run, sealed),
            shown=sealed.digest[:SEAL_SHOWN],
            file_name=f"{self.task_id}-{sealed.digest[:20]}",
            sealed=sealed,
            occasion=f"{self.task_id} {sealed.digest}",
            options=tuple(self.options),
            headline=self.headline,
        )


@dataclass(frozen=True, kw_only=True)
class _Verdict(Matter):
    """What becomes of a release whose verdict is sealed."""

    sealed: Sealed
    occasion: str
    options: tuple[str, ...]
    headline: str

    def said(self) -> Given | None:
        from stage_gate.evidence.kept_decisions import counts, read_answer

        answer = read_answer(self.run.evidence)
        if answer is None or answer.by == SILENCE or answer.seal_digest != self.sealed.digest:
            return None
        if answer.option not in self.options or not counts(self.run.evidence, answer):
            return None
        return Given(answer.option, answer.by, answer.name, answer.reason, "", self.shown)

    def alone(self, started_by: str) -> Given:
        return Given.silence(KEEP_WAITING, f"{started_by} started it, and nobody else is asked")

    def late(self) -> Given:
        return Given.silence(self.asked.silence, "nobody answered in time")

    def refusal(self, given: Given, started_by: str) -> str | None:
        return refusal(given, self.asked, replace(self.about, started_by=started_by))

    @property
    def about(self) -> About:
        verdict = self.sealed.verdict
        return About(verdict.outcome, self.sealed.digest, verdict.not_passed)

    def subject(self) -> str:
        about = self.about
        return f"{self.run.gate.name}, execution {self.run.execution_id}: {about.outcome}. {self.headline}"

    def body(self) -> str:
        until = asked_first(self) + self.asked.within
        silence = f"- **Until** {told(until)}; silence means *{self.asked.silence}*"
        return question(self.run, self.sealed, self.about, self.options, silence)

    def announce(self, people: tuple[str, ...], left: timedelta, where: str) -> list[str]:
        from stage_gate.telling.notify import Event, tell_once

        report_so_far(self.run)
        sentences = [
            f"{', '.join(people)} can answer in Airflow: {', '.join(self.options)}. "
            f"Silence for {self.asked.within} means {self.asked.silence}.",
            *sentences_of(self.sealed.verdict),
            f"Answer in {where} (seal {self.shown}).",
        ]
        tell_once(self.run, Event.ASKED, sentences, self.occasion)
        return sentences

    def keep(self, given: Given, asked_at: datetime) -> None:
        from stage_gate.evidence.kept_decisions import StoredAnswer, write_answer

        accepts = accepted(given, self.about)
        answer = StoredAnswer(
            option=given.option,
            by=given.user_id,
            name=given.user_name,
            reason=given.reason,
            at=datetime.now(UTC),
            seal_digest=self.sealed.digest,
            accepts=accepts,
        )
        write_answer(self.run.evidence, answer)
        if accepts:
            log.info("Accepted: %s", ", ".join(accepts))


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


def question(run: GateRun, sealed: Sealed, about: About, options: Iterable[str], until: str = "") -> str:
    """What people read: what is asked in short lines, plain sentences in a code block, since they quote the site, then
    what each option means. ``until`` is the line that says how long, and what silence means."""
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
        f"- **Release** execution {run.execution_id} of gate {run.gate.name}, attempt {sealed.attempt}, "
        f"seal {sealed.digest[:SEAL_SHOWN]}\n"
        f"- **Verdict** {about.outcome}; {count(len(about.not_passed), 'check')} against it\n"
        f"{until}\n\n```\n{quoted}\n```\n\n{means}{accepts}\n\n"
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
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the report: people have to be asked and told
        log.error("The report could not be written, and the gate goes on all the same: %s", error)


def _form() -> dict[str, Param]:
    return {
        "reason": Param(None, type=TEXT, title="Reason", description="Why; it goes on record. Needed."),
        "accepts": Param(
            None,
            type=TEXT,
            title="Accepts",
            description=f"For {OVERRIDE} only: what did not pass and is accepted all the same, by name.",
        ),
        "seal": Param(
            None,
            type=TEXT,
            title="Seal",
            description="Which verdict this answer is about. Leave it as it is.",
        ),
    }
