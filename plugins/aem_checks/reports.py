"""What did a command leave in its report folder, and how is it taken over without trusting it?"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote

MAX_FILES = 2000
MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_TOTAL_BYTES = 256 * 1024 * 1024
TOO_OLD = "it was there before the command ran"
BEYOND = "it is beyond the limits of number or size"
_MAX_DEPTH = 20
_LONGEST_NAME = 150
_SAFE_IN_NAMES = " ()+,=@[]"


@dataclass(frozen=True, slots=True)
class ReportFile:
    """One file of the report folder. ``name`` is its path in there, made safe to be written elsewhere."""

    name: str
    content: bytes

    @property
    def is_xml(self) -> bool:
        return PurePosixPath(self.name).suffix.lower() == ".xml"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that was not taken over, and why, as the end of a sentence."""

    name: str
    why: str


def collect(
    folder: Path, secrets: Iterable[str] = (), *, since: float = 0.0
) -> Iterator[ReportFile | LeftOut]:
    """Every file below ``folder``, one at a time, in a stable order; ``secrets`` in them are blanked out.

    ``since``: seconds since 1970; what was last written before is left out as ``TOO_OLD``.

    Only regular files with one name are read: no symbolic link is followed, neither to files nor to folders,
    and hard links, which could be names of files elsewhere, are left out. So is what is beyond the limits.
    """
    hidden = [secret.encode() for secret in secrets if secret]
    files = total = 0
    for name, handle in _open_files(folder):
        if isinstance(handle, str):
            yield LeftOut(name, handle)
            continue
        try:
            status = os.fstat(handle)
            size = status.st_size
            if status.st_mtime < since:
                yield LeftOut(name, TOO_OLD)
                continue
            if is_beyond(files, total, size):
                yield LeftOut(name, BEYOND)
                continue
            content = _read(handle)
        finally:
            os.close(handle)
        files, total = files + 1, total + len(content)
        yield ReportFile(name, _blanked(content, hidden))


def is_beyond(files: int, total: int, size: int) -> bool:
    """Whether a file of this ``size`` is too much after so many ``files`` of so many bytes in ``total``."""
    return files >= MAX_FILES or size > MAX_FILE_BYTES or total + size > MAX_TOTAL_BYTES


def _open_files(folder: Path) -> Iterator[tuple[str, int | str]]:
    """Names with an open handle, or with the reason why there is none."""
    try:
        top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        yield ".", "the report folder is gone or was replaced"
        return
    unread: list[OSError] = []
    try:
        for path, folders, names, below in os.fwalk(".", dir_fd=top, onerror=unread.append):
            yield from _skipped_folders(path, folders, below)
            for name in sorted(names):
                yield safe_name(PurePosixPath(path, name)), _open_regular(name, below)
    finally:
        os.close(top)
    if unread:
        yield ".", f"a folder in it cannot be read ({unread[0].strerror})"


def _skipped_folders(path: str, folders: list[str], handle: int) -> Iterator[tuple[str, str]]:
    """Folders that the walk does not enter; the rest is put into a stable order."""
    for name in folders:
        status = os.stat(name, dir_fd=handle, follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            yield safe_name(PurePosixPath(path, name)), "it is a symbolic link to a folder"
        elif path.count("/") >= _MAX_DEPTH:
            yield ".", "it has folders nested too deeply"
    folders[:] = sorted(folders) if path.count("/") < _MAX_DEPTH else []


def _open_regular(name: str, folder: int) -> int | str:
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return "it is a symbolic link or cannot be read"
    status = os.fstat(handle)
    if stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
        return handle
    os.close(handle)
    return "it is not a regular file of its own"


def _read(handle: int) -> bytes:
    with os.fdopen(os.dup(handle), "rb") as file:
        return file.read(MAX_FILE_BYTES)


def _blanked(content: bytes, hidden: Iterable[bytes]) -> bytes:
    for secret in hidden:
        content = content.replace(secret, b"*" * len(secret))
    return content


def safe_name(path: PurePosixPath) -> str:
    """The path with every unusual character percent-encoded, so that a name can do no harm in logs or links."""
    parts = (quote(os.fsencode(part), safe=_SAFE_IN_NAMES)[-_LONGEST_NAME:] for part in path.parts)
    return "/".join(parts)
