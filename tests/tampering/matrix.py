"""Which attacks are there? Every action of a user of Airflow × every task of a gate's Dag × every phase of a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import cycle


class Phase(StrEnum):
    """How far a release has come when the attacker acts."""

    WAITING = "waiting"
    """for the stage deployment: code quality waits for a person"""
    TESTING = "testing"
    ASKING = "asking"
    """judged as failed, the release manager is asked"""
    WINDOW = "window"
    """judged as passed, the window is closed, and people are asked whether it is a hotfix"""
    HOLDING = "holding"
    """judged as failed, production is held"""
    APPROVING = "approving"
    """judged as passed, the request to approve is on its way, and will be lost"""
    HALTING = "halting"
    """judged as failed, the request to reject is on its way, and will be lost"""
    APPROVED = "approved"
    HALTED = "halted"


class Action(StrEnum):
    """What the attacker does."""

    MARK_SUCCESS = "mark success"
    MARK_FAILED = "mark failed"
    CLEAR_DOWNSTREAM = "clear with downstream"
    CLEAR = "clear without downstream"
    XCOM = "edit every XCom"
    STATE_STORE = "edit task state store"
    VARIABLE = "set Variables"
    RUN_CONF = "forge run conf"
    DELETE_RUN = "delete run, start again"
    FORGED_RUNS = "forge run ids"
    FORGED_ANSWERS = "forge answers"


class GateKind(StrEnum):
    """What the policy of a gate does with a failed verdict."""

    ASKS = "asks"
    HOLDS = "holds"
    HALTS = "halts"
    WINDOW = "window"
    """is frozen all the time"""
    WEAK = "weak"
    """asks, and its approval trusts XComs"""
    OWN = "own"
    """holds, and nothing but Airflow tasks of its team speaks against its releases"""


@dataclass(frozen=True)
class Raid:
    """One release with its run, attacked in one phase in the name of one user."""

    actions: tuple[Action, ...]
    """One after the other."""
    phase: Phase
    attacker: str
    part: int = 0
    """Which part of the Dag's tasks, of `parts`: neighbours are in different ones."""
    parts: int = 1
    weak: bool = False
    own: bool = False
    """The site is fine, and Airflow tasks of the team alone refuse the release."""

    @property
    def gate(self) -> GateKind:
        if self.own:
            return GateKind.OWN
        return GateKind.WEAK if self.weak else _GATES.get(self.phase, GateKind.ASKS)

    @property
    def release(self) -> str:
        if self.own:
            return GOOD
        if self.phase is Phase.WAITING:
            return BROKEN_AND_WAITS
        return GOOD if self.phase in (Phase.WINDOW, Phase.APPROVING, Phase.APPROVED) else BROKEN

    @property
    def may_be_approved(self) -> bool:
        """Whether the gate itself approves this release, once and after its verdict."""
        return self.release == GOOD and self.phase is not Phase.WINDOW and not self.own

    def __str__(self) -> str:
        part = f", part {self.part + 1} of {self.parts}" if self.parts > 1 else ""
        control = ", weakened gate" if self.weak else ""
        own = ", refused by own tasks" if self.own else ""
        return f"{' + '.join(self.actions)} × {self.phase} by {self.attacker}{part}{control}{own}"


GOOD, BROKEN, BROKEN_AND_WAITS = "proven", "broken", "broken_and_waits"
_GATES = {
    Phase.WINDOW: GateKind.WINDOW,
    Phase.HOLDING: GateKind.HOLDS,
    Phase.HALTING: GateKind.HALTS,
    Phase.HALTED: GateKind.HALTS,
}

USERS = {"admin": "admin", "olga": "op", "ulf": "user"}
"""Names and roles of the attackers; a gate that asks asks the admin."""
ASKED = "admin"

ON_TASKS = (
    Action.MARK_SUCCESS,
    Action.MARK_FAILED,
    Action.CLEAR_DOWNSTREAM,
    Action.CLEAR,
    Action.XCOM,
    Action.STATE_STORE,
)
"""Each of these hits each task of the Dag."""
EDITS = (Action.XCOM, Action.STATE_STORE, Action.VARIABLE)
RESTARTS = (Action.RUN_CONF, Action.DELETE_RUN)


def full_matrix(parts: int) -> Iterator[Raid]:
    """Every cell. Where what is done to one task could hide another, the tasks are dealt out to `parts` runs."""
    users = cycle(USERS)
    for phase in Phase:
        for action in (Action.MARK_SUCCESS, Action.MARK_FAILED, Action.CLEAR_DOWNSTREAM):
            for part in range(parts):
                yield Raid((action,), phase, next(users), part, parts)
        yield Raid((Action.CLEAR,), phase, next(users))
        yield Raid(EDITS, phase, next(users))
        yield Raid(RESTARTS, phase, next(users))
    for user in USERS:
        yield Raid((Action.FORGED_RUNS,), Phase.TESTING, user)
        yield Raid((Action.FORGED_ANSWERS,), Phase.ASKING, user)
        yield Raid((Action.FORGED_ANSWERS,), Phase.WINDOW, user)
    yield from on_own_tasks(Phase.TESTING, Phase.HOLDING)
    yield from controls()


def on_own_tasks(*phases: Phase) -> Iterator[Raid]:
    """A team's own tasks are all that refuses the release, and everything is done to them."""
    users = cycle(USERS)
    for phase in phases:
        for actions in ((Action.MARK_SUCCESS,), (Action.MARK_FAILED,), (Action.CLEAR,), EDITS, RESTARTS):
            yield Raid(actions, phase, next(users), own=True)


def short_form() -> Iterator[Raid]:
    """Every action, every phase and the controls: what CI has time for."""
    yield Raid((Action.MARK_SUCCESS,), Phase.TESTING, "ulf", 0, 3)
    yield Raid((Action.MARK_FAILED,), Phase.HALTING, "olga", 1, 3)
    yield Raid((Action.CLEAR_DOWNSTREAM,), Phase.HALTED, "admin", 2, 3)
    yield Raid((Action.CLEAR,), Phase.APPROVED, "ulf")
    yield Raid(EDITS, Phase.HOLDING, "olga")
    yield Raid(RESTARTS, Phase.APPROVING, "ulf")
    yield Raid((Action.MARK_SUCCESS, Action.FORGED_RUNS), Phase.WAITING, "admin", 1, 3)
    yield Raid((Action.FORGED_ANSWERS,), Phase.ASKING, "olga")
    yield Raid((Action.FORGED_ANSWERS,), Phase.WINDOW, "ulf")
    yield Raid((Action.MARK_SUCCESS, *EDITS), Phase.TESTING, "admin", own=True)
    yield from controls()


def controls() -> Iterator[Raid]:
    """Attacks that succeed, on gates that are weak on purpose."""
    yield Raid(EDITS, Phase.ASKING, "olga", weak=True)
    yield Raid((Action.CLEAR,), Phase.APPROVING, "ulf", weak=True)
