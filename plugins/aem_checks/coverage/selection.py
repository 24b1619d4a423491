"""Which fewest pages show every part at least once? Pure; the same pages give the same choice.

This is set cover. Pages that show the same, or less than another one, are dropped; pages without which a part is not
shown are taken. What is left is searched to the end where that takes few enough steps, so that on sites of usual size
the number is the least possible; else the greedy choice stands, without the pages that it turns out not to need.
Among choices of the least number the one with the fewest new pages is taken, so that releases can be compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from aem_checks.coverage.search import Shown, search

Parts = Collection[str]


@dataclass(frozen=True)
class Choice:
    """The pages to add, sorted, and what they and the named ones leave out."""

    pages: tuple[str, ...]
    missed: tuple[str, ...]
    """Parts that no named or chosen page shows, since there may be no more pages."""
    is_least: bool
    """Whether no smaller number of pages could show as much; unknown where it is false."""


def choose(
    pages: Mapping[str, Parts], *, named: Iterable[str] = (), before: Collection[str] = (), at_most: int
) -> Choice:
    """Choose among ``pages``, each with the parts that it shows.

    ``named`` pages are taken anyway and need no place among the ``at_most`` others; ``before`` are the pages of an
    earlier choice, which are preferred where that costs nothing.
    """
    taken = set(named)
    bit_of = _bits(_wanted(pages, taken))
    best = _one_page_each(pages, taken, bit_of, frozenset(before))
    sets = _undominated(best)
    found = search(sets, (1 << len(set(bit_of.values()))) - 1)
    chosen, is_least = found.masks, found.is_least
    if len(chosen) > at_most:
        chosen, is_least = _most_with(sets, at_most), False
    paths = tuple(sorted(best[mask].path for mask in chosen))
    shown = {part for path in (*taken, *paths) for part in pages.get(path, ())}
    missed = {part for parts in pages.values() for part in parts} - shown
    return Choice(paths, tuple(sorted(missed)), is_least)


_MOST_WANTED = 2000
"""Parts that are looked for; of more, as only a broken or hostile site has, those that most pages show."""


def _wanted(pages: Mapping[str, Parts], taken: Collection[str]) -> dict[str, list[int]]:
    """The parts that no taken page shows, each with the numbers of the pages that do."""
    shown = {part for path in taken for part in pages.get(path, ())}
    found: dict[str, list[int]] = {}
    for number, parts in enumerate(pages.values()):
        for part in parts:
            if part not in shown:
                found.setdefault(part, []).append(number)
    if len(found) > _MOST_WANTED:
        count = Counter({part: len(numbers) for part, numbers in sorted(found.items())})
        found = {part: found[part] for part, _ in count.most_common(_MOST_WANTED)}
    return found


def _bits(wanted: Mapping[str, list[int]]) -> dict[str, int]:
    """A bit for each part; parts that the very same pages show are one to the search."""
    by_pages: dict[tuple[int, ...], int] = {}
    return {part: by_pages.setdefault(tuple(wanted[part]), 1 << len(by_pages)) for part in sorted(wanted)}


@dataclass(frozen=True, order=True)
class _Page:
    """What is preferred among pages that show the same: known ones, then those near the root, then short ones."""

    is_new: bool
    depth: int
    length: int
    path: str


def _one_page_each(
    pages: Mapping[str, Parts], taken: Collection[str], bit_of: Mapping[str, int], before: Collection[str]
) -> dict[int, _Page]:
    """The best page for each set of wanted parts that some page shows."""
    best: dict[int, _Page] = {}
    for path, parts in pages.items():
        mask = 0
        for part in parts:
            mask |= bit_of.get(part, 0)
        if not mask or path in taken:
            continue
        page = _Page(path not in before, path.count("/"), len(path), path)
        if mask not in best or page < best[mask]:
            best[mask] = page
    return best


_MOST_COMPARED = 3000
"""Sets that are compared each with each; beyond that only the search itself sorts them out."""


def _undominated(best: Mapping[int, _Page]) -> list[Shown]:
    """Without the sets that lie in another one, unless they are of a known page and that one is not."""
    ordered = sorted(best, key=lambda mask: (-mask.bit_count(), best[mask]))
    sets = [Shown(mask, best[mask].is_new) for mask in ordered]
    if len(sets) > _MOST_COMPARED:
        return sets
    kept: list[Shown] = []
    for each in sets:
        if not any(each.mask | one.mask == one.mask and one.is_new <= each.is_new for one in kept):
            kept.append(each)
    return kept


def _most_with(sets: Iterable[Shown], at_most: int) -> tuple[int, ...]:
    """As many parts as a few pages can show, the richest page first."""
    left = list(sets)
    covered, chosen = 0, list[int]()
    while left and len(chosen) < at_most:
        richest = max(left, key=lambda each: ((each.mask & ~covered).bit_count(), not each.is_new))
        if not richest.mask & ~covered:
            break
        covered |= richest.mask
        chosen.append(richest.mask)
    return tuple(chosen)
