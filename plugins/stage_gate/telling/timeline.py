"""What happened to a release, and when? Every moment that its evidence knows, in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from stage_gate.rules.asking import SILENCE
from stage_gate.telling.standing import Tone

if TYPE_CHECKING:
    from stage_gate.telling.release import Release


@dataclass(frozen=True)
class Moment:
    """One thing that happened."""

    at: datetime
    what: str
    tone: Tone = Tone.QUIET
    after: str = ""
    """How long after the moment before it, in words."""

    @property
    def told(self) -> str:
        return f"{self.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


_OF_OUTCOME = {"passed": Tone.GOOD, "failed": Tone.BAD, "inconclusive": Tone.WAITS}


def timeline_of(release: Release) -> list[Moment]:
    """The moments, oldest first, each with the time since the one before."""
    moments = sorted(_moments(release), key=lambda each: each.at)
    spans = ["", *(span(b.at - a.at) for a, b in pairwise(moments))]
    return [Moment(m.at, m.what, m.tone, after) for m, after in zip(moments, spans, strict=True)]


def _moments(release: Release) -> Iterator[Moment]:
    pin, sealed, decision = release.pin, release.sealed, release.decision
    yield Moment(pin.pinned_at, f"the run began (trigger {pin.trigger or 'unknown'})")
    if sealed:
        if sealed.candidate.stage_deployed_at:
            yield Moment(sealed.candidate.stage_deployed_at, "stage was deployed")
        yield Moment(sealed.plan.made_at, f"tests began (attempt {sealed.attempt})", Tone.BUSY)
        outcome = sealed.verdict.outcome
        yield Moment(sealed.sealed_at, f"verdict: {outcome}", _OF_OUTCOME[outcome])
    if release.testing:
        yield Moment(
            release.testing.plan.made_at, f"tests began (attempt {release.testing.attempt})", Tone.BUSY
        )
    yield from (Moment(each.at, f"asked: {each.question}", Tone.WAITS) for each in release.asked)
    for answer in release.answers:
        who = "nobody answered in time" if answer.by == SILENCE else f"{answer.by} answered"
        yield Moment(answer.at, f"{who}: {answer.option} ({answer.reason})")
    if decision:
        yield Moment(decision.at, f"{decision.decision} by {decision.by}", Tone.BUSY)
    if release.production:
        began = min(each.started_at for each in release.production)
        over = max(each.finished_at for each in release.production)
        yield Moment(began, "tests of production began", Tone.BUSY)
        yield Moment(over, "tests of production ended")
    if release.ended:
        yield Moment(release.ended.at, "the run ended", Tone.GOOD if release.ended.well else Tone.BAD)


def span(length: timedelta) -> str:
    """A length of time in words: ``40 s``, ``12 min``, ``3.5 h``, ``6 days``."""
    seconds = length.total_seconds()
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.0f} {name}" if unit < 3600 else f"{seconds / unit:.1f} {name}"
    return f"{seconds / 86_400:.0f} days"
