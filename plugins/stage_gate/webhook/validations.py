"""How is Adobe told that the webhook is ours, where it asks by ``validationUrl``? By a request of our own, afterwards."""

from __future__ import annotations

import asyncio
import logging

from adobe_cloud_manager.events.handshake import confirm
from stage_gate.webhook.limits import Bucket

log = logging.getLogger(__name__)

MOST_AT_ONCE = 4
PER_MINUTE = 12
"""Nobody signs a handshake: these two bound what a stranger can make this host send to Adobe."""


class Validations:
    """Requests to Adobe's validation address, each at most once at a time."""

    def __init__(self) -> None:
        self._rate = Bucket(PER_MINUTE / 60, PER_MINUTE)
        self._planned: set[str] = set()
        self._running: set[asyncio.Task[None]] = set()

    def plan(self, url: str, now: float) -> float:
        """0 where ``start`` will fetch it, else how many seconds to wait before asking again."""
        if url in self._planned:
            return 0.0
        if len(self._planned) >= MOST_AT_ONCE:
            return 10.0
        if wait := self._rate.take(now):
            return wait
        self._planned.add(url)
        return 0.0

    async def start(self) -> None:
        """Begin with what is planned: called once the answer has been sent."""
        for url in self._planned - {task.get_name() for task in self._running}:
            task = asyncio.create_task(self._fetch(url), name=url)
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _fetch(self, url: str) -> None:
        try:
            await confirm(url)
        except Exception as error:  # noqa: BLE001 - nobody waits for it: the log has to say it
            log.warning("Adobe I/O Events: the webhook could not be confirmed, ask Adobe again. %s", error)
        else:
            log.info("Adobe I/O Events: the webhook has been confirmed to Adobe.")
        finally:
            self._planned.discard(url)
