"""Hypothesis drives two acting tasks on the real code: it chooses whose turn it is, what fails, what others do."""

from __future__ import annotations

from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from faults.kinds import CELLS, At, Kind
from faults.mutants import Mutant, skip_the_re_read
from faults.play import Play
from faults.promises import Promise, Violation
from faults.scene import House
from faults.schedule import ChecksSaid, Happening, Schedule, Side, Strike
from stage_gate.rules.decision import Decision

TASK = st.sampled_from([0, 1])
MOST_FAULTS = 2
RULES = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)


class ActingTasks(RuleBasedStateMachine):
    """Two runs in two Airflows on one store, a person, siblings, re-tests, faults and crashes."""

    house: ClassVar[House]
    play: Play | None = None
    faults = 0

    @initialize(
        tested=st.sampled_from([ChecksSaid.PASSED, ChecksSaid.FAILED, *ChecksSaid]),
        decisions=st.tuples(st.sampled_from([Decision.APPROVED, Decision.OVERRIDDEN, Decision.HALTED]), TASK),
        other=st.sampled_from([Decision.APPROVED, Decision.OVERRIDDEN, Decision.HALTED]),
        asks=st.booleans(),
    )
    def begin(self, tested: ChecksSaid, decisions: tuple[Decision, int], other: Decision, asks: bool) -> None:
        first, shared = decisions
        sides = tuple(
            Side(each, asks=ask, answer=each if ask else None)
            for each in (first, other)
            for ask in [asks or each is Decision.OVERRIDDEN]
        )
        told = Schedule("by Hypothesis", tested, sides, bool(shared) and first is other, (), (), ())  # type: ignore[arg-type]
        self.play = Play(self.house, told)

    @property
    def on_stage(self) -> Play:
        assert self.play is not None
        return self.play

    @rule(who=TASK, steps=st.integers(1, 6))
    def a_task_goes_on(self, who: int, steps: int) -> None:
        for _ in range(steps):
            if not self.on_stage.actors[who].dead:
                self.on_stage.step(who)

    @rule(who=TASK, happening=st.sampled_from(list(Happening)))
    def something_happens(self, who: int, happening: Happening) -> None:
        self.on_stage.happen(happening, who)

    @precondition(lambda self: self.faults < MOST_FAULTS)
    @rule(who=TASK, cell=st.sampled_from(CELLS), nth=st.integers(1, 8), lasting=st.booleans())
    def a_fault_waits(self, who: int, cell: tuple[Kind, At], nth: int, lasting: bool) -> None:
        kind, at = cell
        self.on_stage.strike(Strike(who, at, kind, nth, lasting))
        self.faults += 1

    @rule(who=TASK)
    def a_task_that_ended_is_cleared(self, who: int) -> None:
        if self.on_stage.actors[who].dead:
            self.on_stage.clear(who)

    @invariant()
    def at_most_one_request_was_sent(self) -> None:
        if self.play is not None:
            assert len(self.play.promises.sent) <= 1

    def teardown(self) -> None:
        if self.play is not None:
            self.play.finish()


@pytest.fixture
def machine(house: House) -> type[ActingTasks]:
    ActingTasks.house = house
    return ActingTasks


def test_no_way_of_taking_turns_breaks_a_promise(machine: type[ActingTasks]) -> None:
    run_state_machine_as_test(machine, settings=RULES)


@pytest.mark.parametrize(
    "mutant",
    [
        Mutant("skip the re-read", skip_the_re_read, Promise.LOOKED),
    ],
    ids=lambda mutant: mutant.name,
)
def test_the_state_machine_finds_a_mutant(
    machine: type[ActingTasks], mutant: Mutant, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutant.make(monkeypatch)
    with pytest.raises(Violation):
        run_state_machine_as_test(
            machine,
            settings=settings(RULES, max_examples=400, phases=(Phase.generate,), report_multiple_bugs=False),
        )
