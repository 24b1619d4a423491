"""With which key does an Airflow on this machine sign? With one of its own, kept in its home."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from stage_gate.evidence.signing import new_private_key, read_key

VARIABLE = "AIRFLOW_CONN_STAGE_GATE_SIGNING"
"""Airflow's environment variable for the connection ``stage_gate_signing``."""
_FILE = "signing.key"


def local_key(home: Path) -> str:
    """The private key in this home as text, made there (mode 0600) the first time.

    Raises ``ValueError`` for a file that holds no key, and ``OSError`` where it can't be read or written.
    """
    path = home / _FILE
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(f"{new_private_key()}\n")
    text = path.read_text().strip()
    try:
        read_key(text)
    except ValueError as error:
        raise ValueError(f"{path} is no signing key: {error}. Remove it, and a new one is made.") from None
    return text


def connection_of(private: str) -> str:
    """The Airflow connection for this private key, as JSON."""
    return json.dumps({"conn_type": "generic", "password": private})


def with_local_key(environment: Mapping[str, str], home: Path) -> dict[str, str]:
    """The environment, with the key of this home unless it names a signing connection already."""
    if VARIABLE in environment:
        return dict(environment)
    return {**environment, VARIABLE: connection_of(local_key(home))}
