"""Which questions does a release need a person for, and what does an answer amount to? Pure rules.

A smoke test is a planned check of kind ``smoke_tests``. Its result is what a person answered, and nothing else is: it
is made from the signed answer whenever results are read, so that no mark, XCom or file of another task can stand in
for one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from pydantic import AwareDatetime

from aem_checks.codes import faults
from aem_checks.outcomes import Cause, CheckResult, Finding, Outcome, Severity
from aem_checks.text import plain
from stage_gate.asking import SEAL_SHOWN, SILENCE, Given
from stage_gate.configuration.smoke_tests import SmokeTest, SmokeTests
from stage_gate.plan import SMOKE_TESTS, PlannedCheck, RecordedResult
from stage_gate.signed import SignedRecord

WORKS, BROKEN, CANT_SAY = "Works", "Broken", "Can't say"
OPTIONS = (WORKS, BROKEN, CANT_SAY)
CODES = faults(
    works="a note: a person tried it out and says that it works",
    broken="a person tried it out and says that it is broken",
    cant_say="a person could not say whether it works",
    silence="nobody answered in time",
    unbelieved="what is kept as an answer can't be believed",
)
"""What an answer can amount to."""
_OUTCOMES: Mapping[str, Outcome] = {WORKS: Outcome.PASSED, BROKEN: Outcome.FAILED}


class SmokeAnswer(SignedRecord):
    """What a person answered, stored before anything rests on it."""

    key: str
    attempt: int
    candidate_digest: str
    settings_digest: str
    site: str
    severity: Severity
    question: str
    option: str
    by: str
    """An Airflow user, or ``silence``."""
    name: str = ""
    """The user name that Airflow has besides the id in ``by``."""
    reason: str
    asked_at: AwareDatetime
    at: AwareDatetime

    @property
    def outcome(self) -> Outcome:
        """Whatever is no clear yes or no of a person is no answer."""
        return (
            Outcome.INCONCLUSIVE if self.by == SILENCE else _OUTCOMES.get(self.option, Outcome.INCONCLUSIVE)
        )


def key_of(name: str) -> str:
    """The key of a smoke test in the plan: ``smoke_tests.basket``."""
    return f"{SMOKE_TESTS}.{name}"


def digest_of(settings: SmokeTests, question: SmokeTest) -> str:
    """SHA-256 of a question and of who may answer it."""
    told = f"{key_of(question.name)} {question.model_dump_json()} {sorted(settings.ask)}"
    return hashlib.sha256(told.encode()).hexdigest()


def split(
    settings: SmokeTests | None, planned: Iterable[PlannedCheck]
) -> tuple[list[SmokeTest], dict[str, tuple[str, ...]]]:
    """The questions that are asked, and those that are not: key to the checks that answer it.

    A question is covered while every check that it names is planned and counts: for a question that blocks, a check
    that blocks, out of quarantine; for one that warns, a check that is no mere dry run.
    """
    if settings is None:
        return [], {}
    checks = {check.key: check for check in planned}
    asked, covered = [], dict[str, tuple[str, ...]]()
    for question in settings.questions:
        if question.covered_by and all(_counts(checks.get(key), question) for key in question.covered_by):
            covered[key_of(question.name)] = question.covered_by
        else:
            asked.append(question)
    return asked, covered


def _counts(check: PlannedCheck | None, question: SmokeTest) -> bool:
    if check is None or check.target != "stage" or check.quarantine is not None or check.dry_run:
        return False
    return check.blocks or question.severity is Severity.WARN


def about(execution_id: str, attempt: int, candidate_digest: str, settings_digest: str) -> str:
    """What a question shows and its answer brings back, so that it is an answer to this question alone."""
    told = f"{execution_id} {attempt} {candidate_digest} {settings_digest}"
    return hashlib.sha256(told.encode()).hexdigest()[:SEAL_SHOWN]


def refusal(given: Given, ask: Iterable[str], started_by: str, about: str) -> str | None:
    """Why this answer is not taken, as a sentence; ``None`` where it is."""
    people = tuple(ask)
    if not given.user_id:
        return "Airflow does not say who answered."
    if given.user_id not in people:
        return f"{given.user_id} is not among those who are asked: {', '.join(people)}."
    starter = started_by.strip().casefold()
    if starter and starter in (given.user_id.casefold(), given.user_name.casefold()):
        return f"{given.user_id} started this execution and can't vouch for it; somebody else has to."
    if given.seal != about:
        return f"The answer is to question {given.seal[:SEAL_SHOWN] or 'unknown'}, and this one is {about}."
    if given.option not in OPTIONS:
        return "The answer does not choose one option."
    if not given.reason:
        return "The answer does not say what was seen."
    return None


def result_of(answer: SmokeAnswer) -> RecordedResult:
    """The result of the check. A believed answer that says ``Works`` has looked at one thing; no answer at none."""
    outcome = answer.outcome
    return RecordedResult(
        candidate_digest=answer.candidate_digest,
        attempt=answer.attempt,
        settings_digest=answer.settings_digest,
        result=_result(_code(answer, outcome), answer, outcome, _sentence(answer, outcome)),
    )


def unbelieved(answer: SmokeAnswer, why: str) -> RecordedResult:
    """What an answer amounts to that can't be believed: none. ``why`` is the end of a sentence."""
    sentence = (
        f"{answer.key} is no answer: what is kept as that of {plain(answer.by, 100)} {why}. To do: find out who wrote "
        "it, and clear settle_stage with its downstream tasks to ask again."
    )
    result = _result("unbelieved", answer, Outcome.INCONCLUSIVE, sentence)
    return RecordedResult(
        candidate_digest=answer.candidate_digest,
        attempt=answer.attempt,
        settings_digest=answer.settings_digest,
        result=result,
    )


