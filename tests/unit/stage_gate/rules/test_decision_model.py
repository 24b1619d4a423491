"""The acting protocol, searched exhaustively: two runs in two Airflows on one store, a person, a sibling, faults, crashes."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from aem_checks.outcomes import Outcome
from stage_gate.rules.decision import Command, Decision, Event, Phase, after, command
from unit.stage_gate.acting_model import (
    BOUND,
    MOST_FAULTS,
    Protocol,
    Step,
    Task,
    World,
    ends_after_death,
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


RUNS = {"two gates": (1, 2), "two tries of one run": (1, 1)}
PLAYED = [(pair, runs) for pair in PAIRS for runs in RUNS if runs == "two gates" or pair[1] is pair[2]]
"""One run has one decision; two different ones of it are two gates' to the protocol but for the claim."""


@pytest.mark.parametrize(
    ("pair", "runs"), PLAYED, ids=lambda part: part if isinstance(part, str) else " ".join(part)
)
def test_no_way_through_the_protocol_breaks_a_promise(
    pair: tuple[Outcome, Decision, Decision], runs: str
) -> None:
    found = search(start(*pair, runs=RUNS[runs]))
    print(
        f"{' '.join(pair)}, {runs}: {found.states} states, {found.transitions} transitions, depth {found.depth}, "
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

    for pair, runs in product((PAIRS[0], PAIRS[5]), RUNS.values()):
        search(start(*pair, runs=runs), Protocol(after=noting))
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
    assert [phase for phase in Phase if command(phase) is Command.SEND] == [Phase.TICKETED]
    assert {phase for phase in Phase for event in Event if _leads(phase, event, Phase.TICKETED)} == {
        Phase.CONFIRMED,  # with the ticket that was won
        Phase.IN_HAND,  # with another look
    }
    sent = {Phase.ACKNOWLEDGED, Phase.UNKNOWN}
    while True:
        reached = {after(p, e) for p in sent for e in Event if _is_known(p, e)} | sent
        if reached == sent:
            break
        sent = reached
    assert not any(command(phase) is Command.SEND for phase in sent)


def _leads(phase: Phase, event: Event, to: Phase) -> bool:
    return _is_known(phase, event) and after(phase, event) is to


DEATHS: dict[str, dict[str, Any]] = {
    "before the proof": {},
    "after the claim": {"claims": ((0, 1),)},
    "after the last look": {"claims": ((0, 1),), "phase": Phase.CONFIRMED},
    "after the ticket, not sent": {"claims": ((0, 1),), "tickets": ((0, 0),)},
    "after the request": {"claims": ((0, 1),), "tickets": ((0, 0),), "flight": (Decision.APPROVED,)},
    "after its effect": {"claims": ((0, 1),), "tickets": ((0, 0),), "step": Step.APPROVED},
}


@pytest.mark.parametrize("when", DEATHS)
def test_a_task_that_died_ends_where_it_would_have_ended_unless_its_ticket_was_spent(when: str) -> None:
    found = dict(DEATHS[when])
    task = Task(1, Decision.APPROVED, phase=found.pop("phase", Phase.PINNED))
    world = World(Outcome.PASSED, (task, Task(1, Decision.APPROVED, phase=Phase.HELD)), **found)
    expected = Phase.HELD if when == "after the ticket, not sent" else Phase.RECORDED
    assert ends_after_death(world, 0) is expected


def _trusts_an_xcom(world: World, who: int) -> object:
    return replace(
        proof_of(world, who), sealed_outcome=Outcome.PASSED, recomputed_outcome=Outcome.PASSED, doubts=()
    )


def _ignores_the_sibling(world: World, who: int) -> object:
    return replace(proof_of(world, who), changes=())


def _ignores_what_is_unread(world: World, who: int) -> object:
    return replace(proof_of(world, who), doubts=())


def _resends(phase: Phase, event: Event) -> Phase:
    return Phase.TICKETED if (phase, event) == (Phase.UNKNOWN, Event.NOT_SEEN) else after(phase, event)


def _skips_the_reread(phase: Phase) -> Command | None:
    return Command.TAKE_TICKET if phase is Phase.CLAIMED else command(phase)


def _takes_it_from_claimed(phase: Phase, event: Event) -> Phase:
    return after(Phase.CONFIRMED if phase is Phase.CLAIMED else phase, event)


def _sends_what_was_sent_before(phase: Phase, event: Event) -> Phase:
    return Phase.TICKETED if (phase, event) == (Phase.CONFIRMED, Event.SENT_BEFORE) else after(phase, event)


def _sends_late(phase: Phase, event: Event) -> Phase:
    return Phase.TICKETED if (phase, event) == (Phase.TICKETED, Event.LATE) else after(phase, event)


def _goes_on_with_a_claim_of_another(phase: Phase, event: Event) -> Phase:
    return Phase.CLAIMED if (phase, event) == (Phase.SEALED, Event.TAKEN) else after(phase, event)


MUTANTS = {
    "trusts an XCom": Protocol(proof=_trusts_an_xcom),  # type: ignore[arg-type]
    "claims in Airflow's database": Protocol(place_of_claim=lambda task: task.run),
    "keeps tickets by decision": Protocol(place_of_ticket=lambda task: list(Decision).index(task.decision)),
    "sends although the ticket is gone": Protocol(after=_sends_what_was_sent_before),
    "sends on a look of long ago": Protocol(after=_sends_late),
    "goes on with a claim of another run": Protocol(after=_goes_on_with_a_claim_of_another),
    "resends while it waits": Protocol(after=_resends),
    "ignores the sibling": Protocol(proof=_ignores_the_sibling),  # type: ignore[arg-type]
    "ignores what is unread": Protocol(proof=_ignores_what_is_unread),  # type: ignore[arg-type]
    "seals after the PUT": Protocol(needs_seal=False),
    "follows a 307": Protocol(follows_redirects=True),
    "skips the second look": Protocol(command=_skips_the_reread, after=_takes_it_from_claimed),
}


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_the_search_catches_a_protocol_that(name: str) -> None:
    assert any(
        search(start(*pair, runs=runs), MUTANTS[name]).violations
        for pair, runs in product(PAIRS, RUNS.values())
    )


def test_a_task_that_is_over_has_nothing_left_to_do() -> None:
    assert command(Phase.RECORDED) is command(Phase.HELD) is None
    assert Task(1, Decision.APPROVED).phase is Phase.PINNED
