"""As whom does the code of a team run, its suites and its own checks? Never as the worker where another is named.

The deployment names a user in the environment variable ``AEM_CHECKS_SUITE_USER``. The worker has to be allowed
to become that user: it is root, or it holds the capabilities of ``NEEDED`` (``capabilities(7)``). Without the
variable a team's code runs as the worker itself.
"""

from __future__ import annotations

import os
import pwd
import stat
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "AEM_CHECKS_SUITE_USER"
NEEDED = {"CAP_CHOWN": 0, "CAP_KILL": 5, "CAP_SETGID": 6, "CAP_SETUID": 7}
"""To hand over its folders, to end what it left, to become it."""
_LOOK = 'for path; do m=; test -r "$path" && m=r; test -w "$path" && m="${m}w"; test -x "$path" && m="${m}x"; echo "$m"; done'
_SECONDS = 10


class CodeUserError(RuntimeError):
    """The named user can't be used, so nothing of a team may run. The message says what to do."""


@dataclass(frozen=True, slots=True)
class CodeUser:
    """A user of this machine without rights of its own."""

    name: str
    uid: int
    gid: int

    def __str__(self) -> str:
        return f"{self.name!r} (uid {self.uid})" if self.name != str(self.uid) else f"uid {self.uid}"


def code_user(variable: str = VARIABLE) -> CodeUser | None:
    """The user that the deployment names in a variable; ``None`` where it names none. Raises ``CodeUserError``."""
    name = os.environ.get(variable, "").strip()
    if not name:
        return None
    user = _find(name, variable)
    if user.uid in {0, *os.getresuid()}:
        raise CodeUserError(
            f"{variable} names {user}, which is {'root' if user.uid == 0 else 'the user of this worker itself'}. "
            "To do: name a user that has no other task."
        )
    if user.gid in {0, os.getegid(), *os.getgroups()}:
        raise CodeUserError(
            f"{variable} names {user}, whose group {user.gid} is one of this worker's own, so it may read what the "
            "worker keeps for its group. To do: give that user a group of its own."
        )
    if lacking := _lacking():
        raise CodeUserError(
            f"{variable} names {user}, but this worker (uid {os.geteuid()}) may not become another user: it lacks "
            f"{', '.join(lacking)}. To do: start the worker with these capabilities, or remove the variable."
        )
    return user


def _find(name: str, variable: str) -> CodeUser:
    try:
        entry = pwd.getpwuid(int(name)) if name.isdecimal() else pwd.getpwnam(name)
    except (KeyError, ValueError):
        if name.isdecimal() and len(name) < 10:
            return CodeUser(name, int(name), int(name))
        raise CodeUserError(
            f"{variable} names {name!r}, and this machine has no such user. To do: create it, or correct the variable."
        ) from None
    return CodeUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _lacking() -> list[str]:
    """Which capabilities this process lacks to run and end a command of another user."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return list(NEEDED)
    held = next((int(line.split()[1], 16) for line in lines if line.startswith("CapEff:")), 0)
    return [name for name, bit in NEEDED.items() if not held >> bit & 1]


def inherited() -> dict[str, str]:
    """What a team's code sees of the worker's environment."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": os.environ.get("LANG") or "C.UTF-8"}


@contextmanager
def own_folders(prefix: str, names: Iterable[str], user: CodeUser | None) -> Iterator[dict[str, Path]]:
    """New folders side by side that belong to the user, closed to others; they are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as work:
        Path(work).chmod(0o711)  # whoever knows the name of a folder in it may pass through
        folders = {name: Path(work, name.lower()) for name in names}
        for folder in folders.values():
            folder.mkdir()
            give(folder, user)
        try:
            yield folders
        finally:
            for folder in Path(work).iterdir():
                with suppress(OSError):
                    take_back(folder, user)


def give(folder: Path, user: CodeUser | None) -> None:
    """Hand a folder with files of our own over to the user, for nobody else."""
    folder.chmod(0o700)
    if user is None:
        return
    for _, folders, files, handle in os.fwalk(folder, topdown=False):
        for name in (*folders, *files):
            os.chown(name, user.uid, user.gid, dir_fd=handle, follow_symlinks=False)
    os.chown(folder, user.uid, user.gid)


def take_back(folder: Path, user: CodeUser | None) -> None:
    """Make all that the user left in a folder readable and removable for this process. Raises ``OSError``.

    Symbolic links, hard links and what is no file stay as they are: they may be names of something else.
    """
    if user is None:
        return
    _take_back(str(folder), None, user)
    for _, folders, files, handle in os.fwalk(folder):
        for name in (*folders, *files):
            _take_back(name, handle, user)


def _take_back(name: str, folder: int | None, user: CodeUser) -> None:
    """One file or folder, held open while it is looked at, so that it can't become another one meanwhile."""
    handle = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=folder)
    try:
        status, itself = os.fstat(handle), f"/proc/self/fd/{handle}"
        is_file = stat.S_ISREG(status.st_mode) and status.st_nlink == 1
        if status.st_uid == user.uid and (is_file or stat.S_ISDIR(status.st_mode)):
            os.chown(itself, os.geteuid(), os.getegid())
            os.chmod(itself, 0o600 if is_file else 0o700)
    finally:
        os.close(handle)


def reach_of(user: CodeUser, paths: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """What the user may do with each path: some of ``r``, ``w`` and ``x``, as the system itself answers.

    Raises ``CodeUserError`` where the system can't be asked.
    """
    asked = [str(path) for path in paths]
    try:
        done = subprocess.run(  # noqa: S603 - our own few words
            ["/bin/sh", "-c", _LOOK, "sh", *asked],
            user=user.uid,
            group=user.gid,
            extra_groups=[],
            env={},
            cwd="/",
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise CodeUserError(
            f"What {user} may read can't be asked: {type(error).__name__}: {error}"
        ) from error
    yield from zip((Path(path) for path in asked), done.stdout.splitlines(), strict=True)
