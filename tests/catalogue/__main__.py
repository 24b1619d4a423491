"""What does ``python -m catalogue`` do? It runs the table check × failure and prints it."""

from __future__ import annotations

import sys
import time

from aem_checks.kinds import all_kinds
from catalogue.seeds import Clean, Seed
from catalogue.table import clean, seeds
from catalogue.verdict import problem
from catalogue.world import World


def main(only: list[str]) -> int:
    """Print a line per row, and what is wrong; 1 where something is. ``only``: kinds, by default all."""
    started, wrong, known = time.monotonic(), 0, all_kinds()
    rows: list[Seed | Clean] = [row for row in (*seeds(), *clean()) if not only or row.kind in only]
    rows.sort(key=lambda row: list(known).index(row.kind))
    print("| check | failure | outcome | as it should be |\n|---|---|---|---|")
    with World.running() as world:
        for row in rows:
            if isinstance(row, Clean):
                world.prepare()
            result = world.run(row)
            failure = (
                ", ".join(row.defects) or "its settings" if isinstance(row, Seed) else "none: clean site"
            )
            said = problem(row, result)
            wrong += bool(said)
            number = known[row.kind].number
            outcome = f"{result.outcome} ({result.severity})"
            print(f"| {number} {row.kind} | {failure} | {outcome} | {'no' if said else 'yes'} |", flush=True)
            if said:
                print(said, file=sys.stderr)
    missing = sorted(set(known) - {row.kind for row in rows}) if not only else []
    print(f"\n{len(rows)} rows in {time.monotonic() - started:.0f} s, {wrong} not as they should be.")
    if missing:
        print(f"Without a row: {', '.join(missing)}.")
    return 1 if wrong or missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
