"""The beginning of a run: which execution is this about, and is there anything to decide?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseBranchOperator, BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, DagRunTriggerException

from adobe_cloud_manager.questions import Approval, approval_state, why_unheld
from adobe_cloud_manager.unasked import unplaced_approval
from stage_gate.evidence.files import EvidenceError
from stage_gate.evidence.pin import Pin, execution_id_of, run_id_of
from stage_gate.observing.memory import Memory, NotRemembered
from stage_gate.observing.observe import go_live
from stage_gate.pages.links import ExecutionRunLink
from stage_gate.rules.decision import Mode
from stage_gate.telling.log_line import log_line
from stage_gate.telling.notify import Event, tell_once

if TYPE_CHECKING:
    from airflow.sdk import Context

    from adobe_cloud_manager.models import Execution
    from stage_gate.acting.run import GateRun
    from stage_gate.configuration.gate import Gate
    from stage_gate.rules.own_tests import OwnTest

CURRENT = "current"
"""What the form of a run started by hand says for "whatever the pipeline runs now"."""


class PinCandidate(BaseBranchOperator):
    """Fix what this run is about, or point a run that was started by hand at its execution's own run."""

    ui_color = "#e8f0fe"

    def __init__(self, *, gate_file: str, waits: Iterable[str], fold: str, **kwargs: Any) -> None:
        """``waits``: task ids that follow a pinned candidate; ``fold``: task id that starts the execution's run."""
        super().__init__(**kwargs)
        self.gate_file = gate_file
        self.waits = list(waits)
        self.fold = fold
        self.own_tests: tuple[OwnTest, ...] = ()
        """What the gate's own Dag file declares, where it has one."""

    def choose_branch(self, context: Context) -> list[str]:
        from stage_gate.acting.run import GateRun

        if execution_id_of(str(context["run_id"])) is None:
            execution_id = self._execution_meant(context)
            context["ti"].xcom_push(key="execution_run_id", value=run_id_of(execution_id))
            self.log.info(
                "This run was started by hand; execution %s is guarded in run %s.",
                execution_id,
                run_id_of(execution_id),
            )
            return [self.fold]
        run = GateRun.of(self.gate_file, context)
        pin = self._pin(run)
        if pin.report_only:
            self.log.warning(
                "Execution %s is reported and not decided: %s", pin.execution_id, pin.report_only
            )
            return []
        return self.waits

    def _execution_meant(self, context: Context) -> str:
        """The execution that a run started by hand is about.

        Raises ``AirflowFailException`` where there is none: no run is started that could only fail.
        """
        from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
        from stage_gate.configuration.gate_file import load_gate_for_run

        gate = load_gate_for_run(self.gate_file)
        pipeline = gate.pipeline
        hook = CloudManagerHook(pipeline.connection)
        asked = str(context["params"].get("execution") or CURRENT).strip()
        if asked != CURRENT:
            return read_execution_of(gate, hook, asked).id
        current = hook.get_current_execution(pipeline.program, pipeline.pipeline)
        if current is None:
            raise AirflowFailException(
                f"Pipeline {pipeline.pipeline} runs nothing just now. Start it in Cloud Manager, or trigger with an execution id."
            )
        return current.id

    def _pin(self, run: GateRun) -> Pin:
        from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook

        gate = run.load_gate_file()
        execution = read_execution_of(gate, CloudManagerHook(gate.pipeline.connection), run.execution_id)
        if run.evidence.is_pinned:
            self.log.info("Already pinned at %s; the pin stays as it is.", run.pin.pinned_at)
            self._say_why_it_goes_on(run)
            return run.pin
        _require_key(gate, run)
        if not execution.steps:
            raise AirflowException(
                f"Cloud Manager shows no step of execution {execution.id} yet; asking again."
            )
        pin = Pin(
            gate=gate.name,
            gate_digest=gate.digest,
            gate_content=gate.content,
            program_id=gate.pipeline.program,
            pipeline_id=gate.pipeline.pipeline,
            execution_id=execution.id,
            trigger=execution.trigger,
            pinned_at=datetime.now(UTC),
            own_tests=self.own_tests,
            report_only=reason_to_report_only(execution, gate.pipeline.source_pipeline),
            let_through=was_let_through(execution),
        )
        decides = gate.mode is Mode.GUARD and not pin.report_only
        if decides:
            _require_exclusive_store(run)
        if run.evidence.write_pin(pin).pinned_at != pin.pinned_at:
            self.log.warning("Another task has pinned this execution meanwhile, and its pin stays as it is.")
            return run.pin
        if decides:
            self._say_what_cannot_be_held(execution, run)
        self.log.info(
            "Pinned %s, trigger %s, gate %s (%s mode).", execution.id, execution.trigger, gate.name, gate.mode
        )
        return pin

    def _say_why_it_goes_on(self, run: GateRun) -> None:
        """Not to be able to tell why keeps no run from going on: the report says that nobody said why."""
        from stage_gate.acting.resuming import keep_why

        try:
            record = keep_why(run.evidence, Memory.of(run))
        except (EvidenceError, NotRemembered) as error:
            self.log.warning("Why this run goes on can't be put on record: %s", error)
        else:
            if record is not None:
                self.log.warning("%s", log_line(record.reason))

    def _say_what_cannot_be_held(self, execution: Execution, run: GateRun) -> None:
        if cannot := why_not_held(execution):
            self.log.error(
                "This gate cannot hold production. %s The tests run all the same.", log_line(cannot)
            )
        if unheld := why_unheld(execution):
            tell_once(run, Event.ALARM, [f"This gate cannot hold production. {unheld}"], "can't be held")


