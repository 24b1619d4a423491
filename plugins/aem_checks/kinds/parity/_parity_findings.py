"""How are release, drift and noise told to people, apart from each other?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aem_checks.kinds.parity._parity_settings import KEPT, MODEL, ResponseParitySettings
from aem_checks.outcomes import Cause, Finding, Outcome, Severity
from aem_checks.parity.attribution import StageBefore, keep, read
from aem_checks.parity.compare import Difference, Suspicion, by_field, groups
from aem_checks.parity.contract import Contract
from aem_checks.parity.rules import marks_in
from aem_checks.text import count, quoted

if TYPE_CHECKING:
    from aem_checks.parity.sampling import Compared
    from aem_checks.sitemaps import Sitemap
    from aem_checks.visit import Visit

EVIDENCE = "response_parity/differences.json"
_EXAMPLES = 3
_VALUES = 4
_STATUS_OK = ("status", "200")


class Report:
    """Sorts what was compared into release, drift and noise, keeps all of it, and says it."""

    def __init__(
        self, visit: Visit, settings: ResponseParitySettings, compared: Compared, fingerprint: str
    ) -> None:
        self._visit, self._settings, self._compared = visit, settings, compared
        self._fingerprint = fingerprint
        self._contract = Contract(settings.contract, settings.ignore)
        self._parts: dict[str, list[Difference]] = {"release": [], "drift": [], "unknown": []}

    @cached_property
    def before(self) -> StageBefore | None:
        """What stage said at the last verified release, where that is known and comparable."""
        baseline = self._visit.baseline
        data = baseline.read(KEPT) if baseline is not None else None
        return read(data, self._fingerprint) if data is not None else None

    def findings(self) -> Iterator[Finding]:
        """Sort, keep the evidence, and say it: the release first, then the notes."""
        lost = {found.path for found in lost_paths(self._compared, self._visit)}
        for path, suspicion in self._compared.suspicions.items():
            if path not in lost:
                self._sort(path, self._contract.apply(path, suspicion))
        self._keep()
        pages = sum(not pair.path.endswith(MODEL) for pair in self._compared.pairs)
        for part in ("release", "unknown"):
            for group in groups(self._parts[part]):
                yield _differs(group, pages, self._why(part))
        yield from self._drift()
        yield from self._noise()
        yield from self._agreed()

    def _sort(self, path: str, found: Suspicion) -> None:
        if self.before is None:
            self._parts["unknown"] += by_field(path, found)
            return
        split = self.before.attribute(path, found)
        for part, suspicion in (
            ("release", split.release),
            ("drift", split.drift),
            ("unknown", split.unknown),
        ):
            self._parts[part] += by_field(path, suspicion)

    def _why(self, part: str) -> str:
        baseline = self._visit.baseline
        if part == "release" and baseline is not None:
            return f"Stage was otherwise at the last verified release ({baseline.release}), so this release did it."
        if self.before is not None:
            return "The last verified release did not look at it: this release did it, or it is drift."
        return "There is no verified release to compare with yet: this release did it, or it is drift."

    def _keep(self) -> None:
        self._visit.keep(KEPT, keep(self._compared.pairs, self._fingerprint))
        told: dict[str, Any] = {
            part: [
                {"path": d.path, "field": d.field, "production": d.production, "stage": d.stage}
                for d in found
            ]
            for part, found in self._parts.items()
        }
        told["noise"] = {
            pair.path: dict(Counter(name for name, _ in pair.noise))
            for pair in self._compared.pairs
            if pair.noise
        }
        told["not_compared"] = self._compared.lost
        self._visit.keep(EVIDENCE, json.dumps(told, indent=1))

    def _drift(self) -> Iterator[Finding]:
        found = self._parts["drift"]
        if found and self._visit.baseline is not None:
            yield _note(
                "drift",
                "drift",
                f"Drift, not this release: {count(len(found), 'difference')} on {_pages(found)} were there when "
                f"both ran the same code ({self._visit.baseline.release}): {_counted(d.field for d in found)}.",
            )

    def _noise(self) -> Iterator[Finding]:
        compared = self._compared
        if compared.noise:
            yield _note(
                "noise",
                "noise",
                f"Noise, not judged: {count(compared.noise.total(), 'value')} changed from answer to answer of the "
                f"same side, on {count(compared.noisy_pages, 'page')}: {_counted(compared.noise.elements())}. "
                f"{count(compared.asked_again, 'request')} more told it from differences.",
            )

    def _agreed(self) -> Iterator[Finding]:
        for rule, paths in sorted(self._contract.used.items()):
            yield _note(
                "contract",
                f"contract {rule}",
                f"Allowed by the contract on {count(len(paths), 'page')}: {quoted(rule, 200)}.",
            )


def lost_paths(compared: Compared, visit: Visit) -> Iterator[Difference]:
    """Key pages that production serves and stage cannot."""
    for path in visit.site.pages:
        found = compared.suspicions.get(path)
        if found is not None and _STATUS_OK in found.lost:
            stage = [value for name, value in found.gained if name == "status" and value >= "400"]
            if stage:
                yield Difference(path, "status", ("200",), tuple(stage))


def lost_key_pages(compared: Compared, visit: Visit, before: StageBefore | None) -> Iterator[Finding]:
    """These block, whoever is to blame: the release would be judged blindly there."""
    for found in lost_paths(compared, visit):
        known = before is not None and bool(before.attribute(found.path, _as_suspicion(found)).drift)
        blame = "it was so at the last verified release too" if known else "this release would take it down"
        yield Finding(
            code="key_page_lost",
            subject=found.path,
            sentence=f"The key page {found.path} is served by production (200) but stage answers "
            f"{found.stage[0]}: {blame}. To do: see the page on stage and its log.",
            expected="status 200 as on production",
            actual=f"status {found.stage[0]} on stage",
            severity=Severity.BLOCK,
            evidence=EVIDENCE,
        )


def _as_suspicion(found: Difference) -> Suspicion:
    lost = frozenset((found.field, value) for value in found.production)
    return Suspicion(lost, frozenset((found.field, value) for value in found.stage))


def _differs(group: Sequence[Difference], compared: int, why: str) -> Finding:
    first = group[0]
    examples = ", ".join(quoted(found.path, 120) for found in group[:_EXAMPLES])
    there, here = _values(first.production), _values(first.stage)
    marks = marks_in((*first.production, *first.stage))
    rules = f" Here {', '.join(marks)}." if marks else ""
    return Finding(
        code="differs",
        subject=_subject(group),
        sentence=f"{first.field} differs on {len(group)} of {count(compared, 'page')}, such as {examples}; "
        f"the first: production says {there}, stage {here}. {why}{rules} To do: compare the two, or allow the "
        "difference under 'contract:'.",
        expected=f"production: {there}"[:300],
        actual=f"stage: {here}"[:300],
        evidence=EVIDENCE,
    )


def _subject(group: Sequence[Difference]) -> str:
    """The field, with the first value where each difference of the field has its own: stable between releases."""
    first = group[0]
    values = {(found.production, found.stage) for found in group}
    if len(values) > 1:
        return first.field
    return f"{first.field} {(first.production or first.stage)[0][:120]}".strip()


def _values(values: Sequence[str]) -> str:
    shown = ", ".join(quoted(value or "nothing", 120) for value in values[:_VALUES])
    more = f" and {len(values) - _VALUES} more" if len(values) > _VALUES else ""
    return f"{shown}{more}" if values else "nothing of it"


def _counted(names: Iterable[str]) -> str:
    found = Counter(names).most_common()
    shown = ", ".join(f"{quoted(name, 80)} ({number})" for name, number in found[:6])
    return f"{shown} and {len(found) - 6} fields more" if len(found) > 6 else shown


def _pages(differences: Iterable[Difference]) -> str:
    return count(len({found.path for found in differences}), "page")


def _note(code: str, subject: str, sentence: str) -> Finding:
    return Finding(code=code, subject=subject, sentence=sentence, outcome=Outcome.PASSED, evidence=EVIDENCE)


def left_out(paths: Sequence[str], listed: int) -> Iterator[Finding]:
    """What was not tested is named."""
    if paths:
        examples = ", ".join(quoted(path, 120) for path in paths[:_EXAMPLES])
        yield Finding(
            code="left_out",
            subject="not compared",
            sentence=f"Not compared: {len(paths)} of {count(listed, 'page')} of production's sitemap, such as "
            f"{examples}. To compare more, raise 'urls:'.",
            outcome=Outcome.PASSED,
        )


def sitemap_problems(sitemap: Sitemap, compared: int) -> Iterator[Finding]:
    """Without a whole sitemap nobody knows what was not compared."""
    if not sitemap.problems and sitemap.urls:
        return
    network = sitemap.unreached is not None
    why = "; ".join(quoted(problem, 200) for problem in sitemap.problems[:3]) or "it lists no page"
    yield Finding(
        code="sitemap",
        subject="sitemap of production",
        sentence=f"The sitemap of production could not be read in full: {why}. {count(compared, 'page')} "
        "were compared. To do: repair the sitemap or name it in robots.txt.",
        expected="a sitemap with pages",
        actual=why,
        outcome=Outcome.INCONCLUSIVE,
        cause=Cause.NETWORK if network else Cause.PRODUCT,
    )
