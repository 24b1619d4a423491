"""Which links are broken, and who links to them?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aem_checks.kinds.links._walk import missing_anchor
from aem_checks.urls import fault_of

if TYPE_CHECKING:
    from aem_checks.kinds.links._walk import Walk


@dataclass(frozen=True)
class Broken:
    """One address of the site that a link leads to and that is no good."""

    path: str
    """Path and query; all that is written where that is no address."""
    anchor: str
    """``#place`` where only the anchor is missing, else empty."""
    sources: tuple[str, ...]
    in_navigation: bool
    words: str
    is_failure: bool
    """Whether the site said so; otherwise there was no answer."""
    expected: str = field(default="status 200")

    is_address: bool = True
    """Whether anybody can ask for it."""

    @property
    def subject(self) -> str:
        return self.path + self.anchor


def sorted_out(walk: Walk, ignore: tuple[str, ...], *, anchors: bool) -> list[Broken]:
    """Every broken address once, with the pages that link to it, navigation first."""
    sources: dict[tuple[str, str], dict[str, None]] = {}
    navigated: set[tuple[str, str]] = set()
    for link in walk.links:
        if fault_of(link.url):
            sources.setdefault((link.url, ""), {})[link.source] = None
            navigated |= {(link.url, "")} if link.in_navigation else set()
            continue
        path = walk.path_of(link.url)
        if path is None or path.startswith(ignore) or path not in walk.places:
            continue
        place = walk.places[path]
        anchor = missing_anchor(link, place, walk.claimed) if anchors and place.is_good else ""
        if anchor or not place.is_good:
            sources.setdefault((path, anchor), {})[link.source] = None
            navigated |= {(path, anchor)} if link.in_navigation else set()
    found = [
        _broken(path, anchor, tuple(pages), (path, anchor) in navigated, walk)
        for (path, anchor), pages in sources.items()
    ]
    return sorted(found, key=lambda each: (not each.in_navigation, bool(each.anchor), each.path))


def count_good(walk: Walk) -> int:
    """How many addresses of the site are linked and good."""
    paths = {walk.path_of(link.url) for link in walk.links}
    return sum(path in walk.places and walk.places[path].is_good for path in paths if path)


def _broken(path: str, anchor: str, sources: tuple[str, ...], in_navigation: bool, walk: Walk) -> Broken:
    if anchor:
        return Broken(path, anchor, sources, in_navigation, "a page without this anchor", True, "the anchor")
    if path not in walk.places:
        words = f"no answer to anybody, since it {fault_of(path)}"
        return Broken(path, "", sources, in_navigation, words, True, "an address", is_address=False)
    place = walk.places[path]
    return Broken(path, "", sources, in_navigation, place.words, not place.is_unreached)
