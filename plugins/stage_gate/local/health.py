"""Is a part of this Airflow alive? The containers' health check: `python -m stage_gate.local.health URL PART`."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Sequence

PARTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")


def trouble(url: str, part: str, *, timeout: float = 5.0) -> str:
    """What is wrong with `part` as the API server at `url` sees it; an empty string when it is healthy.

    The API server judges by heartbeats in the database: with several schedulers one healthy one is enough.
    """
    address = f"{url.rstrip('/')}/api/v2/monitor/health"
    try:
        with urllib.request.urlopen(address, timeout=timeout) as answer:  # noqa: S310 - the deployment's own
            status = json.load(answer)[part]["status"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        return f"{address} does not tell how the {part} is: {error}"
    return "" if status == "healthy" else f"the {part} is {status or 'not running'}"


def main(arguments: Sequence[str] | None = None) -> int:
    """0 healthy, 1 not (with a sentence), 2 wrong use."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if len(given) != 2 or given[1] not in PARTS:
        sys.stderr.write(f"use: python -m stage_gate.local.health URL PART (one of {', '.join(PARTS)})\n")
        return 2
    found = trouble(given[0], given[1])
    if found:
        sys.stderr.write(found + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
