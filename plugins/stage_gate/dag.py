"""How does a gate become a Dag? Its checks in chapters, known when the file is parsed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, Asset, TaskGroup, TriggerRule

from aem_checks.outcomes import Outcome
from stage_gate.acting.runs import TAGS, dag_id_of
from stage_gate.configuration.chapters import Chapter, chapters_of
from stage_gate.configuration.describe import in_one_line
from stage_gate.configuration.settings import deciding_queue
from stage_gate.drawing import draw_smoke_tests
from stage_gate.form import add_form
from stage_gate.rules.decision import Action
from stage_gate.tasks.acts import (
    ActOnProduction,
    ApproveProduction,
    HaltProduction,
    OverrideProduction,
    RecordBypass,
)
from stage_gate.tasks.chapter import RunChapter, slots_of
from stage_gate.tasks.docs import document
from stage_gate.tasks.judging import Decide, Judge
from stage_gate.tasks.pin import PinCandidate, StartExecutionRun
from stage_gate.tasks.publishing import PublishReport
from stage_gate.tasks.read_cloud_manager_results import ReadCloudManagerResults
from stage_gate.tasks.recording import RecordProductionPages
from stage_gate.tasks.retest import RetestStage
from stage_gate.tasks.source import FindSource
from stage_gate.tasks.stage import SettleStage
from stage_gate.tasks.waits import (
    HoldProduction,
    WaitForApprovalStep,
    WaitForProductionDeployment,
    WaitForStageDeployment,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import BaseOperator

    from aem_checks.sites import Target
    from stage_gate.configuration.gate import Gate
    from stage_gate.tasks.people import Question

_EXECUTION_ID = "{{ run_id.removeprefix('execution-') }}"
_ONE_WAY_LED_HERE = TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS
_LONG = timedelta(hours=1)
_A_MINUTE = timedelta(minutes=1)
_LONGER_THAN_CLOUD_MANAGER_WAITS = timedelta(days=15)
_ASKED_ANEW: dict[str, Any] = {"retries": 50, "retry_delay": timedelta(seconds=3)}
"""Of a question: a refused answer fails a try, and the next one asks again."""
_MARGIN = timedelta(minutes=10)
"""How much longer than the limits of its checks a chapter's task may live, to write their results."""


def build_gate_dag(gate: Gate, gate_file: Path, docs: str) -> DAG:
    """The Dag of one gate. ``docs`` is what its Docs tab tells, as Markdown."""
    dag = open_gate_dag(gate, gate_file, docs)
    add_form(dag)
    return dag


def open_gate_dag(gate: Gate, gate_file: Path, docs: str = "") -> DAG:
    """The Dag of one gate, to which a team's own tasks can be added before its form is."""
    dag = DAG(
        dag_id=dag_id_of(gate.name),
        description=in_one_line(gate),
        schedule=None,
        catchup=False,
        max_active_runs=16,
        max_active_tasks=64,
        tags=[*TAGS, str(gate.mode), f"program {gate.pipeline.program}"],
        doc_md=docs,
        is_paused_upon_creation=False,
        default_args={"retries": 1, "retry_delay": timedelta(seconds=10)},
    )
    dag.auto_register = False  # whoever asked for it says where it is found
    with dag:
        _Wiring(gate, gate_file).draw()
    document(dag.tasks)
    return dag


