"""How is a figure shown: what was measured beside what, the goal, and whether it is met?"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Figure:
    """One line of the table. ``goal`` is the most that ``value`` may be; ``None`` where it is only told."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    beside: str = ""
    """What it was measured against, in the same run, and what that gave."""

    @property
    def met(self) -> bool | None:
        return None if self.goal is None else self.value <= self.goal


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of measurements that were taken one beside the other."""
    return median(one / other for one, other in zip(ours, theirs, strict=True))


def table(title: str, figures: Iterable[Figure], notes: Iterable[str]) -> str:
    """A block of lines: the figures with their goals, and below them how they were measured."""
    lines = ["", title, "─" * 110]
    lines += [_line(figure) for figure in figures]
    return "\n".join([*lines, *(f"  {note}" for note in notes)])


def summary(figures: Sequence[Figure]) -> str:
    """One sentence over all figures that have a goal."""
    missed = [figure.name.strip() for figure in figures if figure.met is False]
    count = sum(figure.goal is not None for figure in figures)
    if not missed:
        return f"All {count} goals are met."
    return f"{count - len(missed)} of {count} goals are met. Missed: {'; '.join(missed)}."


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _line(figure: Figure) -> str:
    goal = "" if figure.goal is None else f"goal ≤ {figure.goal:.4g}"
    verdict = {None: "", True: "met", False: "MISSED"}[figure.met]
    amount = (
        f"{figure.value:.3g} {figure.unit}" if figure.value < 1000 else f"{figure.value:.0f} {figure.unit}"
    )
    return f"{figure.name:<46} {amount:>12}  {goal:<13} {verdict:<7} {figure.beside}".rstrip()
