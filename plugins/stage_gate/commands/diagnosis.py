"""What did a look at one thing show, and what has to be done about it?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from aem_checks.text import plain


class State(StrEnum):
    """The mark in front of a line."""

    GOOD = "✔"
    BAD = "✘"
    UNKNOWN = "?"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One line of the doctor's report. ``detail`` may quote what came over the network."""

    what: str
    state: State
    detail: str
    remedy: str = ""
    """What to do; empty where nothing has to be done."""

    def __str__(self) -> str:
        line = f"{self.state} {self.what}: {plain(self.detail)}"
        return f"{line}\n    → {self.remedy}" if self.remedy else line


def good(what: str, detail: str) -> Diagnosis:
    return Diagnosis(what, State.GOOD, detail)


def bad(what: str, detail: str, remedy: str) -> Diagnosis:
    return Diagnosis(what, State.BAD, detail, remedy)


def unknown(what: str, detail: str, remedy: str = "") -> Diagnosis:
    return Diagnosis(what, State.UNKNOWN, detail, remedy)


def summary(found: Sequence[Diagnosis]) -> str:
    """One sentence on all lines together."""
    count = {state: sum(each.state is state for each in found) for state in State}
    if count[State.BAD]:
        return f"{count[State.BAD]} of {len(found)} would stop this gate."
    doubt = f"; {count[State.UNKNOWN]} could not be found out" if count[State.UNKNOWN] else ""
    return f"Nothing found that would stop this gate{doubt}."


def exit_code(found: Sequence[Diagnosis]) -> int:
    """0 when nothing would stop the gate, 1 when something would."""
    return int(any(each.state is State.BAD for each in found))
