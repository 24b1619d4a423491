"""A process of its own that comes for one claim: ``racer.py <URL of the server> <its name>``."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Say ``ready``, come for the claim once a line was sent, and say ``won`` or ``lost``."""
    from stage_gate.evidence.exclusive import create_exclusively
    from unit.stage_gate.stores import s3_store

    url, name = sys.argv[1:]
    path: Path = s3_store(url) / "claims" / "one.json"
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        create_exclusively(path, name.encode())
    except FileExistsError:
        print("lost", flush=True)
    else:
        print("won", flush=True)


if __name__ == "__main__":
    main()
