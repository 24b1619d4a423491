"""The acting protocol, searched exhaustively: two runs in two Airflows on one store, a person, a sibling, faults, crashes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aem_checks.outcomes import Outcome
from stage_gate.decision import Command, Decision, Event, Phase, after, command
from unit.stage_gate.acting_model import (
    BOUND,
    MOST_FAULTS,
    Protocol,
    Task,
    World,
    proof_of,
    search,
    start,
)

PAIRS = [
    (Outcome.PASSED, Decision.APPROVED, Decision.APPROVED),
    (Outcome.PASSED, Decision.APPROVED, Decision.HALTED),
    (Outcome.FAILED, Decision.HALTED, Decision.HALTED),
    (Outcome.FAILED, Decision.APPROVED, Decision.HALTED),
    (Outcome.FAILED, Decision.OVERRIDDEN, Decision.OVERRIDDEN),
    (Outcome.FAILED, Decision.OVERRIDDEN, Decision.HALTED),
    (Outcome.INCONCLUSIVE, Decision.APPROVED, Decision.OVERRIDDEN),
]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: " ".join(pair))
def test_no_way_through_the_protocol_breaks_a_promise(pair: tuple[Outcome, Decision, Decision]) -> None:
    found = search(start(*pair))
    print(
        f"{' '.join(pair)}: {found.states} states, {found.transitions} transitions, depth {found.depth}, "
        f"{MOST_FAULTS} faults, {len(found.violations)} violations, at most {found.longest_end} commands to an end"
    )
    assert found.violations == []
    assert found.longest_end <= BOUND
    assert found.states > 1000


def test_every_phase_is_reached_and_every_entry_of_the_table_is_used() -> None:
    used: set[tuple[Phase, Event]] = set()

    def noting(phase: Phase, event: Event) -> Phase:
        used.add((phase, event))
        return after(phase, event)

    for pair in (PAIRS[0], PAIRS[5]):
        search(start(*pair), Protocol(after=noting))
    possible = {(phase, event) for phase in Phase for event in Event if _is_known(phase, event)}
    assert used == possible


def _is_known(phase: Phase, event: Event) -> bool:
    try:
        after(phase, event)
    except ValueError:
        return False
    return True


def test_nothing_is_sent_but_after_the_last_look_and_never_twice() -> None:
    """Read off the table itself."""
    assert [phase for phase in Phase if command(phase) is Command.SEND] == [Phase.CONFIRMED]
    sent = {Phase.ACKNOWLEDGED, Phase.UNKNOWN}
    while True:
        reached = {after(p, e) for p in sent for e in Event if _is_known(p, e)} | sent
        if reached == sent:
            break
        sent = reached
    assert not any(command(phase) is Command.SEND for phase in sent)


def _trusts_an_xcom(world: World, who: int) -> object:
    return replace(
        proof_of(world, who), sealed_outcome=Outcome.PASSED, recomputed_outcome=Outcome.PASSED, doubts=()
    )


def _ignores_the_sibling(world: World, who: int) -> object:
    return replace(proof_of(world, who), changes=())


def _ignores_what_is_unread(world: World, who: int) -> object:
    return replace(proof_of(world, who), doubts=())


def _resends(phase: Phase, event: Event) -> Phase:
    return Phase.CLAIMED if (phase, event) == (Phase.UNKNOWN, Event.NOT_SEEN) else after(phase, event)


def _skips_the_reread(phase: Phase) -> Command | None:
    return Command.SEND if phase is Phase.CLAIMED else command(phase)


def _sends_from_claimed(phase: Phase, event: Event) -> Phase:
    return after(Phase.CONFIRMED if phase is Phase.CLAIMED and event is not Event.ALLOWED else phase, event)


MUTANTS = {
    "trusts an XCom": Protocol(proof=_trusts_an_xcom),  # type: ignore[arg-type]
    "claims in Airflow's database": Protocol(place_of_claim=lambda task: task.airflow),
    "resends while it waits": Protocol(after=_resends),
    "ignores the sibling": Protocol(proof=_ignores_the_sibling),  # type: ignore[arg-type]
    "ignores what is unread": Protocol(proof=_ignores_what_is_unread),  # type: ignore[arg-type]
    "seals after the PUT": Protocol(needs_seal=False),
    "follows a 307": Protocol(follows_redirects=True),
    "skips the second look": Protocol(command=_skips_the_reread, after=_sends_from_claimed),
}


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_the_search_catches_a_protocol_that(name: str) -> None:
    assert any(search(start(*pair), MUTANTS[name]).violations for pair in PAIRS)


def test_a_task_that_is_over_has_nothing_left_to_do() -> None:
    assert command(Phase.RECORDED) is command(Phase.HELD) is None
    assert Task(1, Decision.APPROVED).phase is Phase.PINNED
