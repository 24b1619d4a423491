"""How do events get to webhooks? Each delivery with its own day of retries, on simulated time.

Attempts are made in the order of their times; when time is skipped, every attempt that fell into it is made, one
after the other, at the time it has by the schedule.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from simulator.io_events.faults import EventFault, EventFaults
from simulator.io_events.letters import Composer, Effect, Letter
from simulator.io_events.payloads import Emitted
from simulator.io_events.registrations import Registration
from simulator.io_events.schedule import is_retried, next_attempt

BATCH_WINDOW = 0.05  # real seconds that a batch waits for more events
BATCH_SIZE = 20
LATE = 1.0  # seconds; what is due for longer was skipped over
HELD_BACK = 60.0  # real seconds after which held deliveries leave even if they are too few
TROUBLES = frozenset({"duplicate", "reorder", "slow", "lose", "answer_lost"})


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver: when (simulated), with what, and what the webhook answered (None: nothing)."""

    registration: str
    at: float
    retry: int
    delivery_id: str
    letter: Letter
    status: int | None
    error: str = ""
    took: float = 0.0  # real seconds
    text: str = ""  # of the answer, the first 500 characters

    @property
    def events(self) -> tuple[str, ...]:
        return self.letter.events


@dataclass(slots=True)
class Delivery:
    """One letter on its way."""

    to: Registration
    letter: Letter
    first: float
    retry: int = 0
    slow: float = 0.0  # real seconds to send the body, in the first attempt
    answer_lost: bool = False  # of the next attempt


@dataclass(order=True, slots=True)
class _Due:
    at: float
    number: int
    delivery: Delivery = field(compare=False)


