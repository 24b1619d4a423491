"""Which past decisions would differ with today's gate file and checks? A table of then and now, and why."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aem_checks.config import ConfigError
from aem_checks.text import plain
from stage_gate.commands.comparing import Compared, Today, compare_all, totals
from stage_gate.commands.given import gate_file, gates_folder, store_given
from stage_gate.configuration.gate_file import gate_paths, load_gate_for_run

if TYPE_CHECKING:
    import argparse

_SHOWN = 5
_LONGEST = 400
_HEAD = f"{'execution':<12} {'sealed (UTC)':<16} {'then':<32} {'now':<32} on record"


class WrongUsage(Exception):
    """There is nothing to replay; the message says why."""


def run(options: argparse.Namespace) -> int:
    """Print the comparison. 0: every decision would be the same; 1: some differ or can't be replayed; 2: wrong usage."""
    try:
        store = store_given(options.evidence)
        rows = [row for today in _gates(options) for row in compare_all(today, store, options.since)]
        if not rows:
            raise WrongUsage(f"There is no sealed release of this gate in {store}.")
    except (ConfigError, WrongUsage, ValueError, OSError) as error:
        print(f"Wrong usage: {error}", file=sys.stderr)
        return 2
    if options.json:
        print(
            json.dumps({"releases": [row.as_json() for row in rows], "totals": list(totals(rows))}, indent=1)
        )
    else:
        print("\n".join(_table(rows)))
    return int(any(row.differs or row.trouble for row in rows))


def _gates(options: argparse.Namespace) -> Iterator[Today]:
    """The gates to replay, each with the file that has its rules today."""
    from stage_gate.configuration.settings import demands

    folder, demanded = gates_folder(options.folder), demands()
    if options.gate_file is not None:
        files = [options.gate_file]
    else:
        files = [gate_file(options.gate, folder)] if options.gate else gate_paths(folder)
    if not files:
        raise WrongUsage(f"There is no gate file in {folder}.")
    for file in files:
        if not file.is_file():
            raise WrongUsage(f"There is no gate file {file}.")
        gate = load_gate_for_run(file, demands=demanded)
        recorded_as = options.gate if options.gate and options.gate_file else gate.name
        yield Today(gate, file.parent, demanded, datetime.now(UTC), recorded_as=recorded_as)


def _table(rows: list[Compared]) -> Iterator[str]:
    for gate in dict.fromkeys(row.gate for row in rows):
        yield f"{gate}: what guard mode would have decided with the gate file of then, and would with that of now."
        yield _HEAD
        for row in rows:
            if row.gate == gate:
                yield from _lines(row)
        yield ""
    yield from totals(rows)


def _lines(row: Compared) -> Iterator[str]:
    at = f"{row.sealed_at:%Y-%m-%d %H:%M}" if row.sealed_at else ""
    if row.trouble:
        yield f"{row.execution:<12} {at:<16} can't be replayed: {plain(row.trouble, _LONGEST)}"
        return
    mark = "  DIFFERS" if row.differs else ""
    yield f"{row.execution:<12} {at:<16} {row.then!s:<32} {row.now!s:<32} {row.recorded}{mark}"
    if row.differs:
        yield from _why("-", row.gone)
        yield from _why("+", row.new)
        yield from _why("!", row.notes)


def _why(mark: str, sentences: tuple[str, ...]) -> Iterator[str]:
    yield from (f"{'':<13}{mark} {plain(sentence, _LONGEST)}" for sentence in sentences[:_SHOWN])
    if len(sentences) > _SHOWN:
        yield f"{'':<13}{mark} and {len(sentences) - _SHOWN} more (--json shows all)"
