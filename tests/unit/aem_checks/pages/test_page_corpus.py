"""Is each page of the corpus judged right by every check of pages, and do they all stand in the catalogue?"""

from __future__ import annotations

from pathlib import Path

import pytest

from unit.aem_checks.pages.page_case import Case
from unit.aem_checks.pages.page_corpus import CORPUS, KINDS, right_of, sums, table, told_of

CATALOGUE = Path(__file__).parents[4] / "docs" / "catalogue.md"
FEWEST = 60
WRITER = "PYTHONPATH=tests python -m unit.aem_checks.pages.page_corpus"


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_every_check_says_of_a_page_what_is_right(case: Case) -> None:
    assert told_of(case) == right_of(case)


def test_nothing_that_fails_and_blocks_is_said_of_a_good_page() -> None:
    good = [case for case in CORPUS if case.is_good]
    assert len(good) >= FEWEST // 2
    assert {case.name: said for case in good if "blocks" in " ".join(said := told_of(case).values())} == {}


def test_there_are_sixty_pages_and_each_has_its_own_name() -> None:
    assert len({case.name for case in CORPUS}) == len(CORPUS) >= FEWEST


def test_every_check_finds_fault_with_a_page_and_passes_another() -> None:
    told = [told_of(case) for case in CORPUS]
    assert {kind for kind in KINDS if any(kind not in each for each in told)} == set(KINDS)
    faults = {kind for each in told for kind, said in each.items() if not said.startswith("no answer")}
    assert faults == set(KINDS)


def test_the_tables_stand_in_the_catalogue() -> None:
    shown = CATALOGUE.read_text(encoding="utf-8")
    message = f"docs/catalogue.md is out of date. To do: put in what '{WRITER}' prints."
    assert "\n".join(table()) in shown, message
    assert "\n".join(sums()) in shown, message
