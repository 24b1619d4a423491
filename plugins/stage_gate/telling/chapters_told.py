"""Which chapter does a check belong to, and when did each chapter run? Rows and bars of the page of a release."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from aem_checks.kinds import chapter_of, own_kinds
from aem_checks.outcomes import Outcome, worst
from stage_gate.configuration.chapters import chapters_of

if TYPE_CHECKING:
    from datetime import datetime

    from stage_gate.configuration.gate import Gate
    from stage_gate.evidence.seal import Sealed
    from stage_gate.telling.told_checks import ToldCheck

_OTHERS = "others"


@dataclass(frozen=True)
class ToldChapter:
    """Checks that one task ran."""

    name: str
    checks: tuple[ToldCheck, ...]
    start: float = 0.0
    """Where its bar begins, in hundredths of the time that all tests took."""
    width: float = 0.0
    seconds: float = 0.0

    @property
    def outcome(self) -> Outcome:
        return worst(each.outcome for each in self.checks)

    @property
    def passed(self) -> int:
        return sum(each.outcome is Outcome.PASSED for each in self.checks)


def told_chapters(sealed: Sealed | None, gate: Gate | None, checks: Sequence[ToldCheck]) -> list[ToldChapter]:
    """The checks by chapter, those with the gravest outcome first."""
    if sealed is None:
        return []
    names = _names(sealed, gate)
    found: dict[str, list[ToldCheck]] = {}
    for each in checks:
        found.setdefault(names.get(each.key, _OTHERS), []).append(each)
    times = _span(checks)
    chapters = [_chapter(name, tuple(those), times) for name, those in found.items()]
    grave = (Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.PASSED)
    return sorted(chapters, key=lambda each: (grave.index(each.outcome), each.name))


def _chapter(
    name: str, checks: tuple[ToldCheck, ...], times: tuple[datetime, datetime] | None
) -> ToldChapter:
    own = _span(checks)
    if own is None or times is None:
        return ToldChapter(name, checks)
    whole = max((times[1] - times[0]).total_seconds(), 0.001)
    start, seconds = (own[0] - times[0]).total_seconds(), (own[1] - own[0]).total_seconds()
    width = max(seconds / whole * 100, 0.6)
    return ToldChapter(name, checks, min(start / whole * 100, 100 - width), width, seconds)


def _span(checks: Iterable[ToldCheck]) -> tuple[datetime, datetime] | None:
    """From the first start to the last end; ``None`` where nothing ran."""
    ran = [each.result for each in checks if each.result is not None]
    if not ran:
        return None
    return min(each.started_at for each in ran), max(each.finished_at for each in ran)


def _names(sealed: Sealed, gate: Gate | None) -> Mapping[str, str]:
    """Chapter by the key of a check."""
    by_kind = _chapter_of_kinds()
    names = {check.key: by_kind.get(check.kind, check.kind) for check in sealed.plan.stage_checks}
    if gate is not None:
        names |= {check.key: each.name for each in chapters_of(gate, "stage") for check in each.checks}
    return names


@cache
def _chapter_of_kinds() -> Mapping[str, str]:
    return {kind.kind: chapter_of(kind) for _, kind in own_kinds()}
