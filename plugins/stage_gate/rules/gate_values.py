"""What can a single value of a gate file be: an id, a time, a date, a person, a connection?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, WithJsonSchema

from aem_checks.durations import Duration

_EVERYBODY = frozenset({"*", "all", "any", "anyone", "everybody", "everyone"})
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"


class GateModel(BaseModel):
    """Part of a gate file: an unknown name is refused, and nothing changes once it was read."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _as_id(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _is_id(value: str) -> str:
    if not re.fullmatch(r"[0-9]{1,20}", value):
        raise ValueError(
            f"{value[:40]!r} is not an id; write the digits that Cloud Manager shows in its address"
        )
    return value


def _positive(value: timedelta) -> timedelta:
    if value < timedelta(seconds=1):
        raise ValueError("the time is too short; write 1s or more")
    return value


def parse_day(value: object) -> date:
    """Read ``2026-12-24``. Raises ``ValueError`` with what would be right; a number or a time is no day."""
    if type(value) is date:
        return value
    if not isinstance(value, str) or not re.fullmatch(_DAY, value):
        raise ValueError(f"{str(value)[:40]!r} is not a date; write year-month-day, such as 2026-12-24")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value} is no day of the calendar; correct it") from None


def _said(value: str) -> str:
    if not value.strip():
        raise ValueError("nothing is written; say it in a few words")
    return value.strip()


def person(value: object) -> str:
    """One person by name. Raises ``ValueError`` for nobody and for everybody."""
    if not isinstance(value, str) or not value.strip() or value.strip().lower() in _EVERYBODY:
        raise ValueError(f"{value!r} is not one person; name somebody who answers for it")
    return value.strip()


def people(users: object, example: str) -> list[str]:
    """The Airflow users who may answer. Raises ``ValueError`` for nobody and for everybody."""
    if not isinstance(users, Sequence) or isinstance(users, str) or not users:
        raise ValueError(f"nobody is asked; name Airflow users: {example}")
    for user in users:
        if not isinstance(user, str) or not user.strip() or user.strip().lower() in _EVERYBODY:
            raise ValueError(f"{user!r} is not one Airflow user; name each person who may answer")
    return [user.strip() for user in users]


Id = Annotated[
    str,
    BeforeValidator(_as_id),
    AfterValidator(_is_id),
    WithJsonSchema({"type": ["string", "integer"], "pattern": "^[0-9]{1,20}$"}),
]
Wait = Annotated[Duration, AfterValidator(_positive)]
"""A time that is not zero."""
Day = Annotated[date, BeforeValidator(parse_day), WithJsonSchema({"type": "string", "pattern": f"^{_DAY}$"})]
Words = Annotated[
    str, AfterValidator(_said), WithJsonSchema({"type": "string", "minLength": 1, "pattern": r"\S"})
]
"""Text that says something."""
Person = Annotated[
    str, BeforeValidator(person), WithJsonSchema({"type": "string", "minLength": 1, "pattern": r"\S"})
]
