"""How are more fault schedules played than CI plays? On all processors, each batch with a simulator of its own."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from multiprocessing import util

BATCH = 200
Part = tuple[int, int, int]


def main() -> int:
    """``[how many] [seed]``; prints the table, 1 where a promise was broken or a fault never struck."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 1_000_000_000
    print(
        f"{many:,} fault schedules of seed {seed}; the same again: python -m faults {many} {seed}", flush=True
    )
    began, violations = time.monotonic(), 0
    from faults.play import Played
    from faults.table import never_struck, table, totals, unpacked

    total = Played()
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        for text, broken in pool.imap_unordered(_part, _parts(seed, many)):
            total.add(unpacked(text))
            violations += len(broken)
            print(*broken, sep="\n", end="\n" if broken else "", flush=True)
    print(table(total))
    if violations:
        print(f"{violations} of {many:,} schedules broke a promise.")
        return 1
    print(totals(total, time.monotonic() - began))
    missing = never_struck(total)
    print(*(f"Never struck: {cell}" for cell in missing), sep="\n", end="\n" if missing else "")
    return 1 if missing and many >= 500 else 0


def _parts(seed: int, many: int) -> Iterator[Part]:
    for start in range(0, many, BATCH):
        yield seed, start, min(start + BATCH, many)


def _part(part: Part) -> tuple[str, list[str]]:
    """Play some schedules in a process of their own: what they covered, and what was broken."""
    import conftest  # a home for Airflow, before it is imported
    from faults.play import Played, opened_house, play
    from faults.promises import Violation
    from faults.schedule import schedule
    from faults.table import packed

    util.Finalize(None, conftest.pytest_unconfigure, exitpriority=1)
    seed, start, end = part
    total, broken = Played(), []
    with opened_house() as house:
        for number in range(start, end):
            try:
                total.add(play(house, schedule(seed, number)))
            except Violation as violation:
                broken.append("\n  ".join([str(violation), *violation.__notes__]))
    return packed(total), broken
