"""What was looked at, what was chosen and why: ``coverage.json`` in the evidence of a site."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from aem_checks.coverage.selection import choose

if TYPE_CHECKING:
    from datetime import datetime

    from aem_checks.coverage.look import Look
    from aem_checks.sites import SiteConfig

FILE = "coverage.json"
MEASURES = "coverage/measures.json"
"""The numbers alone, for whoever follows them over the releases."""
MOST_HISTORY = 30
"""Releases of which the numbers are carried along."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Point(_Part):
    """One release in the trend."""

    release: str
    """As words in a sentence; empty for the newest, which has no name yet."""
    at: AwareDatetime
    seen: int
    """Components and templates that the looked-at pages show."""
    shown: int
    """Of those, on pages that were recorded and judged."""
    pages: int
    """Pages that were recorded and judged."""


class Coverage(_Part):
    """Everything about one choice of pages."""

    format: Literal[1] = 1
    site: str
    at: AwareDatetime
    source: str
    """Where the pages to look at came from, as words in a sentence."""
    listed: int
    """How many it named."""
    pages: Mapping[str, tuple[str, ...]]
    """Every page that was looked at, with its parts: ``component:teaser``, ``template:article-page``."""
    unusable: Mapping[str, str]
    """What was asked and is no page: why not."""
    named: tuple[str, ...]
    """The pages that the gate file names."""
    chosen: tuple[str, ...]
    """The pages that are recorded beside them."""
    broken: tuple[str, ...] = ()
    """Of the chosen ones: those of the last release's choice that no longer answer as a page."""
    is_least: bool
    """Whether it is proven that fewer pages could not show as much."""
    missed: tuple[str, ...]
    """Parts that were seen and that no recorded page shows."""
    lost: tuple[str, ...] = ()
    """Parts that the last release's look saw, and that no page of this one shows."""
    problems: tuple[str, ...] = ()
    since: str = ""
    """The release whose choice was preferred; empty for the first one."""
    history: tuple[Point, ...] = ()
    """The releases before, oldest first."""

    @property
    def recorded(self) -> tuple[str, ...]:
        """The pages to record, the named ones first."""
        return tuple(dict.fromkeys((*self.named, *self.chosen)))

    @property
    def seen(self) -> dict[str, list[str]]:
        """Every part, with the pages that show it."""
        found: dict[str, list[str]] = {}
        for path, parts in self.pages.items():
            for part in parts:
                found.setdefault(part, []).append(path)
        return dict(sorted(found.items()))

    @property
    def point(self) -> Point:
        """This release in the trend."""
        seen = len(self.seen)
        return Point(
            release="", at=self.at, seen=seen, shown=seen - len(self.missed), pages=len(self.recorded)
        )

    @property
    def measures(self) -> dict[str, int]:
        """Flat numbers for a ledger."""
        point = self.point
        return {
            "parts_seen": point.seen,
            "parts_tested": point.shown,
            "pages_tested": point.pages,
            "pages_looked_at": len(self.pages) + len(self.unusable),
        }


def read_coverage(content: bytes | None) -> Coverage | None:
    """A stored choice; ``None`` where there is none, or none that this version understands."""
    if content is None:
        return None
    try:
        return Coverage.model_validate_json(content)
    except ValidationError:
        return None


def coverage_of(
    site: SiteConfig, look: Look, at: datetime, before: Coverage | None = None, release: str = ""
) -> Coverage:
    """Choose among what was seen. ``before`` is the choice of ``release``, the last one that was approved."""
    assert site.coverage is not None, "only asked where pages are chosen"
    kept = before.chosen if before else ()
    broken = _broken(look, kept, before)
    room = max(0, site.coverage.pages - len(broken))
    choice = choose(look.pages, named=site.pages, before=frozenset(kept), at_most=room)
    chosen = choice.pages if look.pages else tuple(kept)
    pages = {path: tuple(sorted(parts)) for path, parts in sorted(look.pages.items())}
    seen = {part for parts in pages.values() for part in parts}
    return Coverage(
        site=site.name,
        at=at,
        source=look.source,
        listed=look.listed,
        pages=pages,
        unusable=dict(sorted(look.unusable.items())),
        named=site.pages,
        chosen=tuple(sorted({*chosen, *broken})),
        broken=broken,
        is_least=choice.is_least,
        missed=choice.missed,
        lost=tuple(sorted(before.seen.keys() - seen)) if before and look.pages else (),
        problems=tuple(look.problems),
        since=release if before else "",
        history=_history(before, release),
    )


def _broken(look: Look, kept: tuple[str, ...], before: Coverage | None) -> tuple[str, ...]:
    """Pages of the earlier choice that do not answer now and are not known to be gone on purpose.

    They are recorded all the same, so that the checks say what is wrong with them, instead of another page being
    chosen in their place. A page that answers 404 or 410 was removed with its content, which is no fault of a release.
    """
    if not look.pages or before is None:
        return ()
    gone = ("status 404", "status 410")
    return tuple(path for path in kept if path in look.unusable and not look.unusable[path].startswith(gone))


def _history(before: Coverage | None, release: str) -> tuple[Point, ...]:
    if before is None:
        return ()
    point = before.point.model_copy(update={"release": release})
    return (*before.history, point)[-MOST_HISTORY:]
