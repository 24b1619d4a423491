"""With which variables and options of Airflow was this worker started? A task itself is not shown all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path


def environments() -> Iterator[tuple[str, str]]:
    """The variables of this process and of those above it, as far as they can be read; the own ones last."""
    chain: list[bytes] = []
    pid = os.getppid()
    while pid > 1 and len(chain) < 20:
        try:
            content = Path(f"/proc/{pid}/environ").read_bytes()
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            break
        chain.append(content)
    for content in reversed(chain):
        for entry in content.split(b"\0"):
            name, found, value = entry.partition(b"=")
            if found and value:
                yield os.fsdecode(name), os.fsdecode(value)
    yield from ((name, value) for name, value in os.environ.items() if value)


def option(around: Mapping[str, str], section: str, key: str) -> str:
    """An option as the worker was started with it; Airflow hides its database from the tasks themselves."""
    from airflow.sdk.configuration import conf

    name = f"AIRFLOW__{section.upper()}__{key.upper()}"
    inherited = around.get(name, "")
    if inherited and "not-allowed" not in inherited:
        return inherited
    return str(conf.get(section, key, fallback="") or "")
