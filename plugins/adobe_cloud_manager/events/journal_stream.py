"""How does one reader per journal go on through restarts, outages and expired positions, and lose nothing?"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from airflow.triggers.shared_stream import AdvanceItem, SharedStreamProducer

from adobe_cloud_manager.events.hint import EVENTS_ASSET
from adobe_cloud_manager.events.hint_store import leave_hint
from adobe_cloud_manager.events.journal import Journal, Page, PositionExpired
from adobe_cloud_manager.exceptions import CredentialError, InvalidRequest, NotFound, PermissionDenied
from adobe_cloud_manager.parsing import one_line
from adobe_cloud_manager.triggers import board

if TYPE_CHECKING:
    from adobe_cloud_manager.events.journal_reader import JournalReader
    from adobe_cloud_manager.hooks.account import Account

T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: between two questions that the journal answered with nothing, and after failures."""

    idle: float = 2.0
    longest_idle: float = 300.0
    after_events: float = 0.2
    stuck: float = 10.0
    first_retry: float = 1.0
    longest_retry: float = 300.0
    keep_position_every: float = 600.0


PACE = Pace()


class EventsNotStored(RuntimeError):
    """Airflow did not store what was derived from a page; it is read again from the stored position."""


class Positions(Protocol):
    """Where a journal's position is kept."""

    async def load(self) -> str | None: ...

    async def save(self, target: str) -> None: ...


class StoredPosition:
    """A journal's position in the state store of the asset ``adobe_io_events``, in Airflow's database.

    Read and written in a thread: the store has methods that can be awaited from Airflow 3.3.2 on only.
    """

    def __init__(self, journal_url: str) -> None:
        from airflow.sdk.execution_time.context import AssetStateStoreAccessor

        self.key = f"journal-{hashlib.sha256(journal_url.encode()).hexdigest()[:32]}"
        self._store = AssetStateStoreAccessor(name=EVENTS_ASSET)

    async def load(self) -> str | None:
        """The stored target; ``None`` before the first one. Raises what Airflow raises when it can't answer."""
        value = await asyncio.to_thread(self._store.get, self.key)
        return value if isinstance(value, str) else None

    async def save(self, target: str) -> None:
        await asyncio.to_thread(self._store.set, self.key, target)


