"""What does the demo say at its end? A block per release that fits 100 columns, with addresses to look at."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from aem_checks.text import count
from stage_gate.telling.addresses import Addresses

if TYPE_CHECKING:
    from demo.releases import Result

WIDTH = 100
_INDENT = 4
_REASONS = 3


def table(results: Sequence[Result], airflow: str) -> str:
    """What was decided and why; ``airflow`` is its address."""
    lines = ["", f"{'release':<12} {'verdict':<13} {'decision':<10} {'seconds':>7}", "─" * WIDTH]
    for each in results:
        lines.append(
            f"{each.expected.release:<12} {each.verdict:<13} {each.decision:<10} {each.seconds:>7.1f}"
        )
        lines += [*_why(each), *_where(each, airflow), ""]
    return "\n".join([*lines, *_without_chromium(results)])


def _why(result: Result) -> Iterator[str]:
    yield from wrapped(result.sentence, WIDTH, " " * _INDENT)
    for reason in result.reasons[:_REASONS]:
        yield from wrapped(f"- {reason}", WIDTH, " " * _INDENT, "  ")
    if (left := len(result.reasons) - _REASONS) and left > 0:
        yield f"{' ' * _INDENT}- more on its page: {count(left, 'reason')}"
    if result.decision == "held":
        to_do = "To do: remove the cause and clear settle_stage to test again, or decide in Cloud Manager: this run notices."
        yield from wrapped(to_do, WIDTH, " " * _INDENT)
    for trouble in result.troubles:
        yield from wrapped(f"UNEXPECTED: {trouble}", WIDTH, " " * _INDENT)


def _where(result: Result, airflow: str) -> Iterator[str]:
    from demo.releases import GATE

    yield f"{' ' * _INDENT}{Addresses(airflow).release(GATE, result.execution_id)}"


def _without_chromium(results: Sequence[Result]) -> Iterator[str]:
    silent = sorted({check for each in results for check in each.silent})
    if silent:
        told = f"Without a Chromium {len(silent)} checks had no answer ({', '.join(silent)}). To do: make setup installs one."
        yield from wrapped(told, WIDTH)


def wrapped(text: str, width: int, indent: str = "", hanging: str = "") -> list[str]:
    """Lines of at most ``width`` columns; an address is never broken, so that it can be clicked."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent + hanging,
        break_long_words=True,
        break_on_hyphens=False,
    )
