"""How is it told? A line for each release of each scene, with the settings that decide how long it takes above."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence

from chaos.scene import Row
from chaos.settings import as_lines
from local_postgres import FORGOTTEN

_WIDTH = 132


def head(*, database: str, is_mounted: bool) -> str:
    """What was started, and how soon it notices that something died."""
    full = "evidence on a tmpfs of its own" if is_mounted else "mounting is not allowed here: no ENOSPC scene"
    return "\n".join(
        [
            f"Airflow with LocalExecutor on {database}; {full}.",
            "Airflow's detection settings, lowered for this table:",
            *as_lines(),
            *(f"  PostgreSQL {name}={value} (default: never)" for name, value in FORGOTTEN.items()),
            "Every scene brings one release into each phase, strikes all of them at once, and lets them go on meanwhile.",
            "Seconds: from the blow until the run has ended or holds.",
            "",
            _line("struck", "phase", "verdict due", "outcome", "record", "seconds", "violations"),
            "─" * _WIDTH,
        ]
    )


def scene(rows: Sequence[Row]) -> str:
    """The lines of one scene, with what is wrong in words below its line."""
    lines: list[str] = []
    for row in rows:
        count = str(len(row.end.violations))
        lines.append(
            _line(
                row.strike,
                row.part.phase,
                row.part.verdict,
                row.end.word,
                row.end.record,
                f"{row.seconds:.1f}",
                count,
            )
        )
        for violation in row.end.violations:
            lines += textwrap.wrap(
                violation, _WIDTH, initial_indent="    VIOLATION: ", subsequent_indent="      "
            )
    return "\n".join(lines)


def foot(rows: Sequence[Row], late: Sequence[str], seconds: float) -> str:
    """The sums, and what was seen only when nothing moved any more."""
    words = Counter(row.end.word for row in rows)
    violations = sum(len(row.end.violations) for row in rows) + len(late)
    told = ", ".join(f"{count} {word}" for word, count in words.most_common())
    lines = ["─" * _WIDTH, *(f"VIOLATION: {each}" for each in late)]
    lines.append(
        f"{len(rows)} releases in {len({row.strike for row in rows})} scenes, {seconds:.0f} s: {told}."
    )
    lines.append(f"Violations: {violations}")
    return "\n".join(lines)


def _line(
    strike: str, phase: str, verdict: str, outcome: str, record: str, seconds: str, violations: str
) -> str:
    return f"{strike:<33} {phase:<24} {verdict:<13} {outcome:<20} {record:<13} {seconds:>8} {violations:>11}".rstrip()
