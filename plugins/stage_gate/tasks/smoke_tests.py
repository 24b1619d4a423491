"""How are people asked the manual smoke tests? Once the checks are over, each question for itself, in Airflow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from aem_checks.outcomes import Outcome
from aem_checks.text import plain
from stage_gate.evidence.smoke_answers import SmokeAnswer
from stage_gate.rules.asking import SILENCE, Given, may_be_asked
from stage_gate.rules.smoke_tests import CANT_SAY, OPTIONS, about, key_of, refusal
from stage_gate.tasks.gate_task import GateTask
from stage_gate.tasks.people import asked_at, required_actions, users_of, who_started
from stage_gate.telling.log_line import log_line

if TYPE_CHECKING:
    from airflow.sdk import Context

    from stage_gate.acting.run import GateRun
    from stage_gate.configuration.smoke_tests import SmokeTest
    from stage_gate.rules.plan import PlannedCheck


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


class AskSmokeTest(HITLOperator):
    """Ask named people one question about stage, and keep who answered what, when and why: that is the check's result.

    Mapped over the attempts as the question to the release manager is, and for the same reason. What Airflow knows of
    this task, its state, its XCom, its being cleared, is no answer; only the signed file is.
    """

    ui_color = "#fde293"

    def __init__(self, *, gate_file: str, attempt: int, name: str, **kwargs: Any) -> None:
        """``attempt`` is from an XCom, so only a hint; ``name`` is the question's in the gate file."""
        kwargs["params"] = _form()  # instead of the Dag's own params, which are no question here
        subject = f"Smoke test {name}: does it work on stage?"
        super().__init__(subject=subject, options=list(OPTIONS), **kwargs)
        self.gate_file = gate_file
        self.attempt = attempt
        self.question_name = name

    def execute(self, context: Context) -> Any:
        asking = self._asking(context)
        standing = asking.standing()
        if standing is not None:
            before = log_line(standing.reason)
            self.log.info("%s answered %s before: %s", log_line(standing.by), standing.option, before)
            return standing.option
        left = asking.began_at + asking.within - datetime.now(UTC)
        people = may_be_asked(asking.ask, who_started(asking.run) or "")
        if not people:
            return self._store(asking, None, "whoever started the execution is the only one who may answer")
        if left <= timedelta(0):
            return self._store(asking, None, f"no answer within {asking.within}")
        self.params["seal"] = asking.about
        self.assigned_users = users_of(people)
        self.response_timeout = left
        self.defaults = [CANT_SAY]
        self.body = asking.body()
        self._announce(asking, people, left, context)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        asking = self._asking(context)
        if event.get("timedout"):
            return self._store(asking, None, f"no answer within {asking.within}")
        started_by = who_started(asking.run)
        if started_by is None:
            raise AirflowException(
                "The answer is refused, and the question is asked anew: Cloud Manager can't be read, so whether "
                "whoever answered started the execution themselves can't be checked."
            )
        given = Given.of(event)
        refused = refusal(given, asking.ask, started_by, asking.about)
        if refused is not None:
            raise AirflowException(f"The answer is refused, and the question is asked anew. {refused}")
        self.validate_params_input(event.get("params_input") or {})
        return self._store(asking, given)

    def _asking(self, context: Context) -> _Asking:
        """The question as it was pinned. Raises where it is not to be asked, or no more."""
        from stage_gate.acting.run import GateRun

        run = GateRun.of(self.gate_file, context)
        run.skip_unless_decidable()
        newest = run.evidence.attempts()
        if self.attempt != newest:
            raise AirflowSkipException(
                f"This question was about attempt {self.attempt}; {newest} is the newest."
            )
        if run.evidence.is_sealed(newest):
            raise AirflowFailException(f"Attempt {newest} is sealed already, so no answer counts any more.")
        key = key_of(self.question_name)
        plan = run.evidence.read_plan(newest)
        planned = next((check for check in plan.stage_checks if check.key == key), None)
        if planned is None:
            covered = ", ".join(plan.covered.get(key, ())) or "the plan does not have it"
            raise AirflowSkipException(f"{key} is not asked: {covered}.")
        return _Asking(run, newest, planned, self.question_name)

    def _announce(self, asking: _Asking, people: tuple[str, ...], left: timedelta, context: Context) -> None:
        from stage_gate.telling.notify import Event, tell_once

        sentences = [
            f"Smoke test {self.question_name}: {asking.question.question}",
            f"{', '.join(people)} can answer {', '.join(OPTIONS)} in {required_actions(context)}. Without an answer "
            f"within {timedelta(seconds=int(left.total_seconds()))} the verdict is inconclusive.",
        ]
        for sentence in sentences:
            self.log.info("%s", plain(sentence, 1000))
        tell_once(asking.run, Event.ASKED, sentences, f"{self.task_id} {asking.about}")

    def _store(self, asking: _Asking, given: Given | None, why: str = "") -> str:
        """Keep the answer, or that there was none. Raises where it can't be signed although it has to be."""
        from stage_gate.evidence.smoke_answers import write_smoke_answer

        answer = asking.answer(given, why)
        write_smoke_answer(asking.run.evidence, answer)
        if asking.standing() is None:
            raise AirflowFailException(
                "The answer could not be signed, so it counts for nothing: give the workers of the deciding queue a "
                "signing key (python -m stage_gate key)."
            )
        self.log.info("%s answered %s: %s", log_line(answer.by), answer.option, log_line(answer.reason))
        return answer.option


