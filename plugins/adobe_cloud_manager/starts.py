"""How is a pipeline started: at most once, whatever becomes of the answer, of this process and of its next try?

A note is kept before the one PUT leaves. Whoever finds it later sends nothing any more: what became of the request is
read from the pipeline's history.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from adobe_cloud_manager.exceptions import ActUnknown, CloudManagerError, Conflict, NotSent, RateLimited
from adobe_cloud_manager.models import Execution
from adobe_cloud_manager.pinned import UI

if TYPE_CHECKING:
    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook

_HISTORY = 20
"""How many of the newest executions tell what was there before, and what came of a start."""
_BY_API = frozenset({"MANUAL", ""})
"""What an execution that was started through the API shows as its trigger."""


class IfRunning(StrEnum):
    """What to do where the pipeline runs already."""

    JOIN = "join"
    """Take the execution that runs for the one that was wanted."""
    FAIL = "fail"


class NotStarted(CloudManagerError):
    """Nothing was started, and nothing was sent that could still start it."""


class StartUnresolved(CloudManagerError):
    """A request may have left and its effect was not seen. Nobody may send it again; a person has to look."""


class Notes(Protocol):
    """Where the note is kept; it has to outlive this process. Airflow's ``task_state_store`` is one."""

    def get(self, key: str) -> Any: ...
    def set(self, key: str, value: Any) -> None: ...
    def delete(self, key: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be started."""

    program_id: str
    pipeline_id: str
    source_execution_id: str | None = None
    """The execution whose build is taken, for a production-only pipeline."""

    def __str__(self) -> str:
        source = f" from execution {self.source_execution_id}" if self.source_execution_id else ""
        return f"pipeline {self.pipeline_id} in program {self.program_id}{source}"


@dataclass(frozen=True, slots=True)
class Started:
    """The execution that runs now, and a sentence on whose it is."""

    execution_id: str
    sentence: str


NOTE = "start"
"""The key of the note."""


@dataclass(frozen=True, slots=True)
class Note:
    """What is known of a start: when it was about to be sent, what was there before, and what came of it."""

    at: str
    known: tuple[str, ...] = ()
    newest: str = ""
    """When the newest execution of those was created, by Adobe's clock; empty where there was none."""
    execution_id: str = ""

    @classmethod
    def read(cls, notes: Notes) -> Note | None:
        """The note that was kept, ``None`` where there is none.

        Raises ``StartUnresolved`` for one that can't be understood: it may stand for a request that was sent.
        """
        kept = notes.get(NOTE)
        if kept is None:
            return None
        try:
            known, newest = kept["known"], str(kept["newest"])
            if not isinstance(known, list):
                raise TypeError("'known' is no list")
            datetime.fromisoformat(newest or "2000-01-01")
            return cls(str(kept["at"]), tuple(map(str, known)), newest, str(kept.get("execution_id") or ""))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StartUnresolved(
                f"The note of an earlier try can't be read ({error!r}), and a request may have been sent: nothing is "
                "sent. Look at the pipeline in Cloud Manager, and start it there or in a new run of this Dag."
            ) from error

    def keep(self, notes: Notes, execution_id: str = "") -> None:
        """Write it, with what came of it if that is known."""
        content = {"at": self.at, "known": list(self.known), "newest": self.newest}
        notes.set(NOTE, content | ({"execution_id": execution_id} if execution_id else {}))

    def is_new(self, execution: Execution) -> bool:
        """Whether this execution came after the note, and may be what was asked for."""
        if execution.id in self.known or execution.trigger not in _BY_API:
            return False
        before = datetime.fromisoformat(self.newest) if self.newest else None
        return before is None or execution.created_at is None or execution.created_at >= before


def start_once(
    hook: CloudManagerHook,
    wanted: Wanted,
    notes: Notes,
    *,
    if_running: IfRunning,
    read_back_for: float,
    read_back_every: float = 5.0,
) -> Started:
    """Start the pipeline with at most one PUT over all calls with these ``notes``.

    A lost answer is resolved by reading the history until a new execution shows, for ``read_back_for`` seconds, soon
    at first and then every ``read_back_every`` seconds.

    Raises ``NotStarted`` where it runs already (``IfRunning.FAIL``) or Cloud Manager refuses, ``NotSent`` where
    nothing was sent and a later try may, ``StartUnresolved`` where nobody can tell, and the error of a reading before
    the request.
    """
    note = Note.read(notes)
    if note is None:
        return _start(hook, wanted, notes, if_running, read_back_for, read_back_every)
    if note.execution_id:
        return Started(note.execution_id, f"Execution {note.execution_id} was started by an earlier try.")
    why = f"An earlier try was about to start {wanted} at {note.at}, and nothing tells what came of it."
    return _find(hook, wanted, note, notes, why, read_back_for, read_back_every)


def _start(
    hook: CloudManagerHook, wanted: Wanted, notes: Notes, if_running: IfRunning, seconds: float, every: float
) -> Started:
    current = hook.get_current_execution(wanted.program_id, wanted.pipeline_id)
    if current is not None:
        return _joined(wanted, current, if_running)
    hook.log_in()
    note = _note_of(hook.list_executions(wanted.program_id, wanted.pipeline_id, limit=_HISTORY))
    note.keep(notes)
    try:
        started = hook.start_execution(
            wanted.program_id, wanted.pipeline_id, source_execution_id=wanted.source_execution_id
        )
    except ActUnknown as error:
        return _find(hook, wanted, note, notes, str(error), seconds, every)
    except NotSent:
        notes.delete(NOTE)
        raise
    except RateLimited as error:
        notes.delete(NOTE)
        raise NotSent(f"{error} Nothing was started.") from error
    except Conflict as error:
        notes.delete(NOTE)
        current = hook.get_current_execution(wanted.program_id, wanted.pipeline_id)
        if current is None:
            raise NotSent(f"{error} It runs nothing any more just now; nothing was started.") from error
        return _joined(wanted, current, if_running)
    except CloudManagerError as error:
        notes.delete(NOTE)
        raise NotStarted(f"Cloud Manager did not start {wanted}. {error}") from error
    note.keep(notes, started.id)
    return Started(started.id, f"Started {wanted}: execution {started.id}.")


def _joined(wanted: Wanted, current: Execution, if_running: IfRunning) -> Started:
    running = f"Pipeline {wanted.pipeline_id} runs execution {current.id} ({current.trigger or 'trigger unknown'}) already"
    if if_running is IfRunning.FAIL:
        raise NotStarted(f"{running}; nothing was started.")
    if wanted.source_execution_id:
        raise NotStarted(
            f"{running}, and Cloud Manager does not tell whether that takes the build of execution "
            f"{wanted.source_execution_id}; nothing was started."
        )
    if current.is_aem_update:
        raise NotStarted(
            f"{running}: Adobe updates AEM. It is none of the team's releases; nothing was started."
        )
    return Started(current.id, f"{running}; joined it, nothing was started.")


def _note_of(history: Sequence[Execution]) -> Note:
    created = [each.created_at for each in history if each.created_at is not None]
    return Note(
        at=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
        known=tuple(each.id for each in history),
        newest=max(created).isoformat() if created else "",
    )


def _find(
    hook: CloudManagerHook, wanted: Wanted, note: Note, notes: Notes, why: str, seconds: float, every: float
) -> Started:
    """The execution that came after the note, whoever started it: the first of them, if there are several."""
    until, pause = time.monotonic() + seconds, every / 16
    trouble = "its history shows no new execution"
    while True:
        try:
            history = hook.list_executions(wanted.program_id, wanted.pipeline_id, limit=_HISTORY)
            new = [each for each in history if note.is_new(each)]
            trouble = "its history shows no new execution"
        except (CloudManagerError, OSError) as error:
            new, trouble = [], f"its history can't be read ({error})"
        if new:
            found = new[-1]
            note.keep(notes, found.id)
            return Started(
                found.id, f"{why} Execution {found.id} has appeared since; it is taken for this start."
            )
        if time.monotonic() >= until:
            break
        time.sleep(min(pause, max(0.0, until - time.monotonic())))
        pause = min(every, pause * 2)
    raise StartUnresolved(
        f"{why} Within {seconds:g} s {trouble}. It is not sent again: look at pipeline {wanted.pipeline_id} in Cloud "
        f"Manager ({UI}). If it runs there, a further try of this task finds it; if not, start it there, or in a new "
        "run of this Dag."
    )
