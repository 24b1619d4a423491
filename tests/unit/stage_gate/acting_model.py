"""The acting protocol of ``decision`` in a small world, to be searched exhaustively.

The world holds what two acting tasks share: the go-live step, stage, the seal, the claims in the evidence store and
requests in flight. The tasks follow the real table (``command``, ``after``) and the real rules (``proof``); here is
only what Cloud Manager, people, faults and crashes do to them in between.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from adobe_cloud_manager.questions import Approval
from aem_checks.outcomes import Outcome
from stage_gate.rules.decision import (
    HALT,
    OVERRIDE,
    Action,
    Command,
    Decision,
    Event,
    GoLive,
    Mode,
    Phase,
    Policy,
    Timing,
    after,
    command,
)
from stage_gate.rules.proof import REFUSALS, Answer, Entitled, Proof


class Step(StrEnum):
    """The go-live step, as Cloud Manager has it."""

    NOT_STARTED = "not started"
    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    GONE = "gone"


_APPROVAL = {
    Step.NOT_STARTED: Approval.PENDING,
    Step.WAITING: Approval.WAITING,
    Step.APPROVED: Approval.APPROVED,
    Step.REJECTED: Approval.REJECTED,
    Step.EXPIRED: Approval.ENDED,
    Step.GONE: Approval.ENDED,
}
_WANTED = {
    Decision.APPROVED: (Step.APPROVED,),
    Decision.OVERRIDDEN: (Step.APPROVED,),
    Decision.HALTED: (Step.REJECTED, Step.EXPIRED, Step.GONE),
}
MOST_FAULTS = 2
ValueT = TypeVar("ValueT", bound=NamedTuple)


def replace(value: ValueT, **changed: Any) -> ValueT:
    """Tuples and not dataclasses: a million worlds are made, and compared."""
    return value._replace(**changed)


class Task(NamedTuple):
    """One acting task of one run in one Airflow."""

    run: int
    """Two tries of one task, or two Airflows with one gate, are of the same run; two gates are two."""
    decision: Decision
    phase: Phase = Phase.PINNED
    crashes: int = 0
    lates: int = 0
    looked: bool = False
    """The last look, since it began, found everything right."""
    acknowledged: bool = False


class World(NamedTuple):
    """Everything that two tasks can see or change."""

    outcome: Outcome
    """What the checks of this release amount to, whenever they are sealed."""
    tasks: tuple[Task, Task]
    step: Step = Step.WAITING
    sealed: bool = True
    touched: bool = False
    """Something changed stage after the tests: a pipeline, an update, a copy, a restore, a variable."""
    unread: bool = False
    """Something about changes of stage can't be read that could be when it was tested."""
    claims: tuple[tuple[int, int], ...] = ()
    """(where it lies, which run has it)."""
    tickets: tuple[tuple[int, int], ...] = ()
    """(where it lies, which task has it)."""
    flight: tuple[Decision, ...] = ()
    """Requests that left and have not arrived."""
    sent: tuple[tuple[int, Decision], ...] = ()
    faults: int = 0


Rule = Callable[["World", int], Proof]


@dataclass(frozen=True)
class Protocol:
    """The rules that the tasks follow; a mutant replaces one of them."""

    command: Callable[[Phase], Command | None] = command
    after: Callable[[Phase, Event], Phase] = after
    proof: Rule = field(default=lambda world, who: proof_of(world, who))
    place_of_claim: Callable[[Task], int] = lambda task: 0
    place_of_ticket: Callable[[Task], int] = lambda task: 0
    needs_seal: bool = True
    follows_redirects: bool = False


