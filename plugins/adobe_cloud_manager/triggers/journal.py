"""How does Airflow hear of Cloud Manager without being reachable? One reader per I/O Events journal feeds an asset."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

if TYPE_CHECKING:
    from airflow.triggers.shared_stream import SharedStreamProducer

    from adobe_cloud_manager.hooks.account import Account


class JournalTrigger(BaseEventTrigger):
    """Fires once per page of Cloud Manager's events, for a watcher of the asset ``adobe_io_events``.

    ``journal_url`` is the address that the registration's page in the Adobe Developer Console shows; its host
    must be the deployment's ``events_url``. The payload is ``{"subjects": [...], "newest": ISO time or None}``
    with subjects ``program/pipeline/execution`` and nothing else that Adobe sent.
    """

    def __init__(self, *, journal_url: str, cloud_manager_conn_id: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.journal_url = journal_url
        self.cloud_manager_conn_id = cloud_manager_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class and the arguments to build this trigger again."""
        return (
            "adobe_cloud_manager.triggers.journal.JournalTrigger",
            {"journal_url": self.journal_url, "cloud_manager_conn_id": self.cloud_manager_conn_id},
        )

    def shared_stream_key(self) -> Hashable:
        """One reader per journal, however many watchers."""
        return ("adobe_io_journal", self.journal_url)

    @classmethod
    def create_shared_stream_producer(cls, kwargs: dict[str, Any]) -> SharedStreamProducer:
        """The journal's reader in ack mode: its position moves behind what Airflow has stored."""
        from adobe_cloud_manager.events.journal_stream import JournalProducer

        async def account() -> Account:
            from adobe_cloud_manager.hooks.cloud_manager_async import CloudManagerAsyncHook

            return await CloudManagerAsyncHook(kwargs["cloud_manager_conn_id"]).account()

        return JournalProducer(kwargs["journal_url"], account)

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        """One event per page that speaks of an execution or a pipeline."""
        async for payload in shared_stream:
            if payload is not None:
                yield TriggerEvent(payload)  # type: ignore[no-untyped-call]

    def run(self) -> AsyncIterator[TriggerEvent]:
        """Not used: a watcher with a shared stream is driven by ``filter_shared_stream``."""
        raise NotImplementedError("A journal is read by a shared stream only.")