def _require_key(gate: Gate, run: GateRun) -> None:
    """Raises ``AirflowFailException`` in guard mode where this worker can't sign what all others shall believe."""
    if gate.mode is Mode.GUARD and not run.evidence.keys.can_sign_for_itself:
        raise AirflowFailException(
            "Guard mode needs a signing key, and this worker of the deciding queue has none whose public half is in "
            "[stage_gate] trusted_keys, so nothing is pinned and production waits: make one with python -m stage_gate "
            "key (docs/deployment.md, 'The signing key'), then clear pin_candidate with its downstream tasks. Or set "
            "mode: shadow."
        )


def _require_exclusive_store(run: GateRun) -> None:
    """Raises ``AirflowFailException`` where nobody can be sure to be the first to create a file, and so to act."""
    from stage_gate.evidence.exclusive import ClaimUnsupported, probe

    try:
        probe(run.evidence.store)
    except ClaimUnsupported as error:
        raise AirflowFailException(f"Nothing is pinned, so production waits. {error}") from error


def read_execution_of(gate: Gate, hook: Any, execution_id: str) -> Execution:
    """Read the execution and make sure that it is one of this gate's pipeline.

    Raises ``AirflowFailException`` with what to do when it does not exist, or belongs to another pipeline.
    """
    from adobe_cloud_manager.exceptions import NotFound

    pipeline = gate.pipeline
    try:
        execution: Execution = hook.get_execution(pipeline.program, pipeline.pipeline, execution_id)
    except NotFound as error:
        raise AirflowFailException(
            f"Execution {execution_id} does not exist in pipeline {pipeline.pipeline} of program {pipeline.program}: "
            f"is it an execution of another pipeline? {error}"
        ) from error
    found = (execution.program_id or pipeline.program, execution.pipeline_id or pipeline.pipeline)
    if execution.id != execution_id or found != (pipeline.program, pipeline.pipeline):
        raise AirflowFailException(
            f"Execution {execution_id} belongs to pipeline {execution.pipeline_id} of program {execution.program_id}, "
            f"and gate {gate.name} guards pipeline {pipeline.pipeline} of program {pipeline.program}."
        )
    return execution


def why_not_held(execution: Execution) -> str:
    """Why this gate can't hold or decide the release, as far as its steps show now; empty where it can."""
    unplaced = unplaced_approval(execution)
    if unplaced is not None:
        return (
            f"{unplaced.name} of execution {execution.id} does not say for which environment it is (no environmentType), "
            "so this gate never acts on it: approve or reject it in Cloud Manager."
        )
    if execution.production_approval is None:
        return why_unheld(execution) or (
            f"Cloud Manager shows no approval for production of execution {execution.id} so far. Is 'Pause before "
            "deploying to Production' ticked in the pipeline's settings in Cloud Manager?"
        )
    return ""


