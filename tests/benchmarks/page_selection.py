"""How long does it take to choose pages on a site of 20,000, and are the choices as few as can be where that can be tried?"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from itertools import combinations
from statistics import median
from typing import TypeVar

from aem_checks.coverage.candidates import paths_of, worth_a_look
from aem_checks.coverage.selection import Choice, choose
from benchmarks.figures import Figure, say

Pages = Mapping[str, frozenset[str]]
Result = TypeVar("Result")
URLS, LOOKED_AT, FOLDERS, TEMPLATES, COMPONENTS = 20_000, 200, 400, 15, 120
SMALL_CASES = 300
REPETITIONS = 3
NAMED = ("/us/en/section-0/page-0.html",)
TITLE = f"9. Page selection: a sitemap of {URLS:,} URLs, {COMPONENTS} components on {TEMPLATES} templates"
NOTES = (
    f"Spread: which {LOOKED_AT} of the URLs are looked at. Choice: the fewest pages that show every component and template,",
    "for the pages that a gate looks at, and for all of them as if each had been. Every template has components of its own,",
    "of which a page has one to six, and one page in twenty has one of another template. The greedy choice is what most",
    f"tools stop at. Small cases: {SMALL_CASES} random sites of up to 12 pages and 12 components; the exact minimum is found",
    "by trying all sets of pages. Processor time, medians of 3. Nothing is fetched: at 10 requests/s the look takes 20 s.",
)


def measure() -> list[Figure]:
    """Times on a large site, and numbers of pages against the exact minimum on small ones."""
    site = _site(random.Random(20))
    urls = [f"https://www.example.com{path}" for path in site]
    spread, looked = _timed(
        lambda: worth_a_look(paths_of(urls, {"www.example.com"}), first=NAMED, at_most=LOOKED_AT)
    )
    seen = {path: site[path] for path in looked}
    few, choice = _timed(lambda: choose(seen, named=NAMED, at_most=200))
    all_of_it, largest = _timed(lambda: choose(site, named=NAMED, at_most=200))
    say(f"  {len(choice.pages)} of {len(seen)} pages, {len(largest.pages)} of {len(site)} pages")
    above, proven = _against_the_minimum()
    found = len(frozenset().union(*seen.values()))
    return [
        Figure("choosing which URLs to look at", spread, "s", None, f"{LOOKED_AT} of {URLS:,}, in {FOLDERS} folders"),
        Figure("choosing pages, of those looked at", few, "s", 5, _told(choice, seen, found)),
        Figure("choosing pages, of all", all_of_it, "s", 10, _told(largest, site, COMPONENTS + TEMPLATES)),
        Figure("pages above the exact minimum, small cases", above, "pages", 0, f"{SMALL_CASES} cases, {proven} proven least"),
    ]  # fmt: skip


def _told(choice: Choice, pages: Pages, parts: int) -> str:
    proven = "proven least" if choice.is_least else "not proven least"
    return f"{len(choice.pages) + 1} pages show {parts} parts ({proven}); greedy {_greedy(pages) + 1}"


def _timed(work: Callable[[], Result]) -> tuple[float, Result]:
    seconds, results = list[float](), list[Result]()
    for _ in range(REPETITIONS):
        began = time.process_time()
        results.append(work())
        seconds.append(time.process_time() - began)
    return median(seconds), results[0]


def _site(chance: random.Random) -> dict[str, frozenset[str]]:
    """Path to what the page shows."""
    a_template = COMPONENTS // TEMPLATES
    pages = {}
    for number in range(URLS):
        template = chance.randrange(TEMPLATES)
        own = range(template * a_template, (template + 1) * a_template)
        shown = {0, 1, 2, *chance.sample(own, chance.randint(1, 6))}
        if chance.random() < 0.05:
            shown.add(chance.randrange(COMPONENTS))
        parts = {f"component:c{each}" for each in shown} | {f"template:t{template}"}
        pages[f"/us/en/section-{number % FOLDERS}/page-{number}.html"] = frozenset(parts)
    return pages


def _greedy(pages: Pages) -> int:
    """How many pages the richest-first choice needs beside the named one."""
    missing = set().union(*pages.values()) - set(pages[NAMED[0]])
    number = 0
    while missing:
        missing -= max(pages.values(), key=lambda parts: len(parts & missing))
        number += 1
    return number


def _against_the_minimum() -> tuple[int, int]:
    """Pages too many over all small cases, and in how many of them the choice says that it is the least."""
    chance = random.Random(9)
    above = proven = 0
    for _ in range(SMALL_CASES):
        parts, density = range(chance.randint(1, 12)), chance.choice((0.15, 0.3, 0.5))
        pages = {
            f"/{number}": frozenset(f"c{part}" for part in parts if chance.random() < density)
            for number in range(chance.randint(1, 12))
        }
        choice = choose(pages, at_most=99)
        above += len(choice.pages) - _minimum(pages)
        proven += choice.is_least
    return above, proven


def _minimum(pages: Pages) -> int:
    wanted = frozenset().union(*pages.values())
    for number in range(len(pages) + 1):
        for some in combinations(pages.values(), number):
            if frozenset().union(*some) == wanted:
                return number
    raise AssertionError("all pages together show everything")
