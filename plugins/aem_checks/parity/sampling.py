"""Is a difference steady? Pages that look different are asked again, until chance has no part in it.

Production is asked twice and stage once. A page whose answers could still differ by chance (a rotating teaser,
an experiment with two classes) is asked further, on both sides at once. The same difference on many pages is
asked about on a few of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from aem_checks.asks import together
from aem_checks.parity.compare import Pair, Suspicion

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.parity.facts import Fact, Facts

SideName = Literal["production", "stage"]
Ask = Callable[[str, SideName, int], "Steps[Facts | None]"]
"""Facts of a path on a side; the number counts the answers of that side from 0. ``None``: no usable answer."""
EXAMPLES = 3
"""Pages on which one and the same difference is confirmed; the others are believed."""
MOST_MIXED = 100
"""Pages that are asked again because a difference was steady on some of its examples and not on others."""


@dataclass(slots=True)
class Compared:
    """All pages, what differs on each beyond noise, and what was noise."""

    pairs: list[Pair] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    """Paths of which a side gave no usable answer."""
    suspicions: dict[str, Suspicion] = field(default_factory=dict)
    noise: Counter[str] = field(default_factory=Counter)
    """Facts per field that changed from answer to answer of the same side, or did so on other pages."""
    noisy_pages: int = 0
    asked_again: int = 0
    """Further requests that it took to tell differences from chance."""


def compare(paths: Iterable[str], ask: Ask, *, rounds: int) -> Steps[Compared]:
    """Ask for every path and say what differs. ``rounds``: how often a suspicion is asked about again."""
    compared = Compared()
    found = yield from together(_first(path, ask) for path in paths)
    for path, pair in found:
        if pair is None:
            compared.lost.append(path)
        else:
            compared.pairs.append(pair)
    yield from _Confirmation(compared, ask, rounds).run()
    noisy = [pair for pair in compared.pairs if pair.noise]
    compared.noisy_pages = len(noisy)
    compared.noise.update(name for pair in noisy for name, _ in pair.noise)
    return compared


def _first(path: str, ask: Ask) -> Steps[tuple[str, Pair | None]]:
    """Production twice and stage once."""
    one, two, stage = yield from together(
        (ask(path, "production", 0), ask(path, "production", 1), ask(path, "stage", 0))
    )
    if stage is None or (one is None and two is None):
        return path, None
    pair = Pair(path)
    for facts in (one, two):
        if facts is not None:
            pair.production.add(facts)
    pair.stage.add(stage)
    return path, pair


class _Confirmation:
    def __init__(self, compared: Compared, ask: Ask, rounds: int) -> None:
        self._compared, self._ask, self._rounds = compared, ask, rounds
        self._asked: set[str] = set()
        self._suspected: dict[str, Suspicion] = {}

    def run(self) -> Steps[None]:
        self._suspected = {pair.path: found for pair in self._compared.pairs if (found := pair.suspicion())}
        pairs = {pair.path: pair for pair in self._compared.pairs if pair.path in self._suspected}
        yield from self._ask_again([pairs[path] for path in _examples(self._suspected)])
        mixed = self._mixed(pairs.values())
        further = [
            p.path for p in pairs.values() if p.path not in self._asked and p.suspicion().facts & mixed
        ]
        yield from self._ask_again([pairs[path] for path in further[:MOST_MIXED]])
        refuted = self._refuted(pairs.values())
        for path, pair in pairs.items():
            left = pair.suspicion()
            steady = left if path in self._asked else left.without(refuted)
            if steady:
                self._compared.suspicions[path] = steady
            self._compared.noise.update(name for name, _ in left.facts - steady.facts)

    def _ask_again(self, pairs: Sequence[Pair]) -> Steps[None]:
        self._asked.update(pair.path for pair in pairs)
        yield from together(self._until_steady(pair) for pair in pairs)

    def _until_steady(self, pair: Pair) -> Steps[None]:
        """Further answers of both sides, until nothing separates them any more or the rounds are over."""
        for _ in range(self._rounds):
            if not pair.suspicion():
                return
            production, stage = yield from together(
                (
                    self._ask(pair.path, "production", pair.production.answers),
                    self._ask(pair.path, "stage", pair.stage.answers),
                )
            )
            self._compared.asked_again += 2
            if production is not None:
                pair.production.add(production)
            if stage is not None:
                pair.stage.add(stage)

    def _verdicts(self, pairs: Iterable[Pair]) -> tuple[set[Fact], set[Fact]]:
        """Facts that were steady on a page that was asked again, and facts that were not."""
        steady: set[Fact] = set()
        chance: set[Fact] = set()
        for pair in pairs:
            if pair.path in self._asked:
                left = pair.suspicion().facts
                steady |= left
                chance |= self._suspected[pair.path].facts - left
        return steady, chance

    def _mixed(self, pairs: Iterable[Pair]) -> set[Fact]:
        steady, chance = self._verdicts(pairs)
        return steady & chance

    def _refuted(self, pairs: Iterable[Pair]) -> set[Fact]:
        steady, chance = self._verdicts(pairs)
        return chance - steady


def _examples(suspected: dict[str, Suspicion]) -> list[str]:
    """Paths to ask again, so that every fact is asked about on ``EXAMPLES`` of its pages."""
    counts: Counter[Fact] = Counter()
    chosen = []
    for path, suspicion in suspected.items():
        if any(counts[fact] < EXAMPLES for fact in suspicion.facts):
            chosen.append(path)
            counts.update(suspicion.facts)
    return chosen
