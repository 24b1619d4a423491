"""How does a wait for a step of one pinned execution go, from the first look to its end?

The wait is a generator without I/O: it asks for a reading or a pause and is given the answer or thrown the
error. ``waiting`` drives it in a task or on the event loop of a triggerer, so that both behave the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from adobe_cloud_manager.ending import Ending, GoingOn, Kind
from adobe_cloud_manager.exceptions import CloudManagerError, CredentialError, NotFound, PermissionDenied
from adobe_cloud_manager.models import Execution
from adobe_cloud_manager.pace import durations_of, from_json, to_json
from adobe_cloud_manager.pinned import PinnedExecution
from adobe_cloud_manager.questions import Goal, time_last
from adobe_cloud_manager.watch import DeadEnd, Done, KeepWaiting, Wait, ended_value, look

REFUSED_AT_MOST = timedelta(minutes=30)
"""How long Cloud Manager may refuse the credential before the wait gives up."""
_FIRST_RETRY, _SLOWEST_RETRY = 15.0, 120.0
_CURRENT_EVERY = 1200.0
"""Seconds after which the pipeline is asked again which execution is its current one."""
_CURRENT_EVERY_LOOKS = 5
"""The same in looks, where ``poll_interval`` fixes the pace."""

READ_ERRORS = (CloudManagerError, OSError)
"""What a failed reading raises; it costs one look, never the wait."""

_EVENTS_FLOW = 1800.0
"""Seconds for which an event shows that events arrive."""
_SAY_AGAIN = 600.0
"""Seconds after which the log repeats what is still seen."""

Say = Callable[[int, str], None]
Clock = Callable[[], datetime]


class Read(StrEnum):
    """What the wait asks to be read: an execution, the current execution or none, executions newest first."""

    EXECUTION = "execution"
    CURRENT = "current execution"
    HISTORY = "executions"


@dataclass(frozen=True, slots=True)
class Pause:
    """What the wait asks for between two looks, in seconds."""

    seconds: float


class Woken(StrEnum):
    """What may end a pause before its time; the wait is told so in the pause's place."""

    BY_EVENT = "event"
    """Adobe I/O Events spoke of the execution."""
    BY_NEWS = "news"
    """Another wait of the same execution has looked; its answer is this wait's too."""


Steps = Generator[Read | Pause, Any, Ending]


@dataclass(slots=True)
class Memory:
    """What a wait must not forget when it moves into a trigger. Times are seconds since 1970; JSON only."""

    begun: bool = False
    durations: dict[str, list[float]] = field(default_factory=dict)
    next_look: float = 0.0
    announced: list[str] = field(default_factory=list)
    failures: int = 0
    missing: int = 0
    refused_since: float | None = None
    current_checked: float | None = None
    said: str = ""
    said_at: float = 0.0
    not_current: int = 0
    told_at: float = 0.0
    """When an event last woke it."""

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Memory:
        """The memory that ``as_json`` made, also of another version of this package."""
        return cls(**{item.name: kept[item.name] for item in fields(cls) if item.name in kept})

    def as_json(self) -> dict[str, Any]:
        """The memory, for the arguments of a trigger."""
        return asdict(self)


