"""What do Adobe's events look like in these tests? Bodies as documented, and keys that sign like Adobe's."""

from __future__ import annotations

import base64
import functools
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

NS = "https://ns.adobe.com/experience/cloudmanager/"
EXECUTION_URL = "https://cloudmanager.adobe.io/api/program/1/pipeline/2/execution/3"
CLIENT = "3a2f-client-of-the-registration"
PATHS = tuple(f"/prod/keys/pub-key-0{number}aa11bb-2c3d-4e5f-8a9b-0123456789ab.pem" for number in (1, 2))


def inner(
    verb: str = "started", noun: str = "pipeline-execution", address: str = EXECUTION_URL, **more: Any
) -> dict[str, Any]:
    """The inner object of an event."""
    return {
        "@id": "urn:oeid:cloudmanager:bc901126-5eb1-4942-a1d1-9ec3a17f8a7a",
        "@type": f"{NS}event/{verb}",
        "activitystreams:published": "2021-08-23T08:37:41.846Z",
        "activitystreams:object": {"@id": address, "@type": f"{NS}{noun}"},
        "xdmEventEnvelope:objectType": f"{NS}{noun}",
        **more,
    }


def outer(event: object = None, **more: Any) -> dict[str, Any]:
    """An event as a webhook gets it, with both spellings of the id fields."""
    return {
        "event_id": "3dd172b8-3e54-491b-b87c-409cb71c4bc3",
        "eventid": "3dd172b8-3e54-491b-b87c-409cb71c4bc3",
        "recipient_client_id": CLIENT,
        "recipientclientid": CLIENT,
        "event": inner() if event is None else event,
        **more,
    }


def body(document: object) -> bytes:
    return json.dumps(document).encode()


@functools.cache
def private_key(number: int = 0, bits: int = 2048) -> RSAPrivateKey:
    """One of some keys; each is made once."""
    return generate_private_key(public_exponent=65537, key_size=bits)


def pem(key: RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def signed(content: bytes, key: RSAPrivateKey) -> str:
    return base64.b64encode(key.sign(content, PKCS1v15(), SHA256())).decode()


def headers(content: bytes, *, first: int = 0, second: int = 1) -> dict[str, str]:
    """The four headers of a delivery that is signed with two keys."""
    return {
        "X-Adobe-Digital-Signature-1": signed(content, private_key(first)),
        "x-adobe-digital-signature-2": signed(content, private_key(second)),
        "x-adobe-public-key1-path": PATHS[0],
        "x-adobe-public-key2-path": PATHS[1],
    }
