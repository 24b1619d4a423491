"""Which components of a site were tested, by which check, what never is, and what do people still try out by hand?

The part of the report on coverage. Names of components and paths come from the site: they are escaped like the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from aem_checks.check import PageCheck
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
        return recorded if issubclass(check.check_type, PageCheck) else ()
    return check.create().pages_among(recorded)


def coverage_section(sites: Sequence[SiteCoverage]) -> str:
    """The part of the report as HTML; empty where no pages are chosen."""
    return "".join(map(_site, sites))


def _site(site: SiteCoverage) -> str:
    coverage, never = site.coverage, site.never_tested
    point = coverage.point
    tested = point.seen - len(never)
    told = [
        f"{tested} of {point.seen} components and templates that stage shows were tested, on {point.pages} pages.",
        f"{len(coverage.pages) + len(coverage.unusable)} pages of {coverage.listed} in {coverage.source} were looked at.",
        *([f"Never tested: {', '.join(never)}."] if never else []),
        *(
            [f"Seen at {coverage.since} and on no page now: {', '.join(coverage.lost)}."]
            if coverage.lost
            else []
        ),
        *coverage.problems,
    ]
    return (
        f"<h2>Coverage of {escape(coverage.site)}</h2>{_list(told)}"
        f"<details><summary>Component by component</summary>{_parts(site)}</details>{_trend(site, tested)}"
    )


def _parts(site: SiteCoverage) -> str:
    head = "<tr><th>Component or template</th><th>Seen on</th><th>Tested on</th><th>By</th></tr>"
    return f"<table>{head}{''.join(_part(site, *each) for each in site.coverage.seen.items())}</table>"


def _part(site: SiteCoverage, part: str, pages: Sequence[str]) -> str:
    recorded = [path for path in site.coverage.recorded if path in pages]
    more = f" and {len(recorded) - _PAGES_SHOWN} more" if len(recorded) > _PAGES_SHOWN else ""
    checks = ", ".join(site.tested_by(part)) or "nothing"
    return (
        f"<tr><td>{escape(part)}</td><td>{len(pages)} pages</td>"
        f"<td>{escape(', '.join(recorded[:_PAGES_SHOWN]) or 'none')}{more}</td><td>{escape(checks)}</td></tr>"
    )


def _trend(site: SiteCoverage, tested: int) -> str:
    """The releases that were compared with, one after the other, and this one."""
    rows = [
        (point.release, f"{point.at:%Y-%m-%d}", point.seen, point.shown, point.pages)
        for point in site.coverage.history
    ]
    now = site.coverage.point
    rows.append(("this one", f"{now.at:%Y-%m-%d}", now.seen, tested, now.pages))
    head = "<tr><th>Release</th><th>Looked at on</th><th>Seen</th><th>Tested</th><th>Pages</th></tr>"
    cells = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{head}{cells}</table>"


def manual_section(plan: Plan, ledger: Ledger) -> str:
    """What people are asked, what checks answer in their place, and how many there were before; empty without any."""
    asked = [check.key for check in plan.stage_checks if check.kind == SMOKE_TESTS]
    if not asked and not plan.covered:
        return ""
    before = [sum(check.kind == SMOKE_TESTS for check in entry.checks) for entry in ledger.releases]
    told = [
        f"{len(asked)} of {len(asked) + len(plan.covered)} are asked of a person: {', '.join(asked) or 'none'}.",
        *(
            f"{key} is not asked: {', '.join(checks)} find out the same."
            for key, checks in plan.covered.items()
        ),
        *([f"Asked in the releases before, oldest first: {', '.join(map(str, before))}."] if before else []),
    ]
    return f"<h2>Manual smoke tests</h2>{_list(told)}"


def _list(sentences: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in sentences)}</ul>"
