"""What becomes of one result: what waivers take from it, what a re-run leaves of it, and what is said of both."""

from __future__ import annotations

from datetime import date

import pytest

from aem_checks.outcomes import Cause, CheckResult, Finding, Outcome, Severity
from stage_gate.rules.leniency import Weighed, weigh
from stage_gate.rules.plan import FlakeRules, Waiver
from unit.stage_gate.samples import finding, plan, planned, recorded, result

WAIVER = Waiver(
    check="a", code="a.bad", subject="/us/*", owner="alice", until=date(2027, 1, 1), why="It goes tomorrow."
)
BAD, OTHER = finding(code="a.bad"), finding("It is slow.", code="a.slow")
NOTE = finding("It looked at 3.", code="a.bad", outcome=Outcome.PASSED)


def weighed(given: CheckResult, *waivers: Waiver, flakes: FlakeRules | None = None) -> Weighed:
    rules = FlakeRules() if flakes is None else flakes
    return weigh(plan(planned("a"), waivers=waivers, flakes=rules), recorded(given))


def failed(*findings: Finding, **changes: object) -> CheckResult:
    return result("a", Outcome.FAILED, findings=findings, **changes)


def test_what_is_waived_is_gone_and_said_and_the_rest_stays() -> None:
    found = weighed(failed(BAD, OTHER, NOTE), WAIVER)
    assert found.entry.result.findings == (OTHER, NOTE)
    assert (found.entry.result.outcome, found.entry.result.cause) == (Outcome.FAILED, Cause.PRODUCT)
    assert found.notes == (f"a: waived ({WAIVER}): {BAD.sentence}",)


def test_where_all_is_waived_the_check_passed_and_has_no_cause() -> None:
    found = weighed(failed(BAD, NOTE), WAIVER).entry.result
    assert (found.findings, found.outcome, found.cause) == ((NOTE,), Outcome.PASSED, None)


def test_a_milder_finding_that_is_left_leaves_a_milder_check() -> None:
    mild = OTHER.model_copy(update={"severity": Severity.WARN})
    hard = BAD.model_copy(update={"severity": Severity.BLOCK})
    found = weighed(failed(hard, mild, severity=Severity.WARN), WAIVER).entry.result
    assert (found.severity, found.outcome) == (Severity.WARN, Outcome.FAILED)
    assert weighed(failed(hard, mild, severity=Severity.WARN)).entry.result.severity is Severity.WARN


def test_what_is_left_of_a_check_that_only_warns_does_not_begin_to_block() -> None:
    """As where the gate file names the severity, and the check finds something that it would block for."""
    hard = OTHER.model_copy(update={"severity": Severity.BLOCK})
    found = weighed(failed(BAD, hard, severity=Severity.WARN), WAIVER).entry.result
    assert (found.severity, found.outcome, found.findings) == (Severity.WARN, Outcome.FAILED, (hard,))


def test_a_graver_finding_that_says_nothing_does_not_hide_that_a_check_that_only_warns_failed() -> None:
    unseen = finding(code="a.unseen", outcome=Outcome.INCONCLUSIVE, severity=Severity.BLOCK)
    found = weighed(failed(BAD, unseen, OTHER, severity=Severity.WARN), WAIVER).entry.result
    assert (found.outcome, found.cause) == (Outcome.FAILED, Cause.PRODUCT)


def test_what_is_left_of_a_check_that_only_warns_and_examined_nothing_is_no_answer() -> None:
    hard = OTHER.model_copy(update={"severity": Severity.BLOCK})
    found = weighed(failed(BAD, hard, severity=Severity.WARN, examined=0), WAIVER).entry.result
    assert found.outcome is Outcome.INCONCLUSIVE


def test_a_check_that_passed_stays_as_it_was_though_its_warning_is_waived() -> None:
    mild = BAD.model_copy(update={"severity": Severity.WARN})
    given = result("a", findings=(mild,), examined=0)
    found = weighed(given, WAIVER).entry.result
    assert (found.findings, found.outcome, found.severity, found.cause) == (
        (),
        Outcome.PASSED,
        Severity.BLOCK,
        None,
    )


@pytest.mark.parametrize(
    "changes", [{"check": "b"}, {"code": "a.slow"}, {"subject": "/de/*"}, {"subject": "us"}]
)
def test_a_waiver_of_another_check_code_or_subject_takes_nothing(changes: dict[str, str]) -> None:
    found = weighed(failed(BAD), WAIVER.model_copy(update=changes))
    assert (found.entry.result, found.notes) == (failed(BAD), ())


