"""Was a production-only pipeline started from this build already? One signed note in the evidence store says so.

Whichever run, try or Airflow wants to start it finds the note. One that nobody here trusts starts nothing either, since
a request may have been sent; but it is no proof that something was started, so it is said aloud.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import Field

from adobe_cloud_manager.starts import StartUnresolved
from stage_gate.evidence.exclusive import create_exclusively
from stage_gate.evidence.files import EvidenceError, exists, write
from stage_gate.evidence.signing import Keys, SignedRecord, is_believed, read_signed, signed_file

_ANY_GATE = ""
"""A start belongs to a pipeline, whichever gate wants it."""


class StartNote(SignedRecord):
    """What ``adobe_cloud_manager.starts`` wants to be kept."""

    name: str
    """Of the file, so that no note can stand in for another."""
    value: dict[str, Any]
    word: str = Field(default_factory=lambda: uuid4().hex)
    """One that no other note has: who takes the start knows the note again by it."""


class KeptInStore:
    """The note of one start; ``adobe_cloud_manager.starts.Notes`` for one build."""

    def __init__(
        self, store: Path, keys: Keys, program_id: str, pipeline_id: str, source_execution_id: str
    ) -> None:
        self.path = note_path(store, program_id, pipeline_id, source_execution_id)
        self.keys = keys
        self.source_execution_id = source_execution_id

    def get(self, key: str) -> Any:
        """What was noted. Raises ``StartUnresolved`` for what can't be believed."""
        try:
            if not exists(self.path):
                return None
            note = read_signed(self.path, StartNote, self.keys, _ANY_GATE, self.source_execution_id)
        except EvidenceError as error:
            raise StartUnresolved(f"{error} {_NOTHING_IS_SENT}") from error
        if note.name != self.path.name or not is_believed(note, self.keys):
            worth = "the note of another start" if note.name != self.path.name else note.signature
            raise StartUnresolved(f"{self.path} is {worth}. {_NOTHING_IS_SENT}")
        return note.value

    def set(self, key: str, value: Any) -> None:
        """The first note is taken exclusively. Raises ``FileExistsError`` where somebody else has taken it, ``OSError`` and
        ``EvidenceError`` where it can't be written.
        """
        note = StartNote(name=self.path.name, value=value)
        content = signed_file(note, _ANY_GATE, self.source_execution_id, self.keys)
        if "execution_id" in value:
            write(self.path, content)
        else:
            create_exclusively(self.path, content)

    def delete(self, key: str) -> None:
        self.path.unlink(missing_ok=True)


_NOTHING_IS_SENT = (
    "A request may have been sent, so nothing is sent now: look at the pipeline in Cloud Manager and start it there. Find "
    "out who wrote that file; once nothing was started, remove it."
)


def note_path(store: Path, program_id: str, pipeline_id: str, source_execution_id: str) -> Path:
    """The one file for this build."""
    return store / "starts" / f"program-{program_id}-pipeline-{pipeline_id}-source-{source_execution_id}.json"
