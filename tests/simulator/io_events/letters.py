"""What is in one delivery, byte by byte? Body and headers as documented, or spoilt in a chosen way.

Source: `runtime-webhooks` of the I/O Events documentation. Which event id and code head a batch of several is not
documented: here there is none.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from simulator.cloud_manager.resources import Json
from simulator.io_events.payloads import Emitted, wrapped
from simulator.io_events.registrations import Registration
from simulator.io_events.signing import STRANGER, KeyRing, hmac_of, key_pair, signed_headers

STRANGERS_CLIENT = "simulated-stranger"
OVERSIZE = 3 * 1024 * 1024  # bytes; Adobe's limit for a batch is 2 MB
Effect = Literal[
    "bad_signature",  # made with a stranger's keys, under the paths of the true ones
    "foreign_recipient",  # signed by Adobe, for another customer's client id
    "evil_key_path",  # @host/…: appended to a base URL it leaves the host; the stranger's key is there
    "other_host_key",  # a whole URL as path, on another host
    "unknown_key",  # a path of the right form, with no key behind it
    "unsigned",  # no signature headers at all
    "first_signature_bad",  # the second one is good: to be accepted
    "no_second_signature",  # Adobe's Java sample asks for all four headers
    "oversize",  # more than 2 MB, signed by Adobe
    "malformed",  # not JSON, signed by Adobe
    "foreign_batch",  # a batch whose last event is for another customer, signed by Adobe
]
FORGED = frozenset(
    {"bad_signature", "foreign_recipient", "evil_key_path", "other_host_key", "unknown_key", "unsigned",
     "foreign_batch"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent, attempt after attempt."""

    body: bytes
    headers: dict[str, str]
    events: tuple[str, ...]  # their ids


class Composer:
    """Writes letters; `elsewhere` is the address of a stranger's server."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys, self.elsewhere = keys, ""

    def compose(
        self, to: Registration, events: Sequence[Emitted], effects: Collection[Effect] = ()
    ) -> Letter:
        """One letter to a registration: its only event, or its batch."""
        body = self._body(to, events, effects)
        headers = {
            "content-type": "application/json; charset=utf-8",
            "user-agent": "Adobe/1.0",
            "x-adobe-provider": "cloudmanager",
            "x-adobe-signature": hmac_of(body, to.secret),
            **self._signatures(body, effects),
        }
        if len(events) == 1:
            headers |= {"x-adobe-event-id": events[0].id, "x-adobe-event-code": events[0].code}
        return Letter(body, headers, tuple(event.id for event in events))

    def _body(self, to: Registration, events: Sequence[Emitted], effects: Collection[Effect]) -> bytes:
        client_id = STRANGERS_CLIENT if "foreign_recipient" in effects else to.client_id
        items: list[Json] = [wrapped(event, client_id, to.spelling) for event in events]
        if "foreign_batch" in effects:
            items.append(wrapped(events[-1], STRANGERS_CLIENT, to.spelling))
        if "oversize" in effects:
            items[0]["padding"] = "x" * OVERSIZE
        many = to.style == "batch" or "foreign_batch" in effects
        body = json.dumps(items if many else items[0]).encode()
        return body[: len(body) // 2] if "malformed" in effects else body

    def _signatures(self, body: bytes, effects: Collection[Effect]) -> dict[str, str]:
        if "unsigned" in effects:
            return {}
        first, second = self._keys.pairs
        headers = signed_headers(body, first, second)
        if "first_signature_bad" in effects:
            headers["x-adobe-digital-signature-1"] = key_pair(STRANGER).sign(body)
        if "no_second_signature" in effects:
            del headers["x-adobe-digital-signature-2"], headers["x-adobe-public-key2-path"]
        path = self._forged_path(effects)
        if path is not None or "bad_signature" in effects:
            headers |= dict.fromkeys(
                ("x-adobe-digital-signature-1", "x-adobe-digital-signature-2"), key_pair(STRANGER).sign(body)
            )
        if path is not None:
            headers |= dict.fromkeys(("x-adobe-public-key1-path", "x-adobe-public-key2-path"), path)
        return headers

    def _forged_path(self, effects: Collection[Effect]) -> str | None:
        stranger = key_pair(STRANGER).path if effects else ""
        if "evil_key_path" in effects:
            return f"@{self.elsewhere.partition('//')[2]}{stranger}"
        if "other_host_key" in effects:
            return self.elsewhere + stranger
        return f"/prod/keys/pub-key-{uuid.UUID(int=0)}.pem" if "unknown_key" in effects else None