def test_a_subject_may_have_several_lines() -> None:
    lines = BAD.model_copy(update={"subject": "/us/a\n/us/b"})
    assert weighed(failed(lines), WAIVER).entry.result.findings == ()


VOID = WAIVER.model_copy(update={"code": ""})
TWICE = failed(BAD, BAD, OTHER, NOTE)


def test_a_waiver_without_a_code_waives_nothing_and_is_told_the_codes_once() -> None:
    found = weighed(TWICE, VOID)
    assert found.entry.result == TWICE
    (note,) = found.notes
    assert note.endswith("names no code, so it waives nothing; what it is about has a.bad, a.slow.")


@pytest.mark.parametrize(
    ("given", "waiver"),
    [
        (TWICE, VOID.model_copy(update={"check": "b"})),
        (TWICE, VOID.model_copy(update={"subject": "/de/*"})),
        (TWICE, WAIVER.model_copy(update={"code": "a.other"})),
        (failed(NOTE), VOID),
        (failed(finding(outcome=Outcome.INCONCLUSIVE, code="a.bad")), VOID),
    ],
)
def test_a_waiver_that_would_not_be_needed_is_not_spoken_of(given: CheckResult, waiver: Waiver) -> None:
    assert weighed(given, waiver).notes == ()


FLAKY = result("a", findings=(NOTE,), flaky=True)


def test_a_flake_that_counts_as_passed_stays_as_it_is_and_is_told() -> None:
    found = weighed(FLAKY)
    assert found.entry.result == FLAKY
    assert found.notes == ("a passed only on a re-run: flaky, and this gate counts that as passed.",)


@pytest.mark.parametrize("counts", [Outcome.FAILED, Outcome.INCONCLUSIVE])
def test_a_flake_that_does_not_count_as_passed_is_a_finding_of_its_own(counts: Outcome) -> None:
    found = weighed(FLAKY, flakes=FlakeRules(count_as=counts))
    assert (found.entry.result.outcome, found.entry.result.cause) == (counts, Cause.CHECK)
    assert found.entry.result.findings == (
        Finding(
            code="a.rerun",
            subject="re-run",
            sentence=f"a passed only on a re-run: flaky, and this gate counts that as {counts}.",
            outcome=counts,
            cause=Cause.CHECK,
        ),
        NOTE,
    )
    assert found.notes == ()


RETRIED = finding("2 cases passed on a retry.", code="a.retried", outcome=Outcome.PASSED)
BY_ITSELF = result("a", findings=(RETRIED,), flaky=True)


def test_a_suite_that_tried_cases_again_by_itself_is_told_to_have_done_so() -> None:
    found = weighed(BY_ITSELF)
    assert found.entry.result == BY_ITSELF
    assert found.notes == (
        "a passed with cases that passed only when it tried them again: flaky, and this gate counts that as passed.",
    )
    again = weighed(BY_ITSELF.model_copy(update={"attempts": 2}))
    assert again.notes == ("a passed only on a re-run: flaky, and this gate counts that as passed.",)


@pytest.mark.parametrize("counts", [Outcome.FAILED, Outcome.INCONCLUSIVE])
def test_cases_that_passed_on_a_retry_count_as_the_gate_says(counts: Outcome) -> None:
    found = weighed(BY_ITSELF, flakes=FlakeRules(count_as=counts)).entry.result
    assert (found.outcome, found.cause, found.findings[1:]) == (counts, Cause.CHECK, (RETRIED,))
    assert "passed only when it tried them again" in found.findings[0].sentence


def test_a_flake_that_passed_through_a_waiver_is_told_to_have_done_so() -> None:
    found = weighed(failed(BAD, flaky=True), WAIVER)
    assert found.notes[-1] == (
        "a passed only through waivers after a re-run that did not fail as before: flaky, and this gate counts that as "
        "passed."
    )


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.INCONCLUSIVE])
def test_a_flaky_check_that_did_not_pass_is_no_flake(outcome: Outcome) -> None:
    given = result("a", outcome, flaky=True)
    assert weighed(given, flakes=FlakeRules(count_as=Outcome.FAILED)) == Weighed(recorded(given))
