"""What does a gate remember where no test suite can write? Who was told what, and what a run wants, in Airflow's database.

Not in the evidence store: a file there can be put in advance by anything that runs on a worker, and the tasks that tell
people hold no key to sign with. The notes are in the state store of the asset ``adobe_io_events``, one value per gate, the
newest notes only. Any task of this Airflow can write there, and so can whoever may edit its assets, or pause
``stage_gate.start`` altogether; a suite has neither a task's token nor a login. Two tasks that note something at the same
moment may lose one of the notes: then people are told again, or a run goes on by itself for what it wanted before. How often
it does is counted in the evidence store.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from adobe_cloud_manager.events.hint import EVENTS_ASSET

MOST = 200
"""Notes of a gate: a release leaves about fifteen, and one that is held for two weeks as many again."""

if TYPE_CHECKING:
    from stage_gate.configuration.gate import Gate


class NotRemembered(RuntimeError):
    """Airflow can't be asked, or can't note it: outside of a task, or while it does not know the asset."""


class About(Protocol):
    """What is remembered something about: an execution under a gate."""

    @property
    def gate(self) -> Gate: ...
    @property
    def execution_id(self) -> str: ...


@dataclass(frozen=True)
class Noted:
    """One note."""

    at: datetime
    text: str


@dataclass(frozen=True)
class Memory:
    """What a gate remembers of one execution."""

    gate: str
    execution_id: str

    @classmethod
    def of(cls, run: About) -> Memory:
        return cls(run.gate.name, run.execution_id)

    def recall(self, name: str) -> Noted | None:
        """What was noted under this name last, ``None`` where nothing was. Raises ``NotRemembered``."""
        note = self._notes().get(self._full(name))
        return Noted(datetime.fromisoformat(note[0]), note[1]) if note else None

    def remember(self, name: str, text: str = "") -> None:
        """Note something; what was noted under this name is forgotten. Raises ``NotRemembered``."""
        notes = {**self._notes(), self._full(name): [datetime.now(UTC).isoformat(), text]}
        newest = sorted(notes.items(), key=lambda note: note[1][0])[-MOST:]
        try:
            _store().set(self._key, dict(newest))
        except Exception as error:
            raise NotRemembered(f"Airflow could not note {name!r} of gate {self.gate}: {error!r}") from error

    def _notes(self) -> dict[str, list[str]]:
        """Time and text by name; nothing where the value is none of ours."""
        try:
            found = _store().get(self._key)
        except Exception as error:
            raise NotRemembered(f"Airflow does not say what gate {self.gate} has noted: {error!r}") from error
        return {
            name: note for name, note in (found.items() if isinstance(found, dict) else ()) if _is_note(note)
        }

    @property
    def _key(self) -> str:
        return f"gate-{self.gate}"

    def _full(self, name: str) -> str:
        return f"{self.execution_id} {name}"


def _is_note(found: Any) -> bool:
    try:
        at, text = found
        return datetime.fromisoformat(at).tzinfo is not None and isinstance(text, str)
    except (TypeError, ValueError):
        return False


def _store() -> Any:
    from airflow.sdk.execution_time.context import AssetStateStoreAccessor

    return AssetStateStoreAccessor(name=EVENTS_ASSET)
