"""What is in an Airflow connection that a gate file names, and may it be used for that: to open a site, to tell people?

Asked whenever one is opened, whatever a file or a pin said when it was read: by its name (``configuration.reach``), its
type and what it holds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from adobe_cloud_manager.connections import not_there, unreadable
from aem_checks.access import Access, AccessError, access_from_fields, hosts_of, refuse_type
from stage_gate.configuration.reach import Reach, refusal_to_tell, uses_of

if TYPE_CHECKING:
    from airflow.sdk import Connection

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
_TYPES_THAT_TELL = {
    "slack": ("slack",),
    "email": ("smtp", "email"),
    "pagerduty": ("pagerduty_events", "pagerduty"),
}
"""The services' own types alone. The host is the service's, whatever a connection of another type names as its own."""


@dataclass(frozen=True)
class SiteAccess:
    """Opens sites with Airflow's connections; what every task and command gives to checks as their resolver."""

    reach: Reach

    def __call__(self, name: str) -> Access:
        """What is in a connection. Raises ``AccessError``, which quotes nothing of it."""
        if refused := self.reach.refusal(name):
            raise AccessError(f"the connection {name!r} opens no site: {refused[0]}", refused[1])
        connection = _read(name)
        try:
            return _open(connection, _extra(connection))
        except AccessError as error:
            why = unreadable(name) or f"{error} (connection {name!r})"
            raise AccessError(why.rstrip(".")) from None


def refuse_to_tell(channel: str, name: str) -> None:
    """Raise ``AccessError`` for a connection by which nobody is told on this channel: ``slack``, ``email``, ``pagerduty``.

    Its content would be sent to that service.
    """
    from stage_gate.configuration.settings import gates_folder

    if refused := refusal_to_tell(uses_of(gates_folder(), {}), name):
        raise AccessError(f"the connection {name!r} tells nobody: {refused[0]}. {refused[1]}")
    connection = _read(name)
    kind = (connection.conn_type or "").lower()
    if kind not in (allowed := _TYPES_THAT_TELL[channel]):
        raise AccessError(
            f"the connection {name!r} is of type {kind!r}, and what is in it would go to another service; give "
            f"notify.{channel} one of type {' or '.join(allowed)}"
        )


def _read(name: str) -> Connection:
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        connection: Connection = BaseHook.get_connection(name)
    except AirflowNotFoundException:
        raise AccessError(not_there(name).rstrip(".")) from None
    return connection


def _extra(connection: Connection) -> Mapping[str, Any]:
    """The extra as it has to be; Airflow itself takes one that is no JSON for an empty one."""
    try:
        extra = json.loads(connection.extra or "{}")
    except ValueError:
        extra = None
    if not isinstance(extra, dict):
        raise AccessError("the extra of the connection is not a JSON object")
    _ = connection.extra_dejson  # has Airflow mask what is secret in it
    return extra


def _open(connection: Connection, extra: Mapping[str, Any]) -> Access:
    if "service_credentials" not in extra:
        return access_from_fields(
            connection.login,
            connection.password,
            extra,
            conn_type=connection.conn_type,
            host=connection.host,
            port=connection.port,
        )
    refuse_type(connection.conn_type, extra)
    return _author_access(extra["service_credentials"], hosts_of(connection.host, connection.port))


def _author_access(document: Any, named: frozenset[str]) -> Access:
    """A token for the author that the service credentials are of, and for the host that their connection names.

    The simulator on this machine may stand in for both IMS and author.
    """
    from adobe_cloud_manager.auth import ServiceCredentials
    from adobe_cloud_manager.exceptions import CloudManagerError
    from adobe_cloud_manager.hooks.token_fetch import author_token
    from adobe_cloud_manager.settings import Settings, is_loopback

    try:
        author = ServiceCredentials.parse(document).author_host
        simulated = is_loopback(urlsplit(Settings.load().ims_url).hostname or "")
        hosts = named | ({author} if author else set()) | (_LOOPBACK if simulated else set())
        if not hosts:
            raise AccessError(
                "the client id of the service credentials names no environment, so the connection has to name the "
                "host of its author"
            )
        return Access({"Authorization": f"Bearer {author_token(document).value}"}, hosts=hosts)
    except CloudManagerError as error:
        raise AccessError(str(error).rstrip(".")) from None
