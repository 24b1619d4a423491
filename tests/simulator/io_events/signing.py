"""How does Adobe sign what it delivers? Two RSA key pairs, and the HMAC of old.

Source: `runtime-webhooks` and `sdk-signature-verification` of the I/O Events documentation: RSASSA-PKCS1-v1_5 with
SHA-256 over the raw body; public keys under /prod/keys/.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from dataclasses import dataclass
from functools import cache, cached_property

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa


@dataclass(frozen=True)
class KeyPair:
    """One RSA key pair, and the path that its public half is served at."""

    private: rsa.RSAPrivateKey

    @cached_property
    def pem(self) -> bytes:
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self.private.public_key().public_bytes(serialization.Encoding.PEM, form)

    @cached_property
    def path(self) -> str:
        return f"/prod/keys/pub-key-{uuid.uuid5(uuid.NAMESPACE_OID, self.pem.decode())}.pem"

    def sign(self, body: bytes) -> str:
        """The signature of the raw bytes, in base64."""
        return base64.b64encode(self.private.sign(body, padding.PKCS1v15(), hashes.SHA256())).decode()


@cache
def key_pair(number: int) -> KeyPair:
    """The key pair of that number, made once in a process. -1 is a stranger's."""
    return KeyPair(rsa.generate_private_key(public_exponent=65537, key_size=2048))


STRANGER = -1


class KeyRing:
    """The two key pairs in force, and every public key ever published."""

    def __init__(self) -> None:
        self._newest = 1

    @property
    def pairs(self) -> tuple[KeyPair, KeyPair]:
        return key_pair(self._newest - 1), key_pair(self._newest)

    def rotate(self) -> None:
        """The older pair is replaced by a new one; its public key stays where it is."""
        self._newest += 1

    def pem(self, path: str) -> bytes | None:
        """The public key at that path."""
        published = (key_pair(number) for number in range(self._newest + 1))
        return next((pair.pem for pair in published if pair.path == path), None)


def signed_headers(body: bytes, first: KeyPair, second: KeyPair) -> dict[str, str]:
    """The four headers of a delivery that is signed with two keys."""
    return {
        "x-adobe-digital-signature-1": first.sign(body),
        "x-adobe-digital-signature-2": second.sign(body),
        "x-adobe-public-key1-path": first.path,
        "x-adobe-public-key2-path": second.path,
    }


def hmac_of(body: bytes, secret: str) -> str:
    """`x-adobe-signature`: HMAC-SHA256 with the client secret, in base64; out of the documentation since 2022."""
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
