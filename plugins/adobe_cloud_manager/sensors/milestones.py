"""Has the pinned execution reached its stage deployment, its approval, its production deployment?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.sdk import BaseSensorOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSensorTimeout
from airflow.sdk.listener import get_listener_manager

from adobe_cloud_manager.ending import Ending, GoingOn, Kind, UnexpectedEvent
from adobe_cloud_manager.exceptions import CloudManagerError
from adobe_cloud_manager.links.execution_page import CloudManagerExecutionLink
from adobe_cloud_manager.parsing import one_line
from adobe_cloud_manager.pinned import PinnedExecution
from adobe_cloud_manager.questions import Goal
from adobe_cloud_manager.triggers.execution_wait import ExecutionTrigger
from adobe_cloud_manager.vigil import READ_ERRORS, Memory, Read, Vigil, left_alone
from adobe_cloud_manager.waiting import look_once, wait_here
from adobe_cloud_manager.watch import Value

if TYPE_CHECKING:
    from airflow.sdk import Context

    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook

_GRACE = timedelta(minutes=10)
"""How long after the deadline Airflow fails a task whose triggerer is gone and can't say so itself."""
_SOONEST_WAKE = 1.0
"""Seconds until a wait may be woken again."""
_LOG_TAIL = 16384
_LOG_LINES = 60
_NOT_FOR_THESE = frozenset(
    {"soft_fail", "never_fail", "silent_fail", "exponential_backoff", "max_wait", "mode", "poke_interval"}
)


