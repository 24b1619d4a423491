"""What does the deployment decide, not a gate? Section ``[stage_gate]`` of Airflow's configuration."""

from __future__ import annotations

import os
from pathlib import Path

from airflow.sdk.configuration import conf

from stage_gate.files import open_store
from stage_gate.signing import Keys, read_key

SECTION = "stage_gate"


def gates_folder() -> Path:
    """Where the gate files are: ``[stage_gate] gates_folder``, else ``gates`` in the Dags folder."""
    configured = conf.get(SECTION, "gates_folder", fallback="")
    return Path(configured) if configured else Path(conf.get_mandatory_value("core", "dags_folder")) / "gates"


def evidence_store() -> Path:
    """The root of the evidence store: ``[stage_gate] evidence``, a path or URL; else ``evidence`` in Airflow's home."""
    url = conf.get(SECTION, "evidence", fallback="")
    return open_store(url or str(Path(os.environ.get("AIRFLOW_HOME", "~/airflow")) / "evidence"))


def deciding_queue() -> str:
    """The Celery queue of the tasks that approve or halt: ``[stage_gate] deciding_queue``, else Airflow's default.

    With a queue of its own, one worker alone holds the deciding credential.
    """
    configured: str = conf.get(SECTION, "deciding_queue", fallback="")
    return configured or str(conf.get_mandatory_value("operators", "default_queue"))


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
        return None
    if not password:
        raise ValueError(
            f"connection {SIGNING_CONNECTION} has no password; make a key with: python -m stage_gate key"
        )
    try:
        return read_key(password)
    except ValueError as error:
        raise ValueError(f"the password of connection {SIGNING_CONNECTION} is no key: {error}") from None


def minimum_checks() -> tuple[str, ...]:
    """Kinds of checks that block in every gate of this deployment: ``[stage_gate] minimum_checks``, comma-separated.

    No gate file can drop them, neither by ``dry_run`` or a severity nor by quarantine or a waiver.
    """
    configured: str = conf.get(SECTION, "minimum_checks", fallback="")
    return tuple(dict.fromkeys(kind.strip() for kind in configured.split(",") if kind.strip()))
