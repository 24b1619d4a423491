"""What did each check find, and what of it speaks against the release? Gravest first, each with what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aem_checks.outcomes import CheckResult, Finding, Outcome
from stage_gate.evidence.ledger import known_since, told_of
from stage_gate.rules.following import follows_from
from stage_gate.rules.leniency import weigh
from stage_gate.rules.sentences import consequences, grouped, standing
from stage_gate.rules.verdict import PLAN
from stage_gate.telling.addresses import pages_of
from stage_gate.telling.shown_files import ShownFile, ShownFiles

if TYPE_CHECKING:
    from stage_gate.configuration.gate import Gate
    from stage_gate.evidence.ledger import Ledger
    from stage_gate.evidence.seal import Sealed
    from stage_gate.rules.following import Follows
    from stage_gate.rules.verdict import Verdict
    from stage_gate.telling.release import Release

TO_DO = " To do: "
FIRST = 3
"""Faults of a check that stand open."""
MOST = 200
"""Findings of a check that a page has at all; the rest is counted."""
_GRAVE = (Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.PASSED)


@dataclass(frozen=True)
class ToldFinding:
    """A finding, in parts that stand on lines of their own."""

    problem: str
    remedy: str
    subject: str = ""
    code: str = ""
    compared: tuple[tuple[str, str], ...] = ()
    """``expected`` and ``actual``, where the sentence does not say them."""
    since: str = ""
    proof: ShownFile = ShownFile("", None)  # noqa: RUF009 - frozen
    pages: tuple[tuple[str, str], ...] = ()
    outcome: Outcome = Outcome.FAILED


@dataclass(frozen=True)
class Folded:
    """Findings of which only the first is seen at once, or none."""

    summary: str = ""
    """What the others have in common; empty where there are none."""
    more: tuple[ToldFinding, ...] = ()
    first: ToldFinding | None = None

    @property
    def size(self) -> int:
        return len(self.more) + (self.first is not None)


@dataclass(frozen=True)
class ToldCheck:
    """One check as a page shows it."""

    key: str
    blocks: bool
    result: CheckResult | None
    faults: tuple[Folded, ...]
    """What did not pass: each fault once, then what follows from findings of other checks."""
    notes: tuple[ToldFinding, ...]
    """What changes nothing, and is good to know."""
    before: str = ""
    """How the check fared in the releases before."""
    doubted: bool = False
    """The verdict does not believe its result, or there is none."""

    @property
    def outcome(self) -> Outcome:
        if self.result is None or (self.doubted and self.result.outcome is Outcome.PASSED):
            return Outcome.INCONCLUSIVE
        return self.result.outcome

    @property
    def word(self) -> str:
        """The outcome as people say it."""
        return "no result" if self.result is None else str(self.outcome)

    @property
    def cause(self) -> str:
        return str(self.result.cause or "") if self.result else ""

    @property
    def seconds(self) -> float:
        return (self.result.finished_at - self.result.started_at).total_seconds() if self.result else 0.0

    @property
    def anchor(self) -> str:
        return f"check-{self.key}"

    @property
    def first(self) -> tuple[Folded, ...]:
        return self.faults[:FIRST]

    @property
    def more(self) -> tuple[Folded, ...]:
        return self.faults[FIRST:]

    @property
    def size(self) -> int:
        """How many findings a page has of it."""
        return sum(each.size for each in self.faults)

    @property
    def left(self) -> int:
        """How many are counted only."""
        found = self.result.findings if self.result else ()
        return max(0, sum(each.outcome is not Outcome.PASSED for each in found) - MOST)


def parts_of(sentence: str) -> tuple[str, str]:
    """What is wrong, and what to do; the second is empty where the sentence does not say."""
    problem, _, remedy = sentence.partition(TO_DO)
    return problem, remedy[:1].upper() + remedy[1:]


@dataclass(frozen=True)
class Teller:
    """How the findings of checks of one target are told."""

    files: ShownFiles
    follows: Follows
    gate: Gate | None
    ledger: Ledger

    def tell(self, result: CheckResult | None, key: str, *, blocks: bool) -> ToldCheck:
        """One check with what it found."""
        if result is None:
            return ToldCheck(key, blocks, None, (), (), told_of(self.ledger, key))
        notes = [each for each in result.findings if each.outcome is Outcome.PASSED]
        faults = (*self._own(result), *self._following(result))
        return ToldCheck(key, blocks, result, faults, self._each(result, notes), told_of(self.ledger, key))

    def _own(self, result: CheckResult) -> Iterator[Folded]:
        for each in grouped(standing(result, self.follows)[:MOST]):
            yield Folded(each.likewise, self._each(result, each.more), self._one(result, each.first))

    def _following(self, result: CheckResult) -> Iterator[Folded]:
        for each in consequences([result], self.follows):
            findings = [finding for _, finding in each.findings[:MOST]]
            yield Folded(each.title, self._each(result, findings))

    def _each(self, result: CheckResult, findings: Sequence[Finding]) -> tuple[ToldFinding, ...]:
        return tuple(self._one(result, each) for each in findings)

    def _one(self, result: CheckResult, finding: Finding) -> ToldFinding:
        problem, remedy = parts_of(finding.sentence)
        counts = finding.outcome is not Outcome.PASSED
        return ToldFinding(
            problem=problem,
            remedy=remedy,
            subject=finding.subject,
            code=finding.code,
            compared=tuple(_compared(finding)),
            since=known_since(self.ledger, result.key, finding) if counts else "",
            proof=self.files.file(finding.evidence),
            pages=tuple(pages_of(self.gate, result.site, finding.subject)),
            outcome=finding.outcome,
        )


def stage_checks(release: Release, files: ShownFiles) -> list[ToldCheck]:
    """Every planned check of stage, in the order of the plan."""
    sealed = release.sealed
    if sealed is None:
        return []
    results = {entry.result.key: entry.result for entry in sealed.recorded}
    follows = follows_from(weigh(sealed.plan, entry).entry.result for entry in sealed.recorded)
    teller = Teller(files, follows, release.gate, release.ledger)
    told = []
    for check in sealed.plan.stage_checks:
        found = teller.tell(results.get(check.key), check.key, blocks=check.blocks)
        doubted = check.key in sealed.verdict.not_passed
        told.append(_doubted(found, _reasons(sealed.verdict, check.key)) if doubted else found)
    return told


def _compared(finding: Finding) -> Iterator[tuple[str, str]]:
    for name, value in (("expected", finding.expected), ("actual", finding.actual)):
        if value and value not in finding.sentence:
            yield name, value


def _reasons(verdict: Verdict, key: str) -> list[str]:
    return [each for each in verdict.reasons if each.startswith((f"{key}:", f"{key} "))]


def _doubted(check: ToldCheck, reasons: list[str]) -> ToldCheck:
    """A check that stands against the release without a finding of its own: the verdict's reasons say why."""
    if check.faults:
        return check
    found = reasons or [f"{check.key} has no answer that counts."]
    told = tuple(Folded(first=ToldFinding(*parts_of(each))) for each in found)
    return ToldCheck(check.key, check.blocks, check.result, told, check.notes, check.before, doubted=True)