def proof_of(world: World, who: int) -> Proof:
    """What a task reads for itself."""
    task = world.tasks[who]
    return Proof(
        mode=Mode.GUARD,
        policy=Policy(failed=Action.ASK if _is_asked(world) else Action.HALT),
        seal_digest="seal",
        sealed_outcome=world.outcome,
        recomputed_outcome=world.outcome,
        not_passed=() if world.outcome is Outcome.PASSED else ("key_pages",),
        changes=("A sibling has touched stage.",) if world.touched else (),
        doubts=("Content copies can't be read.",) if world.unread else (),
        golive=GoLive(_APPROVAL[world.step], "As Cloud Manager says."),
        timing=Timing(),
        entitled=Entitled(release_managers=("alice",)),
        answer=_answer_to(world, task.decision),
    )


def _answer_to(world: World, decision: Decision) -> Answer | None:
    """Where the policy asks, alice has answered what this task is for."""
    option = {Decision.OVERRIDDEN: OVERRIDE, Decision.HALTED: HALT}.get(decision)
    if option is None or not _is_asked(world):
        return None
    return Answer(option, "alice", "Accepted.", "seal", ("key_pages",))


def _is_asked(world: World) -> bool:
    return any(task.decision is Decision.OVERRIDDEN for task in world.tasks)


class Violation(AssertionError):
    """A promise was broken."""


def start(outcome: Outcome, *decisions: Decision, runs: tuple[int, int] = (1, 2)) -> World:
    one, other = decisions
    return World(outcome, (Task(runs[0], one), Task(runs[1], other)), step=Step.NOT_STARTED, sealed=False)


def successors(world: World, protocol: Protocol) -> Iterator[World]:
    """Every world that can follow. Raises ``Violation``."""
    yield from _surroundings(world)
    for who in (0, 1):
        for following in _task(world, who, protocol):
            _require_promises(world, following, who)
            yield following


def _surroundings(world: World) -> Iterator[World]:
    """What Cloud Manager, people and other pipelines do."""
    if world.step is Step.NOT_STARTED:
        yield replace(world, step=Step.WAITING)
        yield replace(world, step=Step.GONE)
    if world.step is Step.WAITING:
        for end in (Step.APPROVED, Step.REJECTED, Step.EXPIRED, Step.GONE):
            yield replace(world, step=end)
    if not (world.touched or world.unread):
        yield replace(world, touched=True)
        yield replace(world, unread=True)
    yield replace(world, sealed=not world.sealed)  # judged and sealed; a re-test, or a broken seal
    for position, decision in enumerate(world.flight):
        flight = world.flight[:position] + world.flight[position + 1 :]
        arrived = Step.REJECTED if decision is Decision.HALTED else Step.APPROVED
        yield replace(world, flight=flight, step=arrived if world.step is Step.WAITING else world.step)


def _task(world: World, who: int, protocol: Protocol) -> Iterator[World]:
    """Every way in which one task can go on: its command succeeds, fails, or it dies before, in or after it."""
    task = world.tasks[who]
    doing = protocol.command(task.phase)
    if doing is None:
        return
    for following, event, costs in _CARRY_OUT[doing](world, who, protocol):
        if world.faults + costs > MOST_FAULTS:
            continue
        following = replace(following, faults=world.faults + costs)
        moved = replace(following.tasks[who], phase=protocol.after(task.phase, event))
        yield _with(following, who, moved)
        if task.crashes == 0:
            yield _with(following, who, Task(task.run, task.decision, crashes=1))


def _with(world: World, who: int, task: Task) -> World:
    tasks = (task, world.tasks[1]) if who == 0 else (world.tasks[0], task)
    return replace(world, tasks=tasks)


Ways = Iterator[tuple[World, Event, int]]
"""The world after a command, what the task was told, and how many faults that took."""


def _prove(world: World, who: int, protocol: Protocol) -> Ways:
    yield world, Event.REFUSED, 1
    ticket = _ticket(world, who, protocol)
    if protocol.needs_seal and not world.sealed:
        yield world, Event.REFUSED, 0
    elif ticket is not None:
        yield world, Event.SENT_BEFORE if ticket is world.tasks[who].decision else Event.REFUSED, 0
    else:
        yield world, Event.ALLOWED if _allows(world, who, protocol) else Event.REFUSED, 0


