"""Which client secret is the legacy HMAC made with? The password of an Airflow connection, looked up now and then."""

from __future__ import annotations

import asyncio
import logging

from adobe_cloud_manager.connections import is_quoted, unreadable

log = logging.getLogger(__name__)

KEPT_FOR = 300.0
"""Seconds; a new secret counts after that, and a missing one is looked for again after a tenth of it."""


class Secrets:
    """Passwords of connections, for one event loop."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, str]] = {}

    async def of(self, connection: str, now: float) -> str:
        """The password; empty where the connection has none or is not there."""
        until, secret = self._known.get(connection, (0.0, ""))
        if now >= until:
            secret = await asyncio.to_thread(_password, connection)
            self._known[connection] = (now + (KEPT_FOR if secret else KEPT_FOR / 10), secret)
        return secret


def _password(connection: str) -> str:
    from airflow.models.connection import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        password = Connection.get_connection_from_secrets(connection).password or ""
    except AirflowNotFoundException:
        password = ""
    why = None if password else unreadable(connection)
    if is_quoted(password):
        password = ""
        why = f"The password of connection {connection!r} still has its quotation marks: remove them."
    if why is not None:
        log.warning("Adobe I/O Events: no delivery can be verified by the legacy HMAC. %s", why)
    return password
