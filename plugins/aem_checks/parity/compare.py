"""What does one side always say and the other never? Everything that a side says only at times is noise."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from aem_checks.parity.facts import ALONE, Fact, Facts

NOTHING: Facts = frozenset()


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What separates the two sides on one page, by all answers so far."""

    lost: Facts = NOTHING
    """What production always says and stage never."""
    gained: Facts = NOTHING
    """What stage always says and production never."""

    def __bool__(self) -> bool:
        return bool(self.lost or self.gained)

    @property
    def facts(self) -> Facts:
        return self.lost | self.gained

    def without(self, facts: Iterable[Fact]) -> Suspicion:
        known = frozenset(facts)
        return Suspicion(self.lost - known, self.gained - known)


@dataclass(slots=True)
class Side:
    """All answers of one side for one page, added up."""

    always: Facts = NOTHING
    ever: Facts = NOTHING
    answers: int = 0

    def add(self, facts: Facts) -> None:
        self.always = facts if self.answers == 0 else self.always & facts
        self.ever |= facts
        self.answers += 1

    @property
    def noise(self) -> Facts:
        """What it said in some of its answers only."""
        return self.ever - self.always


@dataclass(slots=True)
class Pair:
    """One path on both sides, answer by answer."""

    path: str
    production: Side = field(default_factory=Side)
    stage: Side = field(default_factory=Side)

    def suspicion(self) -> Suspicion:
        """What differs beyond noise. Where status or type differ, all else does and is left out."""
        found = Suspicion(self.production.always - self.stage.ever, self.stage.always - self.production.ever)
        alone = frozenset(fact for fact in found.facts if fact[0] in ALONE)
        if not alone:
            return found
        first = min(alone, key=lambda fact: fact[0] != "status")[0]
        return Suspicion(_of(found.lost, first), _of(found.gained, first))

    @property
    def noise(self) -> Facts:
        return self.production.noise | self.stage.noise


def _of(facts: Facts, name: str) -> Facts:
    return frozenset(fact for fact in facts if fact[0] == name)


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of one page: what production says there and what stage says instead."""

    path: str
    field: str
    production: tuple[str, ...]
    stage: tuple[str, ...]


def by_field(path: str, suspicion: Suspicion) -> list[Difference]:
    """The suspicion of one page, field by field."""
    names = sorted({name for name, _ in suspicion.facts})
    return [
        Difference(path, name, _values(suspicion.lost, name), _values(suspicion.gained, name))
        for name in names
    ]


def _values(facts: Facts, name: str) -> tuple[str, ...]:
    return tuple(sorted(value for field_name, value in facts if field_name == name))


def groups(differences: Iterable[Difference]) -> list[Sequence[Difference]]:
    """The same difference on many pages is one group; the largest first. Fields of which each page has its own
    value are one group each."""
    found: dict[tuple[object, ...], list[Difference]] = {}
    for each in differences:
        key = (each.field,) if is_of_page(each.field) else (each.field, each.production, each.stage)
        found.setdefault(key, []).append(each)
    return sorted(found.values(), key=lambda group: (-len(group), group[0].field))


def is_of_page(name: str) -> bool:
    """Whether each page has its own value, so that two pages that differ in it differ in the same way."""
    return name in {"title", "canonical", "redirect", "hreflang"} or name.startswith("meta ")