class JournalProducer(SharedStreamProducer):
    """Yields one item per page with events; the position is stored once Airflow has stored what followed.

    It never ends by itself: whatever fails is said in the log, and tried again after a growing pause.
    """

    def __init__(
        self,
        journal_url: str,
        account: Callable[[], Awaitable[Account]],
        *,
        positions: Positions | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._url = journal_url
        self._read_account = account
        self._positions = positions
        self._pace = pace or PACE
        self._unsaved: str | None = None
        self._saved_at = float("-inf")
        self._saving = asyncio.Lock()

    async def open_stream(self) -> AsyncIterator[tuple[dict[str, Any] | None, str]]:
        """``(payload of the trigger event or None, position)`` for ever."""
        await asyncio.to_thread(_import)
        from adobe_cloud_manager.events.journal_reader import JournalReader
        from adobe_cloud_manager.hooks.async_session import AsyncSession

        journal = await self._patiently(self._journal)
        target = await self._patiently(partial(self._start, journal))
        async with AsyncSession() as session:
            reader = JournalReader(session, self._read_account)
            while True:
                page = await self._patiently(partial(self._page, reader, journal, target))
                before, target = target, page.next_target or target
                if target != before and (page.events or self._is_due()):
                    await self._tell(page)
                    yield page.payload, target
                await self._save_again()
                await asyncio.sleep(self._pause(page, target != before))

    async def _tell(self, page: Page) -> None:
        """Wake the waits of this process at once, and leave the hint to those of others."""
        for subject in page.hints:
            board.wake(subject)
        await leave_hint(page.hints)

    async def advance(self, batch: Sequence[AdvanceItem]) -> None:
        """Store the position behind pages whose events Airflow has stored.

        Raises ``EventsNotStored`` where it has not: Airflow then starts the reader again from the stored one.
        """
        if not all(item.outcome.is_clean for item in batch):
            raise EventsNotStored(
                "Airflow could not store events of the journal; they are read again from the stored position."
            )
        self._unsaved = batch[-1].broker_payload
        await self._save_again()

    async def _journal(self) -> Journal:
        from adobe_cloud_manager.settings import Settings

        return Journal.of(self._url, Settings.load().events_url)

    async def _start(self, journal: Journal) -> str:
        """Where to begin: behind what was stored, or at what happens from now on."""
        if self._positions is None:
            self._positions = StoredPosition(journal.url)
        stored = journal.target_of(await self._positions.load())
        if stored is None:
            log.info("The journal %s is read for the first time, from now on.", journal.url)
        else:
            log.info("The journal %s is read on from its stored position.", journal.url)
        return stored or journal.latest

    async def _page(self, reader: JournalReader, journal: Journal, target: str) -> Page:
        """The page; of a position that is expired (410) or not known (400), a way to the oldest events."""
        try:
            return await reader.read(journal, target)
        except (PositionExpired, InvalidRequest) as error:
            if target == journal.oldest:
                raise
            log.warning(
                "The journal %s answered %s: it no longer has the stored position (Adobe keeps events for 7 days). "
                "Reading goes on at the oldest events that are kept; what was missed in between is found by the "
                "timer of stage_gate.start.",
                journal.url,
                error.status,
            )
            return Page((), journal.oldest)

    async def _patiently(self, step: Callable[[], Awaitable[T]]) -> T:
        """The step's result, however often it fails before."""
        failures, began = 0, time.monotonic()
        while True:
            try:
                result = await step()
            except Exception as error:  # noqa: BLE001 - an end of the reader would end the events for good
                pause = self._retry_pause(error, failures)
                failures += 1
                log.warning(
                    "The journal can't be read: %s. Next try in %.0f s (failure %d). %s",
                    one_line(f"{type(error).__name__}: {error}")[:500].rstrip("."),
                    pause,
                    failures,
                    _remedy(error),
                )
                await asyncio.sleep(pause)
            else:
                if failures:
                    log.info("The journal is read again after %.0f s.", time.monotonic() - began)
                return result

    def _retry_pause(self, error: Exception, failures: int) -> float:
        asked = getattr(error, "retry_after", None) or 0.0
        grown = self._pace.first_retry * 2.0 ** min(failures, 20)
        return min(max(grown, asked), self._pace.longest_retry)

    def _pause(self, page: Page, has_moved: bool) -> float:
        if page.events and not has_moved:
            log.warning("The journal answered with events, but leads nowhere; it is asked again in a while.")
            return self._pace.stuck
        if page.events or (has_moved and page.pause is None):
            return self._pace.after_events
        asked = self._pace.idle if page.pause is None else page.pause
        return min(max(asked, self._pace.after_events), self._pace.longest_idle)

    def _is_due(self) -> bool:
        """Whether the position of a quiet journal should be stored, so that it does not expire after 7 days."""
        return time.monotonic() - self._saved_at >= self._pace.keep_position_every

    async def _save_again(self) -> None:
        """Store the newest position that is not stored yet; a failure costs no event, only a second reading."""
        async with self._saving:
            target, positions = self._unsaved, self._positions
            if target is None or positions is None:
                return
            try:
                await positions.save(target)
            except Exception as error:  # noqa: BLE001 - see above
                log.warning("The journal's position can't be stored yet (%s).", type(error).__name__)
                return
            self._saved_at = time.monotonic()
            if self._unsaved == target:
                self._unsaved = None


def _import() -> None:
    """Load what is only needed here: reading files would hold up the event loop."""
    import adobe_cloud_manager.events.journal_reader
    import adobe_cloud_manager.hooks.cloud_manager_async
    import adobe_cloud_manager.triggers.board  # noqa: F401


def _remedy(error: Exception) -> str:
    remedy = ""
    if isinstance(error, (CredentialError, PermissionDenied)):
        remedy = (
            "Its credential needs the I/O Management API in its project in the Adobe Developer Console, and "
            "that API's scopes in the connection. "
        )
    if isinstance(error, NotFound):
        remedy = "Its registration may have been removed: compare the URL with the Adobe Developer Console. "
    return f"{remedy}Until then the timer of stage_gate.start finds everything."
