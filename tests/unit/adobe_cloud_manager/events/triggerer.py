"""What stands around a journal trigger in these tests? Airflow's own stream manager, and a supervisor in memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from airflow.sdk.exceptions import ErrorType
from airflow.sdk.execution_time import comms, task_runner
from airflow.triggers.shared_stream import SharedStreamManager

from adobe_cloud_manager.triggers.journal import JournalTrigger

PATIENCE = 60.0
"""Seconds that a busy machine may take for what takes a moment."""


class Supervisor:
    """Answers what a trigger asks its supervisor for; ``is_down`` is an API server that can't be reached."""

    def __init__(self) -> None:
        self.states: dict[str, Any] = {}
        self.variables: dict[str, str] = {}
        self.is_down = False

    async def asend(self, message: Any) -> Any:
        await asyncio.sleep(0)
        if self.is_down:
            raise ConnectionError("the API server is down")
        if isinstance(message, comms.SetAssetStateStoreByName):
            self.states[message.key] = message.value
        elif isinstance(message, comms.PutVariable):
            self.variables[message.key] = str(message.value)
        elif isinstance(message, comms.GetAssetStateStoreByName):
            if message.key in self.states:
                return comms.AssetStateStoreResult(value=self.states[message.key])
            return comms.ErrorResponse(error=ErrorType.ASSET_STORE_NOT_FOUND)
        elif isinstance(message, comms.GetVariable):
            if message.key in self.variables:
                return comms.VariableResult(key=message.key, value=self.variables[message.key])
            return comms.ErrorResponse(error=ErrorType.VARIABLE_NOT_FOUND)
        return comms.OKResponse(ok=True)

    def send(self, message: Any) -> Any:
        """From a thread, as Airflow's own answers there."""
        return asyncio.run(self.asend(message))

    @property
    def position(self) -> Any:
        return next(iter(self.states.values()), None)

    def move_to(self, position: str) -> None:
        """Another stored position, in place of the only one."""
        (key,) = self.states
        self.states[key] = position

    def install(self, monkeypatch: pytest.MonkeyPatch) -> Supervisor:
        monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", self, raising=False)
        return self


class Triggerer:
    """One watcher's life in a triggerer; what it fired, and whether Airflow's database takes it."""

    def __init__(self, *, stores: bool = True, ack_timeout: float = PATIENCE) -> None:
        self.stores = stores
        self.payloads: list[Any] = []
        self.manager = SharedStreamManager(ack_timeout=ack_timeout)
        self.failed: list[Exception] = []

    @asynccontextmanager
    async def watching(self, trigger: JournalTrigger, *, watchers: int = 1) -> AsyncIterator[Triggerer]:
        tasks = [asyncio.create_task(self._watch(number, trigger)) for number in range(watchers)]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await self.manager.stop_all()

    async def _watch(self, number: int, trigger: JournalTrigger) -> None:
        key = trigger.shared_stream_key()
        stream = self.manager.subscribe(trigger_id=number, trigger=trigger, key=key)
        try:
            async for event in trigger.filter_shared_stream(stream):
                self.payloads.append(event.payload)
                seq = self.manager.bind_pending_event(trigger_id=number, key=key)
                if self.stores and seq is not None:
                    self.manager.confirm_persisted([seq])
        except Exception as error:  # noqa: BLE001 - whatever ends a trigger, Airflow takes note of it
            self.failed.append(error)
        finally:
            await self.manager.unsubscribe(number, key)

    @property
    def subjects(self) -> list[str]:
        return [subject for payload in self.payloads for subject in payload["subjects"]]


async def until(what: Callable[[], Any], patience: float = PATIENCE) -> None:
    """Wait until it is so."""
    end = time.monotonic() + patience
    while not what():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.01)


def run(scene: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        await asyncio.wait_for(scene(), 3 * PATIENCE)

    asyncio.run(limited())
