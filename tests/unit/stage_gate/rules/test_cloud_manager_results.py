"""Cloud Manager's own results count as the gate says, and what is not a clear answer is never passed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from adobe_cloud_manager.resources import Metric
from adobe_cloud_manager.vocabulary import StepStatus
from aem_checks.codes import COMMON
from aem_checks.outcomes import CheckResult, Outcome, Severity
from stage_gate.rules import cloud_manager_metrics, cloud_manager_results
from stage_gate.rules.cloud_manager_results import (
    ACTIONS,
    CODES,
    CloudManagerMinimums,
    EarlierTests,
    Seen,
    SeenStep,
    judge_results,
    planned_results,
)
from unit.aem_checks.named_codes import named_by

NOW = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
LINK = "https://cloud.example/execution/2"
FAILED, PASSED, INCONCLUSIVE = Outcome.FAILED, Outcome.PASSED, Outcome.INCONCLUSIVE
TESTS = {"product_tests": "productTest", "functional_tests": "functionalTest", "ui_tests": "uiTest"}


def metric(kpi: str, actual: str = "90", **changes: Any) -> Metric:
    values: dict[str, Any] = {
        "severity": "important",
        "passed": True,
        "override": False,
        "expected_value": "50",
        "comparator": "GTE",
    }
    return Metric(kpi=kpi, actual_value=actual, **(values | changes))


def step(action: str, status: str = "FINISHED", metrics: tuple[Metric, ...] = (), **changes: Any) -> SeenStep:
    if action in ("codeQuality", "contentAudit") and not metrics and "empty" not in changes:
        metrics = (metric("coverage" if action == "codeQuality" else "performance"),)
    changes.pop("empty", None)
    return SeenStep(action=action, name=f"The step {action}", status=status, metrics=metrics, **changes)


def seen(*instead: SeenStep, without: str = "", **changes: Any) -> Seen:
    replaced = {each.action: each for each in instead}
    steps = [replaced.get(action, step(action)) for action in ACTIONS.values() if action != without]
    return Seen(link=LINK, began_at=NOW, read_at=NOW, steps=tuple(steps), **changes)


def judge(name: str, seen: Seen, **settings: Any) -> CheckResult:
    results = judge_results(CloudManagerMinimums.model_validate({name: settings}), seen)
    return next(each for each in results if each.key == f"cloud_manager.{name}")


def test_each_fault_has_a_declared_code_and_each_code_its_fault() -> None:
    files = {Path(cloud_manager_metrics.__file__), Path(cloud_manager_results.__file__)}
    assert named_by(files) - {"no_answer"} == set(CODES)
    assert "no_answer" in COMMON


def test_a_metric_that_adobe_refuses_is_another_fault_than_one_that_misses_the_gates_limit() -> None:
    low = seen(step("codeQuality", metrics=(metric("coverage", "40", passed=False),)))
    result = judge("code_quality", low, minimum={"coverage": 60})
    assert [(f.code, f.subject) for f in result.findings] == [
        ("cloud_manager.limit", "coverage"),
        ("cloud_manager.metric", "coverage"),
    ]


def earlier(status: str, *actions: str) -> dict[str, EarlierTests]:
    return {each: EarlierTests(execution_id="1", status=status) for each in actions or ACTIONS.values()}


def test_every_planned_check_gets_exactly_one_result_of_its_shape() -> None:
    settings = CloudManagerMinimums()
    planned, results = planned_results(settings), judge_results(settings, seen())
    assert [each.key for each in planned] == [each.key for each in results] == [
        "cloud_manager.code_quality",
        "cloud_manager.product_tests",
        "cloud_manager.functional_tests",
        "cloud_manager.ui_tests",
        "cloud_manager.experience_audit",
    ]  # fmt: skip
    for check, result in zip(planned, results, strict=True):
        assert (check.kind, check.site, check.target, check.host) == ("cloud_manager", "", "stage", "")
        assert (result.kind, result.site, result.target) == (check.kind, check.site, check.target)
        assert (result.outcome, result.examined) == (PASSED, 1)


def test_by_default_nothing_blocks() -> None:
    assert not any(check.blocks for check in planned_results(CloudManagerMinimums()))


def test_the_settings_of_a_part_are_in_its_digest_alone() -> None:
    before = {each.key: each.settings_digest for each in planned_results(CloudManagerMinimums())}
    changed = CloudManagerMinimums.model_validate({"ui_tests": {"required": True}})
    after = {each.key: each.settings_digest for each in planned_results(changed)}
    assert {key for key in before if before[key] != after[key]} == {"cloud_manager.ui_tests"}
    assert len(set(before.values())) == 5


@pytest.mark.parametrize("name", list(ACTIONS))
@pytest.mark.parametrize("status", [*StepStatus, "TELEPORTED", ""])
def test_no_status_but_finished_passes_a_blocking_part(name: str, status: str) -> None:
    result = judge(name, seen(step(ACTIONS[name], status)), severity="block")
    alone = status == "INCOMPLETE" and name in TESTS
    expected = PASSED if status == "FINISHED" or alone else FAILED if status == "FAILED" else INCONCLUSIVE
    assert result.outcome is expected
    assert (result.outcome is PASSED and not alone) or result.sentences


@pytest.mark.parametrize("name", list(ACTIONS))
def test_a_step_that_is_not_there_is_inconclusive(name: str) -> None:
    result = judge(name, seen(without=ACTIONS[name]))
    assert (result.outcome, result.examined) == (INCONCLUSIVE, 0)
    assert f"shows no step {ACTIONS[name]}" in result.sentences[0]


def test_an_execution_that_cannot_be_read_makes_all_inconclusive() -> None:
    unread = Seen(began_at=NOW, read_at=NOW, unread="Cloud Manager answered 503.")
    results = judge_results(CloudManagerMinimums(), unread)
    assert {(each.outcome, each.sentences[0]) for each in results} == {
        (INCONCLUSIVE, "Cloud Manager answered 503.")
    }


@pytest.mark.parametrize(("name", "action"), TESTS.items())
def test_no_tests_present_only_warns_where_the_previous_release_had_none_either(
    name: str, action: str
) -> None:
    for history in ({}, earlier("INCOMPLETE")):
        for severity in ("block", None, "warn"):
            result = judge(name, seen(step(action, "INCOMPLETE"), earlier=history), severity=severity)
            assert result.outcome is (PASSED if severity == "block" else INCONCLUSIVE)
            assert (result.severity is Severity.BLOCK) == (severity == "block")
            assert "there are no such tests in this release" in result.sentences[0]


@pytest.mark.parametrize(("name", "action"), TESTS.items())
@pytest.mark.parametrize("before", ["FINISHED", "FAILED"])
def test_tests_that_the_previous_release_had_and_this_one_has_not_are_inconclusive(
    name: str, action: str, before: str
) -> None:
    lost = seen(step(action, "INCOMPLETE"), earlier=earlier(before, action))
    for severity in (None, "block"):
        result = judge(name, lost, severity=severity)
        assert (result.outcome, result.severity) == (INCONCLUSIVE, Severity.BLOCK)
        assert f"execution 1 before it had some ({before})" in result.sentences[0]
        assert result.sentences[0].endswith(LINK)
    assert judge(name, lost, severity="warn").severity is Severity.WARN


@pytest.mark.parametrize(("name", "action"), TESTS.items())
@pytest.mark.parametrize(
    ("before", "severity"),
    [("FINISHED", Severity.BLOCK), ("FAILED", Severity.BLOCK), ("INCOMPLETE", Severity.WARN)],
)
def test_tests_whose_step_is_gone_are_lost_where_the_previous_release_had_some(
    name: str, action: str, before: str, severity: Severity
) -> None:
    gone = seen(without=action, earlier=earlier(before, action))
    result = judge(name, gone)
    assert (result.outcome, result.severity) == (INCONCLUSIVE, severity)
    assert ("were they lost?" in result.sentences[0]) == (severity is Severity.BLOCK)
    assert judge(name, gone, severity="warn").severity is Severity.WARN


def test_that_only_another_kind_of_test_was_there_before_is_no_loss() -> None:
    result = judge(
        "ui_tests", seen(step("uiTest", "INCOMPLETE"), earlier=earlier("FINISHED", "functionalTest"))
    )
    assert result.severity is Severity.WARN


def test_whether_tests_were_lost_is_inconclusive_where_the_history_cannot_be_read() -> None:
    unread = seen(step("uiTest", "INCOMPLETE"), history_unread="Cloud Manager answered 503.")
    result = judge("ui_tests", unread)
    assert (result.outcome, result.severity) == (INCONCLUSIVE, Severity.BLOCK)
    assert "Cloud Manager answered 503" in result.sentences[0]
    assert judge("ui_tests", seen(history_unread="Cloud Manager answered 503.")).outcome is PASSED


def test_tests_that_the_gate_requires_fail_where_there_are_none() -> None:
    result = judge("ui_tests", seen(step("uiTest", "INCOMPLETE")), severity="block", required=True)
    assert result.outcome is FAILED


@pytest.mark.parametrize(
    ("settings", "found", "outcome", "words"),
    [
        ({}, metric("coverage"), PASSED, ""),
        ({}, metric("coverage", "42.1", passed=False), FAILED,
         "Coverage is 42.1, and Cloud Manager expects at least 50 (important). "),
        ({}, metric("coverage", "42.1", passed=False, override=True), FAILED,
         "expects at least 50 (important); a person overrode it. "),
        ({"accept_overridden": True}, metric("coverage", "42.1", passed=False, override=True), PASSED,
         "a person overrode it"),
        ({"accept_overridden": True}, metric("coverage", "42.1", passed=False), FAILED, "Coverage is 42.1"),
        ({}, metric("open_issues", "3", passed=False, severity="informational"), PASSED, "open issues is 3"),
        ({}, metric("coverage", "42.1", passed=False, severity="novel"), FAILED, "(novel)"),
        ({}, metric("", "", passed=False, severity=""), FAILED, "metric without a name is without a value"),
        ({"minimum": {"coverage": 60}}, metric("coverage", "60.0"), PASSED, ""),
        ({"minimum": {"coverage": 60}}, metric("coverage", "59.9"), FAILED,
         "Coverage is 59.9, and the gate wants at least 60. "),
        ({"minimum": {"coverage": 60}}, metric("coverage", "many"), INCONCLUSIVE, "'many', which can't be compared"),
        ({"minimum": {"coverage": 60}}, metric("coverage", "nan"), INCONCLUSIVE, "can't be compared"),
        ({"minimum": {"coverage": 60}}, metric("coverage", ""), INCONCLUSIVE, "can't be compared"),
        ({"minimum": {"coverage": 60}}, metric("open_issues", "0"), INCONCLUSIVE, "gives no Coverage"),
        ({"minimum": {"security_rating": "B"}}, metric("security_rating", "B"), PASSED, ""),
        ({"minimum": {"security_rating": "B"}}, metric("security_rating", "A"), PASSED, ""),
        ({"minimum": {"security_rating": "B"}}, metric("security_rating", "C"), FAILED,
         "Security rating is C, and the gate wants B or better. "),
        ({"minimum": {"security_rating": "B"}}, metric("security_rating", "AB"), INCONCLUSIVE, "can't be compared"),
        ({"minimum": {"maintainability_rating": "A"}}, metric("sqale_rating", "D"), FAILED, "Maintainability rating is D"),
        ({"maximum": {"open_issues": 3}}, metric("open_issues", "3"), PASSED, ""),
        ({"maximum": {"open_issues": 3}}, metric("open_issues", "4"), FAILED, "the gate wants at most 3"),
        ({"maximum": {"duplicated_lines": 3.5}}, metric("duplicated_lines_density", "3.6%"), FAILED, "at most 3.5"),
        ({"maximum": {"skipped_tests": 0}}, metric("skipped_tests", "0"), PASSED, ""),
    ],
)  # fmt: skip
def test_code_quality_is_judged_by_numbers(
    settings: dict[str, Any], found: Metric, outcome: Outcome, words: str
) -> None:
    result = judge("code_quality", seen(step("codeQuality", metrics=(found,))), severity="block", **settings)
    assert (result.outcome, result.examined) == (outcome, 1)
    assert words in " ".join(result.sentences)
    assert all(sentence.endswith(LINK) for sentence in result.sentences)


def test_of_a_metric_that_comes_twice_the_worse_one_counts() -> None:
    twice = (metric("security_rating", "A"), metric("security_rating", "D"))
    result = judge(
        "code_quality",
        seen(step("codeQuality", metrics=twice)),
        severity="block",
        minimum={"security_rating": "B"},
    )
    assert result.outcome is FAILED


@pytest.mark.parametrize(
    ("minimum", "found", "outcome"),
    [
        ({}, metric("seo", "82", severity="informational"), PASSED),
        ({}, metric("seo", "70", severity="informational", passed=False, expected_value="80"), FAILED),
        ({}, metric("pwa", "10", severity="informational", passed=False), PASSED),
        ({"seo": 60}, metric("seo", "70", severity="informational", passed=False), PASSED),
        ({"seo": 75}, metric("seo", "70", severity="informational", passed=False), FAILED),
        ({"seo": 90}, metric("seo", "85", severity="informational"), FAILED),
        ({"best_practices": 90}, metric("best-practices", "89", severity="informational"), FAILED),
        ({"performance": 10}, metric("seo", "85", severity="informational"), INCONCLUSIVE),
    ],
)
def test_the_scores_of_the_experience_audit_count_against_the_gates_minimum(
    minimum: dict[str, float], found: Metric, outcome: Outcome
) -> None:
    audit = seen(step("contentAudit", metrics=(found,)))
    assert judge("experience_audit", audit, severity="block", minimum=minimum).outcome is outcome


@pytest.mark.parametrize("name", ["code_quality", "experience_audit"])
def test_metrics_that_are_absent_or_unread_are_inconclusive(name: str) -> None:
    without = judge(name, seen(step(ACTIONS[name], empty=True)), severity="block")
    assert (without.outcome, without.examined) == (INCONCLUSIVE, 0)
    assert "gives no metrics" in without.sentences[0]
    unread = judge(name, seen(step(ACTIONS[name], unread="They can't be read: 503.")), severity="block")
    assert unread.outcome is INCONCLUSIVE


def test_the_gravest_of_several_steps_of_one_kind_counts() -> None:
    two = seen().model_copy(update={"steps": (step("uiTest"), step("uiTest", "FAILED"))})
    assert judge("ui_tests", two, severity="block").outcome is FAILED


def test_what_was_seen_can_be_kept_and_judged_again() -> None:
    before = seen(step("uiTest", "INCOMPLETE"), earlier=earlier("FINISHED"))
    again = Seen.model_validate_json(before.model_dump_json())
    assert again == before
    assert judge_results(CloudManagerMinimums(), again) == judge_results(CloudManagerMinimums(), before)


@pytest.mark.parametrize(
    "wrong",
    [
        {"code_quality": {"minimum": {"coverage": 101}}},
        {"code_quality": {"minimum": {"coverage": True}}},
        {"code_quality": {"minimum": {"coverage": "60"}}},
        {"code_quality": {"minimum": {"security_rating": "F"}}},
        {"code_quality": {"maximum": {"open_issues": -1}}},
        {"code_quality": {"accept_overridden": "yes"}},
        {"ui_tests": {"severity": "never"}},
        {"ui_tests": {"minimum": 3}},
        {"experience_audit": {"minimum": {"pwa": 10}}},
        {"load_tests": {}},
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CloudManagerMinimums.model_validate(wrong)
