"""The verdict walks the plan; nothing but proof makes it ``passed``."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aem_checks.outcomes import Outcome, Severity
from stage_gate.plan import Plan, RecordedResult
from stage_gate.verdict import judge
from unit.stage_gate.samples import CANDIDATE, finding, plan, planned, recorded, result


def test_every_planned_blocking_check_passed_is_a_passed_verdict() -> None:
    verdict = judge(
        plan(planned("a"), planned("b")), CANDIDATE, [recorded(result("a")), recorded(result("b"))]
    )
    assert verdict.outcome is Outcome.PASSED
    assert verdict.reasons == ()
    assert verdict.summary == "Passed: of 2 blocking checks 2 passed, 0 failed and 0 gave no answer."


def test_a_failed_check_is_named_with_what_it_saw() -> None:
    verdict = judge(plan(planned("a")), CANDIDATE, [recorded(result("a", Outcome.FAILED))])
    assert verdict.outcome is Outcome.FAILED
    assert verdict.reasons == ("a: /us/en.html answered 500.",)


def test_a_failure_outweighs_a_missing_answer_and_comes_first() -> None:
    entries = [recorded(result("a", Outcome.INCONCLUSIVE)), recorded(result("b", Outcome.FAILED))]
    verdict = judge(plan(planned("a"), planned("b")), CANDIDATE, entries)
    assert verdict.outcome is Outcome.FAILED
    assert verdict.reasons[0].startswith("b: ")


def test_an_inconclusive_check_names_its_cause() -> None:
    verdict = judge(plan(planned("a")), CANDIDATE, [recorded(result("a", Outcome.INCONCLUSIVE))])
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons[0].endswith("(cause: network)")


@pytest.mark.parametrize(
    "checks",
    [
        (),
        (planned("a", Severity.WARN),),
        (planned("a", dry_run=True),),
        (planned("a", target="production"),),
    ],
    ids=["empty", "only warns", "only a dry run", "only production"],
)
def test_a_plan_without_an_effective_blocking_check_proves_nothing(checks: tuple[object, ...]) -> None:
    verdict = judge(plan(*checks), CANDIDATE, [recorded(result("a"))] if checks else [])  # type: ignore[arg-type]
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([], "gave no result"),
        ([recorded(), recorded()], "gave 2 results"),
        ([recorded(candidate_digest="another")], "for another candidate"),
        ([recorded(settings_digest="another")], "did not run as planned"),
        ([recorded(result(kind="real_404"))], "did not run as planned"),
        ([recorded(result(site="other"))], "did not run as planned"),
        ([recorded(result(target="production"))], "did not run as planned"),
        ([recorded(result(examined=0))], "examined nothing"),
        ([recorded(result(severity=Severity.WARN))], "examined nothing that blocks"),
    ],
)
def test_what_does_not_prove_the_planned_check_is_inconclusive(
    entries: list[RecordedResult], words: str
) -> None:
    verdict = judge(plan(planned("key_pages")), CANDIDATE, entries)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert words in verdict.reasons[0]


def test_a_host_that_is_not_of_the_stage_environment_proves_nothing() -> None:
    verdict = judge(plan(planned(host="www.wknd.site")), CANDIDATE, [recorded()])
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert (
        "www.wknd.site, which Cloud Manager does not list for stage environment 7654321" in verdict.reasons[0]
    )


def test_a_result_that_nobody_planned_is_suspicious() -> None:
    verdict = judge(plan(planned("a")), CANDIDATE, [recorded(result("a")), recorded(result("b"))])
    assert verdict.outcome is Outcome.INCONCLUSIVE


def test_a_warning_check_whose_finding_blocks_counts_as_blocking() -> None:
    grave = result("w", Outcome.FAILED, findings=(finding(severity=Severity.BLOCK),))
    verdict = judge(
        plan(planned("a"), planned("w", Severity.WARN)), CANDIDATE, [recorded(result("a")), recorded(grave)]
    )
    assert verdict.outcome is Outcome.FAILED


def test_a_failed_warning_check_is_told_and_does_not_decide() -> None:
    mild = result("w", Outcome.FAILED, severity=Severity.WARN)
    verdict = judge(
        plan(planned("a"), planned("w", Severity.WARN)), CANDIDATE, [recorded(result("a")), recorded(mild)]
    )
    assert verdict.outcome is Outcome.PASSED
    assert "w: /us/en.html answered 500." in verdict.warnings


def test_without_a_build_marker_every_verdict_says_so() -> None:
    verdict = judge(plan(planned("key_pages"), build_marker=False), CANDIDATE, [recorded()])
    assert "Served build not verified: no build marker is configured." in verdict.warnings


def test_unknown_surroundings_are_stated() -> None:
    unknown = CANDIDATE.model_copy(
        update={"stage": CANDIDATE.stage.model_copy(update={"aem_release": "unknown"})}
    )
    verdict = judge(plan(planned()), unknown, [recorded(candidate_digest=unknown.digest)])
    assert verdict.outcome is Outcome.PASSED
    assert any("AEM release of stage is unknown" in warning for warning in verdict.warnings)


def test_many_findings_are_counted_beyond_the_first_five() -> None:
    many = result("a", Outcome.FAILED, findings=tuple(finding(f"Page {n} answered 500.") for n in range(9)))
    verdict = judge(plan(planned("a")), CANDIDATE, [recorded(many)])
    assert len(verdict.reasons) == 6
    assert verdict.reasons[-1] == "a: 4 more findings are in the report."


outcomes = st.sampled_from(list(Outcome))
cases = st.lists(st.tuples(outcomes, st.booleans()), max_size=6)


def build(case: list[tuple[Outcome, bool]]) -> tuple[Plan, list[RecordedResult]]:
    checks = [
        planned(f"c{i}", Severity.BLOCK if blocks else Severity.WARN) for i, (_, blocks) in enumerate(case)
    ]
    entries = [
        recorded(result(f"c{i}", outcome, severity=Severity.BLOCK if blocks else Severity.WARN))
        for i, (outcome, blocks) in enumerate(case)
    ]
    return plan(*checks), entries


@given(cases, st.randoms(use_true_random=False))
def test_the_order_of_results_does_not_matter(
    case: list[tuple[Outcome, bool]], chance: random.Random
) -> None:
    what, entries = build(case)
    shuffled = entries.copy()
    chance.shuffle(shuffled)
    assert judge(what, CANDIDATE, entries).outcome is judge(what, CANDIDATE, shuffled).outcome


@given(cases)
def test_removing_a_blocking_result_never_makes_it_passed(case: list[tuple[Outcome, bool]]) -> None:
    what, entries = build(case)
    for gone, (_, blocks) in enumerate(case):
        if blocks:
            assert judge(what, CANDIDATE, entries[:gone] + entries[gone + 1 :]).outcome is not Outcome.PASSED


@given(cases)
def test_adding_a_failing_blocking_check_never_leaves_it_passed(case: list[tuple[Outcome, bool]]) -> None:
    what, entries = build([*case, (Outcome.FAILED, True)])
    assert judge(what, CANDIDATE, entries).outcome is Outcome.FAILED


@given(cases)
def test_passed_means_that_some_blocking_check_passed_and_none_did_not(
    case: list[tuple[Outcome, bool]],
) -> None:
    blocking = [outcome for outcome, blocks in case if blocks]
    expected = bool(blocking) and all(outcome is Outcome.PASSED for outcome in blocking)
    assert (judge(*_with_candidate(case)).outcome is Outcome.PASSED) == expected


def _with_candidate(case: list[tuple[Outcome, bool]]) -> tuple[Plan, object, list[RecordedResult]]:
    what, entries = build(case)
    return what, CANDIDATE, entries
