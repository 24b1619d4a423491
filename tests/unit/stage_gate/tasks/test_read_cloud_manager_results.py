"""The task that makes Cloud Manager's own results evidence, from a simulated release to the verdict."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from aem_checks.outcomes import Outcome, Severity
from simulator import Fault, Simulator
from stage_gate.evidence.files import EvidenceError, read_model
from stage_gate.evidence.pin import run_id_of
from stage_gate.rules.cloud_manager_results import SEEN, Seen, judge_results
from stage_gate.rules.plan import CLOUD_MANAGER, Plan
from stage_gate.rules.verdict import Verdict, judge
from stage_gate.tasks.read_cloud_manager_results import ReadCloudManagerResults
from stage_gate.tasks.red import Red
from unit.stage_gate.observing.test_own_results import earlier_release
from unit.stage_gate.release import Release
from unit.stage_gate.tasks.test_waits import signing

__all__ = ["signing"]

pytestmark = pytest.mark.usefixtures("signing")


def settle(release: Release) -> tuple[int, Plan]:
    """Open an attempt, as ``settle_stage`` does."""
    attempt = release.begin()
    return attempt, release.evidence.read_plan(attempt)


def pass_the_site(release: Release, attempt: int, plan: Plan) -> None:
    """Let every check of the site itself pass."""
    for check in plan.stage_checks:
        if check.kind != CLOUD_MANAGER:
            release.keep(attempt, check)


def read(release: Release) -> None:
    context: Any = {
        "run_id": run_id_of(release.execution_id),
        "dag": SimpleNamespace(dag_id="stage_gate.larkfell"),
    }
    ReadCloudManagerResults(task_id="read_cloud_manager_results", gate_file=str(release.gate_file)).execute(
        context
    )


def verdict_of(release: Release) -> Verdict:
    """Everything from the settling to the verdict; every check of the site passes."""
    attempt, plan = settle(release)
    pass_the_site(release, attempt, plan)
    with contextlib.suppress(Red):
        read(release)
    return judge(plan, release.evidence.read_candidate(attempt), release.evidence.read_results(attempt))


def policy(**cloud_manager: object) -> dict[str, object]:
    return {"cloud_manager": cloud_manager}


def test_a_good_release_passes_with_cloud_managers_results(simulator: Simulator, tmp_path: Path) -> None:
    release = Release(simulator, tmp_path, policy=policy(ui_tests={"severity": "block"}))
    verdict = verdict_of(release)
    assert verdict.outcome is Outcome.PASSED
    recorded = {each.result.key: each for each in release.evidence.read_results(1)}
    assert recorded["cloud_manager.code_quality"].result.outcome is Outcome.PASSED
    assert recorded["cloud_manager.ui_tests"].result.severity is Severity.BLOCK
    assert any("there are no such tests in this release" in warning for warning in verdict.warnings)


def test_by_default_an_overridden_metric_warns(simulator: Simulator, tmp_path: Path) -> None:
    verdict = verdict_of(Release(simulator, tmp_path, "quality-overridden"))
    assert verdict.outcome is Outcome.PASSED
    assert any("Coverage is 42.1" in warning for warning in verdict.warnings)


def test_a_gate_can_refuse_an_overridden_metric(simulator: Simulator, tmp_path: Path) -> None:
    release = Release(
        simulator, tmp_path, "quality-overridden", policy=policy(code_quality={"severity": "block"})
    )
    verdict = verdict_of(release)
    assert verdict.outcome is Outcome.FAILED
    assert "Coverage is 42.1, and Cloud Manager expects at least 50" in verdict.reasons[0]


def test_lost_tests_make_the_verdict_inconclusive_by_default(simulator: Simulator, tmp_path: Path) -> None:
    before = earlier_release(simulator, "good")
    verdict = verdict_of(Release(simulator, tmp_path, "no-tests"))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert any(f"execution {before} before it had some" in reason for reason in verdict.reasons)


def test_without_tests_now_and_before_the_verdict_passes_with_a_warning(
    simulator: Simulator, tmp_path: Path
) -> None:
    earlier_release(simulator, "no-tests")
    verdict = verdict_of(Release(simulator, tmp_path, "no-tests"))
    assert verdict.outcome is Outcome.PASSED
    assert any(each.startswith("cloud_manager.functional_tests:") for each in verdict.warnings)


def test_a_planned_result_that_was_never_read_is_missed(simulator: Simulator, tmp_path: Path) -> None:
    release = Release(simulator, tmp_path, policy=policy(product_tests={"severity": "block"}))
    attempt, plan = settle(release)
    pass_the_site(release, attempt, plan)
    verdict = judge(plan, release.evidence.read_candidate(attempt), release.evidence.read_results(attempt))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert any(
        "cloud_manager.product_tests was planned and gave no result" in each for each in verdict.reasons
    )


def test_a_blocking_part_that_cannot_be_read_fails_the_task_and_is_inconclusive(
    simulator: Simulator, tmp_path: Path
) -> None:
    release = Release(simulator, tmp_path, policy=policy(code_quality={"severity": "block"}))
    attempt, plan = settle(release)
    pass_the_site(release, attempt, plan)
    simulator.inject(Fault(effect="answer", status=404, path="/metrics$", times=None))
    with pytest.raises(Red, match=r"cloud_manager.code_quality is inconclusive: .* no metrics"):
        read(release)
    verdict = judge(plan, release.evidence.read_candidate(attempt), release.evidence.read_results(attempt))
    assert verdict.outcome is Outcome.INCONCLUSIVE


def test_it_reads_also_after_a_person_has_decided(simulator: Simulator, tmp_path: Path) -> None:
    release = Release(simulator, tmp_path)
    settle(release)
    simulator.person("approve", release.execution_id)
    release.wait_for("FINISHED")
    read(release)
    assert len(release.evidence.read_results(1)) == 5


def test_where_stage_was_never_deployed_there_is_nothing_to_read(
    simulator: Simulator, tmp_path: Path
) -> None:
    release = Release(simulator, tmp_path)
    asked = len(simulator.requests)
    with pytest.raises(AirflowSkipException, match="never deployed"):
        read(release)
    assert len(simulator.requests) == asked


def test_a_sealed_attempt_takes_no_results(simulator: Simulator, tmp_path: Path) -> None:
    release = Release(simulator, tmp_path)
    release.seal()
    with pytest.raises(EvidenceError, match="sealed"):
        read(release)


def test_what_was_seen_is_kept_and_says_the_same_again(simulator: Simulator, tmp_path: Path) -> None:
    release = Release(simulator, tmp_path, "audit-low")
    settle(release)
    read(release)
    seen = read_model(release.evidence.attempt_folder(1) / SEEN, Seen)
    again = {each.key: each for each in judge_results(release.gate.policy.cloud_manager, seen)}
    assert {e.result.key: e.result for e in release.evidence.read_results(1)} == again


def excused(**more: object) -> dict[str, object]:
    until = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    entry = {"check": "cloud_manager.code_quality", "owner": "alice", "until": until, "why": "WKND-7"}
    return {**entry, **more}


@pytest.mark.parametrize("excuse", ["quarantine", "waivers"])
def test_a_quarantine_or_a_waiver_holds_for_cloud_managers_results_as_well(
    simulator: Simulator, tmp_path: Path, excuse: str
) -> None:
    entry = excused() if excuse == "quarantine" else excused(code="cloud_manager.metric", subject="coverage")
    strict = policy(code_quality={"severity": "block"})
    release = Release(simulator, tmp_path, "quality-overridden", policy={**strict, excuse: [entry]})
    verdict = verdict_of(release)
    assert verdict.outcome is Outcome.PASSED
    assert any("alice" in warning for warning in verdict.warnings)
