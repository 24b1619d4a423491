"""How does a gate become a Dag? One task per check, known when the file is parsed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, Param, TaskGroup, TriggerRule

from adobe_cloud_manager.sensors.cloud_manager import (
    ApprovalSensor,
    ProductionDeploymentSensor,
    StageDeploymentSensor,
)
from aem_checks.outcomes import Outcome
from stage_gate.decision import Action
from stage_gate.tasks.acts import ApproveProduction, HaltProduction, OverrideProduction, RecordBypass
from stage_gate.tasks.judging import Decide, Judge
from stage_gate.tasks.pin import CURRENT, PinCandidate, StartExecutionRun
from stage_gate.tasks.publishing import PublishReport
from stage_gate.tasks.stage import SETTLED, RecordPages, RunCheck, SettleStage

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

    from aem_checks.config import ConfiguredCheck
    from stage_gate.gate import Gate

DAG_ID_PREFIX = "stage_gate."
TAGS = ["stage-gate"]
_EXECUTION_ID = "{{ run_id.removeprefix('execution-') }}"
_ONE_WAY_LED_HERE = TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS
_MARGIN = timedelta(minutes=2)
"""How much longer than its own limit a check's task may live, to write its result."""


def dag_id_of(gate_name: str) -> str:
    return f"{DAG_ID_PREFIX}{gate_name}"


def build_gate_dag(gate: Gate, gate_file: Path, docs: str) -> DAG:
    """The Dag of one gate. ``docs`` is what its Docs tab tells, as Markdown."""
    dag = DAG(
        dag_id=dag_id_of(gate.name),
        schedule=None,
        catchup=False,
        max_active_runs=16,
        max_active_tasks=64,
        tags=[*TAGS, str(gate.mode)],
        doc_md=docs,
        is_paused_upon_creation=False,
        default_args={"retries": 1, "retry_delay": timedelta(seconds=10)},
        params={
            "execution": Param(
                CURRENT,
                type="string",
                pattern=r"^(current|[0-9]{1,20})$",
                title="Execution",
                description="The id of a Cloud Manager execution, or 'current' for the one that the pipeline runs now.",
            )
        },
    )
    with dag:
        _wire(gate, str(gate_file))
    return dag


def _wire(gate: Gate, gate_file: str) -> None:
    """Create the tasks and draw their arrows; see the picture in the README."""
    pin = PinCandidate(
        task_id="pin_candidate",
        gate_file=gate_file,
        waits=["wait_for_stage_deployment", "wait_for_approval_step"],
        fold="start_execution_run",
    )
    fold = StartExecutionRun(
        task_id="start_execution_run",
        execution_run_id="{{ ti.xcom_pull(task_ids='pin_candidate', key='execution_run_id') }}",
    )
    wait_for_stage = StageDeploymentSensor(
        task_id="wait_for_stage_deployment",
        timeout=gate.waits.stage_deployment.total_seconds(),
        **_pinned(gate),
    )
    wait_for_approval = ApprovalSensor(
        task_id="wait_for_approval_step", timeout=gate.waits.approval.total_seconds(), **_pinned(gate)
    )
    pin >> [wait_for_stage, wait_for_approval, fold]
    judge = Judge(task_id="judge", gate_file=gate_file, trigger_rule=TriggerRule.ALL_DONE)
    decide = Decide(task_id="decide", gate_file=gate_file, trigger_rule=TriggerRule.ALL_DONE)
    stage_tasks = _test_stage(gate, gate_file, wait_for_stage, wait_for_approval, judge)
    [judge, wait_for_approval] >> decide
    ends = _decide(gate, gate_file, decide)
    publish = PublishReport(task_id="publish_report", gate_file=gate_file).as_teardown(
        on_failure_fail_dagrun=True
    )
    [fold, wait_for_stage, wait_for_approval, judge, *stage_tasks, *ends] >> publish


def _pinned(gate: Gate) -> dict[str, Any]:
    """What every wait of a gate has in common: the execution comes from the run id alone."""
    return {
        "program_id": gate.pipeline.program,
        "pipeline_id": gate.pipeline.pipeline,
        "execution_id": _EXECUTION_ID,
        "cloud_manager_conn_id": gate.pipeline.connection,
        "poll_interval": gate.waits.poll.total_seconds() if gate.waits.poll else None,
        "retries": 3,
    }


