"""Which paths of AEM must be closed on publish, and how does one see that one is open?

The table is ``dispatcher_probes.json``: paths from security-checklist and
dispatcher-configuration#testing-dispatcher-security of AdobeDocs/experience-manager-dispatcher.en and from
public scanners, read-only ones only, each with text that AEM alone writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from aem_checks.outcomes import Severity
from aem_checks.sites import Pattern

PAGE = "{page}"
"""In a path: a page of the site, without its extension."""
_TABLE = Path(__file__).with_name("dispatcher_probes.json")


class Probe(BaseModel):
    """A path that a team adds; in a gate file a mapping, or just the path."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    """As it goes over the wire; ``{page}`` stands for a page of the site without its extension."""
    signature: Pattern | None = None
    """A regular expression for what the answer must not hold; by default any text that only AEM writes."""
    severity: Severity = Severity.BLOCK
    """How grave it is when the path is open."""

    @model_validator(mode="before")
    @classmethod
    def _from_path(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    @field_validator("path")
    @classmethod
    def _begins_at_the_root(cls, value: str) -> str:
        if not value.startswith(("/", PAGE)) or any(char.isspace() for char in value):
            raise ValueError(
                f"{value!r} cannot be probed; begin it with / or {PAGE} and write %20 for blanks"
            )
        return value


@dataclass(frozen=True, slots=True)
class Door:
    """A path that has to be closed, and how one sees that it is not."""

    name: str
    """The path as it stands in the list, before ``{page}`` is filled in."""
    path: str
    """The path as it is sent."""
    signatures: tuple[str, ...]
    """Regular expressions; an answer in which one is found gives something away."""
    severity: Severity
    leak: str
    """What it gives away, for the sentence."""


@cache
def known_doors() -> tuple[Door, ...]:
    """The doors that come with this check."""
    table = _table()
    return tuple(
        Door(
            name=row["path"],
            path=row["path"],
            signatures=tuple(table["leaks"][row["leak"]]["patterns"]),
            severity=Severity(row["severity"]),
            leak=table["leaks"][row["leak"]]["name"],
        )
        for row in table["probes"]
    )


def doors_of_a_team(probes: Iterable[Probe]) -> tuple[Door, ...]:
    """Doors for a team's own paths; without a signature, anything that AEM alone writes is one."""
    return tuple(
        Door(
            name=probe.path,
            path=probe.path,
            signatures=_strong_signatures() if probe.signature is None else (probe.signature,),
            severity=probe.severity,
            leak="what it should not",
        )
        for probe in probes
    )


@cache
def _strong_signatures() -> tuple[str, ...]:
    strong = (leak for leak in _table()["leaks"].values() if not leak.get("weak"))
    return tuple(pattern for leak in strong for pattern in leak["patterns"])


@cache
def _table() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(_TABLE.read_text(encoding="utf-8"))
    return loaded