class _Asking:
    """One question of one attempt."""

    def __init__(self, run: GateRun, attempt: int, planned: PlannedCheck, name: str) -> None:
        settings = run.gate.settings.smoke_tests
        if settings is None:
            raise AirflowFailException("The gate that was pinned has no smoke tests.")
        self.run, self.attempt, self.planned = run, attempt, planned
        self.ask, self.within = settings.ask, settings.within
        self.question: SmokeTest = next(each for each in settings.questions if each.name == name)

    @cached_property
    def candidate_digest(self) -> str:
        return self.run.evidence.read_candidate(self.attempt).digest

    @property
    def about(self) -> str:
        execution = self.run.execution_id
        return about(execution, self.attempt, self.candidate_digest, self.planned.settings_digest)

    @cached_property
    def began_at(self) -> datetime:
        """When it was asked first: trying again gives nobody more time."""
        return asked_at(self.run, f"{self.planned.key}-{self.about}")

    def standing(self) -> SmokeAnswer | None:
        """The answer that was given already."""
        from stage_gate.evidence.smoke_answers import read_smoke_answer

        return read_smoke_answer(self.run.evidence, self.attempt, self.planned.key)

    def answer(self, given: Given | None, why: str) -> SmokeAnswer:
        return SmokeAnswer(
            key=self.planned.key,
            attempt=self.attempt,
            candidate_digest=self.candidate_digest,
            settings_digest=self.planned.settings_digest,
            site=self.planned.site,
            severity=self.planned.severity,
            question=self.question.question,
            option=given.option if given else CANT_SAY,
            by=given.user_id if given else SILENCE,
            name=given.user_name if given else "",
            reason=given.reason if given else why,
            asked_at=self.began_at,
            at=datetime.now(UTC),
        )

    def body(self) -> str:
        """What people read. The question is the team's own; nothing of the site is in it."""
        site = self.run.gate.site(self.planned.site)
        page = f"\n\nBegin at {site.stage.url}{self.question.page}" if self.question.page else ""
        return (
            f"**{plain(self.question.question, 2000)}**{page}\n\n"
            f"- **Works**: it does what it should.\n- **Broken**: it does not; "
            f"{'the release fails' if self.planned.blocks else 'that is reported'}.\n"
            f"- **Can't say**: nobody could try it out; the check is inconclusive.\n\n"
            f"Stage is {site.stage.url}. Execution {self.run.execution_id} of gate {self.run.gate.name}, attempt "
            f"{self.attempt}, question {self.about}."
        )


def _form() -> dict[str, Param]:
    text = ["null", "string"]
    return {
        "reason": Param(None, type=text, title="What you saw", description="It goes on record. Needed."),
        "seal": Param(
            None,
            type=text,
            title="Question",
            description="Which question this answers. Leave it as it is.",
        ),
    }