class ExecutionSensor(BaseSensorOperator):
    """Waits for one step of one pinned execution; the classes below say for which, and what its ends mean.

    :param program_id: id of the program (templated)
    :param pipeline_id: id of the pipeline (templated)
    :param execution_id: id of the execution, pinned: whatever else runs there is ignored (templated)
    :param cloud_manager_conn_id: Airflow connection, needs to read only
    :param poll_interval: seconds between two looks; unless given it follows from how long the pipeline's
        earlier executions took: up to 300 s while it can't be due yet, at most 60 s once it can, down to 10 s when
        it is, and 120 s while a person is waited for
    :param timeout: seconds from the start of the task until the wait is given up
    :param deferrable: wait in the triggerer, holding no worker; otherwise in the task, with the same result

    The hooks ``first_wake``, ``on_wake`` and ``on_person_needed`` are for subclasses that remind or tell somebody
    while they wait. What they raise fails the task, so they should not.

    Raises ``AirflowFailException`` on a dead end or without a usable connection, ``AirflowSensorTimeout`` after ``timeout``, and
    ``AirflowException``, after which a retry helps, where Cloud Manager goes on refusing the credential or
    the event that resumes the task is not the one of its trigger.
    """

    goal: ClassVar[Goal]
    ends_in_triggerer: ClassVar[bool] = False
    """Of a subclass that does nothing after its wait: its trigger may end it, which saves a worker start. Then its XCom
    reaches other tasks as JSON text. No trigger ends a task where a plugin listens to tasks: it would not hear of it."""
    template_fields = ("program_id", "pipeline_id", "execution_id", "cloud_manager_conn_id")
    operator_extra_links: tuple[Any, ...] = (CloudManagerExecutionLink(),)
    ui_color = "#e8f0fb"

    def __init__(
        self,
        *,
        program_id: str,
        pipeline_id: str,
        execution_id: str,
        cloud_manager_conn_id: str = "cloud_manager_default",
        poll_interval: float | timedelta | None = None,
        deferrable: bool = True,
        **kwargs: Any,
    ) -> None:
        unfit = sorted(_NOT_FOR_THESE & kwargs.keys())
        if unfit:
            raise ValueError(
                f"{type(self).__name__} does not take {', '.join(unfit)}: a wait that fails must not look "
                "skipped, and its pace is poll_interval"
            )
        super().__init__(**kwargs)
        self.program_id = program_id
        self.pipeline_id = pipeline_id
        self.execution_id = execution_id
        self.cloud_manager_conn_id = cloud_manager_conn_id
        self.poll_interval = _seconds(poll_interval)
        self.deferrable = deferrable

    def execute(self, context: Context) -> Value:
        """Look once, then wait in the triggerer, or here if it is not deferrable."""
        self._pinned()
        try:
            _ = self._hook().account
        except CloudManagerError as error:
            raise AirflowFailException(f"The wait can't begin. {error}") from error
        deadline = datetime.now(UTC) + timedelta(seconds=self.timeout)
        return self._wait(context, GoingOn(deadline.timestamp(), {}, self.first_wake(context)))

    def resume(self, context: Context, event: object = None) -> Value:
        """Take up the trigger's event; any other one, or none, fails the task."""
        pinned = self._pinned()
        try:
            ending = Ending.from_event(event, self.goal, pinned)
        except UnexpectedEvent as error:
            raise AirflowException(
                f"The wait for the {self.goal} of {pinned} ended without a result: {error}. "
                "Clear this task: it looks at the same execution again."
            ) from error
        if ending.going_on is None:
            return self._conclude(ending, pinned)
        return self._wait(context, self._interrupted(context, ending, ending.going_on))

    def on_kill(self) -> None:
        """Somebody has ended the task while it waited here: only that is over."""
        self.log.warning("%s", left_alone(self.goal, self._pinned()))

    def first_wake(self, context: Context) -> float | None:
        """When to be woken for the first time, in seconds since 1970; ``None``, as here, for never."""
        return None

    def on_wake(self, context: Context) -> float | None:
        """It is time; returns when to be woken next, in seconds since 1970, or ``None`` for never again."""
        return None

    def on_person_needed(self, context: Context, sentence: str) -> None:
        """A step on the way waits for a person since the last look; the log says so already."""

    def _wait(self, context: Context, going_on: GoingOn) -> Value:
        """Wait to the end, with what there is to do in between. Here or deferred: the same memory and deadline."""
        pinned, read = self._pinned(), _reader(self._hook(), self._pinned())
        while True:
            vigil = Vigil(
                self.goal,
                pinned,
                datetime.fromtimestamp(going_on.deadline, UTC),
                say=self._say,
                poll_interval=self.poll_interval,
                memory=Memory.of(going_on.memory),
                wake_at=going_on.wake_at,
            )
            drive = look_once if self.deferrable else wait_here
            ending = drive(vigil.steps(), read)
            if ending is None:
                self._defer(vigil)
            elif ending.going_on is None:
                return self._conclude(ending, pinned)
            else:
                going_on = self._interrupted(context, ending, ending.going_on)

    def _interrupted(self, context: Context, ending: Ending, going_on: GoingOn) -> GoingOn:
        """Do what there is to do in between; returns how the wait goes on."""
        if ending.kind is Kind.WAITS_FOR_PERSON:
            self.on_person_needed(context, ending.sentence)
            return going_on
        wake_at = self.on_wake(context)
        if wake_at is not None:
            wake_at = max(wake_at, datetime.now(UTC).timestamp() + _SOONEST_WAKE)
        return replace(going_on, wake_at=wake_at)

    def _defer(self, vigil: Vigil) -> NoReturn:
        trigger = ExecutionTrigger(
            goal=str(self.goal),
            program_id=vigil.pinned.program_id,
            pipeline_id=vigil.pinned.pipeline_id,
            execution_id=vigil.pinned.execution_id,
            cloud_manager_conn_id=self.cloud_manager_conn_id,
            deadline=vigil.deadline.timestamp(),
            poll_interval=self.poll_interval,
            memory=vigil.memory.as_json(),
            wake_at=vigil.wake_at,
            ends_task=self.ends_in_triggerer and not get_listener_manager().has_listeners,
        )
        left = vigil.deadline - datetime.now(UTC)
        self.defer(trigger=trigger, method_name="resume", timeout=max(left, timedelta()) + _GRACE)
        raise AssertionError("deferring ends the task")

    def _conclude(self, ending: Ending, pinned: PinnedExecution) -> Value:
        """Turn the end of the wait into the task's result or failure."""
        if ending.kind is Kind.DONE:
            self.log.info("%s", ending.sentence)
            return ending.value
        if ending.kind is Kind.TIMED_OUT:
            raise AirflowSensorTimeout(ending.sentence)
        if ending.kind is Kind.REFUSED:
            raise AirflowException(ending.sentence)
        if ending.step_path:
            self._show_log(ending.step_path, pinned)
        raise AirflowFailException(f"{ending.sentence} {pinned.ui_link()}")

    def _show_log(self, step_path: str, pinned: PinnedExecution) -> None:
        """Put the end of the step's log into the task's, line by line, so that it can't forge one."""
        hook = self._hook()
        try:
            execution = hook.get_execution(pinned.program_id, pinned.pipeline_id, pinned.execution_id)
            step = execution.step_at(step_path)
            if step is None or not step.logs_link:
                self.log.info("Cloud Manager offers no log of the failed step.")
                return
            lines = hook.read_step_log(step, tail=_LOG_TAIL).splitlines()[-_LOG_LINES:]
        except READ_ERRORS as error:
            self.log.warning("The log of the failed step could not be read: %s", error)
            return
        self.log.info("::group::Last %d lines of the log of %s", len(lines), step.name)
        for line in lines:
            self.log.info("| %s", one_line(line))
        self.log.info("::endgroup::")

    def _say(self, level: int, sentence: str) -> None:
        self.log.log(level, "%s", sentence)

    def _pinned(self) -> PinnedExecution:
        try:
            return PinnedExecution.of(self.program_id, self.pipeline_id, self.execution_id)
        except ValueError as error:
            raise AirflowFailException(f"There is nothing to wait for: {error}") from error

    def _hook(self) -> CloudManagerHook:
        from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook

        return CloudManagerHook(self.cloud_manager_conn_id)


