"""What do all waits of a triggerer share? One session, one credential and one poll per execution.

A wait takes a seat at the post of its execution. One look answers all seats there; an event of Adobe I/O wakes
them. Everything here belongs to one event loop and ends with its last wait.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from adobe_cloud_manager.budget import Line
from adobe_cloud_manager.exceptions import CredentialError, PermissionDenied
from adobe_cloud_manager.pinned import PinnedExecution
from adobe_cloud_manager.triggers.hints import Hints
from adobe_cloud_manager.vigil import Read, Woken

if TYPE_CHECKING:
    from adobe_cloud_manager.hooks.cloud_manager_async import CloudManagerAsyncHook

log = logging.getLogger(__name__)
_LATE, _SAY_LATE_EVERY = 60.0, 600.0
"""Seconds: how late a look has to be to be told, and how often that is told."""


@asynccontextmanager
async def take_seat(cloud_manager_conn_id: str, pinned: PinnedExecution) -> AsyncIterator[Seat]:
    """A seat for one wait of this execution, until the block ends."""
    await asyncio.to_thread(_import)
    floor = _floor()
    board = floor.boards.get(cloud_manager_conn_id) or Board(cloud_manager_conn_id)
    floor.boards[cloud_manager_conn_id] = board
    post = board.posts.setdefault(pinned, Post(board, pinned))
    seat = Seat(post, fresh_hint=floor.hints.is_fresh(pinned))
    post.seats.add(seat)
    floor.hints.begin()
    try:
        yield seat
    finally:
        await floor.leave(seat)


def wake(subject: str) -> int:
    """Let the waits of this event loop look now that an event is about; how many executions that were.

    ``subject`` is ``program/pipeline/execution``, or ``program/pipeline/`` for all executions of a pipeline.
    """
    return _floor().hints.note(subject)


class Floor:
    """All boards of one event loop by their connections, and the hints that they share."""

    def __init__(self) -> None:
        self.boards: dict[str, Board] = {}
        self.hints = Hints(self.wake)

    def wake(self, program_id: str, pipeline_id: str, execution_id: str) -> int:
        """Wake the waits of this execution; without an id, of all executions of the pipeline."""
        found: list[Post] = []
        for board in self.boards.values():
            if execution_id:
                post = board.posts.get(PinnedExecution(program_id, pipeline_id, execution_id))
                found += [post] if post else []
            else:
                found += [post for pinned, post in board.posts.items()
                          if (pinned.program_id, pinned.pipeline_id) == (program_id, pipeline_id)]  # fmt: skip
        for post in found:
            post.hint()
        return len(found)

    async def leave(self, seat: Seat) -> None:
        """Clear away what this wait was the last one of: the post, the board, the reading of hints."""
        post, board = seat.post, seat.post.board
        post.seats.discard(seat)
        if post.seats:
            return
        del board.posts[post.pinned]
        post.close()
        if board.posts:
            return
        del self.boards[board.cloud_manager_conn_id]
        if not self.boards:
            self.hints.end()
        await board.close()


_FLOORS: WeakKeyDictionary[asyncio.AbstractEventLoop, Floor] = WeakKeyDictionary()


def _floor() -> Floor:
    return _FLOORS.setdefault(asyncio.get_running_loop(), Floor())


def _import() -> None:
    """Import what reads files, in a thread: the first wait must not stop the others."""
    import airflow.sdk.configuration
    import airflow.sdk.execution_time.comms  # noqa: F401

    import adobe_cloud_manager.hooks.cloud_manager_async  # noqa: F401


class Board:
    """The waits of one connection: its session, its credential, its place in line."""

    def __init__(self, cloud_manager_conn_id: str) -> None:
        from adobe_cloud_manager.hooks.async_session import AsyncSession
        from adobe_cloud_manager.hooks.cloud_manager_async import CloudManagerAsyncHook

        self.cloud_manager_conn_id = cloud_manager_conn_id
        self.posts: dict[PinnedExecution, Post] = {}
        self._session = AsyncSession()
        self._hook: CloudManagerAsyncHook = CloudManagerAsyncHook(
            cloud_manager_conn_id, session=self._session
        )
        self._line = Line()
        self._running: dict[tuple[Read, str, str], asyncio.Task[Any]] = {}
        self._said_late = float("-inf")

    async def turn(self) -> float:
        """Seconds until it is the turn of a look that is not urgent. Raises as reading does."""
        per_minute = (await self._hook.account()).settings.requests_per_minute
        wait = self._line.take(per_minute)
        if wait > _LATE and time.monotonic() - self._said_late > _SAY_LATE_EVERY:
            self._said_late = time.monotonic()
            log.warning(
                "%d executions are waited for with the connection %s: at %d requests a minute a look comes %.0f s "
                "late. Raise [adobe_cloud_manager] requests_per_minute, or start another triggerer.",
                len(self.posts), self.cloud_manager_conn_id, per_minute, wait,
            )  # fmt: skip
        return wait

    async def read(self, request: Read, pinned: PinnedExecution) -> object:
        """Perform a reading for one wait."""
        pipeline = (pinned.program_id, pinned.pipeline_id)
        try:
            match request:
                case Read.EXECUTION:
                    return await self._hook.get_execution(*pipeline, pinned.execution_id)
                case Read.CURRENT:
                    return await self._hook.get_current_execution(*pipeline)
                case Read.HISTORY:
                    return await self._hook.list_executions(*pipeline)
        except (CredentialError, PermissionDenied):
            self._hook.doubt_account()
            raise

    def shared(self, request: Read, pinned: PinnedExecution) -> Awaitable[object]:
        """The same for all waits that ask for it about one pipeline while it runs; none of them can end it."""
        key = (request, pinned.program_id, pinned.pipeline_id)
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(self.read(request, pinned))
            task.add_done_callback(lambda done: self._over(key, done))
        return asyncio.shield(task)

    async def close(self) -> None:
        """End what still runs, and the connections."""
        for task in self._running.values():
            task.cancel()
        await self._session.close()

    def _over(self, key: tuple[Read, str, str], task: asyncio.Task[Any]) -> None:
        self._running.pop(key, None)
        if not task.cancelled():
            task.exception()  # whoever asked may be gone


class Post:
    """The waits of one execution, and the look that is on its way for them."""

    def __init__(self, board: Board, pinned: PinnedExecution) -> None:
        self.board = board
        self.pinned = pinned
        self.seats: set[Seat] = set()
        self.hints = 0
        """How many events were about it."""
        self._seen_hints = 0
        self._hurry = asyncio.Event()
        self._look: asyncio.Task[None] | None = None

    def hint(self) -> None:
        """An event was about it: every wait looks now."""
        self.hints += 1
        self._hurry.set()
        for seat in self.seats:
            seat.bell.set()

    def look(self) -> None:
        """Begin a look unless one is on its way. It belongs to nobody, so that no wait's end is its end."""
        if self._look is None:
            self._look = asyncio.create_task(self._look_for_all())

    def close(self) -> None:
        """Nobody waits any more."""
        if self._look is not None:
            self._look.cancel()

    async def _look_for_all(self) -> None:
        try:
            await self._turn()
            hints = self.hints
            answer: object = await self.board.read(Read.EXECUTION, self.pinned)
        except Exception as error:  # noqa: BLE001 - also a defect has to reach every wait
            hints = self.hints
            answer = error.with_traceback(None)
        self._seen_hints, self._look = hints, None
        for seat in self.seats:
            seat.deliver(answer, hints)

    async def _turn(self) -> None:
        """Stand in line, unless an event says that there is something to see."""
        if self.hints > self._seen_hints:
            return
        self._hurry.clear()
        wait = await self.board.turn()
        if wait > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._hurry.wait()


class Seat:
    """Where one wait sits: it pauses until its time, an answer that others asked for, or an event."""

    def __init__(self, post: Post, *, fresh_hint: bool = False) -> None:
        self.post = post
        self.bell = asyncio.Event()
        self._seen_hints = post.hints - fresh_hint
        self._mail: list[object] = []

    def deliver(self, answer: object, hints: int) -> None:
        """An answer, and how many events it is newer than. One that was not taken yet gives way."""
        self._mail = [answer]
        self._seen_hints = max(self._seen_hints, hints)
        self.bell.set()

    async def pause(self, seconds: float) -> Woken | None:
        """Wait that long; less when an event or an answer comes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    if self._mail:
                        return Woken.BY_NEWS
                    if self.post.hints > self._seen_hints:
                        return Woken.BY_EVENT
                    await self._ring()
        return None

    async def read(self, request: Read) -> object:
        """The execution as it is after this wait's last look; a reading that fails raises for every wait."""
        if request is not Read.EXECUTION:
            return await self.post.board.shared(request, self.post.pinned)
        while not self._mail:
            self.post.look()
            await self._ring()
        answer = self._mail.pop()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _ring(self) -> None:
        self.bell.clear()
        await self.bell.wait()
