"""Cloud Manager's own results, read from a simulated one."""

from __future__ import annotations

import pytest

from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
from adobe_cloud_manager.pinned import PinnedExecution
from aem_checks.outcomes import CheckResult, Outcome, Severity
from simulator import Fault, Simulator
from stage_gate.observing.own_results import read_own_results
from stage_gate.rules.cloud_manager_results import CloudManagerMinimums, Seen, judge_results
from unit.stage_gate.release import OVER, down
from unit.stage_gate.waiting import until

BLOCKING = CloudManagerMinimums.model_validate(
    {name: {"severity": "block"} for name in CloudManagerMinimums.model_fields}
)


def statuses(simulator: Simulator, number: str) -> dict[str, str]:
    """The status of each step, by its action; of two deployments that of the last."""
    steps = simulator.execution(number)["_embedded"]["stepStates"]
    return {step["action"]: step["status"] for step in steps}


def release(simulator: Simulator, name: str = "good", trigger: str = "MANUAL") -> str:
    """An execution that waits for its approval, or is over."""
    number = simulator.start_execution(name, trigger=trigger)  # type: ignore[arg-type]

    def waits_or_is_over() -> bool:
        execution = simulator.execution(number)
        waits = any(step["status"] == "WAITING" for step in execution["_embedded"]["stepStates"])
        return waits or execution["status"] in OVER

    until(waits_or_is_over, "the execution waits or is over")
    return number


def earlier_release(simulator: Simulator, name: str, trigger: str = "MANUAL") -> str:
    number = release(simulator, name, trigger)
    simulator.person("approve", number)
    until(lambda: simulator.execution(number)["status"] in OVER, "the execution is over")
    return number


def read(simulator: Simulator, number: str) -> Seen:
    pinned = PinnedExecution(simulator.program_id, simulator.pipeline_id, number)
    return read_own_results(CloudManagerHook(), pinned)


def judged(
    simulator: Simulator, number: str, settings: CloudManagerMinimums = BLOCKING
) -> dict[str, CheckResult]:
    results = judge_results(settings, read(simulator, number))
    return {result.key.removeprefix("cloud_manager."): result for result in results}


def outcomes(results: dict[str, CheckResult]) -> dict[str, str]:
    return {
        name: result.outcome.value for name, result in results.items() if result.outcome is not Outcome.PASSED
    }


def test_a_good_release_passes_everything(simulator: Simulator) -> None:
    assert outcomes(judged(simulator, release(simulator))) == {}


def test_an_overridden_metric_is_told_with_its_numbers(simulator: Simulator) -> None:
    results = judged(simulator, release(simulator, "quality-overridden"))
    assert outcomes(results) == {"code_quality": "failed"}
    sentence = results["code_quality"].sentences[0]
    assert (
        "Coverage is 42.1, and Cloud Manager expects at least 50 (important); a person overrode it."
        in sentence
    )
    assert "https://experience.adobe.com/#/cloud-manager/pipelineexecution.html/program/12345" in sentence


def test_a_metric_that_a_person_overrode_in_cloud_manager_counts(simulator: Simulator) -> None:
    number = release(simulator, "quality-waits")
    assert "was WAITING in Cloud Manager" in judged(simulator, number)["code_quality"].sentences[0]
    simulator.person("approve", number)
    until(lambda: statuses(simulator, number)["codeQuality"] != "WAITING", "code quality goes on")
    results = judged(simulator, number)
    overridden = [each for each in results["code_quality"].sentences if "a person overrode it" in each]
    assert [each.split(" is ")[0] for each in overridden] == ["Coverage", "Maintainability rating"]


def test_a_low_score_is_told(simulator: Simulator) -> None:
    results = judged(simulator, release(simulator, "audit-low"))
    assert outcomes(results) == {"experience_audit": "failed"}
    assert "Accessibility score is 55" in results["experience_audit"].sentences[0]


@pytest.mark.parametrize("path", ["/metrics", "/executions"])
def test_an_answer_without_metrics_or_without_a_history_is_inconclusive(
    simulator: Simulator, path: str
) -> None:
    number = release(simulator)
    simulator.inject(down(path))
    found = outcomes(judged(simulator, number))
    expected = {
        "/metrics": {"code_quality": "inconclusive", "experience_audit": "inconclusive"},
        "/executions": {"ui_tests": "inconclusive"},
    }
    assert found == expected[path]


def test_metrics_that_are_empty_or_missing_are_inconclusive(simulator: Simulator) -> None:
    results = judged(simulator, release(simulator, "no-metrics"))
    assert outcomes(results) == {"code_quality": "inconclusive", "experience_audit": "inconclusive"}


def test_an_execution_that_cannot_be_read_is_no_error_and_no_answer(simulator: Simulator) -> None:
    results = judged(simulator, "4711")
    assert set(outcomes(results).values()) == {"inconclusive"}
    assert len(results) == 5
    assert "404" in results["ui_tests"].sentences[0]


def test_an_unknown_status_is_inconclusive(simulator: Simulator) -> None:
    number = simulator.start_execution("unknown-status")
    until(lambda: "TELEPORTED" in statuses(simulator, number).values(), "the product tests are over")
    results = judged(simulator, number)
    assert "a status that this version does not know" in results["product_tests"].sentences[0]
    assert results["product_tests"].outcome is Outcome.INCONCLUSIVE


def test_a_first_release_without_tests_only_warns(simulator: Simulator) -> None:
    results = judged(simulator, release(simulator, "no-tests"))
    assert outcomes(results) == {}
    assert "there are no such tests" in results["functional_tests"].sentences[0]


@pytest.mark.parametrize("between", [None, "build-fails"])
def test_tests_that_the_previous_release_had_are_missed_by_default(
    simulator: Simulator, between: str | None
) -> None:
    before = earlier_release(simulator, "good")
    if between:
        release(simulator, between)
    results = judged(simulator, release(simulator, "no-tests"), CloudManagerMinimums())
    lost = results["functional_tests"]
    assert (lost.outcome, lost.severity) == (Outcome.INCONCLUSIVE, Severity.BLOCK)
    assert f"execution {before} before it had some (FINISHED)" in lost.sentences[0]
    assert results["ui_tests"].severity is Severity.WARN


def test_the_previous_release_counts_and_none_before_it(simulator: Simulator) -> None:
    earlier_release(simulator, "good")
    earlier_release(simulator, "no-tests")
    results = judged(simulator, release(simulator, "no-tests"), CloudManagerMinimums())
    assert results["functional_tests"].severity is Severity.WARN


def test_an_aem_update_is_no_previous_release(simulator: Simulator) -> None:
    earlier_release(simulator, "no-tests")
    earlier_release(simulator, "good", "PUSH_UPGRADES")
    results = judged(simulator, release(simulator, "no-tests"), CloudManagerMinimums())
    assert results["functional_tests"].severity is Severity.WARN


def test_a_list_without_steps_is_no_history_without_tests(simulator: Simulator) -> None:
    before = earlier_release(simulator, "good")
    number = release(simulator, "no-tests")
    bare = {"_embedded": {"executions": {str(n): {"_embedded": None} for n in range(2)}}}
    simulator.inject(Fault(effect="merge", path="/executions", body=bare, times=None))
    lost = judged(simulator, number, CloudManagerMinimums())["functional_tests"]
    assert f"execution {before} before it had some" in lost.sentences[0]
