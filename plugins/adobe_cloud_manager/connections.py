"""What is wrong with the text of a connection, which a person wrote or pasted?

Airflow 3.3 takes the error of a secrets backend for "not there" and tells it at level DEBUG only
(``_get_connection`` in ``airflow.sdk.execution_time.context``). What is said here quotes nothing of the text.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping

_QUOTED = re.compile(r"""^["'`]|["'`,]$""")
_BACKENDS = (("secrets", "backend"), ("workers", "secrets_backend"))


def unreadable(conn_id: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """Why Airflow can't read the connection's environment variable, and what to do.

    ``None`` where there is none or it is empty, which is the same to Airflow, and where Airflow can read it.
    """
    variable = f"AIRFLOW_CONN_{conn_id.upper()}"
    text = environment.get(variable, "").strip()
    problem = _problem(conn_id, text) if text else None
    if problem is None:
        return None
    return f"The connection {conn_id!r} can't be read: {variable} {problem}. Write it as URI or as a JSON object."


def not_there(conn_id: str) -> str:
    """What to say of a connection that Airflow calls not defined."""
    return unreadable(conn_id) or f"The connection {conn_id!r} does not exist{_or_nobody_knows()}."


def _or_nobody_knows() -> str:
    """What to bear in mind where a secrets backend is asked as well: its failure looks the same."""
    from airflow.sdk.configuration import conf

    asked = [backend for option in _BACKENDS if (backend := conf.get(*option, fallback=""))]
    if not asked:
        return ""
    return f", or {' and '.join(asked)} did not answer, which Airflow tells at log level DEBUG only"


def _problem(conn_id: str, text: str) -> str | None:
    """As the end of a sentence; Airflow itself reads the text."""
    from airflow.sdk import Connection

    is_json = text.startswith("{")
    try:
        read = Connection.from_json(text, conn_id) if is_json else Connection.from_uri(text, conn_id)
    except json.JSONDecodeError as error:
        return f"is no valid JSON (line {error.lineno}, column {error.colno})"
    except Exception:  # noqa: BLE001 - whatever it raises, its message may quote the text
        fields = "conn_type, description, host, login, password, schema, port (a number) and extra"
        return f"has other fields than {fields}, or other values" if is_json else "is no valid URI"
    found = (read.conn_type, read.host, read.login, read.password, read.extra)
    return None if any(found) else "is neither a connection URI nor JSON"


def is_quoted(secret: str) -> bool:
    """Whether it was copied with the quotation marks or the comma that stand around it in JSON; none of Adobe's has them."""
    return _QUOTED.search(secret) is not None


def listed(text: str) -> object:
    """The names in a list with commas or spaces, also as the Developer Console writes it in JSON: ``["openid", …]``."""
    text = text.strip()
    if '"' not in text and not text.startswith("["):
        return re.findall(r"[^,\s]+", text)
    try:
        names = json.loads(text if text.startswith("[") else f"[{text}]")
    except ValueError:
        return text
    is_one_text = isinstance(names, list) and len(names) == 1 and isinstance(names[0], str)
    return re.findall(r"[^,\s]+", names[0]) if is_one_text else names
