"""`make bench`: side-by-side figures with their goals. ARGS="dag_import" for a part. Nothing fails because it is slow."""

from __future__ import annotations

import os
import sys
import time
from types import ModuleType

from benchmarks import (
    browser_chapter,
    browser_set,
    change_map,
    dag_import,
    decision_latency,
    gate_overhead,
    http_set,
    last_look,
    own_dag,
    page_checks,
    page_selection,
    pages,
    parity,
    release_cost,
    replayed,
    start_latency,
    waiting,
    webhook,
)
from benchmarks.figures import Figure, say, summary, table

PARTS: dict[str, ModuleType] = {
    "gate_overhead": gate_overhead,
    "release_cost": release_cost,
    "dag_import": dag_import,
    "own_dag": own_dag,
    "page_checks": page_checks,
    "parity": parity,
    "page_selection": page_selection,
    "decision_latency": decision_latency,
    "last_look": last_look,
    "replayed": replayed,
    "webhook": webhook,
    "start_latency": start_latency,
    "waiting": waiting,
    "http_set": http_set,
    "browser_set": browser_set,
    "browser_chapter": browser_chapter,
    "pages": pages,
    "change_map": change_map,
}


def main(names: list[str]) -> int:
    """Measure the named parts, all by default; 2 for an unknown name, else 0 whatever the figures are."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        say(f"There is no part {unknown[0]!r}; there are {', '.join(PARTS)}.")
        return 2
    began, figures, blocks = time.monotonic(), list[Figure](), list[str]()
    say(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start. An idle machine gives the steadiest figures."
    )
    for name in names or PARTS:
        part = PARTS[name]
        say(f"\nMeasuring {name} …")
        found: list[Figure] = part.measure()
        figures += found
        blocks.append(table(part.TITLE, found, part.NOTES))
    say("\n".join(blocks))
    say(
        f"\n{summary(figures)} {time.monotonic() - began:.0f} s in all, load {os.getloadavg()[0]:.1f} at the end."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
