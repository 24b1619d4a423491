"""Is this record of this gate and execution, and who wrote it? What every signed file but the seal has in common.

A signature covers what a record is and which gate and execution it is about, so that none can stand in for another.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stage_gate.exclusive import create_exclusively
from stage_gate.files import EvidenceError, read, write
from stage_gate.signing import Keys, Signature, open_signed, sign

if TYPE_CHECKING:
    from aem_checks.folders import Folder


class SignedRecord(BaseModel):
    """What is signed as one file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    signature: Signature = Field(default=Signature.ABSENT, exclude=True)
    """What the file's signature is worth here; found out at each reading, never part of what was written."""

    @property
    def is_trusted(self) -> bool:
        return self.signature is Signature.TRUSTED


RecordT = TypeVar("RecordT", bound=SignedRecord)


def is_believed(record: SignedRecord, keys: Keys) -> bool:
    """Whether it is signed by a trusted key; where no key is known at all, as in shadow mode, any one counts."""
    return record.is_trusted or not keys.believed


def signed_file(record: SignedRecord, gate: str | None, execution_id: str | None, keys: Keys) -> bytes:
    """The file of a record; without a private key it is unsigned and says so when it is read."""
    content = {
        "what": type(record).__name__,
        "gate": gate,
        "execution_id": execution_id,
        "record": record.model_dump(mode="json"),
    }
    return sign(content, keys)


def read_signed(
    path: Folder, model: type[RecordT], keys: Keys, gate: str | None, execution_id: str | None
) -> RecordT:
    """Read the file of a record, which has to be about this gate and execution; ``None`` takes any.

    Raises ``EvidenceError`` when it was changed or is something else.
    """
    opened = open_signed(read(path), keys, str(path))
    try:
        if opened.content["what"] != model.__name__:
            raise EvidenceError(f"{path} is no {model.__name__}.")
        found = opened.content["gate"], opened.content["execution_id"]
        record = model.model_validate_json(json.dumps(opened.content["record"]))
    except (KeyError, ValidationError) as error:
        raise EvidenceError(f"{path} is no {model.__name__}: {error}") from error
    if any(want not in (None, is_) for want, is_ in zip((gate, execution_id), found, strict=True)):
        raise EvidenceError(
            f"{path} was written for gate {found[0]} and execution {found[1]}, not for gate {gate} and "
            f"execution {execution_id}: somebody put it here."
        )
    return record.model_copy(update={"signature": opened.signature})


def keep_first(
    path: Path,
    record: RecordT,
    keys: Keys,
    gate: str | None,
    execution_id: str | None,
    is_meant: Callable[[RecordT], bool] = lambda known: True,
) -> RecordT:
    """Keep a record that only the first time counts; returns the one that stands, read back.

    What lies there already stands if it is believed and ``is_meant``. Anything else was put there by somebody without
    a key, and is replaced. Raises ``EvidenceError`` where it can't be kept.
    """
    content = signed_file(record, gate, execution_id, keys)
    try:
        create_exclusively(path, content)
    except FileExistsError:
        known = _believed(path, type(record), keys, gate, execution_id)
        if known is not None and is_meant(known):
            return known
        write(path, content)
    except OSError as error:
        raise EvidenceError(f"{path} can't be written: {error}", passing=True) from error
    return read_signed(path, type(record), keys, gate, execution_id)


def _believed(
    path: Path, model: type[RecordT], keys: Keys, gate: str | None, execution_id: str | None
) -> RecordT | None:
    try:
        known = read_signed(path, model, keys, gate, execution_id)
    except EvidenceError:
        return None
    return known if is_believed(known, keys) else None
