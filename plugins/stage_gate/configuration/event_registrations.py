"""Who may be addressed? The registrations of this deployment by the last part of their webhook's address. No I/O here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_CLIENT_ID = re.compile(r"[!#-+\--<>-~]{1,200}")
"""Printable, without quote, comma and equals sign."""


@dataclass(frozen=True, slots=True)
class Registration:
    """One registration in Adobe Developer Console, as this side knows it."""

    name: str
    client_id: str
    hmac_connection: str = ""
    """The Airflow connection whose password is the client secret, where the legacy HMAC is accepted."""


def registrations(client_ids: str, hmac: str = "") -> dict[str, Registration]:
    """Read ``name=client id, …`` and, for those that also accept the legacy HMAC, ``name=connection, …``.

    Raises ``ValueError``, naming the option and the remedy.
    """
    clients = _pairs("event_registrations", client_ids, "client id")
    secrets = _pairs("event_hmac", hmac, "connection")
    if not clients:
        raise ValueError("[stage_gate] event_registrations names none: give NAME=CLIENT_ID, comma-separated.")
    if strangers := sorted(secrets.keys() - clients.keys()):
        raise ValueError(f"[stage_gate] event_hmac names {strangers[0]}, which event_registrations does not.")
    return {name: Registration(name, client, secrets.get(name, "")) for name, client in clients.items()}


def _pairs(option: str, text: str, what: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for number, part in enumerate(filter(None, (each.strip() for each in text.split(","))), 1):
        name, _, value = (each.strip() for each in part.partition("="))
        if not (_NAME.fullmatch(name) and _CLIENT_ID.fullmatch(value)):
            raise ValueError(
                f"[stage_gate] {option}: part {number} is not usable; give NAME={what.upper().replace(' ', '_')}, "
                "with a name of at most 64 letters, digits, - and _."
            )
        if name in found:
            raise ValueError(f"[stage_gate] {option} names {name} twice.")
        found[name] = value
    return found
