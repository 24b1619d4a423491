"""Who wrote this, and about which gate and execution? Ed25519 signatures in files that stay readable JSON.

What every signed record but the seal has in common: its signature covers what it is and which gate and execution it is
about, so that none can stand in for another.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stage_gate.evidence.exclusive import create_exclusively
from stage_gate.evidence.files import EvidenceError, found, read, write

if TYPE_CHECKING:
    from aem_checks.folders import Folder


class Signature(StrEnum):
    """What a signature is worth to whoever reads the file."""

    TRUSTED = "trusted"
    """Made by a key that this reader trusts."""
    STRANGE = "by a key that is not trusted here"
    ABSENT = "not signed"


@dataclass(frozen=True)
class Keys:
    """The keys of this process: one to sign with, if it may, and those whose signatures it believes.

    Both are the 32 raw bytes of Ed25519; the private one is never shown.
    """

    private: bytes | None = field(default=None, repr=False)
    trusted: tuple[bytes, ...] = ()

    @property
    def can_sign(self) -> bool:
        return self.private is not None

    @property
    def believed(self) -> dict[str, bytes]:
        """Public keys by their id. One's own is among them unless others are named and it is not."""
        own = (public_key(self.private),) if self.private and not self.trusted else ()
        return {key_id(public): public for public in (*own, *self.trusted)}

    @property
    def can_sign_for_itself(self) -> bool:
        """Whether this process believes what it signs: its key is the one or among those that are trusted."""
        return self.private is not None and key_id(public_key(self.private)) in self.believed


NO_KEYS = Keys()


@dataclass(frozen=True)
class Opened:
    """What a signed file says, and what its signature is worth here."""

    content: dict[str, Any]
    signature: Signature
    key: str = ""
    """Id of the key, empty where it is not signed."""


def sign(content: Mapping[str, Any], keys: Keys) -> bytes:
    """The file for this content; without a private key it is written all the same, unsigned."""
    envelope: dict[str, Any] = {"signed": dict(content)}
    if keys.private is not None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        made = Ed25519PrivateKey.from_private_bytes(keys.private).sign(_canonical(content))
        envelope |= {
            "key": key_id(public_key(keys.private)),
            "signature": base64.b64encode(made).decode(),
        }
    return json.dumps(envelope, indent=1).encode()


def open_signed(text: bytes, keys: Keys, what: str) -> Opened:
    """Read a signed file back. ``what`` names it in errors.

    Raises ``EvidenceError`` when it is no such file, or was changed after a trusted key signed it. A signature
    of a key that is not trusted here can't be checked and says so.
    """
    try:
        envelope = json.loads(text)
        content, key = envelope["signed"], envelope.get("key", "")
        made = base64.b64decode(envelope.get("signature", ""), validate=True)
        if not isinstance(content, dict) or not isinstance(key, str):
            raise TypeError("its parts have the wrong types")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise EvidenceError(f"{what} is corrupt: {error!r}") from error
    if not made:
        return Opened(content, Signature.ABSENT)
    public = keys.believed.get(key)
    if public is None:
        return Opened(content, Signature.STRANGE, key)
    _verify(public, made, content, what)
    return Opened(content, Signature.TRUSTED, key)


def _verify(public: bytes, made: bytes, content: Mapping[str, Any], what: str) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(made, _canonical(content))
    except InvalidSignature:
        raise EvidenceError(
            f"{what} was changed after it was signed, or was never signed by that key."
        ) from None


def new_private_key() -> str:
    """A new private key as text."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()


def read_key(text: str) -> bytes:
    """The 32 bytes of a key from its base64. Raises ``ValueError`` with what is wrong, never with the key."""
    try:
        raw = base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        raise ValueError("it is not base64; make one with: python -m stage_gate key") from None
    if len(raw) != 32:
        raise ValueError(
            f"it has {len(raw)} bytes and an Ed25519 key has 32; make one with: python -m stage_gate key"
        )
    return raw


def public_key(private: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def key_id(public: bytes) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a public key."""
    return hashlib.sha256(public).hexdigest()[:16]


def _canonical(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


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
    return _record_in(read(path), path, model, keys, gate, execution_id)


def find_signed(
    path: Folder, model: type[RecordT], keys: Keys, gate: str | None, execution_id: str | None
) -> RecordT | None:
    """The same, ``None`` where there is no such file. Raises ``EvidenceError`` also where nobody can tell."""
    content = found(path)
    return None if content is None else _record_in(content, path, model, keys, gate, execution_id)


def _record_in(
    content: bytes,
    path: Folder,
    model: type[RecordT],
    keys: Keys,
    gate: str | None,
    execution_id: str | None,
) -> RecordT:
    opened = open_signed(content, keys, str(path))
    try:
        if opened.content["what"] != model.__name__:
            raise EvidenceError(f"{path} is no {model.__name__}.")
        about = opened.content["gate"], opened.content["execution_id"]
        record = model.model_validate_json(json.dumps(opened.content["record"]))
    except (KeyError, ValidationError) as error:
        raise EvidenceError(f"{path} is no {model.__name__}: {error}") from error
    if any(want not in (None, is_) for want, is_ in zip((gate, execution_id), about, strict=True)):
        raise EvidenceError(
            f"{path} was written for gate {about[0]} and execution {about[1]}, not for gate {gate} and "
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
