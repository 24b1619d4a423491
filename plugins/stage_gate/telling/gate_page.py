"""What does this gate do, and how did its releases fare? The page of one gate: policy in words, history, a check by release."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt
from markupsafe import Markup

from aem_checks.outcomes import Outcome
from stage_gate.configuration.describe import describe
from stage_gate.configuration.flaky import proposals
from stage_gate.evidence.files import EvidenceError, exists, read_model
from stage_gate.evidence.ledger import Ledger, LedgerEntry, read_ledger
from stage_gate.evidence.store import Evidence
from stage_gate.rules.plan import SMOKE_TESTS, Plan
from stage_gate.telling.glance import Glance, Memory, glances
from stage_gate.telling.rendering import render
from stage_gate.telling.standing import Tone, told
from stage_gate.telling.timeline import span

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from stage_gate.configuration.gate import Gate
    from stage_gate.evidence.signing import Keys
    from stage_gate.telling.addresses import Addresses

LAST = 30
"""Releases that the page looks back."""
SIGNS = {"passed": "✓", "failed": "✗", "flaky": "~", "silent": "?", "absent": "·"}
_TONES = {
    "passed": "passed",
    "failed": "failed",
    "flaky": "waits",
    "silent": "inconclusive",
    "absent": "quiet",
}
_MARKDOWN = (
    MarkdownIt("commonmark", {"html": False})
    .enable("table")
    .disable(["link", "image", "autolink", "reference"])
)
_COVERED = "/coverage/parts_tested"


@dataclass(frozen=True)
class Bar:
    """One release in the chart."""

    execution_id: str
    tone: Tone
    word: str
    height: float
    """Of 100."""
    took: str
    """From the start of the tests to the verdict, in words; empty without a verdict."""


@dataclass(frozen=True)
class Row:
    """One check through the releases."""

    key: str
    cells: tuple[str, ...]
    """A word of ``SIGNS`` for each release, oldest first."""

    @property
    def is_quiet(self) -> bool:
        """It has only ever passed."""
        return set(self.cells) <= {"passed", "absent"}

    @property
    def counts(self) -> str:
        found = Counter(cell for cell in self.cells if cell != "absent")
        return ", ".join(f"{number} {word}" for word, number in found.most_common())


@dataclass(frozen=True)
class Trend:
    """A number through the releases."""

    name: str
    values: tuple[tuple[str, float], ...]
    """Execution and number, oldest first."""

    @property
    def points(self) -> str:
        """The points of a line in a field of 100 times 30."""
        most = max((value for _, value in self.values), default=0) or 1
        step = 100 / max(1, len(self.values) - 1)
        return " ".join(
            f"{place * step:.1f},{29 - value / most * 28:.1f}" for place, (_, value) in enumerate(self.values)
        )

    @property
    def words(self) -> str:
        return f"{self.values[0][1]:g} at first, {self.values[-1][1]:g} now, over {len(self.values)} releases"


@dataclass(frozen=True)
class Seen:
    """Everything that the page tells."""

    gate_name: str
    gate: Gate | None
    newest: Glance | None
    found: tuple[Glance, ...]
    bars: tuple[Bar, ...]
    ledger: Ledger
    problem: str = ""


def read_gate_page(store: Path, name: str, gate: Gate | None, keys: Keys, memory: Memory) -> Seen:
    """Read it. A store that is away is said on the page; nothing is raised for it."""
    try:
        found = glances(store, name, keys, memory, LAST)
        ledger = read_ledger(store, name, keys, last=LAST)
    except (EvidenceError, OSError) as error:
        return Seen(name, gate, None, (), (), Ledger(name), str(error))
    bars = tuple(_bars(store, name, found, ledger, memory))
    return Seen(name, gate, found[0] if found else None, tuple(found), bars, ledger)


def render_gate(seen: Seen, addresses: Addresses, now: datetime) -> str:
    """The whole page."""
    rows = list(rows_of(seen.ledger))
    return render(
        "gate.html",
        addresses=addresses,
        gate=seen.gate_name,
        seen=seen,
        now=told(now),
        policy=_policy(seen.gate),
        pinned_by=seen.newest.execution_id if seen.newest else "",
        excuses=list(_excuses(seen.gate, now)) if seen.gate else [],
        flaky=_flaky(seen, now),
        releases=seen.ledger.releases,
        loud=[row for row in rows if not row.is_quiet],
        quiet=[row for row in rows if row.is_quiet],
        signs=SIGNS,
        tones=_TONES,
        trends=list(_trends(seen.ledger)),
    )


def _policy(gate: Gate | None) -> Markup | None:
    """The words of the Docs tab. Whatever a gate file quotes stays text: HTML is escaped, links and pictures are off."""
    if gate is None:
        return None
    _, _, words = describe(gate).partition("\n")  # the first line is its heading
    return Markup(_MARKDOWN.render(words.replace("\n## ", "\n### ")))  # noqa: S704 - rendered with html off


def _bars(
    store: Path, name: str, newest_first: Sequence[Glance], ledger: Ledger, memory: Memory
) -> Iterator[Bar]:
    sealed = {entry.execution_id: entry for entry in ledger.releases}
    took = {
        each.execution_id: _took(store, name, sealed.get(each.execution_id), memory) for each in newest_first
    }
    longest = max(took.values(), default=0.0) or 1.0
    for each in reversed(newest_first):
        seconds = took[each.execution_id]
        words = _span(seconds) if seconds else ""
        yield Bar(
            each.execution_id, each.standing.tone, each.standing.word, max(4, seconds / longest * 100), words
        )


def _took(store: Path, name: str, entry: LedgerEntry | None, memory: Memory) -> float:
    """Seconds from the start of the tests to the verdict; 0 where nobody knows."""
    if entry is None:
        return 0.0
    folder = Evidence(store, name, entry.execution_id).attempt_folder(entry.attempt)
    try:
        if not exists(folder / "plan.json"):
            return 0.0
        plan = memory.once(folder / "plan.json", lambda: read_model(folder / "plan.json", Plan))
    except EvidenceError:
        return 0.0
    return max(0.0, (entry.sealed_at - plan.made_at).total_seconds())


def _span(seconds: float) -> str:
    from datetime import timedelta

    return span(timedelta(seconds=seconds))


def rows_of(ledger: Ledger) -> Iterator[Row]:
    """Each check of the releases that the ledger has, those with the most trouble first."""
    releases = ledger.releases
    by_release = [
        {check.key: _cell(check.outcome, flaky=check.flaky) for check in entry.checks} for entry in releases
    ]
    keys = dict.fromkeys(key for cells in by_release for key in cells)
    rows = [Row(key, tuple(cells.get(key, "absent") for cells in by_release)) for key in keys]
    yield from sorted(rows, key=lambda row: (-_trouble(row), row.key))


def _cell(outcome: Outcome, *, flaky: bool) -> str:
    if outcome is Outcome.PASSED:
        return "flaky" if flaky else "passed"
    return "failed" if outcome is Outcome.FAILED else "silent"


def _trouble(row: Row) -> int:
    return sum(cell in ("failed", "silent", "flaky") for cell in row.cells)


def _flaky(seen: Seen, now: datetime) -> list[str]:
    return (
        [each.sentence for each in proposals(seen.ledger, seen.gate.policy, now.date())] if seen.gate else []
    )


def _excuses(gate: Gate, now: datetime) -> Iterator[tuple[str, str]]:
    """Waivers and quarantines with what is left of them."""
    policy = gate.policy
    for each in policy.quarantine:
        yield f"{each.check} is in quarantine (owner {each.owner}): {each.why}", _last_day(each.until, now)
    for waiver in policy.waivers:
        what = f"{waiver.code or 'no code, so nothing'} about {waiver.subject} of {waiver.check}"
        yield f"waived: {what} (owner {waiver.owner}): {waiver.why}", _last_day(waiver.until, now)


def _last_day(until: object, now: datetime) -> str:
    from datetime import date

    assert isinstance(until, date)
    days = (until - now.date()).days
    return f"last day {until}, " + (f"{days} days left" if days >= 0 else "over")


def _trends(ledger: Ledger) -> Iterator[Trend]:
    """Coverage as it grew, and manual questions as they shrank."""
    measures: Mapping[str, None] = dict.fromkeys(name for entry in ledger.releases for name in entry.measures)
    for name in measures:
        if name.endswith(_COVERED):
            values = tuple((entry.execution_id, value) for entry, value in ledger.trend(name))
            yield Trend(f"components and templates tested on {name.removesuffix(_COVERED)}", values)
    asked = tuple(
        (entry.execution_id, float(sum(check.kind == SMOKE_TESTS for check in entry.checks)))
        for entry in ledger.releases
    )
    if any(value for _, value in asked):
        yield Trend("manual questions", asked)
