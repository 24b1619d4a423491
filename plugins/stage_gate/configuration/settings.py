"""What does the deployment decide, not a gate? Section ``[stage_gate]`` of Airflow's configuration."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from airflow.sdk.configuration import conf

from adobe_cloud_manager.connections import unreadable
from adobe_cloud_manager.exceptions import InvalidRequest
from adobe_cloud_manager.settings import store_url
from aem_checks.durations import parse_duration
from stage_gate.configuration.options import SECTION
from stage_gate.evidence.files import open_store
from stage_gate.evidence.signing import Keys, read_key
from stage_gate.rules.demands import Demands
from stage_gate.rules.surroundings import Fact

if TYPE_CHECKING:
    from stage_gate.configuration.event_registrations import Registration


def dags_folder() -> Path:
    """Where Airflow's Dag files are."""
    return Path(conf.get_mandatory_value("core", "dags_folder"))


def gates_folder() -> Path:
    """Where the gate files are: ``[stage_gate] gates_folder``, else ``gates`` in the Dags folder."""
    configured = conf.get(SECTION, "gates_folder", fallback="")
    return Path(configured) if configured else dags_folder() / "gates"


def evidence_store() -> Path:
    """The root of the evidence store: ``[stage_gate] evidence``, a path or URL; else ``evidence`` in Airflow's home."""
    url = conf.get(SECTION, "evidence", fallback="")
    return open_store(url or str(Path(os.environ.get("AIRFLOW_HOME", "~/airflow")) / "evidence"))


_ANOTHER_HOST = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~/-]*)?")


def evidence_url() -> str:
    """Another address of ``/stage-gate/evidence``, on a host for which no browser has Airflow's cookie:
    ``[stage_gate] evidence_url``; none by default.

    Raises ``ValueError`` for what is no plain address.
    """
    configured = str(conf.get(SECTION, "evidence_url", fallback="") or "").strip()
    if configured and not _ANOTHER_HOST.fullmatch(configured):
        raise ValueError(
            "[stage_gate] evidence_url is no plain address; write https://evidence.example/stage-gate/evidence"
        )
    return configured


def deciding_queue() -> str:
    """The Celery queue of the tasks that approve or halt: ``[stage_gate] deciding_queue``, else Airflow's default.

    With a queue of its own, one worker alone holds the deciding credential.
    """
    configured: str = conf.get(SECTION, "deciding_queue", fallback="")
    return configured or default_queue()


def default_queue() -> str:
    """The Celery queue of all other tasks, as Airflow has it."""
    return str(conf.get_mandatory_value("operators", "default_queue"))


def freezes() -> Path | None:
    """The calendar that closes every gate: ``[stage_gate] freezes``, a file on the worker; none by default."""
    configured = str(conf.get(SECTION, "freezes", fallback="") or "").strip()
    return Path(configured) if configured else None


def limits() -> str:
    """URL of the Redis in which all machines keep one rate per host: ``[stage_gate] limits``; none by default.

    Raises ``ValueError`` for what is no such URL.
    """
    try:
        return store_url("limits", conf.get(SECTION, "limits", fallback=""), SECTION)
    except InvalidRequest as error:
        raise ValueError(str(error)) from None


def may_span_machines() -> bool:
    """Whether the configured executor runs tasks on other machines than the scheduler's."""
    executors = [each.partition(":") for each in conf.get_mandatory_value("core", "executor").split(",")]
    return any((alias or name).rpartition(".")[2].strip() != "LocalExecutor" for name, _, alias in executors)


SIGNING_CONNECTION = "stage_gate_signing"
"""Airflow connection whose password is the private key; only workers of the deciding queue need it."""


def keys() -> Keys:
    """The key to sign with, where this worker holds it, and those of ``[stage_gate] trusted_keys``.

    Raises ``ValueError`` for a key that is none: a wrong key is a mistake, and none is a choice.
    """
    trusted = conf.get(SECTION, "trusted_keys", fallback="")
    return Keys(_private_key(), tuple(read_key(each) for each in trusted.replace(",", " ").split()))


def _private_key() -> bytes | None:
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        password = BaseHook.get_connection(SIGNING_CONNECTION).password
    except AirflowNotFoundException:
        password = None
        if unreadable(SIGNING_CONNECTION) is None:
            return None
    if not password:
        no_key = f"connection {SIGNING_CONNECTION} has no password; make a key with: python -m stage_gate key"
        raise ValueError(unreadable(SIGNING_CONNECTION) or no_key)
    try:
        return read_key(password)
    except ValueError as error:
        raise ValueError(f"the password of connection {SIGNING_CONNECTION} is no key: {error}") from None


def demands() -> Demands:
    """What the deployment demands of every gate. Raises ``ValueError`` for a setting that is none."""
    return Demands(checks=_minimum_checks(), facts=_minimum_facts(), isolation=_require_isolation())


def _minimum_checks() -> tuple[str, ...]:
    """``[stage_gate] minimum_checks``, comma-separated.

    No gate file can drop them, neither by ``dry_run`` or a severity nor by quarantine or a waiver.
    """
    configured: str = conf.get(SECTION, "minimum_checks", fallback="")
    return tuple(dict.fromkeys(kind.strip() for kind in configured.split(",") if kind.strip()))