def _claim(world: World, who: int, protocol: Protocol) -> Ways:
    task = world.tasks[who]
    place = protocol.place_of_claim(task)
    yield world, Event.REFUSED, 1  # the store fails before it is written
    holder = dict(world.claims).get(place)
    if holder is None:
        taken = replace(world, claims=(*world.claims, (place, task.run)))
        yield taken, Event.WON, 0
        yield taken, Event.REFUSED, 1  # it was written, and the store says that it failed
    else:
        yield world, Event.RESUMED if holder == task.run else Event.TAKEN, 0


def _take_ticket(world: World, who: int, protocol: Protocol) -> Ways:
    task = world.tasks[who]
    place = protocol.place_of_ticket(task)
    if task.lates == 0:
        yield _with(world, who, replace(task, lates=1, looked=False)), Event.LATE, 1
    yield world, Event.REFUSED, 1
    ticket = _ticket(world, who, protocol)
    if ticket is None:
        taken = replace(world, tickets=(*world.tickets, (place, who)))
        yield taken, Event.WON, 0
        yield taken, Event.REFUSED, 1  # it was written, and the store says that it failed
    else:
        yield world, Event.SENT_BEFORE if ticket is task.decision else Event.TAKEN, 0


def _confirm(world: World, who: int, protocol: Protocol) -> Ways:
    yield world, Event.REFUSED, 1
    right = (world.sealed or not protocol.needs_seal) and _allows(world, who, protocol)
    if right:
        looked = replace(world.tasks[who], looked=_is_right(world, who))
        yield _with(world, who, looked), Event.ALLOWED, 0
    else:
        own = world.tasks[who].phase is Phase.IN_HAND
        sent = not own and _ticket(world, who, protocol) is world.tasks[who].decision
        yield world, Event.SENT_BEFORE if sent else Event.REFUSED, 0


def _send(world: World, who: int, protocol: Protocol) -> Ways:
    task = world.tasks[who]
    if task.lates == 0:
        yield _with(world, who, replace(task, lates=1, looked=False)), Event.LATE, 1
    yield _sent(world, who, arrives=False), Event.REFUSED, 1
    yield _sent(world, who, arrives=False), Event.LOST, 1
    yield _sent(world, who), Event.LOST, 1
    sent = _sent(world, who)
    acknowledged = replace(sent.tasks[who], acknowledged=True)
    yield _with(sent, who, acknowledged), Event.ACCEPTED, 0
    if protocol.follows_redirects:
        yield _sent(_sent(world, who, arrives=False), who), Event.ACCEPTED, 1


def _sent(world: World, who: int, *, arrives: bool = True) -> World:
    decision = world.tasks[who].decision
    flight = (*world.flight, decision) if arrives else world.flight
    return replace(world, sent=(*world.sent, (who, decision)), flight=flight)


def _read_back(world: World, who: int, protocol: Protocol) -> Ways:
    if world.step in _WANTED[world.tasks[who].decision]:
        yield world, Event.SEEN, 0
    elif world.step is not Step.WAITING or not world.flight:
        yield world, Event.NOT_SEEN, 0
    else:
        yield world, Event.NOT_SEEN, 1  # Cloud Manager takes longer than the task looks


_CARRY_OUT = {
    Command.PROVE: _prove,
    Command.CLAIM: _claim,
    Command.CONFIRM: _confirm,
    Command.TAKE_TICKET: _take_ticket,
    Command.SEND: _send,
    Command.READ_BACK: _read_back,
}


def _ticket(world: World, who: int, protocol: Protocol) -> Decision | None:
    """What the ticket that this task would take is for, ``None`` where there is none. All are on the same seal."""
    holder = dict(world.tickets).get(protocol.place_of_ticket(world.tasks[who]))
    return world.tasks[holder].decision if holder is not None else None


def _allows(world: World, who: int, protocol: Protocol) -> bool:
    return REFUSALS[world.tasks[who].decision](protocol.proof(world, who)) is None


