"""What happens in this schedule? All of it follows from the seed and the number; nothing here does anything."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum

from faults.kinds import CELLS, At, Kind
from stage_gate.rules.decision import Decision

SEED = 20261122
"""The seed of the schedules in CI."""
APPROVE, OVERRIDE, HALT = Decision.APPROVED, Decision.OVERRIDDEN, Decision.HALTED


class ChecksSaid(StrEnum):
    """What the checks of the release came to."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    MISSING = "a result is missing"
    EMPTY = "the plan is empty"


class Happening(StrEnum):
    """What others do while the tasks act."""

    PERSON_APPROVES = "a person approves in Cloud Manager"
    PERSON_REJECTS = "a person rejects in Cloud Manager"
    PERSON_CANCELS = "a person cancels the execution"
    SIBLING_DEPLOYS = "a sibling pipeline deploys to stage"
    SIBLING_RUNS = "a sibling pipeline begins to deploy to stage"
    AEM_UPDATE = "an AEM update reaches stage"
    NEWER_RELEASE = "the guarded pipeline runs again"
    CONTENT_COPIED = "content is copied into stage"
    COPY_RUNS = "a content copy into stage begins"
    RESTORED = "stage is restored from a backup"
    VARIABLE_CHANGED = "a variable of stage is changed"
    NOT_READY = "stage is hibernated"
    RIGHT_TURNED = "the right to see content copies is lost, or comes back"
    OTHER_STEP_WAITS = "another step shows that it waits"
    RETEST_BEGUN = "a re-test is begun"
    RETEST_FAILED = "a re-test fails and is sealed"
    RETEST_PASSED = "a re-test passes and is sealed"
    EVIDENCE_CHANGED = "a result in the evidence is changed"
    EVIDENCE_REMOVED = "a result in the evidence is removed"
    CANDIDATE_REMOVED = "the newest attempt loses its candidate"
    SEAL_REMOVED = "the seal is removed"
    RESEALED_WITHOUT_KEY = "the evidence is turned to passed and sealed without a key"
    RESEALED_BY_STRANGER = "the evidence is turned to passed and sealed with a strange key"
    ANSWER_WITHDRAWN = "alice answers: keep waiting"
    ANSWER_FORGED = "somebody writes an answer without the key"
    CLAIM_BROKEN = "the claim is torn"
    LATE_ARRIVES = "a request that was under way arrives"


@dataclass(frozen=True)
class Strike:
    """One fault: whom it hits, at which step, how far into it, once or as long as the step lasts."""

    who: int
    at: At
    kind: Kind
    nth: int = 1
    lasting: bool = False


@dataclass(frozen=True)
class Side:
    """One acting task: what it is to do, in a gate that asks alice or not, cleared once after its end or not."""

    decision: Decision
    asks: bool = False
    answer: Decision | None = None
    cleared: bool = False


@dataclass(frozen=True)
class Schedule:
    """Two tasks, what strikes them, what happens around them after how many of their steps."""

    name: str
    tested: ChecksSaid
    sides: tuple[Side, Side]
    shared: bool
    """Both are runs of the same gate; otherwise of two gates for one pipeline."""
    strikes: tuple[Strike, ...]
    happenings: tuple[tuple[int, Happening], ...]
    order: tuple[int, ...]
    """Whose turn it is, step by step."""


_PAIRS = (
    (6, ChecksSaid.PASSED, APPROVE, APPROVE),
    (2, ChecksSaid.PASSED, APPROVE, HALT),
    (3, ChecksSaid.FAILED, HALT, HALT),
    (3, ChecksSaid.FAILED, OVERRIDE, HALT),
    (2, ChecksSaid.FAILED, OVERRIDE, OVERRIDE),
    (1, ChecksSaid.FAILED, APPROVE, HALT),
    (1, ChecksSaid.INCONCLUSIVE, APPROVE, OVERRIDE),
    (1, ChecksSaid.MISSING, APPROVE, APPROVE),
    (1, ChecksSaid.EMPTY, APPROVE, HALT),
)
_ALLOWED = 5
"""So many of the pairs begin with a task that has the right to act, so that a fault late on its way can hit it."""
TURNS = 60


def schedule(seed: int, number: int) -> Schedule:
    """Schedule ``number`` of this seed. Its first fault is the next cell of the table, round and round."""
    rng = random.Random(f"{seed} {number}")
    kind, at = CELLS[number % len(CELLS)]
    calm = rng.random() < 0.6
    pairs = _PAIRS[:_ALLOWED] if calm else _PAIRS
    _, tested, first, second = rng.choices(pairs, weights=[pair[0] for pair in pairs])[0]
    decisions = [first, second]
    strikes = [_strike(rng, 0, kind, at)]
    if rng.random() < 0.4:
        strikes.append(_strike(rng, rng.randrange(2), *rng.choice(CELLS)))
    sides = [_side(rng, tested, decision) for decision in decisions]
    shared = decisions[0] is decisions[1] and rng.random() < 0.5
    if shared:
        sides[1] = Side(decisions[1], sides[0].asks, sides[0].answer, sides[1].cleared)
    return Schedule(
        name=f"{seed}-{number}",
        tested=tested,
        sides=(sides[0], sides[1]),
        shared=shared,
        strikes=tuple(strikes),
        happenings=_happenings(rng, 0 if calm else rng.randint(1, 3)),
        order=_order(rng, calm),
    )


def _strike(rng: random.Random, who: int, kind: Kind, at: At) -> Strike:
    most = {At.PROVE: 6, At.CONFIRM: 8, At.CLAIM: 3, At.TICKET: 3, At.SEAL: 2}.get(at, 1)
    return Strike(who, at, kind, nth=rng.randint(1, most), lasting=rng.random() < 0.5)


def _side(rng: random.Random, tested: ChecksSaid, decision: Decision) -> Side:
    asks = decision is OVERRIDE or (decision is HALT and rng.random() < 0.3)
    return Side(decision, asks, decision if asks else None, cleared=rng.random() < 0.4)


def _happenings(rng: random.Random, count: int) -> tuple[tuple[int, Happening], ...]:
    found = [(rng.randint(1, 12), rng.choice(list(Happening))) for _ in range(count)]
    return tuple(sorted(found))


def _order(rng: random.Random, calm: bool) -> tuple[int, ...]:
    """Runs of steps: one task alone for a while, or both in turns."""
    turns: list[int] = [0] * rng.randint(4, 8) if calm and rng.random() < 0.6 else []
    while len(turns) < TURNS:
        turns += [rng.randrange(2)] * rng.choice((1, 1, 1, 2, 3, 8))
    return tuple(turns[:TURNS])
