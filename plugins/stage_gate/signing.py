"""Who wrote this? Ed25519 signatures over what proves a decision, in a file that stays readable JSON."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from stage_gate.files import EvidenceError


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