def _minimum_facts() -> frozenset[Fact]:
    """``[stage_gate] minimum_facts``, comma-separated or ``all``."""
    configured: str = conf.get(SECTION, "minimum_facts", fallback="")
    named = frozenset(name.strip() for name in configured.split(",") if name.strip())
    if named == {"all"}:
        return frozenset(Fact)
    unknown = sorted(named - set(Fact))
    if unknown:
        raise ValueError(
            f"[stage_gate] minimum_facts: {', '.join(unknown)[:200]} is unknown; there are {', '.join(Fact)}, and all"
        )
    return frozenset(map(Fact, named))


_SITE_CONNECTION = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z0-9_.*?-]{1,200}")


def site_connections() -> tuple[str, ...]:
    """The connections that gate files may open sites and repositories with: ``[stage_gate] site_connections``.

    Names and patterns such as ``wknd_*``, comma-separated; any connection where absent. Raises ``ValueError`` for what
    is no such pattern.
    """
    configured: str = conf.get(SECTION, "site_connections", fallback="")
    patterns = configured.replace(",", " ").split()
    for pattern in patterns:
        if not _SITE_CONNECTION.fullmatch(pattern):
            raise ValueError(
                f"[stage_gate] site_connections: {pattern[:80]!r} is no name of connections; write such as wknd_*"
            )
    return tuple(dict.fromkeys(patterns))


def own_connections() -> Iterator[tuple[str, str]]:
    """The connections that the deployment itself uses, and what for.

    An option that can't be read names none here: whoever needs it says what is wrong with it.
    """
    yield SIGNING_CONNECTION, "the signing key"
    for pair in conf.get(SECTION, "journals", fallback="").replace(",", " ").split():
        yield pair.partition("=")[0], "[stage_gate] journals"
    for pair in conf.get(SECTION, "event_hmac", fallback="").split(","):
        yield pair.partition("=")[2].strip(), "[stage_gate] event_hmac"
    yield conf.get("logging", "remote_log_conn_id", fallback=""), "Airflow's remote logs"
    with contextlib.suppress(ValueError):
        yield urlsplit(conf.get(SECTION, "evidence", fallback="")).username or "", "[stage_gate] evidence"
    with contextlib.suppress(ValueError, AttributeError, TypeError):
        for bundle in json.loads(conf.get("dag_processor", "dag_bundle_config_list", fallback="") or "[]"):
            for name, value in bundle.get("kwargs", {}).items():
                if name.endswith("conn_id"):
                    yield str(value), "the bundles of Dags"


def _require_isolation() -> bool:
    """``[stage_gate] require_isolation``: anything but a plain no means yes."""
    configured = str(conf.get(SECTION, "require_isolation", fallback="") or "").strip().lower()
    return configured not in ("", "false", "f", "no", "n", "off", "0")


SHORTEST_ROUND = timedelta(seconds=10)


def start_every() -> timedelta:
    """How often ``stage_gate.start`` looks without any event: ``[stage_gate] start_every``, else ``5m``.

    Raises ``ValueError`` for what is no duration, or one below 10 seconds.
    """
    configured = conf.get(SECTION, "start_every", fallback="") or "5m"
    try:
        every = parse_duration(configured)
    except ValueError as error:
        raise ValueError(f"[stage_gate] start_every: {error}") from None
    if every < SHORTEST_ROUND:
        raise ValueError(f"[stage_gate] start_every is {configured}; write 10s or more")
    return every


_JOURNAL = re.compile(r"([A-Za-z0-9_.-]{1,200})=(https?://[!-~]+)")


def journals() -> dict[str, str]:
    """Journals of Adobe I/O Events that are read: ``[stage_gate] journals``, ``connection=URL`` pairs; none by default.

    Returns URL to connection id: one reader per journal. Raises ``ValueError`` for what is no such pair, and for a
    journal that is named twice.
    """
    configured: str = conf.get(SECTION, "journals", fallback="")
    found: dict[str, str] = {}
    for pair in configured.replace(",", " ").split():
        named = _JOURNAL.fullmatch(pair)
        if named is None:
            raise ValueError(
                f"[stage_gate] journals: {pair[:200]!r} is not a pair such as adobe_io=https://events-va6.adobe.io/events/"
                "organizations/1/integrations/2/<registration>"
            )
        if named[2] in found:
            raise ValueError(f"[stage_gate] journals: {named[2]} is named twice")
        found[named[2]] = named[1]
    return found


def webhook_is_on() -> bool:
    """Whether the API server takes deliveries of Adobe I/O Events: ``[stage_gate] webhook``, off by default."""
    return bool(conf.getboolean(SECTION, "webhook", fallback=False))


def event_registrations() -> dict[str, Registration]:
    """``[stage_gate] event_registrations`` (``name=client id, …``) with ``event_hmac`` (``name=connection, …``; none).

    Raises ``ValueError``, naming option and remedy.
    """
    from stage_gate.configuration.event_registrations import registrations

    return registrations(
        conf.get(SECTION, "event_registrations", fallback=""), conf.get(SECTION, "event_hmac", fallback="")
    )


EVENT_RATE = 50


def event_rate() -> int:
    """Deliveries that are stored in a second, for each registration and process: ``[stage_gate] event_rate``, 50.

    Raises ``ValueError`` for what is no whole number from 1 to 10,000.
    """
    configured = str(conf.get(SECTION, "event_rate", fallback="") or EVENT_RATE).strip()
    if not (configured.isascii() and configured.isdigit() and 1 <= int(configured[:9]) <= 10_000):
        raise ValueError("[stage_gate] event_rate is not usable: give a whole number from 1 to 10000.")
    return int(configured)
