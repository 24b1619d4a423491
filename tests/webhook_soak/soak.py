"""How are more bodies sent than CI sends? On all processors, each batch to an endpoint of its own."""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
import time
from collections import Counter
from multiprocessing import util

BATCH = 2000


def main() -> int:
    """``[how many] [seed]``; 1 where a promise was broken; the example that breaks it is printed."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 1_000_000_000
    print(
        f"{many:,} bodies to the webhook, seed {seed}; the same again: python -m webhook_soak {many} {seed}",
        flush=True,
    )
    began, total, stored, broken = time.monotonic(), Counter[str](), 0, 0
    parts = [(seed + start, min(BATCH, many - start)) for start in range(0, many, BATCH)]
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        for answers, kept, trouble in pool.imap_unordered(_part, parts):
            total.update(answers)
            stored += kept
            broken += bool(trouble)
            print(trouble, end="\n" if trouble else "", flush=True)
    for answer, count in sorted(total.items()):
        print(f"  {answer:<18} {count:>9,}")
    print(f"{stored:,} deliveries stored, all signed and for us; {time.monotonic() - began:.0f} s.")
    if broken:
        print(f"{broken} of {len(parts)} parts broke a promise.")
    return 1 if broken else 0


def _part(part: tuple[int, int]) -> tuple[Counter[str], int, str]:
    import conftest  # a home for Airflow, before it is imported
    from webhook_soak.play import play

    util.Finalize(None, conftest.pytest_unconfigure, exitpriority=1)
    logging.disable(logging.CRITICAL)
    seed, many = part
    try:
        seen = play(many, seed)
    except Exception as error:  # noqa: BLE001 - a broken promise, or the application's own exception: both are told
        told = [f"seed {seed}: {type(error).__name__}: {error}", *getattr(error, "__notes__", [])]
        return Counter(), 0, "\n  ".join(told)
    return seen.answers, seen.stored, ""
