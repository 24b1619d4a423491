"""Which Airflow connections can the gates of a folder reach, as far as their names tell?

Whoever writes a gate file names a connection and, beside it, the host that gets what is in it. So a connection that a
gate or the deployment uses for something else opens no site, and none outside of ``site_connections`` does. What a
connection holds is another question, which ``connection_use`` asks when it is opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

from aem_checks.access_names import named_for_else, same_to_airflow
from aem_checks.config import CHECK_KEYS, OWN_CONNECTION, Refusal
from stage_gate.configuration.other_gates import State, contents_of, state_of

READING = ("cloud_manager_default", "pipeline.connection where a gate names none")
Uses = Mapping[str, str]
"""What a connection is used for, by its name as ``same_to_airflow`` has it."""
_TELLS = "notify."


@dataclass(frozen=True)
class Reach:
    """Which connections the gates of a folder can reach."""

    uses: Uses
    patterns: tuple[str, ...] = ()
    """Names of those that may open sites; any where there is none."""

    @classmethod
    def of(cls, folder: Path, gate: Mapping[str, Any]) -> Reach:
        """As the deployment and the gate files of a folder say now, and what a gate says itself, be it pinned or a draft.

        Raises ``ValueError`` for settings of the deployment that are none.
        """
        from stage_gate.configuration.settings import site_connections

        return cls(uses_of(folder, gate), site_connections())

    def refusal(self, name: str) -> Refusal | None:
        """Why no site is opened with this connection, ``None`` where its name does not forbid it."""
        if use := self.uses.get(same_to_airflow(name)):
            return f"it is that of {use}", OWN_CONNECTION
        if self.patterns and not any(_matches(name, pattern) for pattern in self.patterns):
            allowed = ", ".join(self.patterns)
            return (
                f"[stage_gate] site_connections lets gates open sites with {allowed} only",
                "Name one of those, or let whoever runs this Airflow add it.",
            )
        return None


def refusal_to_tell(uses: Uses, name: str) -> Refusal | None:
    """Why nobody is told by this connection, ``None`` where its name does not forbid it."""
    use = uses.get(same_to_airflow(name), _TELLS)
    if use.startswith(_TELLS):
        return None
    return f"it is that of {use}", "Give it a connection of its own, of the type of that service."


def uses_of(folder: Path, gate: Mapping[str, Any]) -> Uses:
    """What deployment and gates use connections for, other than to open sites."""
    from stage_gate.configuration.gate_file import gate_paths
    from stage_gate.configuration.settings import own_connections

    own = ((name, f"{where} of this gate") for name, where in named_for_else(gate, CHECK_KEYS))
    return _by_name([*own_connections(), *_named_in(state_of(gate_paths(folder))), *own, READING])


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(same_to_airflow(name), same_to_airflow(pattern))


def _by_name(found: Iterable[tuple[str, str]]) -> Uses:
    """What tells people hides nothing else that a connection is used for."""
    told: dict[str, str] = {}
    done: dict[str, str] = {}
    for name, use in found:
        if name:
            (told if use.startswith(_TELLS) else done).setdefault(same_to_airflow(name), use)
    return told | done


@lru_cache(maxsize=4)
def _named_in(state: State) -> tuple[tuple[str, str], ...]:
    """What the gates of a folder use themselves, and where they say so."""
    return tuple(
        (name, f"{where} in {file}")
        for file, content in contents_of(state).items()
        for name, where in named_for_else(content, CHECK_KEYS)
    )
