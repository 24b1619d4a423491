"""How does a triggerer wait for a step of one pinned execution? It drives the same wait as a task does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from airflow.sdk.bases.xcom import BaseXCom
from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

from adobe_cloud_manager.ending import Ending, Kind
from adobe_cloud_manager.pinned import PinnedExecution
from adobe_cloud_manager.questions import Goal
from adobe_cloud_manager.triggers.board import take_seat
from adobe_cloud_manager.vigil import Memory, Vigil, left_alone
from adobe_cloud_manager.waiting import wait_in_trigger


class ExecutionTrigger(BaseTrigger):
    """Waits for ``goal``, then fires one event with how the wait ended (``ending.Ending.to_event``).

    Its arguments are all that it needs: a trigger that is built again from ``serialize()``, on this triggerer
    or another one, goes on with the same execution until the same ``deadline`` (seconds since 1970, not a
    span). It only reads, so that two of them at once do no harm. ``poll_interval`` is in seconds, ``wake_at`` the
    time at which the task wants to be resumed whatever is seen (seconds since 1970). ``ends_task``: a wait that is done
    ends its task as a success from here, without another worker start; every other ending resumes it.
    """

    def __init__(
        self,
        *,
        goal: str,
        program_id: str,
        pipeline_id: str,
        execution_id: str,
        cloud_manager_conn_id: str,
        deadline: float,
        poll_interval: float | None = None,
        memory: dict[str, Any] | None = None,
        wake_at: float | None = None,
        ends_task: bool = False,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.goal = Goal(goal)
        self.pinned = PinnedExecution.of(program_id, pipeline_id, execution_id)
        self.cloud_manager_conn_id = cloud_manager_conn_id
        self.deadline = deadline
        self.poll_interval = poll_interval
        self.memory = memory or {}
        self.wake_at = wake_at
        self.ends_task = ends_task

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class and the arguments to build this trigger again."""
        return (
            "adobe_cloud_manager.triggers.execution_wait.ExecutionTrigger",
            {
                "goal": str(self.goal),
                "program_id": self.pinned.program_id,
                "pipeline_id": self.pinned.pipeline_id,
                "execution_id": self.pinned.execution_id,
                "cloud_manager_conn_id": self.cloud_manager_conn_id,
                "deadline": self.deadline,
                "poll_interval": self.poll_interval,
                "memory": self.memory,
                "wake_at": self.wake_at,
                "ends_task": self.ends_task,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait to the end and fire one event."""
        vigil = Vigil(
            self.goal,
            self.pinned,
            datetime.fromtimestamp(self.deadline, UTC),
            say=lambda level, sentence: self.log.log(level, "%s", sentence),
            poll_interval=self.poll_interval,
            memory=Memory.of(self.memory),
            wake_at=self.wake_at,
        )
        async with take_seat(self.cloud_manager_conn_id, self.pinned) as seat:
            ending = await wait_in_trigger(vigil.steps(), seat)
        yield self._event(ending)

    def _event(self, ending: Ending) -> TriggerEvent:
        if self.ends_task and ending.kind is Kind.DONE:
            self.log.info("%s", ending.sentence)  # nobody else does: the task is not resumed
            return TaskSuccessEvent(xcoms={BaseXCom.XCOM_RETURN_KEY: dict(ending.value)})
        return TriggerEvent(ending.to_event(self.goal, self.pinned))  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Somebody has ended the task in Airflow while it waited: only that is over."""
        self.log.warning("%s", left_alone(self.goal, self.pinned))
