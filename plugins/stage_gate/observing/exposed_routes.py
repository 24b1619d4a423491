"""Which servers of Airflow and of the cloud answer to a team's code on this worker, as it was started?"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from aem_checks.code_user import CodeUser

_CONNECT_SECONDS = 0.5

_PORTS = {
    "http": 80,
    "https": 443,
    "postgresql": 5432,
    "mysql": 3306,
    "redis": 6379,
    "rediss": 6379,
    "amqp": 5672,
}

METADATA = ("169.254.169.254", "fd00:ec2::254", "100.100.100.200")
"""Where clouds give a machine's own credentials to whoever asks from it."""

METADATA_PORT = 80

CLOUD = "the metadata service of this cloud"

NOBODY = "an address that nobody has"

RESERVED = "169.254.255.254"
"""A link-local address that nobody may have (RFC 3927, section 2.1): where it answers, something answers for all."""


@dataclass(frozen=True, slots=True)
class Route:
    """A server that answers on its port to the team's code."""

    what: str
    host: str
    port: int
    is_open: bool = False
    """Whether it serves whoever connects, since nothing here has a password for it."""


def _servers(around: Mapping[str, str]) -> Iterator[Route | None]:
    api = option(around, "core", "execution_api_server_url") or option(around, "api", "base_url")
    all_admins = option(around, "core", "simple_auth_manager_all_admins").lower() == "true"
    yield route_to("Airflow's API server", api, is_open=all_admins)
    yield route_to("Airflow's database", option(around, "database", "sql_alchemy_conn"))
    yield route_to("Airflow's message broker", option(around, "celery", "broker_url"))
    yield route_to("the store of limits", option(around, "stage_gate", "limits"))
    yield from (Route(CLOUD, host, METADATA_PORT, is_open=True) for host in METADATA)
    yield Route(NOBODY, RESERVED, METADATA_PORT)


def open_routes(around: Mapping[str, str], user: CodeUser | None) -> tuple[Route, ...]:
    """Those that answer to the user, ``None`` for the worker's own; ``around`` is what the worker was started with.

    Takes up to a second.
    """
    routes = [route for route in _servers(around) if route is not None]
    with ThreadPoolExecutor(max(len(routes), 1)) as pool:
        answers = list(pool.map(lambda route: _answers(route, user), routes))
    return tuple(route for route, answered in zip(routes, answers, strict=True) if answered)


def route_to(what: str, url: str, *, is_open: bool | None = None) -> Route | None:
    """Host and port of a URL, ``None`` where it names no server; open, unless said, where the URL has no password."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme.partition("+")[0])
    except ValueError:
        return None
    if not (parts.hostname and port):
        return None
    return Route(what, parts.hostname, port, not parts.password if is_open is None else is_open)


def _answers(route: Route, user: CodeUser | None) -> bool:
    """Whether the server takes a connection of this user, as a firewall sees it that tells users apart."""
    try:
        found = socket.getaddrinfo(route.host, route.port, type=socket.SOCK_STREAM)
    except OSError:
        return False
    for family, kind, protocol, _, address in found:
        with contextlib.suppress(OSError), socket.socket(family, kind, protocol) as connection:
            if user is not None:
                with contextlib.suppress(OSError):
                    os.fchown(connection.fileno(), user.uid, user.gid)
            connection.settimeout(_CONNECT_SECONDS)
            connection.connect(address)
            return True
    return False


def environments() -> Iterator[tuple[str, str]]:
    """The variables of this process and of those above it, as far as they can be read; the own ones last."""
    chain: list[bytes] = []
    pid = os.getppid()
    while pid > 1 and len(chain) < 20:
        try:
            content = Path(f"/proc/{pid}/environ").read_bytes()
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            break
        chain.append(content)
    for content in reversed(chain):
        for entry in content.split(b"\0"):
            name, found, value = entry.partition(b"=")
            if found and value:
                yield os.fsdecode(name), os.fsdecode(value)
    yield from ((name, value) for name, value in os.environ.items() if value)


def option(around: Mapping[str, str], section: str, key: str) -> str:
    """An option as the worker was started with it; Airflow hides its database from the tasks themselves."""
    from airflow.sdk.configuration import conf

    name = f"AIRFLOW__{section.upper()}__{key.upper()}"
    inherited = around.get(name, "")
    if inherited and "not-allowed" not in inherited:
        return inherited
    return str(conf.get(section, key, fallback="") or "")