def _code(answer: SmokeAnswer, outcome: Outcome) -> str:
    if outcome is Outcome.INCONCLUSIVE:
        return "silence" if answer.by == SILENCE else "cant_say"
    return "works" if outcome is Outcome.PASSED else "broken"


def _result(code: str, answer: SmokeAnswer, outcome: Outcome, sentence: str) -> CheckResult:
    causes = {Outcome.PASSED: None, Outcome.FAILED: Cause.PRODUCT, Outcome.INCONCLUSIVE: Cause.CHECK}
    finding = Finding(
        code=f"{SMOKE_TESTS}.{code}",
        subject=answer.key,
        sentence=sentence,
        expected=plain(answer.question),
        actual=plain(answer.reason),
        outcome=outcome,
        cause=causes[outcome] or Cause.PRODUCT,
    )
    return CheckResult(
        key=answer.key,
        kind=SMOKE_TESTS,
        site=answer.site,
        target="stage",
        severity=answer.severity,
        outcome=outcome,
        cause=causes[outcome],
        examined=int(outcome is not Outcome.INCONCLUSIVE),
        findings=(finding,),
        started_at=answer.asked_at,
        finished_at=answer.at,
    )


def _sentence(answer: SmokeAnswer, outcome: Outcome) -> str:
    by, said = plain(answer.by, 100), plain(answer.reason, 300)
    question = plain(answer.question, 200)
    if answer.by == SILENCE:
        return f"Nobody answered {question!r}: {said}. To do: try it out and decide, or test stage again."
    when = f"{answer.at:%Y-%m-%d %H:%M} UTC"
    if outcome is Outcome.INCONCLUSIVE:
        return f"{by} could not answer {question!r} ({when}): {said}. To do: try it out and decide, or test stage again."
    if outcome is Outcome.FAILED:
        return f"{by} tried out {question!r} and says that it is broken ({when}): {said}."
    return f"{by} tried out {question!r} and says that it works ({when}): {said}."
