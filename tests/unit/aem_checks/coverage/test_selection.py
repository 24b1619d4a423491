"""Are the chosen pages as few as possible, complete, and the same from release to release?"""

from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from aem_checks.coverage.selection import choose

Pages = Mapping[str, frozenset[str]]
SMALL = st.dictionaries(
    st.integers(0, 9).map(lambda number: f"/{number}"),
    st.frozensets(st.integers(0, 9).map(lambda number: f"component:{number}"), max_size=5),
    max_size=9,
)


def everything(pages: Pages) -> set[str]:
    return {part for parts in pages.values() for part in parts}


def fewest(pages: Pages) -> tuple[int, int]:
    """By trying every set of pages: the least number, and of those the least that are odd, which stand for new ones."""
    for number in range(len(pages) + 1):
        good = [
            sum(int(path[1:]) % 2 for path in some)
            for some in combinations(pages, number)
            if everything({path: pages[path] for path in some}) == everything(pages)
        ]
        if good:
            return number, min(good)
    raise AssertionError("all pages together show everything")


@given(SMALL)
@settings(max_examples=80, deadline=None)
def test_small_cases_are_the_exact_minimum_with_the_fewest_new_pages(pages: Pages) -> None:
    before = [path for path in pages if int(path[1:]) % 2 == 0]
    choice = choose(pages, before=before, at_most=99)
    assert everything({path: pages[path] for path in choice.pages}) == everything(pages)
    assert choice.is_least
    assert (len(choice.pages), sum(path not in before for path in choice.pages)) == fewest(pages)


@given(SMALL, st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_the_order_in_which_pages_are_listed_changes_nothing(pages: Pages, chance: random.Random) -> None:
    shuffled = list(pages.items())
    chance.shuffle(shuffled)
    assert choose(dict(shuffled), at_most=3) == choose(pages, at_most=3)


def test_what_a_named_page_shows_needs_no_other_page() -> None:
    pages = {"/": frozenset("ab"), "/x": frozenset("bc"), "/y": frozenset("abc")}
    choice = choose(pages, named=["/"], at_most=5)
    assert (choice.pages, choice.missed) == (("/x",), ())


def test_a_page_of_the_last_choice_stays_though_others_show_the_same_or_more() -> None:
    pages = {
        "/a": frozenset("ab"),
        "/old/page": frozenset("ab"),
        "/rich": frozenset("abz"),
        "/z": frozenset("z"),
    }
    assert choose(pages, at_most=5).pages == ("/rich",)
    assert choose({**pages, "/rich": frozenset("abc")}, before=["/old/page"], at_most=5).pages == (
        "/rich",
        "/z",
    )
    without = {path: parts for path, parts in pages.items() if path != "/rich"}
    assert choose(without, before=["/old/page"], at_most=5).pages == ("/old/page", "/z")
    assert choose(without, at_most=5).pages == ("/a", "/z")


def test_where_there_may_be_too_few_pages_the_richest_are_taken_and_the_rest_is_named() -> None:
    pages = {"/a": frozenset("abc"), "/b": frozenset("de"), "/c": frozenset("f")}
    choice = choose(pages, at_most=2)
    assert (choice.pages, choice.missed, choice.is_least) == (("/a", "/b"), ("f",), False)


def test_nothing_to_show_needs_no_page() -> None:
    assert choose({}, at_most=5).pages == ()
    assert choose({"/": frozenset()}, at_most=5).pages == ()


def test_a_hostile_site_with_a_name_of_its_own_for_everything_ends_too() -> None:
    chance = random.Random(7)
    pages = {f"/{n}": frozenset(f"x{chance.randrange(9000)}" for _ in range(60)) for n in range(300)}
    choice = choose(pages, at_most=20)
    assert len(choice.pages) == 20
    assert not choice.is_least
    assert len(choice.missed) + len(everything({path: pages[path] for path in choice.pages})) == len(
        everything(pages)
    )