class Vigil:
    """One wait for one goal of one pinned execution, until an absolute ``deadline``.

    It is interrupted when a step on the way begins to wait for a person, and at ``wake_at`` (seconds since 1970),
    after one more look; another wait with its ``memory`` goes on from there.
    """

    def __init__(
        self,
        goal: Goal,
        pinned: PinnedExecution,
        deadline: datetime,
        *,
        say: Say,
        poll_interval: float | None = None,
        memory: Memory | None = None,
        wake_at: float | None = None,
        now: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self.goal = goal
        self.pinned = pinned
        self.deadline = deadline
        self.poll_interval = poll_interval
        self.memory = memory or Memory()
        self.wake_at = wake_at
        self._say = say
        self._now = now

    def steps(self) -> Steps:
        """The wait itself: yields what it needs, returns how it ended."""
        if not self.memory.begun:
            yield from self._begin()
        while True:
            yield from self._pause()
            ending = yield from self._look()
            if ending is not None:
                return ending
            if self._now() >= self.deadline:
                return self._timed_out()
            if self.wake_at is not None and self._now().timestamp() >= self.wake_at:
                return self._interruption(Kind.WOKEN, f"The wait for the {self.goal} was to be woken now.")

    def _begin(self) -> Generator[Read | Pause, Any, None]:
        """Say what is waited for, and learn from the pipeline's history how long it takes."""
        self.memory.begun = True
        self.memory.current_checked = self._now().timestamp()
        try:
            history: list[Execution] = yield Read.HISTORY
        except READ_ERRORS as error:
            last = f"how long it takes is not known: {error}"
        else:
            took = time_last(history, self.goal, besides=self.pinned.execution_id)
            self.memory.durations = to_json(durations_of(history, besides=self.pinned.execution_id))
            last = f"last time it took {_span(took)}" if took else "no earlier execution tells how long"
        until = f"{self.deadline:%Y-%m-%d %H:%M:%S %Z}"
        self._say(
            logging.INFO,
            f"Waiting for the {self.goal} of {self.pinned} until {until}; {last}. {self.pinned.ui_link()}",
        )

    def _pause(self) -> Generator[Read | Pause, Any, None]:
        wake_at = self.wake_at if self.wake_at is not None else self.memory.next_look
        next_look = min(self.memory.next_look, wake_at, self.deadline.timestamp())
        until_look = next_look - self._now().timestamp()
        woken: Woken | None = (yield Pause(until_look)) if until_look > 0 else None
        if woken is Woken.BY_EVENT:
            self.memory.told_at = self._now().timestamp()
            self._say(logging.INFO, f"An event of Adobe I/O is about {self.pinned}: looking now.")

    def _look(self) -> Generator[Read | Pause, Any, Ending | None]:
        try:
            execution: Execution = yield Read.EXECUTION
        except NotFound as error:
            return self._missing(error)
        except READ_ERRORS as error:
            self.memory.missing = 0
            return self._failed(error)
        self.memory.failures = self.memory.missing = 0
        self.memory.refused_since = None
        stranger = self.pinned.disowns(execution)
        if stranger is not None:
            return self._dead_end(DeadEnd(stranger))
        ending = self._judge(execution)
        if ending is None and self._current_is_due():
            return (yield from self._replaced())
        return ending

    def _judge(self, execution: Execution) -> Ending | None:
        seen = look(
            self.goal,
            execution,
            self._now(),
            durations=from_json(self.memory.durations),
            told=self._now().timestamp() - self.memory.told_at < _EVENTS_FLOW,
            poll_interval=self.poll_interval,
            link=self.pinned.ui_link(),
        )
        if isinstance(seen, Done):
            told = self._announce(seen.waits)
            return self._needs(told) or Ending(Kind.DONE, seen.sentence, seen.value)
        if isinstance(seen, DeadEnd):
            return self._dead_end(seen)
        return self._keep_waiting(seen)

    def _keep_waiting(self, seen: KeepWaiting) -> Ending | None:
        """Say what was seen when it is news, else once in a while: a wait may last for 14 days."""
        new = self._announce(seen.waits)
        now = self._now().timestamp()
        news = seen.sentence != self.memory.said or now - self.memory.said_at >= _SAY_AGAIN
        if news:
            self.memory.said, self.memory.said_at = seen.sentence, now
        self._look_again(
            seen.next_look, logging.INFO if news else logging.DEBUG, f"Saw that {seen.sentence}."
        )
        return self._needs(new)

    def _needs(self, new: list[Wait]) -> Ending | None:
        """The interruption for those who are waited for since this look; they are no surprise where they are the goal."""
        told = " ".join(wait.sentence for wait in new if not wait.is_goal)
        return self._interruption(Kind.WAITS_FOR_PERSON, told) if told else None

    def _announce(self, waits: tuple[Wait, ...]) -> list[Wait]:
        """Announce who is waited for, once for each change; returns what is new."""
        new = [wait for wait in waits if wait.key not in self.memory.announced]
        for wait in new:
            self._say(logging.WARNING, wait.sentence)
        self.memory.announced = [wait.key for wait in waits]
        return new

    def _interruption(self, kind: Kind, sentence: str) -> Ending:
        going_on = GoingOn(self.deadline.timestamp(), self.memory.as_json(), self.wake_at)
        return Ending(kind, sentence, going_on=going_on)

    def _look_again(self, seconds: float, level: int, sentence: str) -> None:
        now = self._now()
        self.memory.next_look = min(now.timestamp() + seconds, self.deadline.timestamp())
        left = self.memory.next_look - now.timestamp()
        self._say(level, f"{sentence} Looking for the {self.goal} again in {max(left, 0):.0f} s.")

    def _failed(self, error: Exception) -> Ending | None:
        """A failed reading costs one look; only a credential that goes on being refused ends the wait."""
        self.memory.failures += 1
        now = self._now()
        if isinstance(error, (CredentialError, PermissionDenied)):
            since = self.memory.refused_since = self.memory.refused_since or now.timestamp()
            if now.timestamp() - since >= REFUSED_AT_MOST.total_seconds() or now >= self.deadline:
                return self._refused(error, now.timestamp() - since)
        else:
            self.memory.refused_since = None
        base = self.poll_interval if self.poll_interval is not None else _FIRST_RETRY
        pause = min(max(base, _SLOWEST_RETRY), base * 2 ** min(self.memory.failures - 1, 10))
        self._look_again(pause, logging.WARNING, f"Could not look at {self.pinned}: {error}")
        return None

    def _missing(self, error: NotFound) -> Ending | None:
        """One 404 may be Cloud Manager's; two in a row mean that the execution is not there."""
        self.memory.missing += 1
        if self.memory.missing < 2:
            return self._failed(error)
        reason = f"Cloud Manager knows no {self.pinned} (404, twice): compare the three ids. {error}"
        return self._dead_end(DeadEnd(reason))

    def _current_is_due(self) -> bool:
        fixed = self.poll_interval
        every = _CURRENT_EVERY if fixed is None else fixed * _CURRENT_EVERY_LOOKS
        return self._now().timestamp() - (self.memory.current_checked or 0.0) >= every

    def _replaced(self) -> Generator[Read | Pause, Any, Ending | None]:
        """Ask which execution is the pipeline's current one; twice another one, or none, is a dead end.

        For about 20 s after its last step an execution still runs and is no longer the current one.
        """
        self.memory.current_checked = self._now().timestamp()
        try:
            current: Execution | None = yield Read.CURRENT
        except READ_ERRORS as error:
            self._say(logging.WARNING, f"Could not ask for the pipeline's current execution: {error}")
            return None
        if current is not None and current.id == self.pinned.execution_id:
            self.memory.not_current = 0
            return None
        self.memory.not_current += 1
        instead = f"execution {current.id}" if current is not None else "none"
        sentence = f"Without an end of {self.pinned}, the current execution of its pipeline is {instead}"
        if self.memory.not_current >= 2:
            return self._dead_end(DeadEnd(f"{sentence}: it was replaced."))
        if current is not None:
            self.memory.current_checked = None
        self._say(logging.WARNING, f"{sentence}; asking once more.")
        return None

    def _dead_end(self, seen: DeadEnd) -> Ending:
        """A dead end; for the approval, whose every end is a value, a value that says so."""
        if self.goal.asks_for_approval:
            return Ending(Kind.DONE, seen.reason, ended_value(self.pinned.execution_id, seen.reason))
        return Ending(Kind.DEAD_END, seen.reason, step_path=seen.step.path if seen.step else "")

    def _refused(self, error: Exception, seconds: float) -> Ending:
        sentence = (
            f"Cloud Manager has refused the credential for {_span(timedelta(seconds=seconds))}: {error} "
            "Test the Airflow connection, renew the credential in the Adobe Developer Console or ask for its "
            "product profile in the Admin Console, then clear this task: it goes on with the same execution."
        )
        return Ending(Kind.REFUSED, sentence)

    def _timed_out(self) -> Ending:
        sentence = (
            f"The {self.goal} of {self.pinned} was not seen until {self.deadline:%Y-%m-%d %H:%M:%S %Z}. "
            f"Nothing was changed; look at {self.pinned.ui_link()} and clear this task to go on waiting."
        )
        return Ending(Kind.TIMED_OUT, sentence)


def left_alone(goal: Goal, pinned: PinnedExecution) -> str:
    """What a wait says that is ended from outside."""
    return (
        f"This wait for the {goal} of {pinned} was ended in Airflow. Cloud Manager was left as it is: the execution "
        f"goes on there, nothing was approved, rejected or cancelled. {pinned.ui_link()}"
    )


def _span(duration: timedelta) -> str:
    """A duration for people: ``47 min``, ``2 h 5 min``, ``12 s``."""
    seconds = round(duration.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
