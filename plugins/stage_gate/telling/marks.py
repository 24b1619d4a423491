"""How do the last releases look as small marks? Their form says what their colour says, for those who see no colours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stage_gate.telling.standing import Tone

if TYPE_CHECKING:
    from stage_gate.telling.glance import Glance

STEP = 9
"""From one mark to the next, in pixels; each is 7 wide."""
_TALL = {Tone.GOOD: 16, Tone.BAD: 7, Tone.WAITS: 11, Tone.BUSY: 11, Tone.QUIET: 4}
_HEIGHT = 18


@dataclass(frozen=True)
class Mark:
    """One release."""

    x: int
    y: int
    height: int
    tone: Tone
    title: str

    @property
    def is_hollow(self) -> bool:
        """Nothing is decided yet."""
        return self.tone in (Tone.WAITS, Tone.BUSY)


@dataclass(frozen=True)
class Marks:
    """The last releases, the newest at the right."""

    marks: tuple[Mark, ...]
    words: str
    """All of it for a reader that sees none."""

    @property
    def width(self) -> int:
        return max(1, len(self.marks)) * STEP

    @property
    def height(self) -> int:
        return _HEIGHT


def marks_of(newest_first: Sequence[Glance]) -> Marks:
    """A mark for each release."""
    found = list(reversed(newest_first))
    marks = tuple(_mark(place, each) for place, each in enumerate(found))
    counts = Counter(each.standing.word for each in found)
    words = ", ".join(f"{number} {word}" for word, number in counts.most_common())
    return Marks(marks, f"last {len(found)} releases: {words}" if found else "no release yet")


def _mark(place: int, glance: Glance) -> Mark:
    tone = glance.standing.tone
    tall = _TALL[tone]
    return Mark(
        place * STEP + 1, _HEIGHT - tall - 1, tall, tone, f"{glance.execution_id}: {glance.standing.word}"
    )
