"""How are processes started so that nothing of them outlives whoever started them?

Each component runs in a session of its own: Ctrl-C reaches only the parent, and the parent can end all that a
component ever forked. A parent that is killed outright can end nothing: for that case a watchdog process holds
the other end of a pipe and does it when the pipe closes. This file is also the watchdog program; it imports
nothing of the package.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

import psutil

GRACE = 4.0
"""Seconds between SIGTERM and SIGKILL."""
_DEAD_WITHIN = 60.0
"""Seconds within which a process ends that SIGKILL was sent to, on the busiest machine."""

_FORGET = "forget"


class Component:
    """One long-running process, its name for people and its log file."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - the command is ours
                command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        """The exit code (negative: ended by that signal), or None while it runs."""
        return self._process.poll()

    def tail(self, lines: int = 25) -> str:
        """The last lines of the log, for an error message."""
        return tail(self.log, lines)

    def reap(self) -> None:
        """Collect the exit status of an ended process."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)


class Watchdog:
    """Ends the sessions it was told of when this process disappears without a word."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - this very file
            [sys.executable, "-I", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def watch(self, pid: int) -> None:
        self._write(str(pid))

    def forget(self) -> None:
        """End the watch: everything has been stopped."""
        self._write(_FORGET)
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5)

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{line}\n")
            self._process.stdin.flush()


def tail(log: Path, lines: int) -> str:
    """The last `lines` lines of a text file; a sentence when there are none."""
    try:
        text = log.read_bytes()[-64_000:].decode(errors="replace")
    except FileNotFoundError:
        return "(no log was written)"
    return "\n".join(text.splitlines()[-lines:]) or "(the log is empty)"


def end_sessions(leaders: Iterable[int], *, grace: float = GRACE) -> list[int]:
    """End the session of each leader and all descendants of it: SIGTERM, `grace` seconds, SIGKILL.

    Returns the process ids that were still there after SIGKILL (uninterruptible ones; normally none).
    """
    leaders = set(leaders)
    members = _members(leaders)
    _send(members, signal.SIGTERM)
    _wait(members, grace)
    end = time.monotonic() + _DEAD_WITHIN
    while True:
        members |= _members(leaders)  # again: one may have forked after the last look, before its end
        alive = {process for process in members if _alive(process)}
        if not alive or time.monotonic() > end:
            return sorted(process.pid for process in alive)
        _send(alive, signal.SIGKILL)
        _wait(alive, 1.0)


def _members(leaders: set[int]) -> set[psutil.Process]:
    found: set[psutil.Process] = set()
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
            if process.pid != os.getpid() and os.getsid(process.pid) in leaders:
                found.add(process)
                found.update(process.children(recursive=True))
    return found


def _send(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)


def _wait(processes: Iterable[psutil.Process], seconds: float) -> None:
    end = time.monotonic() + seconds
    while any(_alive(process) for process in processes) and time.monotonic() < end:
        time.sleep(0.05)


def _alive(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _keep_watch(orders: TextIO) -> None:
    leaders: list[int] = []
    for order in orders:
        if order.strip() == _FORGET:
            return
        leaders.append(int(order))
    end_sessions(leaders)


if __name__ == "__main__":
    _keep_watch(sys.stdin)
