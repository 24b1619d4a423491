"""Which Airflow connections does a gate file name, to open a site with and for all else?

Whoever writes the file names both the connection and the host that gets what is in it. So a connection that the
file, or the gate around it, uses for something else is none to open a site with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, WithJsonSchema

from aem_checks.readable import dotted
from aem_checks.yaml_lines import KeyPath

_ID = r"[A-Za-z0-9_.-]{1,200}"


def check_id(value: str) -> str:
    """Accept what can be the id of an Airflow connection. Raises ``ValueError``."""
    if not re.fullmatch(_ID, value):
        raise ValueError(
            f"{value[:80]!r} is no id of an Airflow connection; write it with letters, digits, '_', '-' and '.'"
        )
    return value


class _Named(str):
    """A name that can be found again in a model, whatever part of it is called."""


_SCHEMA = WithJsonSchema({"type": "string", "pattern": f"^{_ID}$"})
ConnectionId = Annotated[str, AfterValidator(check_id), _SCHEMA]
AccessName = Annotated[str, AfterValidator(check_id), AfterValidator(_Named), _SCHEMA]
"""Id of the connection that opens something for a check."""


def same_to_airflow(name: str) -> str:
    """What two names have in common that lead to the same variable ``AIRFLOW_CONN_<NAME>``."""
    return name.upper()


def names_in(part: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """Every ``AccessName`` in a model, with its place there."""
    if isinstance(part, _Named):
        yield path, str(part)
    elif isinstance(part, BaseModel):
        for name in type(part).model_fields:
            yield from names_in(getattr(part, name), (*path, name))
    elif isinstance(part, Mapping):
        for key, value in part.items():
            yield from names_in(value, (*path, str(key)))
    elif isinstance(part, tuple | list):
        for index, item in enumerate(part):
            yield from names_in(item, (*path, index))


def named_for_else(content: Any, apart: frozenset[str], path: KeyPath = ()) -> Iterator[tuple[str, str]]:
    """Name and place of the connections that a gate file uses itself: ``connection:``, ``deciding_connection:`` and so on.

    ``apart`` are the parts of the file that are about sites and checks. What is no name is left out: it is refused
    where it is read.
    """
    if isinstance(content, Mapping):
        for key, value in content.items():
            inside = (*path, str(key))
            is_name = isinstance(value, str) and (key == "connection" or str(key).endswith("_connection"))
            if is_name:
                yield value, dotted(inside)
            elif key not in apart:
                yield from named_for_else(value, frozenset(), inside)
    elif isinstance(content, list):
        for index, item in enumerate(content):
            yield from named_for_else(item, frozenset(), (*path, index))
