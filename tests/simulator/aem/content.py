"""Which pages does the simulated site have? Two language trees of the same shape, as large as asked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from simulator.aem.words import LOCALES, PLACES, Locale

DEFAULT_PAGES = 44
"""Pages per language tree."""

_FIXED = {
    "": "home",
    "magazine": "landing",
    "adventures": "landing",
    "gear": "landing",
    "about": "article",
    "search": "search",
    "contact": "contact",
}
LATE_PAGE = "season"
"""The page of each tree that arrives with the mutable content of a release, after its code."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page; ``path`` has no extension and no ``/content`` prefix."""

    path: str
    template: str
    locale: Locale
    title: str
    description: str
    number: int

    @property
    def url(self) -> str:
        return f"{self.path}.html"

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]

    @property
    def parent(self) -> str:
        return self.path.rsplit("/", 1)[0]

    @property
    def paragraphs(self) -> tuple[str, ...]:
        known = self.locale.paragraphs
        return tuple(known[(self.number + step) % len(known)] for step in range(3))

    def in_tree(self, locale: Locale) -> str:
        """The path of the same page in another language tree."""
        return locale.root + self.path.removeprefix(self.locale.root)


@dataclass(frozen=True, slots=True)
class Site:
    """All pages of the published content, and how they hang together."""

    pages: dict[str, Page]
    children: dict[str, tuple[Page, ...]]
    following: dict[str, Page]
    late: dict[str, Page]

    def tree(self, locale: Locale) -> list[Page]:
        return [page for page in self.pages.values() if page.locale is locale]


@lru_cache(maxsize=8)
def site(pages_per_locale: int = DEFAULT_PAGES) -> Site:
    """The site with that many pages in each tree; at least the seven fixed ones."""
    pages = {page.path: page for locale in LOCALES for page in _tree(locale, pages_per_locale)}
    late = {page.path: page for page in (_fixed(locale, LATE_PAGE, "landing", 3) for locale in LOCALES)}
    children: dict[str, list[Page]] = {}
    for page in pages.values():
        children.setdefault(page.parent, []).append(page)
    following = {
        page.path: after
        for siblings in children.values()
        for page, after in zip(siblings, siblings[1:] + siblings[:1], strict=True)
        if page.template in ("article", "adventure")
    }
    return Site(pages, {parent: tuple(found) for parent, found in children.items()}, following, late)


def _tree(locale: Locale, size: int) -> list[Page]:
    fixed = [_fixed(locale, name, template, number) for number, (name, template) in enumerate(_FIXED.items())]
    generated = [_generated(locale, number) for number in range(max(0, size - len(fixed)))]
    return fixed + generated


def _fixed(locale: Locale, name: str, template: str, number: int) -> Page:
    title, description = locale.titles[name]
    path = f"{locale.root}/{name}" if name else locale.root
    return Page(path, template, locale, title, description, number)


def _generated(locale: Locale, number: int) -> Page:
    """Articles and adventures in turn: every activity at every place, then again with a number."""
    section, template = (("magazine", "article"), ("adventures", "adventure"))[number % 2]
    turn, combination = divmod(number // 2, len(PLACES) * len(locale.activities))
    place = PLACES[combination % len(PLACES)]
    activity = sorted(locale.activities)[(combination + combination // len(PLACES)) % len(locale.activities)]
    again = f" {turn + 1}" if turn else ""
    slug = f"{activity} {place}{again}".lower().replace(" ", "-")
    title = f"{locale.activities[activity]} {locale.near} {place}{again}"
    description = locale.paragraphs[number % len(locale.paragraphs)]
    return Page(f"{locale.root}/{section}/{slug}", template, locale, title, description, number)