def against(sealed: Sealed | None, checks: Iterable[ToldCheck]) -> list[ToldCheck]:
    """The checks that stop the release, failures first."""
    stopping = set(sealed.verdict.not_passed) if sealed else set()
    return _gravest_first(each for each in checks if each.key in stopping)


def milder(sealed: Sealed | None, checks: Iterable[ToldCheck]) -> list[ToldCheck]:
    """The checks that found something and stop nothing."""
    stopping = set(sealed.verdict.not_passed) if sealed else set()
    return _gravest_first(each for each in checks if each.faults and each.key not in stopping)


def _gravest_first(checks: Iterable[ToldCheck]) -> list[ToldCheck]:
    return sorted(checks, key=lambda each: (_GRAVE.index(each.outcome), not each.blocks))


def others(sealed: Sealed | None) -> tuple[list[ToldFinding], list[str]]:
    """The verdict's reasons that are about no check: doubts about the plan or stage; and what follows from what."""
    if sealed is None:
        return [], []
    keys = [check.key for check in sealed.plan.stage_checks]
    begins = tuple(f"{key}{end}" for key in keys for end in (":", " "))
    told = [each for each in sealed.verdict.reasons if not each.startswith(begins)]
    if PLAN not in sealed.verdict.not_passed:
        return [], told
    follow = [each for each in told if each.endswith("in the report.") or "more blocking" in each]
    doubted = [each for each in told if each not in follow]
    return [ToldFinding(*parts_of(each), outcome=Outcome.INCONCLUSIVE) for each in doubted], follow


def counted(checks: Iterable[ToldCheck]) -> Mapping[str, int]:
    """How many checks there are of each outcome."""
    found = dict.fromkeys(map(str, _GRAVE), 0)
    for each in checks:
        found[str(each.outcome)] += 1
    return found
