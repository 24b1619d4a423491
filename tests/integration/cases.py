"""What is a case? One release through one gate of its own, and the script of what happens to it meanwhile.

All cases of a session run at once in one Airflow, against one simulator; each test looks at the end of one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from integration.play import Play, Run

Script = Callable[["Play"], "Run"]
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """One release of one gate. `gate` and `pipeline` are merged into what every case has."""

    name: str
    script: Script
    release: Json = field(default_factory=dict)
    gate: Json = field(default_factory=dict)
    pipeline: Json = field(default_factory=dict)
    stage: Json = field(default_factory=dict)
    """Of the stage environment in the simulator, such as its access."""
    acts: tuple[str, ...] = ()
    """What the gate sends to Cloud Manager, all in all: `approve`, `reject`."""
    at_once: bool = False
    """Begins before the others, which wait until this one lets them."""
    dag_file: str = ""
    """The block of a Dag file of its own, with FOLDER for where reports go and EVIDENCE for the store; or the name of an
    example; empty without."""
    split: bool = False
    """Its pipeline is production-only; what it releases was tested on stage by a stage-only one."""

    @property
    def slug(self) -> str:
        return self.name.replace("_", "-")


def case(**fields: Any) -> Callable[[Script], Case]:
    """Make a case of a script; its name is the script's."""

    def make(script: Script) -> Case:
        return Case(name=script.__name__, script=script, **fields)

    return make


def plays(wanted: Case) -> Callable[[Any], Any]:
    """Mark a test that looks at the end of this case, in its argument `run`."""

    def mark(test: Any) -> Any:
        marks = (
            pytest.mark.parametrize("run", [wanted], indirect=True, ids=[wanted.slug]),
            pytest.mark.airflow,
            pytest.mark.xdist_group("airflow"),
        )
        for each in marks:
            test = each(test)
        return test

    return mark
