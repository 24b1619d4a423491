"""Did Adobe I/O send exactly these bytes? Digital signatures and the legacy HMAC, both over the raw body. No I/O here.

Adobe signs for all its customers with the same keys: a valid signature says who sent a delivery, only the
recipient's client id in it says that it is for us (https://developer.adobe.com/events/docs/guides/sdk/sdk-signature-verification/).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

_KEY_PATH = re.compile(r"/prod/keys/pub-key-[0-9A-Za-z-]{1,100}\.pem")
_LONGEST_HEADER = 2048
_PAIRS = (
    ("x-adobe-digital-signature-1", "x-adobe-public-key1-path"),
    ("x-adobe-digital-signature-2", "x-adobe-public-key2-path"),
)


class MissingSignature(ValueError):
    """The headers hold no signature with a usable key path; the sentence quotes nothing of them."""


def is_key_path(path: str) -> bool:
    """Whether a key path has Adobe's form ``/prod/keys/pub-key-<uuid>.pem``, and so can't lead to another host."""
    return _KEY_PATH.fullmatch(path) is not None


@dataclass(frozen=True, slots=True)
class Signatures:
    """The signatures of one delivery, each with the path of its key; one or two."""

    pairs: tuple[tuple[str, bytes], ...] = field(repr=False)

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Signatures:
        """Read the headers, whatever the case of their names. Raises ``MissingSignature``.

        A pair that is incomplete, not base64, or whose key path is not of Adobe's form counts as absent.
        """
        lower = {name.lower(): value for name, value in headers.items()}
        read = (_pair(lower.get(signature, ""), lower.get(path, "")) for signature, path in _PAIRS)
        pairs = tuple(pair for pair in read if pair)
        if not pairs:
            raise MissingSignature("The request holds no digital signature of Adobe I/O.")
        return cls(pairs)

    @property
    def key_paths(self) -> tuple[str, ...]:
        """The paths of the keys that are needed, each once."""
        return tuple(dict.fromkeys(path for path, _ in self.pairs))

    def is_valid(self, body: bytes, keys: Mapping[str, RSAPublicKey]) -> bool:
        """Whether either signature is one of the raw ``body`` by its key; a key that is absent proves nothing."""
        return any(path in keys and _verifies(keys[path], value, body) for path, value in self.pairs)


def hmac_is_valid(body: bytes, header: str, secret: str) -> bool:
    """Whether ``x-adobe-signature`` is the base64 HMAC-SHA256 of the raw body by the client secret.

    Adobe ended this scheme in 2022 and still sends the header: for deployments that switch it on.
    """
    expected = base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256))
    return hmac.compare_digest(expected, header.encode("utf-8", "replace")) and bool(secret)


def _pair(signature: str, path: str) -> tuple[str, bytes] | None:
    if len(signature) > _LONGEST_HEADER or not is_key_path(path):
        return None
    try:
        value = base64.b64decode(signature, validate=True)
    except ValueError:  # binascii.Error is one
        return None
    return (path, value) if value else None


def _verifies(key: RSAPublicKey, signature: bytes, body: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        key.verify(signature, body, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True