class _Wiring:
    """Creates the tasks of one gate and draws their arrows; the README has the picture."""

    def __init__(self, gate: Gate, gate_file: Path) -> None:
        self.gate = gate
        self.gate_file = str(gate_file)
        self.pinned = {
            "program_id": gate.pipeline.program,
            "pipeline_id": gate.pipeline.pipeline,
            "execution_id": _EXECUTION_ID,
        }
        self.waiting: dict[str, Any] = {
            **self.pinned,
            "gate_file": self.gate_file,
            "cloud_manager_conn_id": gate.pipeline.connection,
            "poll_interval": gate.waits.poll.total_seconds() if gate.waits.poll else None,
            "retries": 3,
        }

    def draw(self) -> None:
        """Everything, from the pin to the report."""
        approval = WaitForApprovalStep(
            task_id="wait_for_approval_step", timeout=_seconds(self.gate.waits.approval), **self.waiting
        )
        stage_deployed = self._stage_deployed(approval)
        fold = self._pin([each for each in (stage_deployed, approval) if not each.upstream_list])
        judge = Judge(task_id="judge", gate_file=self.gate_file, trigger_rule=TriggerRule.ALL_DONE)
        decide = Decide(task_id="decide", gate_file=self.gate_file, trigger_rule=TriggerRule.ALL_DONE)
        publish = PublishReport(task_id="publish_report", gate_file=self.gate_file)
        publish = publish.as_teardown(on_failure_fail_dagrun=True)
        tests = self._test_stage(stage_deployed, approval, judge)
        [judge, approval] >> decide
        ends = self._decide(decide, judge)
        [fold, stage_deployed, approval, judge, *tests, *ends] >> publish

    def _stage_deployed(self, approval: BaseOperator) -> BaseOperator:
        """What says that stage can be tested; a production-only pipeline shows its build when it asks for approval."""
        if self.gate.pipeline.source is not None:
            source = FindSource(task_id="find_source", gate_file=self.gate_file, retries=3)
            approval >> source
            return source
        limit = _seconds(self.gate.waits.stage_deployment)
        return WaitForStageDeployment(task_id="wait_for_stage_deployment", timeout=limit, **self.waiting)

    def _pin(self, waits: list[BaseOperator]) -> BaseOperator:
        """What comes first, with what it leads to; returns what leads a run by hand to the execution's own."""
        pin = PinCandidate(
            task_id="pin_candidate",
            gate_file=self.gate_file,
            waits=[each.task_id for each in waits],
            fold="start_execution_run",
            queue=deciding_queue(),  # it signs
            retries=10,  # without a pin there is no run, so a short outage of Cloud Manager must not cost it
        )
        fold = StartExecutionRun(
            task_id="start_execution_run",
            execution_run_id="{{ ti.xcom_pull(task_ids='pin_candidate', key='execution_run_id') }}",
        )
        pin >> [*waits, fold]
        return fold

    def _test_stage(
        self, stage_deployed: BaseOperator, approval: BaseOperator, judge: BaseOperator
    ) -> list[BaseOperator]:
        """Settle and record, then one task per chapter; those that probe come last on their host."""
        settle = SettleStage(
            task_id="settle_stage",
            gate_file=self.gate_file,
            execution_timeout=2 * _LONG,
            retries=5,  # what goes on with stage may end, and what could not be read may be again
            retry_delay=self.gate.waits.poll or _A_MINUTE,
        )
        read = ReadCloudManagerResults(
            task_id="read_cloud_manager_results",
            gate_file=self.gate_file,
            trigger_rule=TriggerRule.ALL_DONE,  # also after a bypass; it skips itself where stage was not deployed
        )
        stage_deployed >> settle >> judge
        [settle, approval] >> read >> judge
        with TaskGroup("stage_tests", tooltip="One task per chapter of checks"):
            tests = [(each, self._chapter(each, "stage")) for each in chapters_of(self.gate, "stage")]
        probes = [(each, task) for each, task in tests if each.probes]
        early = [(each, task) for each, task in tests if not each.probes]
        settle >> [task for _, task in early]
        approval >> [task for each, task in tests if each.waits_for_cloud_manager]
        [task for _, task in tests] >> judge
        for probe, task in probes:
            before = [
                other for each, other in early if each.site == probe.site and not each.waits_for_cloud_manager
            ]
            if before:
                task.trigger_rule = TriggerRule.ALL_DONE
            (before or [settle]) >> task
        settled = [settle, *(task for each, task in early if not each.waits_for_cloud_manager)]
        asked = draw_smoke_tests(self.gate, self.gate_file, settled, judge, _ASKED_ANEW)
        return [settle, read, *(task for _, task in tests), *asked]

    def _chapter(self, chapter: Chapter, target: Target) -> BaseOperator:
        longest = chapter.longest(slots_of(chapter))
        return RunChapter(
            task_id=chapter.name,
            gate_file=self.gate_file,
            chapter=chapter.name,
            target=target,
            execution_timeout=longest + _MARGIN,
            priority_weight=longest // _A_MINUTE,  # what may take longest begins first
        )

    def _decide(self, decide: BaseOperator, judge: BaseOperator) -> list[BaseOperator]:
        """All that can follow the verdict. Every way ends in ``publish_report``."""
        approve = self._act(ApproveProduction, "approve_production", "approved")
        halt = self._act(HaltProduction, "halt_production", "halted")
        hold = HoldProduction(
            task_id="hold_production",
            timeout=_seconds(_LONGER_THAN_CLOUD_MANAGER_WAITS),
            trigger_rule=_ONE_WAY_LED_HERE,
            **self.waiting,
        )
        bypass = RecordBypass(
            task_id="record_bypass",
            gate_file=self.gate_file,
            production="wait_for_production_deployment",
            trigger_rule=_ONE_WAY_LED_HERE,
        )
        retest = RetestStage(
            task_id="retest_stage",
            gate_file=self.gate_file,
            trigger_rule=_ONE_WAY_LED_HERE,
            retries=3,
        )
        ways = [approve, halt, hold, bypass, retest]
        decide >> ways
        hold >> bypass
        window = self._wait_for_window(decide, judge, [approve, retest, hold, bypass])
        overrides = self._ask(decide, judge, [*ways, *window])
        for wait in window:
            wait >> overrides
        production = self._test_production([approve, bypass, *overrides])
        return [approve, halt, hold, bypass, retest, *overrides, *production]

    def _act(self, act: type[ActOnProduction], task_id: str, event: str) -> BaseOperator:
        return act(
            task_id=task_id,
            gate_file=self.gate_file,
            outlets=[Asset(f"stage_gate://{self.gate.name}/{event}")],  # for Dags that follow
            trigger_rule=_ONE_WAY_LED_HERE,
            **self.pinned,
        )

    def _ask(self, decide: BaseOperator, judge: BaseOperator, ways: list[BaseOperator]) -> list[BaseOperator]:
        """The question to the release manager, where the policy asks one; returns what only an answer leads to."""
        policy = self.gate.policy
        asked = {o for o in Outcome if policy.on(o).action is Action.ASK}
        if not asked:
            return []
        from stage_gate.tasks.people import AskReleaseManager, options_for

        options = options_for(asked, windows=policy.windows is not None)
        follow = self._question(
            AskReleaseManager,
            "ask_release_manager",
            options,
            follow="follow_answer",
            otherwise="hold_production",
            after=decide,
            judge=judge,
        )
        override = self._act(OverrideProduction, "override_production", "approved")
        # The arrow to the bypass lets an answer skip it: decide can't, because holding leads there too.
        named = [way for way in ways if way.task_id in {*options.values(), "record_bypass"}]
        follow >> [override, *named]
        return [override]

    def _question(
        self,
        kind: type[Question],
        task_id: str,
        options: Mapping[str, str],
        *,
        follow: str,
        otherwise: str,
        after: BaseOperator,
        judge: BaseOperator,
    ) -> BaseOperator:
        """Ask anew about each attempt, then follow the answer: ``options`` are option to task id."""
        from stage_gate.tasks.retest import FollowAnswer

        ask = kind.partial(
            task_id=task_id,
            gate_file=self.gate_file,
            options=list(options),
            queue=deciding_queue(),  # it signs the answer
            **_ASKED_ANEW,
        ).expand(attempt=judge.output)
        answered = FollowAnswer(
            task_id=follow,
            gate_file=self.gate_file,
            tasks=options,
            otherwise=otherwise,
            trigger_rule=_ONE_WAY_LED_HERE,
        )
        after >> ask >> answered
        return answered

    def _wait_for_window(
        self, decide: BaseOperator, judge: BaseOperator, ways: list[BaseOperator]
    ) -> list[BaseOperator]:
        """Where the policy has windows: the wait for one, and the question for a hotfix if anybody is asked it."""
        windows = self.gate.policy.windows
        if windows is None:
            return []
        from stage_gate.tasks.windows import WaitForWindow

        wait = WaitForWindow(
            task_id="wait_for_window",
            timeout=_seconds(_LONGER_THAN_CLOUD_MANAGER_WAITS),
            trigger_rule=_ONE_WAY_LED_HERE,
            **self.waiting,
        )
        decide >> wait >> ways
        if windows.hotfix is None:
            return [wait]
        from stage_gate.tasks.people import HOTFIX_OPTIONS, AskForHotfix

        follow = self._question(
            AskForHotfix,
            "ask_for_hotfix",
            HOTFIX_OPTIONS,
            follow="follow_hotfix_answer",
            otherwise="wait_for_window",
            after=decide,
            judge=judge,
        )
        approve = next(way for way in ways if way.task_id == "approve_production")
        follow >> [wait, approve]
        return [wait]

    def _test_production(self, led_here: list[BaseOperator]) -> list[BaseOperator]:
        """Watch the production deployment to its end, then run the production tests."""
        deployed = WaitForProductionDeployment(
            task_id="wait_for_production_deployment",
            timeout=_seconds(self.gate.waits.production_deployment),
            trigger_rule=_ONE_WAY_LED_HERE,
            **self.waiting,
        )
        led_here >> deployed
        if not self.gate.production_checks:
            return [deployed]
        record = RecordProductionPages(
            task_id="record_production_pages", gate_file=self.gate_file, execution_timeout=_LONG
        )
        with TaskGroup("production_tests", tooltip="They raise the alarm and never act"):
            tests = [self._chapter(each, "production") for each in chapters_of(self.gate, "production")]
        deployed >> record >> tests
        return [deployed, record, *tests]


def _seconds(duration: timedelta) -> float:
    return duration.total_seconds()