def _is_right(world: World, who: int) -> bool:
    """What has to be so at the last look, whatever the protocol thinks of it."""
    fits = {
        Decision.APPROVED: world.outcome is Outcome.PASSED,
        Decision.OVERRIDDEN: world.outcome is not Outcome.PASSED,
        Decision.HALTED: world.outcome is Outcome.FAILED,
    }[world.tasks[who].decision]
    is_known = not world.touched and not world.unread
    return world.sealed and world.step is Step.WAITING and is_known and fits


def _require_promises(before: World, world: World, who: int) -> None:
    if len(world.sent) > 1:
        raise Violation(f"{len(world.sent)} requests for one step: {world.sent}")
    if len(world.claims) > 1:
        raise Violation(f"{len(world.claims)} claims for one step")
    if len(world.tickets) > 1:
        raise Violation(f"{len(world.tickets)} tickets for one step")
    task = before.tasks[who]
    if len(world.sent) > len(before.sent):
        if not task.looked:
            raise Violation(
                f"{task.decision} was sent without a seal and a step that were right at the last look"
            )
        if task.run not in dict(world.claims).values():
            raise Violation("it was sent without a claim")
        if who not in dict(world.tickets).values():
            raise Violation("it was sent without the ticket")
    now = world.tasks[who]
    if now.phase is Phase.RECORDED and world.step not in _WANTED[now.decision]:
        raise Violation(f"{now.decision} is on record while the step is {world.step}")


@dataclass
class Search:
    """What an exhaustive search has seen."""

    states: int = 0
    transitions: int = 0
    depth: int = 0
    violations: list[str] = field(default_factory=list)
    longest_end: int = 0
    """The most commands that a task needs to its end once faults have stopped."""


def search(world: World, protocol: Protocol = Protocol(), *, most_violations: int = 1) -> Search:
    """Visit every world that can be reached, breadth first; stop after so many violations."""
    found = Search()
    seen = {world}
    waiting = deque([(world, 0)])
    while waiting and len(found.violations) < most_violations:
        state, depth = waiting.popleft()
        found.states += 1
        found.depth = max(found.depth, depth)
        try:
            ends = [commands_to_end(state, who, protocol) for who in (0, 1)]
            found.longest_end = max(found.longest_end, *ends)
            for following in successors(state, protocol):
                found.transitions += 1
                if following not in seen:
                    seen.add(following)
                    waiting.append((following, depth + 1))
        except Violation as violation:
            found.violations.append(str(violation))
    return found


BOUND = 12
"""Commands within which a task has to come to its end; more is a violation."""


def commands_to_end(world: World, who: int, protocol: Protocol) -> int:
    """How many commands the task still needs when nothing fails any more and all requests arrive."""
    for number in range(BOUND + 1):
        task = world.tasks[who]
        doing = protocol.command(task.phase)
        if doing is None:
            return number
        world = _arrived(world)
        following, event, _ = next(way for way in _CARRY_OUT[doing](world, who, protocol) if way[2] == 0)
        world = _with(following, who, replace(following.tasks[who], phase=protocol.after(task.phase, event)))
    raise Violation(f"{world.tasks[who]} comes to no end")


def ends_after_death(world: World, who: int, protocol: Protocol = Protocol()) -> Phase:
    """How a task ends that died just now, and to which nothing else happens."""
    world = _with(world, who, Task(world.tasks[who].run, world.tasks[who].decision, crashes=1))
    while (doing := protocol.command(world.tasks[who].phase)) is not None:
        world = _arrived(world)
        following, event, _ = next(way for way in _CARRY_OUT[doing](world, who, protocol) if way[2] == 0)
        moved = replace(following.tasks[who], phase=protocol.after(world.tasks[who].phase, event))
        world = _with(following, who, moved)
    return world.tasks[who].phase


def _arrived(world: World) -> World:
    for decision in world.flight:
        if world.step is Step.WAITING:
            world = replace(world, step=Step.REJECTED if decision is Decision.HALTED else Step.APPROVED)
    return replace(world, flight=())