class Post:
    """The deliveries under way. Not thread-safe: it belongs to one event loop."""

    def __init__(self, now: Callable[[], float], composer: Composer, faults: EventFaults) -> None:
        self._now, self._composer, self._faults = now, composer, faults
        self.attempts: list[Attempt] = []
        self.begun = 0  # slow bodies of which a part has been sent
        self._due: list[_Due] = []
        self._numbers = itertools.count()
        self._flying: set[asyncio.Task[None]] = set()
        self._held: list[Delivery] = []
        self._waiting_batches: set[str] = set()
        self._changed = asyncio.Event()
        self._session: aiohttp.ClientSession | None = None

    @property
    def is_idle(self) -> bool:
        """True when nothing is on its way and nothing is due."""
        due = bool(self._due) and self._due[0].at <= self._now()
        return not (self._flying or self._held or self._waiting_batches or due)

    @property
    def next_attempt_in(self) -> float | None:
        """Simulated seconds until a delivery is tried again, at least 0; None when none is to be."""
        waiting = [each.at for each in self._due if each.delivery.to.takes_deliveries]
        return max(0.0, min(waiting) - self._now()) if waiting else None

    def post(self, to: Registration, event: Emitted) -> None:
        """Deliver an event to a registration, alone or in its next batch."""
        if to.style == "single":
            self._enclose(to, [event])
            return
        to.outbox.append(event)
        if to.id not in self._waiting_batches:
            self._waiting_batches.add(to.id)
            asyncio.get_running_loop().call_later(BATCH_WINDOW, self._close_batch, to)

    async def send(self, to: Registration, letter: Letter) -> Attempt:
        """One attempt outside the schedule: a stranger's letter, or one that was sent before."""
        attempt = await self._attempt(Delivery(to, letter, self._now()), self._now())
        self.attempts.append(attempt)
        return attempt

    def wake(self) -> None:
        """Time has moved, or there is something new."""
        self._changed.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        try:
            while True:
                self._changed.clear()
                wait = self._take_off()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._changed.wait()
        finally:
            await self._close()

    def _close_batch(self, to: Registration) -> None:
        self._waiting_batches.discard(to.id)
        for start in range(0, len(to.outbox), BATCH_SIZE):
            self._enclose(to, to.outbox[start : start + BATCH_SIZE])
        to.outbox = []

    def _enclose(self, to: Registration, events: Sequence[Emitted]) -> None:
        faults = {fault.effect: fault for fault in self._faults.pick(to.id, "webhook")}
        effects: list[Effect] = [name for name in faults if name not in TROUBLES]  # type: ignore[misc]
        if "lose" in faults:
            return
        delivery = Delivery(to, self._composer.compose(to, events, effects), max(e.at for e in events))
        if "slow" in faults:
            delivery.slow = faults["slow"].seconds
        delivery.answer_lost = "answer_lost" in faults
        if "reorder" in faults:
            self._hold(delivery, faults["reorder"])
            return
        copies = faults["duplicate"].count if "duplicate" in faults else 1
        for _ in range(copies):
            self._schedule(
                Delivery(to, delivery.letter, delivery.first, 0, delivery.slow, delivery.answer_lost)
            )

    def _hold(self, delivery: Delivery, fault: EventFault) -> None:
        """A rule of reorder holds `times` deliveries; they leave in reverse once `count` are together."""
        self._held.append(delivery)
        if len(self._held) >= fault.count:
            self.release()
        else:
            asyncio.get_running_loop().call_later(HELD_BACK, self.release)

    def release(self) -> None:
        """Deliveries that were held back leave, the newest first, one after the other."""
        held, self._held = self._held, []
        if held:
            self._fly(self._in_turn([(item, item.first) for item in reversed(held)]))

    def _schedule(self, delivery: Delivery, at: float | None = None) -> None:
        due = delivery.first if at is None else at
        heapq.heappush(self._due, _Due(due, next(self._numbers), delivery))
        self._changed.set()

    def _take_off(self) -> float | None:
        """Begin what is due; the seconds until there is more, None for when something else happens.

        What should have been done a while ago (time was skipped) is done in its order, one after the other.
        """
        now = self._now()
        while self._due and self._due[0].at <= now:
            is_late = self._due[0].at < now - LATE
            if is_late and self._flying:
                return None
            due = heapq.heappop(self._due)
            self._fly(self._in_turn([(due.delivery, due.at)]))
        return self._due[0].at - now if self._due else None

    def _fly(self, flight: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(flight)
        self._flying.add(task)
        task.add_done_callback(self._landed)

    def _landed(self, task: asyncio.Task[None]) -> None:
        self._flying.discard(task)
        self._changed.set()

    async def _in_turn(self, deliveries: Sequence[tuple[Delivery, float]]) -> None:
        for delivery, at in deliveries:
            async with delivery.to.lane:
                await self._try(delivery, at)

    async def _try(self, delivery: Delivery, at: float) -> None:
        to = delivery.to
        to.look(at)
        if not to.takes_deliveries:
            return
        attempt = await self._attempt(delivery, at)
        self.attempts.append(attempt)
        good = attempt.status is not None and 200 <= attempt.status < 300
        to.note(at, good=good)
        again = next_attempt(delivery.first, at, delivery.retry, to.speed)
        if not good and is_retried(attempt.status) and again is not None:
            delivery.retry += 1
            self._schedule(delivery, again)

    async def _attempt(self, delivery: Delivery, at: float) -> Attempt:
        delivery_id = str(uuid.uuid4())
        headers = {
            **delivery.letter.headers, "x-adobe-delivery-id": delivery_id, "x-request-id": str(uuid.uuid4())
        }  # fmt: skip
        if delivery.retry:
            headers["x-adobe-retry-count"] = str(delivery.retry)
        begun = time.monotonic()
        status, error, text = await self._carry(delivery, headers, at)
        took = time.monotonic() - begun
        return Attempt(
            delivery.to.id, at, delivery.retry, delivery_id, delivery.letter, status, error, took, text
        )

    async def _carry(
        self, delivery: Delivery, headers: dict[str, str], at: float
    ) -> tuple[int | None, str, str]:
        to = delivery.to
        if self._faults.is_down(to.id, at):
            return None, "simulated: the webhook is down", ""
        try:
            async with asyncio.timeout(to.patience):
                is_slow = bool(delivery.slow) and not delivery.retry
                if is_slow:
                    headers["content-length"] = str(len(delivery.letter.body))
                data = self._slowly(delivery) if is_slow else delivery.letter.body
                async with self.session.post(
                    str(to.url), data=data, headers=headers, allow_redirects=False
                ) as answer:
                    status, text = answer.status, (await answer.text(errors="replace"))[:500]
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return None, f"{type(error).__name__}: {error}", ""
        if delivery.answer_lost:
            delivery.answer_lost = False
            return None, "simulated: the answer was lost", ""
        return status, "", text

    async def _slowly(self, delivery: Delivery) -> AsyncIterator[bytes]:
        body = delivery.letter.body
        parts = max(2, min(20, len(body)))
        size = -(-len(body) // parts)
        for start in range(0, len(body), size):
            yield body[start : start + size]
            self.begun += start == 0
            await asyncio.sleep(delivery.slow / parts)

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(force_close=True, limit=0)
            self._session = aiohttp.ClientSession(connector=connector, trust_env=False)
        return self._session

    async def _close(self) -> None:
        flying = list(self._flying)
        for task in flying:
            task.cancel()
        await asyncio.gather(*flying, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