def _test_stage(
    gate: Gate,
    gate_file: str,
    wait_for_stage: BaseOperator,
    wait_for_approval: BaseOperator,
    judge: BaseOperator,
) -> list[BaseOperator]:
    """Settle, record, and one task per check; those that probe come last on their host."""
    settle = SettleStage(task_id="settle_stage", gate_file=gate_file, execution_timeout=timedelta(hours=1))
    record = RecordPages(
        task_id="record_pages", gate_file=gate_file, target="stage", execution_timeout=timedelta(hours=1)
    )
    wait_for_stage >> settle >> record
    with TaskGroup("stage_tests", tooltip="One task per check"):
        early = _check_tasks(gate, gate_file, last=False)
        late = _check_tasks(gate, gate_file, last=True)
    for check, task in early:
        record >> task >> judge
        if check.after == "cloud_manager_tests":
            wait_for_approval >> task
    for check, task in late:
        before = [other for each, other in early if each.site == check.site and each.after == "settled"]
        if before:
            task.trigger_rule = TriggerRule.ALL_DONE
        (before or [record]) >> task >> judge
    record >> judge
    return [settle, record, *(task for _, task in (*early, *late))]


def _check_tasks(gate: Gate, gate_file: str, *, last: bool) -> list[tuple[ConfiguredCheck, BaseOperator]]:
    return [
        (check, _check_task(check, gate_file))
        for check in gate.stage_checks
        if check.kind != SETTLED and check.check_type.last_on_host is last
    ]


def _check_task(check: ConfiguredCheck, gate_file: str) -> RunCheck:
    return RunCheck(
        task_id=check.name,
        gate_file=gate_file,
        key=check.key,
        target=check.target,
        execution_timeout=2 * check.settings.within + _MARGIN,
    )


def _decide(gate: Gate, gate_file: str, decide: BaseOperator) -> list[BaseOperator]:
    """All that can follow the verdict. Every way ends in ``publish_report``."""
    from stage_gate.tasks.people import HoldProduction

    approve = ApproveProduction(
        task_id="approve_production", gate_file=gate_file, trigger_rule=_ONE_WAY_LED_HERE
    )
    halt = HaltProduction(task_id="halt_production", gate_file=gate_file, trigger_rule=_ONE_WAY_LED_HERE)
    hold = HoldProduction(
        task_id="hold_production",
        gate_file=gate_file,
        timeout=timedelta(days=15).total_seconds(),
        trigger_rule=_ONE_WAY_LED_HERE,
        **_pinned(gate),
    )
    bypass = RecordBypass(
        task_id="record_bypass",
        gate_file=gate_file,
        production="wait_for_production_deployment",
        trigger_rule=_ONE_WAY_LED_HERE,
    )
    decide >> [approve, halt, hold, bypass]
    hold >> bypass
    led_to_production = [approve, bypass, *_ask(gate, gate_file, decide, approve, halt, hold)]
    return [
        approve,
        halt,
        hold,
        bypass,
        *led_to_production[2:],
        *_test_production(gate, gate_file, led_to_production),
    ]


def _ask(
    gate: Gate,
    gate_file: str,
    decide: BaseOperator,
    approve: BaseOperator,
    halt: BaseOperator,
    hold: BaseOperator,
) -> list[BaseOperator]:
    """The question to the release manager, where the policy asks one; returns the override."""
    asked = {
        outcome: gate.policy.on(outcome)
        for outcome in Outcome
        if gate.policy.on(outcome).action is Action.ASK
    }
    if not asked:
        return []
    from stage_gate.tasks.people import AskReleaseManager, options_for

    options = options_for(asked)
    ask = AskReleaseManager(
        task_id="ask_release_manager",
        gate_file=gate_file,
        tasks=options,
        follow_ups=asked,
        retries=0,
    )
    override = OverrideProduction(task_id="override_production", gate_file=gate_file)
    decide >> ask >> [override, halt, hold]
    if "approve_production" in options.values():
        ask >> approve
    return [override]


def _test_production(gate: Gate, gate_file: str, led_here: list[BaseOperator]) -> list[BaseOperator]:
    """Watch the production deployment to its end, then run the production tests."""
    wait = ProductionDeploymentSensor(
        task_id="wait_for_production_deployment",
        timeout=gate.waits.production_deployment.total_seconds(),
        trigger_rule=_ONE_WAY_LED_HERE,
        **_pinned(gate),
    )
    led_here >> wait
    if not gate.production_checks:
        return [wait]
    record = RecordPages(
        task_id="record_production_pages",
        gate_file=gate_file,
        target="production",
        execution_timeout=timedelta(hours=1),
    )
    with TaskGroup(
        "production_tests", tooltip="The same checks on production; they raise the alarm and never act"
    ):
        tests = [_check_task(check, gate_file) for check in gate.production_checks]
    wait >> record >> tests
    return [wait, record, *tests]
