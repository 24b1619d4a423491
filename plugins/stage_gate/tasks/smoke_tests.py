"""How are people asked the manual smoke tests? Once the checks are over, each question for itself, in Airflow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from aem_checks.outcomes import Outcome
from aem_checks.text import plain
from stage_gate.evidence.smoke_answers import SmokeAnswer
from stage_gate.rules.asking import Asked, Given
from stage_gate.rules.smoke_tests import CANT_SAY, OPTIONS, about, key_of, refusal
from stage_gate.tasks.asking import TEXT, Asking, Matter
from stage_gate.tasks.gate_task import GateTask

if TYPE_CHECKING:
    from airflow.sdk import Context

    from stage_gate.acting.run import GateRun
    from stage_gate.configuration.smoke_tests import SmokeTest
    from stage_gate.rules.plan import Plan, PlannedCheck


class OpenSmokeTests(GateTask):
    """Decide whether people are asked at all: not about a release that a check has found broken already."""

    ui_color = "#fde293"

    def work(self, run: GateRun, context: Context) -> list[int]:
        """Returns the attempts so far; each question is mapped over them."""
        if run.evidence.attempts() == 0:
            raise AirflowSkipException("Stage was never tested, so nobody is asked to try it out.")
        attempt = run.evidence.open_attempt()
        plan = run.evidence.read_plan(attempt)
        for key, checks in plan.covered.items():
            self.log.info("%s is not asked: %s find out the same.", key, ", ".join(checks))
        blocking = {check.key for check in plan.stage_checks if check.blocks}
        failed = [
            entry.result.key
            for entry in run.evidence.read_results(attempt)
            if entry.result.outcome is Outcome.FAILED and entry.result.key in blocking
        ]
        if failed:
            raise AirflowSkipException(
                f"Nobody is asked to try out a release that has failed already: {', '.join(failed)}."
            )
        return list(range(1, attempt + 1))


class AskSmokeTest(Asking):
    """Ask named people one question about stage: the answer is the check's result.

    What Airflow knows of this task, its state, its XCom, its being cleared, is no answer; only the signed file is.
    """

    def __init__(self, *, name: str, **kwargs: Any) -> None:
        """``name`` is the question's in the gate file."""
        subject = f"Smoke test {name}: does it work on stage?"
        super().__init__(subject=subject, options=list(OPTIONS), form=_form(), **kwargs)
        self.question_name = name

    def newest(self, run: GateRun) -> int:
        return run.evidence.attempts()

    def matter(self, run: GateRun) -> Matter:
        attempt, evidence, settings = self.attempt, run.evidence, run.gate.settings.smoke_tests
        if evidence.is_sealed(attempt):
            raise AirflowFailException(f"Attempt {attempt} is sealed already, so no answer counts any more.")
        if settings is None:
            raise AirflowFailException("The gate that was pinned has no smoke tests.")
        planned = self._planned(evidence.read_plan(attempt))
        candidate_digest = evidence.read_candidate(attempt).digest
        shown = about(run.execution_id, attempt, candidate_digest, planned.settings_digest)
        return _SmokeTest(
            run=run,
            asked=Asked(settings.ask, settings.within, CANT_SAY),
            shown=shown,
            file_name=f"{planned.key}-{shown}",
            attempt=attempt,
            planned=planned,
            candidate_digest=candidate_digest,
            question=next(each for each in settings.questions if each.name == self.question_name),
            occasion=f"{self.task_id} {shown}",
        )

    def _planned(self, plan: Plan) -> PlannedCheck:
        """Raises ``AirflowSkipException`` where this is not asked."""
        key = key_of(self.question_name)
        planned = next((check for check in plan.stage_checks if check.key == key), None)
        if planned is None:
            covered = ", ".join(plan.covered.get(key, ())) or "the plan does not have it"
            raise AirflowSkipException(f"{key} is not asked: {covered}.")
        return planned


@dataclass(frozen=True, kw_only=True)
class _SmokeTest(Matter):
    """Whether one thing works on stage."""

    attempt: int
    planned: PlannedCheck
    candidate_digest: str
    question: SmokeTest
    occasion: str

    def standing(self) -> Given | None:
        from stage_gate.evidence.smoke_answers import read_smoke_answer

        answer = read_smoke_answer(self.run.evidence, self.attempt, self.planned.key)
        if answer is None:
            return None
        return Given(answer.option, answer.by, answer.name, answer.reason, "", self.shown)

    def alone(self, started_by: str) -> Given:
        return Given.silence(CANT_SAY, "whoever started the execution is the only one who may answer")

    def late(self) -> Given:
        return Given.silence(CANT_SAY, f"no answer within {self.asked.within}")

    def refusal(self, given: Given, started_by: str) -> str | None:
        return refusal(given, self.asked.people, started_by, self.shown)

    def subject(self) -> str:
        run = self.run
        return f"{run.gate.name}, execution {run.execution_id}: does {self.question.name} work on stage?"

    def body(self) -> str:
        """The question is the team's own; nothing of the site is in it."""
        site = self.run.gate.site(self.planned.site)
        page = f"\n\nBegin at {site.stage.url}{self.question.page}" if self.question.page else ""
        return (
            f"**{plain(self.question.question, 2000)}**{page}\n\n"
            f"- **Works**: it does what it should.\n- **Broken**: it does not; "
            f"{'the release fails' if self.planned.blocks else 'that is reported'}.\n"
            f"- **Can't say**: nobody could try it out; the check is inconclusive.\n\n"
            f"Stage is {site.stage.url}. Execution {self.run.execution_id} of gate {self.run.gate.name}, attempt "
            f"{self.attempt}, question {self.shown}."
        )

    def announce(self, people: tuple[str, ...], left: timedelta, where: str) -> list[str]:
        from stage_gate.telling.notify import Event, tell_once

        sentences = [
            f"Smoke test {self.question.name}: {self.question.question}",
            f"{', '.join(people)} can answer {', '.join(OPTIONS)} in {where}. Without an answer "
            f"within {timedelta(seconds=int(left.total_seconds()))} the verdict is inconclusive.",
        ]
        tell_once(self.run, Event.ASKED, sentences, self.occasion)
        return sentences

    def keep(self, given: Given, asked_at: datetime) -> None:
        """Raises ``AirflowFailException`` where the answer can't be signed although it has to be."""
        from stage_gate.evidence.smoke_answers import write_smoke_answer

        write_smoke_answer(self.run.evidence, self._answer(given, asked_at))
        if self.standing() is None:
            raise AirflowFailException(
                "The answer could not be signed, so it counts for nothing: give the workers of the deciding queue a "
                "signing key (python -m stage_gate key)."
            )

    def _answer(self, given: Given, asked_at: datetime) -> SmokeAnswer:
        return SmokeAnswer(
            key=self.planned.key,
            attempt=self.attempt,
            candidate_digest=self.candidate_digest,
            settings_digest=self.planned.settings_digest,
            site=self.planned.site,
            severity=self.planned.severity,
            question=self.question.question,
            option=given.option,
            by=given.user_id,
            name=given.user_name,
            reason=given.reason,
            asked_at=asked_at,
            at=datetime.now(UTC),
        )


def _form() -> dict[str, Param]:
    return {
        "reason": Param(None, type=TEXT, title="What you saw", description="It goes on record. Needed."),
        "seal": Param(
            None,
            type=TEXT,
            title="Question",
            description="Which question this answers. Leave it as it is.",
        ),
    }
