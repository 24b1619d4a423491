"""What was missing when a task failed, that may come back by itself? Noted in Airflow's memory, for whoever goes on then."""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from airflow.sdk.exceptions import AirflowFailException

from adobe_cloud_manager.exceptions import CloudManagerError
from stage_gate.evidence.files import EvidenceError
from stage_gate.evidence.pin import execution_id_of
from stage_gate.observing.memory import Memory, NotRemembered

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

_NOTE = "wanted"


class _OfGate(Protocol):
    gate_file: str


TaskT = TypeVar("TaskT", bound=_OfGate)
ResultT = TypeVar("ResultT")


class Want(StrEnum):
    """Something that a gate can't do without: how it is told that it was missing, and that it is there."""

    CLOUD_MANAGER = "Cloud Manager could not be read, and now it can"
    STORE = "The evidence could not be read or written, and now a file can be created there"
    CLOCK = "The clock of the worker was not Cloud Manager's, and now it is"


class Held(RuntimeError):
    """The act was not sent, or nobody can tell whether it was: production waits, and the sentence says why."""

    def __init__(self, sentence: str, *, may_have_left: bool = False, want: Want | None = None) -> None:
        super().__init__(sentence)
        self.may_have_left = may_have_left
        """A request may have been sent, so that its effect may still show."""
        self.want = want
        """What alone was missing, where that may come back by itself."""


def want_of(error: BaseException | None) -> Want | None:
    """What an error wanted; ``None`` for one that waiting does not mend."""
    match error:
        case CloudManagerError():
            return Want.CLOUD_MANAGER if error.retryable else None
        case EvidenceError():
            return Want.STORE if error.passing else None
        case OSError():
            return Want.STORE
    return None


def notes_want(execute: Callable[[TaskT, Context], ResultT]) -> Callable[[TaskT, Context], ResultT]:
    """Of a task of a gate: what an error wanted that the task does not get over is noted, and the error goes on."""

    @wraps(execute)
    def noting(task: TaskT, context: Context) -> ResultT:
        try:
            return execute(task, context)
        except Exception as error:
            cause = error.__cause__
            told = cause if isinstance(cause, EvidenceError | CloudManagerError) else error
            want = cause.want if isinstance(cause, Held) else want_of(told)
            if isinstance(cause, Held) or (want is not None and _is_final(error, context)):
                note(task.gate_file, context, want)
            raise

    return noting


def _is_final(error: Exception, context: Context) -> bool:
    return isinstance(error, AirflowFailException) or is_last_try(context)


def is_last_try(context: Context) -> bool:
    """Whether Airflow gives this task no other try."""
    task = context["ti"]
    return bool(task.try_number > task.max_tries)


def note(gate_file: str, context: Context, want: Want | None) -> None:
    """Note it, ``None`` for nothing; where that is not possible, only a person begins again."""
    execution_id = execution_id_of(str(context["run_id"]))
    if execution_id is None:
        return
    try:
        Memory(Path(gate_file).stem, execution_id).remember(_NOTE, want.name if want else "")
    except NotRemembered as error:
        log.warning("What this run wants can't be noted, so nothing goes on by itself: %s", error)


def noted(memory: Memory) -> Want | None:
    """What the run wanted last, ``None`` for nothing. Raises ``NotRemembered``."""
    found = memory.recall(_NOTE)
    return Want.__members__.get(found.text) if found else None


def forget(memory: Memory) -> None:
    """What was wanted is there again. Raises ``NotRemembered``."""
    memory.remember(_NOTE)
