"""How is it told? A line for each module; in the documentation as well, once a module was judged to its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from mutants.judging import ROOT, Verdict
from mutants.results import Tally

PAGE = ROOT / "docs" / "proof.md"
BEGIN, END = "<!-- mutants: written by `make mutants ARGS=--table` -->", "<!-- mutants: end -->"
_HEAD = ("module", "mutants", *Verdict, "reviewed", "noticed")
_WIDTHS = (44, *(max(8, len(name)) for name in _HEAD[1:]))


def told(tallies: Sequence[Tally]) -> str:
    """For a terminal."""
    rule = "─" * (sum(_WIDTHS) + len(_WIDTHS) - 1)
    lines = [_line(_HEAD), rule, *(line(each) for each in tallies)]
    if len(tallies) > 1:
        lines += [rule, line(_sum(tallies))]
    return "\n".join(lines)


def line(tally: Tally) -> str:
    """One module."""
    return _line(_cells(tally))


def _line(cells: Sequence[str]) -> str:
    module, *counts = (f"{cell:>{width}}" for cell, width in zip(cells, _WIDTHS, strict=True))
    return " ".join([f"{module.strip():<{_WIDTHS[0]}}", *counts])


def _cells(tally: Tally) -> list[str]:
    counts = [tally.mutants, *(tally.counted[each] for each in Verdict), tally.reviewed]
    share = f"{tally.share:.1f} %" if tally.is_whole else "to go on"
    return [tally.module, *(f"{count:,}" for count in counts), share]


def _sum(tallies: Sequence[Tally]) -> Tally:
    counted: Counter[Verdict] = Counter()
    for each in tallies:
        counted.update(each.counted)
    return Tally(
        "in all", counted, sum(each.mutants for each in tallies), sum(each.reviewed for each in tallies)
    )


def write(tallies: Sequence[Tally], page: Path = PAGE) -> None:
    """Between the marks of the page: every module that was judged to its end, and how many were not."""
    text = page.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n{_markdown(tallies)}{END}{after}")


def _markdown(tallies: Sequence[Tally]) -> str:
    whole = [each for each in tallies if each.is_whole]
    missing = len(tallies) - len(whole)
    rows = [_HEAD, ("---", *("---:" for _ in _HEAD[1:]))]
    rows += [tuple(_cells(each)) for each in ([*whole, _sum(whole)] if whole else [])]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if missing:
        lines += [
            "",
            f"{missing} of {len(tallies)} modules have not been judged to their end as they are now.",
        ]
    return "\n".join(lines) + "\n"