class StageDeploymentSensor(ExecutionSensor):
    """Waits until the pinned execution is deployed to stage, and returns when, where and which commit.

    Fails at once, with the reason and the end of the failed step's log, when the execution can't get there
    any more: build failed, code quality rejected, cancelled, rolled back, replaced.
    """

    goal = Goal.STAGE_DEPLOYMENT


class ApprovalSensor(ExecutionSensor):
    """Waits until the go-live approval of the pinned execution is asked for, or can't be any more.

    Every end is a value: ``state`` is ``waiting``, ``unplaced`` (it does not say for which environment), ``approved``,
    ``rejected``, ``absent`` (there is none) or ``ended``, ``sentence`` says why.
    """

    goal = Goal.PRODUCTION_APPROVAL


class DecisionSensor(ExecutionSensor):
    """Waits until the go-live approval of the pinned execution waits no more.

    Every end is a value: ``state`` is ``approved``, ``rejected``, ``absent`` or ``ended``, ``sentence`` says why.
    """

    goal = Goal.DECISION


class ProductionDeploymentSensor(ExecutionSensor):
    """Waits until the pinned execution is deployed to production; fails when that failed or won't happen."""

    goal = Goal.PRODUCTION_DEPLOYMENT


def _seconds(interval: float | timedelta | None) -> float | None:
    seconds = interval.total_seconds() if isinstance(interval, timedelta) else interval
    if seconds is not None and seconds <= 0:
        raise ValueError(f"poll_interval must be more than 0 seconds, not {seconds}")
    return seconds


def _reader(hook: CloudManagerHook, pinned: PinnedExecution) -> Callable[[Read], object]:
    """The readings that a wait asks for, by the blocking hook."""
    pipeline = (pinned.program_id, pinned.pipeline_id)

    def read(request: Read) -> object:
        match request:
            case Read.EXECUTION:
                return hook.get_execution(*pipeline, pinned.execution_id)
            case Read.CURRENT:
                return hook.get_current_execution(*pipeline)
            case Read.HISTORY:
                return hook.list_executions(*pipeline)

    return read
