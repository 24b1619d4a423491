"""A task that acts and dies: without a ticket nothing was sent, so it goes on; with one it only reads back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, count
from pathlib import Path

import pytest

from aem_checks.outcomes import Outcome
from simulator import Simulator
from stage_gate.acting.road import Road
from stage_gate.acting.wanting import Held
from stage_gate.evidence.claims import Claim, Ticket
from stage_gate.evidence.kept_decisions import DecisionRecord
from stage_gate.rules.decision import Command, Decision
from unit.stage_gate.release import BRIEFLY, Release


@pytest.fixture
def release(simulator: Simulator, tmp_path: Path) -> Release:
    return Release(simulator, tmp_path)


@pytest.fixture
def unseen(simulator: Simulator, tmp_path: Path) -> Release:
    """A release whose act will have no effect that could be seen."""
    return Release(simulator, tmp_path, waits=BRIEFLY)


class Killed(BaseException):
    """The process of the task is gone."""


@contextmanager
def dying(command: Command, *, before: bool) -> Iterator[None]:
    """A task that comes to this command dies, before it or when it is done."""
    carry_out = Road._carry_out

    def carried(road: Road, doing: Command) -> object:
        if doing is command and before:
            raise Killed
        event = carry_out(road, doing)
        if doing is command:
            raise Killed
        return event

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Road, "_carry_out", carried)
        with pytest.raises(Killed):
            yield


BEFORE_THE_TICKET = [
    (Command.PROVE, True),
    (Command.CLAIM, True),
    (Command.CLAIM, False),
    (Command.CONFIRM, False),
    (Command.TAKE_TICKET, True),
]


@pytest.mark.parametrize(("command", "before"), BEFORE_THE_TICKET)
@pytest.mark.parametrize("decision", [Decision.APPROVED, Decision.HALTED])
def test_a_task_that_died_before_its_ticket_goes_on(
    release: Release, command: Command, before: bool, decision: Decision
) -> None:
    release.seal(Outcome.PASSED if decision is Decision.APPROVED else Outcome.FAILED)
    with dying(command, before=before):
        release.act().perform(decision)
    assert release.puts == []
    record = release.act().perform(decision)
    assert (record.decision, record.by) == (decision, "Stage Gate")
    assert len(release.puts) == 1


def test_a_task_that_died_after_its_request_reads_back_what_came_of_it(release: Release) -> None:
    release.seal()
    with dying(Command.READ_BACK, before=True):
        release.act().perform(Decision.APPROVED)
    assert len(release.puts) == 1
    record = release.act().perform(Decision.APPROVED)
    assert record.production_reached
    assert len(release.puts) == 1


def test_a_task_that_died_between_its_ticket_and_its_request_never_sends(unseen: Release) -> None:
    """Nobody can tell that nothing left: production waits, and somebody is told to look."""
    unseen.seal()
    with dying(Command.SEND, before=True):
        unseen.act().perform(Decision.APPROVED)
    with pytest.raises(Held) as held:
        unseen.act().perform(Decision.APPROVED)
    assert held.value.may_have_left
    assert unseen.puts == []


def test_what_changed_while_the_task_was_dead_counts(release: Release) -> None:
    release.seal()
    with dying(Command.CONFIRM, before=True):
        release.act().perform(Decision.APPROVED)
    release.simulator.upkeep("content copy")
    with pytest.raises(Held, match="Content was copied into stage"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_two_tries_of_one_task_that_live_at_once_send_one_request(release: Release) -> None:
    release.seal()
    start, records = threading.Barrier(2), list[DecisionRecord]()

    def act() -> None:
        start.wait()
        records.append(release.act().perform(Decision.APPROVED))

    tries = [threading.Thread(target=act) for _ in range(2)]
    for each in tries:
        each.start()
    for each in tries:
        each.join()
    assert [each.decision for each in records] == [Decision.APPROVED] * 2
    assert len(release.puts) == 1


def test_a_claim_of_another_gate_holds(release: Release) -> None:
    release.seal()
    act = release.act()
    with dying(Command.CONFIRM, before=True):
        replace(act, dag_id="stage_gate.another").perform(Decision.APPROVED)
    with pytest.raises(Held, match=r"approve was claimed .* by run execution-\d+ of stage_gate\.another"):
        act.perform(Decision.APPROVED)
    assert release.puts == []


def test_a_claim_of_before_there_were_tickets_may_have_been_sent_on(release: Release) -> None:
    release.seal()
    act = release.act()
    with dying(Command.CONFIRM, before=True):
        act.perform(Decision.APPROVED)
    rights = release.rights
    claim = rights.held(Claim)
    assert claim is not None
    rights.place(Claim).unlink()
    rights.take(claim.model_copy(update={"sends_with_ticket": False}))
    with pytest.raises(Held, match="approve was claimed"):
        act.perform(Decision.APPROVED)
    assert release.puts == []


def test_a_ticket_whose_look_is_too_old_is_used_after_another_look(release: Release) -> None:
    release.seal()
    ticks = iter([0.0, 0.0, 0.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0])  # 3 s pass while the ticket is taken
    act = replace(release.act(), monotonic=lambda: next(ticks))
    assert act.perform(Decision.APPROVED).decision is Decision.APPROVED
    assert len(release.puts) == 1


def test_a_ticket_that_can_t_be_used_any_more_is_said_to_be_spent(release: Release) -> None:
    release.seal()
    ticks = chain([0.0, 0.0, 0.0], count(3.0, step=3.0))
    act = replace(release.act(), monotonic=lambda: next(ticks))
    with pytest.raises(
        Held, match=r"answers too slowly.* Its ticket is spent, so the gate sends nothing any more\.$"
    ) as held:
        act.perform(Decision.APPROVED)
    assert not held.value.may_have_left
    assert release.puts == []
    assert release.rights.place(Ticket).exists()
