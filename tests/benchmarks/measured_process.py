"""How long does a command take, and how much memory do it and its children have at once?"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_EVERY = 0.05
"""Seconds between two looks at the memory."""
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Taken:
    """What one run took."""

    seconds: float
    peak: float
    """MB (10^6 bytes) of resident memory, all processes of the command together, at its highest."""
    status: int
    output: str


def run_measured(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    within: float = 600,
) -> Taken:
    """Run a command in a session of its own; raises ``TimeoutError`` after ``within`` seconds."""
    with tempfile.TemporaryFile() as output:
        began, peak = time.monotonic(), 0
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                peak = max(peak, _resident(process.pid))
                if time.monotonic() - began > within:
                    raise TimeoutError(f"{command[0]} did not end within {within:.0f} s")
                time.sleep(_EVERY)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        seconds = time.monotonic() - began
        output.seek(0)
        return Taken(seconds, peak / 1e6, process.returncode, output.read().decode("utf-8", "replace"))


def _resident(session: int) -> int:
    """Bytes of all processes of that session and of their children; pages that two of them share count twice."""
    known = dict(filter(None, (_process(path) for path in Path("/proc").iterdir() if path.name.isdigit())))
    counted = {number for number, process in known.items() if process.session == session}
    while more := {number for number, process in known.items() if process.parent in counted} - counted:
        counted |= more
    return sum(known[number].resident for number in counted)


class _Process(NamedTuple):
    parent: int
    session: int
    resident: int


def _process(path: Path) -> tuple[int, _Process] | None:
    try:
        fields = (path / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return int(path.name), _Process(int(fields[1]), int(fields[3]), int(fields[21]) * _PAGE)
