"""May a failing check run again? The re-runs of an attempt are counted in the evidence, one file each.

Files that somebody put there in advance take re-runs away, and the failures stand; who takes some away gives re-runs back,
and a check that passes on one is flaky in its result.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from stage_gate.exclusive import create_exclusively

FOLDER = "reruns"


def take_rerun(folder: Path, budget: int, key: str) -> bool:
    """Take one of ``budget`` re-runs below ``folder`` for the check ``key``; ``False`` when all are taken.

    Each is a file that only one task can create, so that tasks which ask at the same moment never take more
    than there are. Raises ``OSError`` where they can't be counted.
    """
    taken = {"check": key, "at": datetime.now(UTC).isoformat()}
    for number in range(1, budget + 1):
        path = folder / FOLDER / str(number)
        if path.exists():
            continue
        try:
            create_exclusively(path, json.dumps(taken).encode())
        except FileExistsError:
            if not path.exists():
                raise
            continue
        return True
    return False
