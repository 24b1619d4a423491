"""Does each check catch its failure, and does none find fault with a clean site?"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aem_checks.kinds import all_kinds
from aem_checks.outcomes import Outcome
from catalogue.seeds import Clean, Seed
from catalogue.table import clean, needs_chromium, seeds
from catalogue.verdict import problem
from catalogue.world import World
from simulator.aem.defects import DEFECTS

NOT_OF_ONE_CHECK = frozenset({"slow"})
"""Defects that are about time alone: they make every check slow, and none fails by that."""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with World.running() as running:
        yield running


def _rows(rows: tuple[Seed, ...] | tuple[Clean, ...]) -> list[object]:
    marks = [(pytest.mark.browser, pytest.mark.xdist_group("browser")), ()]
    return [pytest.param(row, id=row.name, marks=marks[not needs_chromium(row)]) for row in rows]


@pytest.mark.parametrize("seed", _rows(seeds()))
def test_a_check_catches_the_failure_that_it_exists_for(world: World, seed: Seed) -> None:
    said = problem(seed, world.run(seed))
    assert not said, said


@pytest.mark.parametrize("row", _rows(clean()))
def test_a_check_passes_on_the_clean_site(world: World, row: Clean) -> None:
    world.prepare()
    said = problem(row, world.run(row))
    assert not said, said


@pytest.mark.parametrize("row", _rows(tuple(row for row in clean() if not row.baseline)))
def test_a_check_does_not_fail_on_the_clean_site_while_nodes_roll_and_caches_are_warm(
    world: World, row: Clean
) -> None:
    """``settled`` says that it is too early; everything else finds nothing wrong."""
    world.prepare()
    with world.rolling():
        result = world.run(row, warm=True)
    assert result.outcome is not Outcome.FAILED, result.sentences
    if row.kind != "settled":
        said = problem(row, result)
        assert not said, said


def test_every_kind_has_a_failure_that_it_catches_and_passes_on_the_clean_site() -> None:
    assert set(all_kinds()) - {seed.kind for seed in seeds()} == set()
    assert set(all_kinds()) - {row.kind for row in clean()} == set()


def test_every_defect_of_the_simulated_site_is_caught_by_a_check() -> None:
    caught = {name for seed in seeds() for name in seed.defects}
    assert caught <= DEFECTS
    assert caught | NOT_OF_ONE_CHECK == DEFECTS | NOT_OF_ONE_CHECK


def test_no_row_stands_in_the_table_twice() -> None:
    for rows in (seeds(), clean()):
        names = [row.name for row in rows]
        assert len(set(names)) == len(names), sorted({name for name in names if names.count(name) > 1})