def was_let_through(execution: Execution) -> bool:
    """Whether this release is on its way to production just now although no gate has tested it."""
    is_release = not execution.is_aem_update and execution.trigger != "RE_EXECUTE"
    return is_release and not execution.is_terminal and go_live(execution).is_bypassed


def reason_to_report_only(execution: Execution, source_pipeline: str | None = None) -> str:
    """Why this execution is none of the gate's business beyond a report; empty for a release to be decided.

    With a ``source_pipeline`` it releases what that one deployed to stage. Raises ``AirflowException``, so that the
    next try asks again, while an execution goes on without a stage deployment that Cloud Manager may yet show: the pin
    is for good. Raises ``AirflowFailException`` where it deploys to stage although another pipeline shall do that.
    """
    if execution.is_aem_update:
        return "Adobe started it to update AEM (PUSH_UPGRADES); it carries no change of the team's and is never decided here."
    if execution.trigger == "RE_EXECUTE":
        return "it re-executes a production deployment (RE_EXECUTE); there is no stage deployment to test."
    if source_pipeline is not None:
        _require_production_only(execution, source_pipeline)
        return _nothing_left(execution)
    if execution.stage_deployment is None and not execution.is_terminal:
        raise AirflowException(
            f"Execution {execution.id} is {execution.status}, and Cloud Manager shows no deployment to stage among its "
            f"{len(execution.steps)} steps. Nothing is pinned, so nothing is decided; the next try asks again. After "
            "the last try: look at the execution in Cloud Manager, and clear pin_candidate when the step is there."
        )
    if execution.stage_deployment is None:
        return "it has no stage deployment, so there is nothing that could be tested before production."
    return _nothing_left(execution)


def _nothing_left(execution: Execution) -> str:
    state = approval_state(execution)
    if state.state in (Approval.APPROVED, Approval.REJECTED) or execution.is_terminal:
        return f"nothing is left to decide. {state.sentence}"
    return ""


def _require_production_only(execution: Execution, source_pipeline: str) -> None:
    if execution.stage_deployment is not None:
        raise AirflowFailException(
            f"Execution {execution.id} of pipeline {execution.pipeline_id} deploys to stage itself, and the gate file "
            f"says that pipeline {source_pipeline} does that for it: remove 'source' from the gate file, or name the "
            "production-only pipeline as 'pipeline'. Nothing is pinned, so production waits."
        )


class StartExecutionRun(BaseOperator):
    """Start the one run of an execution, or leave it alone where it exists already."""

    template_fields = ("execution_run_id",)
    operator_extra_links = (ExecutionRunLink(),)

    def __init__(self, *, execution_run_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.execution_run_id = execution_run_id

    def execute(self, context: Context) -> None:
        from stage_gate.acting.runs import address_of, state_of

        dag_id = str(context["dag"].dag_id)
        where = address_of(dag_id, self.execution_run_id) or f"{dag_id}, run {self.execution_run_id}"
        state = state_of(context, dag_id, self.execution_run_id)
        self.log.info(
            "The execution is guarded in run %s, which %s: %s",
            self.execution_run_id,
            f"is there already ({state})" if state else "starts now",
            where,
        )
        raise trigger(dag_id, self.execution_run_id, note=f"Started by hand, from run {context['run_id']}.")


def trigger(
    dag_id: str, run_id: str, *, reset: bool = False, note: str | None = None
) -> DagRunTriggerException:
    """What a task raises to start a run once: an existing run of that id is left alone.

    With ``reset`` an existing run begins again instead: all its tasks are cleared. ``note`` is shown at a new run.
    """
    return DagRunTriggerException(
        trigger_dag_id=dag_id,
        dag_run_id=run_id,
        conf={},
        reset_dag_run=reset,
        skip_when_already_exists=not reset,
        wait_for_completion=False,
        allowed_states=[],
        failed_states=[],
        poke_interval=0,
        deferrable=False,
        note=note,
    )
