"""Nine ways in which other systems let a release through without proof. Each has a test here: this gate must not."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from airflow.sdk.exceptions import AirflowException

from adobe_cloud_manager.sensors.milestones import (
    ApprovalSensor,
    ProductionDeploymentSensor,
    StageDeploymentSensor,
)
from aem_checks.config import ConfigError
from aem_checks.outcomes import Judgement, Outcome, Severity
from simulator import Simulator
from stage_gate.acting.wanting import Held
from stage_gate.configuration.gate_file import load_gate
from stage_gate.rules.decision import Action, Decision, Mode, Policy, Step, next_step
from stage_gate.rules.verdict import judge
from unit.stage_gate.release import Release, down
from unit.stage_gate.rules.test_decision import WAITING
from unit.stage_gate.samples import CANDIDATE, plan, planned, recorded, result
from unit.stage_gate.waiting import until


def gate_file(folder: Path, **changes: object) -> Path:
    content = {
        "pipeline": {"program": "12345", "pipeline": "678901"},
        "sites": [{"name": "wknd", "stage": "https://stage.wknd.site", "pages": ["/"]}],
        **changes,
    }
    path = folder / "wknd.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_1_a_run_that_ended_before_any_measurement_is_not_successful() -> None:
    verdict = judge(plan(planned("a"), planned("b")), CANDIDATE, [])
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert next_step(None, WAITING, Policy(), Mode.GUARD)[0] is Step.HOLD


def test_2_nothing_to_verify_is_not_verified(tmp_path: Path) -> None:
    assert judge(plan(), CANDIDATE, []).outcome is Outcome.INCONCLUSIVE
    kinds = [check.kind for check in load_gate(gate_file(tmp_path)).plan.checks]
    with pytest.raises(ConfigError, match="no check of stage blocks"):
        load_gate(gate_file(tmp_path, checks=dict.fromkeys(kinds, False), production_tests=[]))


def test_3_no_action_in_time_never_promotes(tmp_path: Path) -> None:
    silent = {"inconclusive": {"ask": ["alice"], "within": "1h", "silence": "approve"}}
    with pytest.raises(ConfigError, match="silence can't mean approve"):
        load_gate(gate_file(tmp_path, policy=silent))
    for outcome in ("failed", "inconclusive"):
        with pytest.raises(ConfigError, match="passed verdict only"):
            load_gate(gate_file(tmp_path, policy={outcome: "approve"}))


def test_4_missing_tests_do_not_pass() -> None:
    nothing = Judgement(examined=0)
    assert nothing.weigh(Severity.BLOCK)[1] is Outcome.INCONCLUSIVE
    assert nothing.weigh(Severity.WARN)[1] is Outcome.INCONCLUSIVE
    empty_suite = recorded(result("suites.cypress", examined=0))
    assert judge(plan(planned("suites.cypress")), CANDIDATE, [empty_suite]).outcome is Outcome.INCONCLUSIVE


def test_5_approving_production_never_overrides_code_quality(simulator: Simulator, tmp_path: Path) -> None:
    release = Release(simulator, tmp_path)
    release.seal()
    simulator.person("reject", release.execution_id)
    release.wait_for_end()
    execution = simulator.start_execution("quality-waits")

    def waiting() -> list[str]:
        steps = simulator.execution(execution)["_embedded"]["stepStates"]
        return [step["action"] for step in steps if step["status"] == "WAITING"]

    until(waiting, "code quality waits")
    with pytest.raises(Held):
        release.act().perform(Decision.APPROVED)
    assert waiting() == ["codeQuality"]
    assert release.puts == []


@pytest.mark.parametrize("sensor", [StageDeploymentSensor, ApprovalSensor, ProductionDeploymentSensor])
@pytest.mark.parametrize("event", [None, {}, {"status": "success"}, {"kind": "done"}, "done", []])
def test_6_an_unknown_or_missing_resume_event_is_no_success(sensor: type, event: object) -> None:
    task = sensor(task_id="wait", program_id="12345", pipeline_id="678901", execution_id="2345678")
    with pytest.raises(AirflowException):
        task.resume({}, event)


def test_7_a_gate_that_opened_once_is_closed_for_the_next_release() -> None:
    other = CANDIDATE.model_copy(update={"execution_id": "2345679"})
    verdict = judge(plan(planned("a")), other, [recorded(result("a"))])
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "for another candidate" in verdict.reasons[0]


def test_8_a_service_that_is_down_lets_nothing_through(simulator: Simulator, tmp_path: Path) -> None:
    release = Release(simulator, tmp_path)
    release.seal()
    simulator.inject(down())
    with pytest.raises(Held):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_9_no_data_is_no_score_and_nobody_may_bypass_by_default(tmp_path: Path) -> None:
    halves = [recorded(result("a")), recorded(result("b", examined=0))]
    assert judge(plan(planned("a"), planned("b")), CANDIDATE, halves).outcome is Outcome.INCONCLUSIVE
    for nobody in ([], ["*"], ["everybody"]):
        with pytest.raises(ConfigError):
            load_gate(gate_file(tmp_path, policy={"failed": {"ask": nobody}}))
    with pytest.raises(ValueError, match="passed verdict only"):
        Policy(failed=Action.APPROVE)
