"""How are more answers and comparisons tried than CI tries? On all processors, in parts."""

from __future__ import annotations

import logging
import multiprocessing
import os
import sys
import time
from collections import Counter

BATCH = 1000
COMPARED = 20
"""One noisy comparison for so many conversations with a hostile site."""


def main() -> int:
    """``[how many] [seed]``; 1 where a check broke or cried wolf; the example that shows it is printed."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 1_000_000_000
    compared = max(1, many // COMPARED)
    print(
        f"{many:,} conversations with hostile sites and {compared:,} noisy comparisons, seed {seed}; the same again: "
        f"python -m checks_soak {many} {seed}",
        flush=True,
    )
    began, total, broken = time.monotonic(), Counter[str](), 0
    parts = [("hostile", seed + start, 0, min(BATCH, many - start)) for start in range(0, many, BATCH)]
    parts += [
        ("noisy", seed, start, min(BATCH // COMPARED, compared - start))
        for start in range(0, compared, BATCH // COMPARED)
    ]
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        for counts, trouble in pool.imap_unordered(_part, parts):
            total.update(counts)
            broken += bool(trouble)
            print(trouble, end="\n" if trouble else "", flush=True)
    for what, count in sorted(total.items()):
        print(f"  {what:<24} {count:>9,}")
    print(f"{broken} of {len(parts)} parts broke a promise; {time.monotonic() - began:.0f} s.")
    return 1 if broken else 0


def _part(part: tuple[str, int, int, int]) -> tuple[Counter[str], str]:
    logging.disable(logging.CRITICAL)
    way, seed, start, many = part
    try:
        return (_hostile(seed, many), "") if way == "hostile" else _noisy(seed, start, many)
    except Exception as error:  # noqa: BLE001 - a broken promise is told
        told = [f"{way}, seed {seed}: {type(error).__name__}: {error}", *getattr(error, "__notes__", [])]
        return Counter(), "\n  ".join(told)


def _hostile(seed: int, many: int) -> Counter[str]:
    from checks_soak.hostile import play

    return play(many, seed)


def _noisy(seed: int, start: int, many: int) -> tuple[Counter[str], str]:
    from checks_soak.noisy import false_alarms

    alarms = [alarm for number in range(start, start + many) for alarm in false_alarms(number, seed)]
    return Counter({"noisy comparisons": many, "false alarms": len(alarms)}), "\n".join(alarms)
