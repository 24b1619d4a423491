"""Which components of a site were tested, by which check, what never is, and what do people still try out by hand?

The part of the report on coverage, whose words ``templates/coverage.html`` puts in place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aem_checks.coverage.record import FILE, Coverage, read_coverage
from aem_checks.kinds import file_of_own_kind
from aem_checks.outcomes import Outcome
from stage_gate.evidence.files import read
from stage_gate.rules.plan import SMOKE_TESTS

if TYPE_CHECKING:
    from aem_checks.config import ConfiguredCheck
    from stage_gate.configuration.gate import Gate
    from stage_gate.evidence.ledger import Ledger
    from stage_gate.evidence.seal import Sealed
    from stage_gate.rules.plan import Plan

_PAGES_SHOWN = 3
_ANSWERS = frozenset({Outcome.PASSED, Outcome.FAILED})


@dataclass(frozen=True)
class SiteCoverage:
    """The choice of pages of one site, and which checks looked at which of them."""

    coverage: Coverage
    looked: tuple[tuple[str, tuple[str, ...]], ...]
    """Checks that gave an answer, each with the recorded pages that it looked at."""

    def tested_by(self, part: str) -> list[str]:
        """The checks that looked at a page which shows this component or template."""
        pages = set(self.coverage.seen.get(part, ()))
        return [check for check, looked in self.looked if pages.intersection(looked)]

    @property
    def never_tested(self) -> list[str]:
        return [part for part in self.coverage.seen if not self.tested_by(part)]

    @property
    def tested(self) -> int:
        """How many components and templates were tested."""
        return self.coverage.point.seen - len(self.never_tested)

    @property
    def sentences(self) -> list[str]:
        return list(_sentences(self))

    @property
    def parts(self) -> list[Part]:
        """Component by component."""
        return [_part(self, *each) for each in self.coverage.seen.items()]

    @property
    def trend(self) -> list[tuple[str, str, int, int, int]]:
        """The releases that were compared with, one after the other, and this one: seen, tested, pages."""
        now = self.coverage.point
        before = [(p.release, f"{p.at:%Y-%m-%d}", p.seen, p.shown, p.pages) for p in self.coverage.history]
        return [*before, ("this one", f"{now.at:%Y-%m-%d}", now.seen, self.tested, now.pages)]


@dataclass(frozen=True)
class Part:
    """One component or template, in words."""

    name: str
    seen_on: int
    """Pages."""
    tested_on: str
    tested_by: str


def read_coverages(folder: Path, gate: Gate, sealed: Sealed) -> tuple[SiteCoverage, ...]:
    """What the sealed attempt in ``folder`` has, site by site; nothing of sites whose pages were not chosen.

    Raises ``EvidenceError`` for a file that can't be read.
    """
    found = []
    for site in gate.sites:
        path = folder / "sites" / site.name / FILE
        coverage = read_coverage(read(path)) if path.exists() else None
        if coverage is not None:
            found.append(SiteCoverage(coverage, tuple(_looked(gate, sealed, coverage))))
    return tuple(found)


def _looked(gate: Gate, sealed: Sealed, coverage: Coverage) -> Iterator[tuple[str, tuple[str, ...]]]:
    answered = {
        entry.result.key
        for entry in sealed.recorded
        if entry.result.outcome in _ANSWERS and entry.result.examined > 0
    }
    for check in gate.stage_checks:
        if check.site == coverage.site and check.key in answered:
            pages = _pages_of(check, coverage.recorded)
            if pages:
                yield check.key, pages


def _pages_of(check: ConfiguredCheck, recorded: tuple[str, ...]) -> tuple[str, ...]:
    """The recorded pages that a check looks at; of a team's own check without running its code here."""
    if file_of_own_kind(check.check_type) is not None:
        return recorded if check.check_type.reads_recording else ()
    return check.create().pages_among(recorded)


def _sentences(site: SiteCoverage) -> Iterator[str]:
    coverage, never, point = site.coverage, site.never_tested, site.coverage.point
    yield f"{site.tested} of {point.seen} components and templates that stage shows were tested, on {point.pages} pages."
    looked_at = len(coverage.pages) + len(coverage.unusable)
    yield f"{looked_at} pages of {coverage.listed} in {coverage.source} were looked at."
    if never:
        yield f"Never tested: {', '.join(never)}."
    if coverage.lost:
        yield f"Seen at {coverage.since} and on no page now: {', '.join(coverage.lost)}."
    yield from coverage.problems


def _part(site: SiteCoverage, name: str, pages: list[str]) -> Part:
    recorded = [path for path in site.coverage.recorded if path in pages]
    more = f" and {len(recorded) - _PAGES_SHOWN} more" if len(recorded) > _PAGES_SHOWN else ""
    tested_on = (", ".join(recorded[:_PAGES_SHOWN]) or "none") + more
    return Part(name, len(pages), tested_on, ", ".join(site.tested_by(name)) or "nothing")


def manual_sentences(plan: Plan, ledger: Ledger) -> list[str]:
    """What people are asked, what checks answer in their place, and how many there were before; empty without any."""
    asked = [check.key for check in plan.stage_checks if check.kind == SMOKE_TESTS]
    if not asked and not plan.covered:
        return []
    before = [sum(check.kind == SMOKE_TESTS for check in entry.checks) for entry in ledger.releases]
    told = [
        f"{len(asked)} of {len(asked) + len(plan.covered)} are asked of a person: {', '.join(asked) or 'none'}."
    ]
    told += [f"{key} is not asked: {', '.join(by)} find out the same." for key, by in plan.covered.items()]
    if before:
        told.append(f"Asked in the releases before, oldest first: {', '.join(map(str, before))}.")
    return told
