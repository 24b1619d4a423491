"""What does an end amount to, with the reports beside it? A table: how it ended, what was left, the outcome."""

from __future__ import annotations

import pytest

from aem_checks.codes import with_codes
from aem_checks.junit import Report, read_report
from aem_checks.outcomes import Outcome, Severity
from stage_gate.own_tests.ends import End, How, Left, judge, says_anything
from stage_gate.rules.own_tests import CODES
from unit.stage_gate.own_tests.trying import GREEN, RED

PASSED, FAILED, INCONCLUSIVE = Outcome.PASSED, Outcome.FAILED, Outcome.INCONCLUSIVE


def _report(text: str) -> Report:
    report = read_report(text.encode())
    assert report is not None
    return report


NO_REPORTS = None
MISSING = Left(missing="/reports/*.xml")
OF_GREEN = Left((_report(GREEN),))
OF_RED = Left((_report(RED),))
OF_NOTHING = Left((_report("<testsuite/>"),))


@pytest.mark.parametrize(
    ("how", "left", "outcome"),
    [
        (How.WELL, NO_REPORTS, INCONCLUSIVE),
        (How.WELL, MISSING, INCONCLUSIVE),
        (How.WELL, OF_GREEN, PASSED),
        (How.WELL, OF_RED, FAILED),
        (How.WELL, OF_NOTHING, INCONCLUSIVE),
        (How.ASSERTION, NO_REPORTS, FAILED),
        (How.ASSERTION, MISSING, FAILED),
        (How.ASSERTION, OF_GREEN, FAILED),
        (How.ASSERTION, OF_RED, FAILED),
        (How.LATE, NO_REPORTS, INCONCLUSIVE),
        (How.LATE, MISSING, INCONCLUSIVE),
        (How.LATE, OF_GREEN, INCONCLUSIVE),
        (How.LATE, OF_RED, FAILED),
        (How.BROKE_OFF, NO_REPORTS, INCONCLUSIVE),
        (How.BROKE_OFF, MISSING, INCONCLUSIVE),
        (How.BROKE_OFF, OF_GREEN, INCONCLUSIVE),
        (How.BROKE_OFF, OF_RED, FAILED),
        (How.BROKE_OFF, OF_NOTHING, INCONCLUSIVE),
    ],
)
def test_the_outcome_of_an_end(how: How, left: Left | None, outcome: Outcome) -> None:
    judgement = with_codes("tasks", CODES, judge("cypress", End(how, "said"), left, "20m"))
    assert judgement.weigh(Severity.BLOCK, capped=True)[1] is outcome


@pytest.mark.parametrize("how", list(How))
def test_what_it_says_that_it_examined_counts_only_where_it_ended_well_or_asserts(how: How) -> None:
    judgement = judge("cypress", End(how, examined=3), None, "20m")
    assert judgement.examined == (3 if how in (How.WELL, How.ASSERTION) else 0)


@pytest.mark.parametrize(
    ("how", "left", "answers"),
    [
        (How.BROKE_OFF, NO_REPORTS, False),
        (How.BROKE_OFF, MISSING, False),
        (How.BROKE_OFF, OF_RED, True),
        (How.BROKE_OFF, OF_GREEN, True),
        (How.ASSERTION, NO_REPORTS, True),
    ],
)
def test_whether_it_said_anything_of_the_release(how: How, left: Left | None, answers: bool) -> None:
    assert says_anything(judge("cypress", End(how), left, "20m")) is answers


def test_a_bad_end_that_its_failed_cases_explain_is_not_told_twice() -> None:
    findings = judge("cypress", End(How.BROKE_OFF, "exit code 1"), OF_RED, "20m").findings
    assert [each.code for each in findings] == ["case_failed"]
