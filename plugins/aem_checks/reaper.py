"""How does a command run so that nothing which it started outlives it?

Started as a program of its own by ``aem_checks.commands``, with nothing but the standard library:
``python -I reaper.py GRACE REPORT_FD COMMAND...``. It makes itself the parent of every orphan below it
(``prctl(2)``, PR_SET_CHILD_SUBREAPER), runs the command in a session of its own and, when the command ends
or a SIGTERM asks for it, ends whatever is left: SIGTERM, ``GRACE`` seconds of patience, SIGKILL until
nothing is left. Then it writes ``{"exit": 0, "left_over": ["name (pid)"], "survivors": []}`` to
``REPORT_FD``; ``exit`` is ``null`` when it was stopped and negative when a signal ended the command.
Where ``prctl`` or ``/proc`` is missing (macOS), the command's process group is all that it can end.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_KILL_ROUNDS = 200
_LISTED = 20


class _Stopped(Exception):
    """Somebody asked for the end before the command was through."""


def main(arguments: list[str]) -> None:
    """Run the command, clean up behind it, report."""
    grace, report, command = float(arguments[0]), int(arguments[1]), arguments[2:]
    os.set_inheritable(report, False)
    _prepare()
    group, ended = 0, None
    try:
        signal.signal(signal.SIGTERM, _stop)
        process = subprocess.Popen(command, start_new_session=True)  # noqa: S603 - a team's own command
        group = process.pid
        ended = process.wait()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    except _Stopped:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    left_over = [] if ended is None else sorted(_describe(pid) for pid in _alive(group))
    _end_all(group, grace)
    survivors = sorted(_describe(pid) for pid in _alive(group))
    answer = {"exit": ended, "left_over": left_over[:_LISTED], "survivors": survivors[:_LISTED]}
    os.write(report, json.dumps(answer).encode())


def _stop(*_: Any) -> None:
    raise _Stopped


def _prepare() -> None:
    """Adopt orphans, end with the parent, and keep the own memory and files from the command."""
    try:
        prctl = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return
    for option, value in (
        (_PR_SET_CHILD_SUBREAPER, 1),
        (_PR_SET_PDEATHSIG, signal.SIGTERM),
        (_PR_SET_DUMPABLE, 0),
    ):
        prctl(option, *(ctypes.c_ulong(number) for number in (value, 0, 0, 0)))


def _end_all(group: int, grace: float) -> None:
    _signal_all(group, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while _alive(group) and time.monotonic() < deadline:
        time.sleep(0.02)
    for _ in range(_KILL_ROUNDS):
        if not _alive(group):
            return
        _signal_all(group, signal.SIGKILL)
        time.sleep(0.01)


def _signal_all(group: int, number: signal.Signals) -> None:
    if group:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
    for pid in _alive(group):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _alive(group: int) -> set[int]:
    """Descendants that still run; the dead ones among the own children are buried on the way."""
    _bury()
    if not Path("/proc/self/stat").exists():
        return {group} if group and _group_exists(group) else set()
    children: dict[int, set[int]] = {}
    for pid, parent in _processes():
        children.setdefault(parent, set()).add(pid)
    found: set[int] = set()
    waiting = [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), set()) - found
        found |= below
        waiting += below
    return found


def _bury() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _processes() -> Iterator[tuple[int, int]]:
    """Process and parent of everything that runs; a zombie runs while it has threads besides the first."""
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                stat = Path("/proc", entry, "stat").read_bytes()
                state, parent = stat.rpartition(b")")[2].split()[:2]
                if state not in {b"Z", b"X"} or len(os.listdir(f"/proc/{entry}/task")) > 1:
                    yield int(entry), int(parent)


def _describe(pid: int) -> str:
    try:
        name = Path("/proc", str(pid), "comm").read_text(errors="replace").strip()
    except OSError:
        name = "?"
    return f"{name} ({pid})"


if __name__ == "__main__":
    main(sys.argv[1:])
