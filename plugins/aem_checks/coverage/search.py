"""Which fewest sets cover everything? Branch and bound over bit masks, with a limit on its steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

MOST_STEPS = 20_000
"""Nodes of the search tree; a second or two. Counted, not timed, so that two machines choose the same."""
_BEGINNINGS, _MOST_WORK, _IMPROVED = 40, 1_500_000, 3
"""Greedy choices that are tried, the steps that they may take together, and how many of them are improved."""
_MOST_PARTS, _DEEPEST = 400, 100
"""Beyond so many parts, or pages in the greedy choice, nothing is searched."""
_A_PAGE = 1_000_000
"""What a set costs; a new page costs one more, so that the number decides first."""


class Shown(NamedTuple):
    """What one page shows, a bit for each part."""

    mask: int
    is_new: bool


@dataclass(frozen=True)
class Covering:
    """The sets that cover everything, as masks."""

    masks: tuple[int, ...]
    is_least: bool
    """Whether it is proven that no smaller number of sets does."""


def search(sets: Sequence[Shown], everything: int) -> Covering:
    """Cover ``everything``; the union of all sets has to do so. The order of ``sets`` decides between equals."""
    forced, rest = _forced(sets, everything)
    covered = 0
    for each in forced:
        covered |= each.mask
    left = [each for each in rest if each.mask & ~covered]
    found = _Search(left, everything & ~covered)
    found.run()
    return Covering(tuple(each.mask for each in (*forced, *found.best)), not found.gave_up)


def _forced(sets: Sequence[Shown], everything: int) -> tuple[list[Shown], list[Shown]]:
    """The sets without which a part is not covered, and the others."""
    once = twice = 0
    for each in sets:
        twice |= once & each.mask
        once |= each.mask
    only = once & ~twice & everything
    forced = [each for each in sets if each.mask & only]
    return forced, [each for each in sets if not each.mask & only]


class _Search:
    """Depth first: the part that the fewest sets cover is covered by each of these in turn."""

    def __init__(self, sets: Sequence[Shown], everything: int) -> None:
        self.sets = sets
        self.everything = everything
        self.gave_up = False
        self.best = _good(sets, everything)
        self.least = _cost(self.best)
        self._steps = 0
        self._covering: list[tuple[int, list[Shown]]] = []

    def run(self) -> None:
        if not self.everything:
            return
        if not _is_small(self.everything, self.best):
            self.gave_up = True
            return
        self._covering = self._sets_of_each_part()
        self._go_on(0, [], 0)

    def _sets_of_each_part(self) -> list[tuple[int, list[Shown]]]:
        """The parts that are rarest first, each with the sets that cover it, the richest of those first."""
        found = []
        left = self.everything
        while left:
            bit = left & -left
            left ^= bit
            found.append((bit, [each for each in self.sets if each.mask & bit]))
        return sorted(found, key=lambda each: len(each[1]))

    def _go_on(self, covered: int, chosen: list[Shown], cost: int) -> None:
        self._steps += 1
        if self._steps > MOST_STEPS:
            self.gave_up = True
            return
        missing = self.everything & ~covered
        if not missing:
            if cost < self.least:
                self.best, self.least = list(chosen), cost
            return
        if cost + self._at_least(missing) * _A_PAGE >= self.least:
            return
        _, ways = next(each for each in self._covering if each[0] & missing)
        for each in sorted(ways, key=lambda way: (-(way.mask & missing).bit_count(), way.is_new)):
            if self.gave_up:
                return
            chosen.append(each)
            self._go_on(covered | each.mask, chosen, cost + _cost([each]))
            chosen.pop()

    def _at_least(self, missing: int) -> int:
        """How many more sets are needed at least: parts of which no set covers two each need one of their own."""
        needed = 0
        for bit, ways in self._covering:
            if bit & missing:
                needed += 1
                for each in ways:
                    missing &= ~each.mask
        return needed


def _good(sets: Sequence[Shown], everything: int) -> list[Shown]:
    """The best of some greedy choices, each with another beginning, improved where one set can stand for two."""
    plain = _without_idle(_greedy(sets, everything), everything)
    if not _is_small(everything, plain):
        return plain
    number = min(_BEGINNINGS, _MOST_WORK // (len(sets) * len(plain) + 1))
    beginnings = sorted(sets, key=lambda each: -(each.mask & everything).bit_count())[:number]
    others = (_without_idle(_greedy(sets, everything, each), everything) for each in beginnings)
    choices = sorted([plain, *others], key=_cost)[:_IMPROVED]
    return min((_improved(each, sets, everything) for each in choices), key=_cost)


def _is_small(everything: int, chosen: Sequence[Shown]) -> bool:
    """Whether it is worth more than a first greedy choice."""
    return everything.bit_count() <= _MOST_PARTS and len(chosen) <= _DEEPEST


def _improved(chosen: list[Shown], sets: Sequence[Shown], everything: int) -> list[Shown]:
    """With one set in the place of two, as often as there is such a one."""
    while (better := _one_for_two(chosen, sets, everything)) is not None:
        chosen = _without_idle(better, everything)
    return chosen


def _one_for_two(chosen: list[Shown], sets: Sequence[Shown], everything: int) -> list[Shown] | None:
    for one, other in combinations(chosen, 2):
        rest = 0
        for each in chosen:
            rest |= 0 if each is one or each is other else each.mask
        alone = everything & ~rest
        found = next((each for each in sets if not alone & ~each.mask), None)
        if found is not None:
            return [*(each for each in chosen if each is not one and each is not other), found]
    return None


def _greedy(sets: Sequence[Shown], everything: int, first: Shown | None = None) -> list[Shown]:
    chosen = [first] if first else []
    missing = everything & ~(first.mask if first else 0)
    while missing:
        best = max(sets, key=lambda each: ((each.mask & missing).bit_count(), not each.is_new))
        if not best.mask & missing:
            break
        missing &= ~best.mask
        chosen.append(best)
    return chosen


def _without_idle(chosen: Sequence[Shown], everything: int) -> list[Shown]:
    """Without the sets whose parts the others cover too, those of new pages first."""
    kept = list(chosen)
    for each in sorted(chosen, key=lambda one: (not one.is_new, one.mask.bit_count())):
        others = 0
        for one in kept:
            others |= one.mask if one is not each else 0
        if others & everything == everything:
            kept.remove(each)
    return kept


def _cost(sets: Sequence[Shown]) -> int:
    return sum(_A_PAGE + each.is_new for each in sets)
