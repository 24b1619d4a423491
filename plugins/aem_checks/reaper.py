"""How does a command run so that nothing which it started outlives it, as another user where one is named?

Started as a program of its own by ``aem_checks.commands``, with nothing but the standard library:
``python -I reaper.py FD``. The file ``FD`` holds what to run (``Order``). It makes itself the parent of every
orphan below it (``prctl(2)``, PR_SET_CHILD_SUBREAPER), runs the command in a session of its own and, when the
command ends or a SIGTERM asks for it, ends whatever is left: SIGTERM, some seconds of patience, SIGKILL until
nothing is left. Then it replaces the file with ``{"exit": 0, "left_over": ["name (pid)"], "survivors": [],
"problem": ""}``; ``exit`` is ``null`` when it was stopped and negative when a signal ended the command.

The reaper stays the worker's own user: a command of another user can neither read nor signal it. Where
``prctl`` or ``/proc`` is missing (macOS), the command's process group is all that it can end.
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
from typing import Any, NoReturn, TypedDict

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION_3 = 0x20080522
_KILL_ROUNDS = 200
_LISTED = 20


class Order(TypedDict):
    """What to run."""

    command: list[str]
    environment: dict[str, str]
    """All that the command sees; the reaper itself is started without it."""
    grace: float
    """Seconds between SIGTERM and SIGKILL."""
    user: list[int] | None
    """User and group id to run as, ``None`` for the worker's own."""


class CannotBecome(Exception):
    """The command can't run as the user that was named; the message ends a sentence."""


class _Stopped(Exception):
    """Somebody asked for the end before the command was through."""


def main(arguments: list[str]) -> None:
    """Run the command, clean up behind it, report."""
    paper = int(arguments[0])
    os.set_inheritable(paper, False)
    order: Order = json.loads(os.pread(paper, os.fstat(paper).st_size, 0))
    os.ftruncate(paper, 0)
    _prepare()
    answer = _run(order)
    os.pwrite(paper, json.dumps(answer).encode(), 0)


def _run(order: Order) -> dict[str, Any]:
    group, ended, problem = 0, None, ""
    try:
        signal.signal(signal.SIGTERM, _stop)
        process = _start(order)
        group = process.pid
        ended = process.wait()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    except _Stopped:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    except CannotBecome as error:
        problem = str(error)
    left_over = [] if ended is None else sorted(_describe(pid) for pid in _alive(group))
    _end_all(group, order["grace"])
    survivors = sorted(_describe(pid) for pid in _alive(group))
    return {
        "exit": ended,
        "left_over": left_over[:_LISTED],
        "survivors": survivors[:_LISTED],
        "problem": problem,
    }


def _start(order: Order) -> subprocess.Popen[bytes]:
    if order["user"] is None:
        return subprocess.Popen(order["command"], env=order["environment"], start_new_session=True)  # noqa: S603
    uid, gid = order["user"]
    reading, writing = os.pipe()

    def change() -> None:
        try:
            become(uid, gid)
            _prctl(ctypes.CDLL(None, use_errno=True), _PR_SET_PDEATHSIG, signal.SIGKILL)
        except BaseException as error:
            os.write(writing, str(error).encode())
            raise

    try:
        return subprocess.Popen(  # noqa: S603 - a team's own command
            order["command"], env=order["environment"], start_new_session=True, umask=0o077, preexec_fn=change
        )
    except (subprocess.SubprocessError, OSError) as error:
        os.set_blocking(reading, False)
        with contextlib.suppress(BlockingIOError):
            raise CannotBecome(os.read(reading, 4096).decode() or str(error)) from error
        raise CannotBecome(str(error)) from error
    finally:
        os.close(reading)
        os.close(writing)


def become(uid: int, gid: int) -> None:
    """Make this process one of another user, for good. Raises ``CannotBecome``; never half way in silence.

    No further groups, no capabilities, and ``no_new_privs``: no program that it starts has more rights.
    """
    try:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    except OSError as error:
        raise CannotBecome(f"it can't become user {uid} with group {gid} ({error.strerror})") from error
    _drop_capabilities()
    groups = set(os.getgroups()) - {gid}
    if os.getresuid() != (uid,) * 3 or os.getresgid() != (gid,) * 3 or groups:
        raise CannotBecome(f"it did not become user {uid} with group {gid}")
    with contextlib.suppress(PermissionError):
        os.setuid(0)
        raise CannotBecome(f"user {uid} could become root again")
    if not os.access(".", os.R_OK | os.X_OK):
        raise CannotBecome(f"its user {uid} may not read the working folder {os.getcwd()}")


def _drop_capabilities() -> None:
    """They survive a change between two users that are not root, where the worker was given them as ambient."""
    library = ctypes.CDLL(None, use_errno=True)
    _prctl(library, _PR_SET_NO_NEW_PRIVS, 1)
    _prctl(library, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if library.capset(header, nothing) != 0:
        raise CannotBecome(f"it can't give up its capabilities ({os.strerror(ctypes.get_errno())})")


def _prctl(library: ctypes.CDLL, option: int, value: int) -> None:
    if library.prctl(option, *(ctypes.c_ulong(number) for number in (value, 0, 0, 0))) != 0:
        raise CannotBecome(f"prctl {option} was refused ({os.strerror(ctypes.get_errno())})")


def _stop(*_: Any) -> NoReturn:
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
            with contextlib.suppress(OSError, ValueError):
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
