"""How does a triggerer wait for a step of one pinned execution? It drives the same wait as a task does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from adobe_cloud_manager.pinned import PinnedExecution
from adobe_cloud_manager.questions import Goal
from adobe_cloud_manager.vigil import Memory, Read, Vigil
from adobe_cloud_manager.waiting import wait_in_trigger

if TYPE_CHECKING:
    from adobe_cloud_manager.hooks.cloud_manager_async import CloudManagerAsyncHook


class ExecutionTrigger(BaseTrigger):
    """Waits for ``goal``, then fires one event with how the wait ended (``ending.Ending.to_event``).

    Its arguments are all that it needs: a trigger that is built again from ``serialize()``, on this triggerer
    or another one, goes on with the same execution until the same ``deadline`` (seconds since 1970, not a
    span). It only reads, so that two of them at once do no harm. ``poll_interval`` is in seconds, ``wake_at`` the
    time at which the task wants to be resumed whatever is seen (seconds since 1970).
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
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.goal = Goal(goal)
        self.pinned = PinnedExecution.of(program_id, pipeline_id, execution_id)
        self.cloud_manager_conn_id = cloud_manager_conn_id
        self.deadline = deadline
        self.poll_interval = poll_interval
        self.memory = memory or {}
        self.wake_at = wake_at

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class and the arguments to build this trigger again."""
        return (
            "adobe_cloud_manager.triggers.cloud_manager.ExecutionTrigger",
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
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait to the end and fire one event."""
        from adobe_cloud_manager.hooks.cloud_manager_async import CloudManagerAsyncHook

        hook = CloudManagerAsyncHook(self.cloud_manager_conn_id)
        vigil = Vigil(
            self.goal,
            self.pinned,
            datetime.fromtimestamp(self.deadline, UTC),
            say=lambda level, sentence: self.log.log(level, "%s", sentence),
            poll_interval=self.poll_interval,
            memory=Memory.of(self.memory),
            wake_at=self.wake_at,
        )
        ending = await wait_in_trigger(vigil.steps(), _reader(hook, self.pinned))
        payload = ending.to_event(self.goal, self.pinned)
        yield TriggerEvent(payload)  # type: ignore[no-untyped-call]


def _reader(hook: CloudManagerAsyncHook, pinned: PinnedExecution) -> Callable[[Read], Awaitable[object]]:
    """The readings that a wait asks for, by the asynchronous hook."""
    pipeline = (pinned.program_id, pinned.pipeline_id)

    async def read(request: Read) -> object:
        match request:
            case Read.EXECUTION:
                return await hook.get_execution(*pipeline, pinned.execution_id)
            case Read.CURRENT:
                return await hook.get_current_execution(*pipeline)
            case Read.HISTORY:
                return await hook.list_executions(*pipeline)

    return read
