"""Is this bundle safe to open, and where is the evidence in it? A folder, or a .zip or .tar of one, from anybody."""

from __future__ import annotations

import re
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any

MOST_FILES = 50_000
MOST_BYTES = 2 * 1024**3
"""Of all files together, unpacked."""
MOST_FILE = 256 * 1024**2
"""Of one file: it is read as a whole."""
MOST_JSON = 64 * 1024**2
"""Of one JSON file: read, it takes several times that."""
_CHUNK = 1024**2
_LONGEST_NAME = 1000
_ATTEMPT = re.compile(r"attempt-([1-9][0-9]{0,5})")
_MARKS = ("manifest.json", "candidate.json", "plan.json")
"""What lies in the folder of an attempt."""


class BundleError(Exception):
    """The bundle is refused; the message is a sentence that says why."""


@contextmanager
def opened(bundle: Path) -> Iterator[Path]:
    """The folder of the evidence in this bundle; what had to be unpacked is gone afterwards.

    Raises ``BundleError`` for anything that is no folder or archive of plain files within the limits.
    """
    try:
        kind = stat.S_IFMT(bundle.stat().st_mode)
        if kind == stat.S_IFDIR:
            _require_plain(bundle)
            yield _evidence_in(bundle)
            return
        if kind != stat.S_IFREG:
            raise BundleError(f"{bundle} is neither a folder nor a file.")
        with tempfile.TemporaryDirectory(prefix="stage-gate-verify-") as work:
            _unpack(bundle, Path(work))
            _require_plain(Path(work))
            yield _evidence_in(Path(work))
    except OSError as error:
        raise BundleError(f"{bundle} can't be read: {error}") from error


def attempts_in(folder: Path) -> list[tuple[int, Path]]:
    """Number and folder of each attempt; the number of a single attempt's folder may be 0, for unknown."""
    if _is_attempt(folder):
        named = _ATTEMPT.fullmatch(folder.name)
        return [(int(named[1]) if named else 0, folder)]
    named_folders = ((_ATTEMPT.fullmatch(each.name), each) for each in folder.iterdir() if each.is_dir())
    return sorted((int(named[1]), each) for named, each in named_folders if named)


def _evidence_in(root: Path) -> Path:
    """The folder that holds attempts, or is one: below the root as long as there is one way only."""
    folder = root
    for _ in range(5):
        if _is_attempt(folder) or attempts_in(folder):
            return folder
        inside = list(folder.iterdir())
        if len(inside) != 1 or not inside[0].is_dir():
            break
        folder = inside[0]
    raise BundleError(
        "There is no attempt in it. Name the folder execution-<id> of the evidence store, an attempt-<n> of it, "
        "or a .zip or .tar of one."
    )


def _is_attempt(folder: Path) -> bool:
    return any((folder / name).exists() for name in _MARKS)


def _require_plain(folder: Path) -> None:
    """Only folders and files, few and small enough, and no link that leads elsewhere."""
    count = size = 0
    for path in _walk(folder):
        found, name = path.lstat(), path.relative_to(folder)
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            raise BundleError(f"{name} is a link, a device or a pipe; evidence has none.")
        most, what = (MOST_JSON, "JSON") if path.suffix == ".json" else (MOST_FILE, "a file")
        own = found.st_size if stat.S_ISREG(found.st_mode) else 0
        if own > most:
            raise BundleError(f"{name} has {own} bytes; {what} has at most {most}.")
        count, size = count + 1, size + own
        _require_within(count, size)


def _walk(folder: Path) -> Iterator[Path]:
    waiting = [folder]
    while waiting:
        for path in waiting.pop().iterdir():
            yield path
            if path.is_dir() and not path.is_symlink():
                waiting.append(path)


def _require_within(count: int, size: int) -> None:
    if count > MOST_FILES:
        raise BundleError(f"It holds more than {MOST_FILES} files.")
    if size > MOST_BYTES:
        raise BundleError(f"It holds more than {MOST_BYTES} bytes, unpacked.")


def _unpack(bundle: Path, work: Path) -> None:
    if bundle.stat().st_size > MOST_BYTES:
        raise BundleError(f"It holds more than {MOST_BYTES} bytes.")
    with bundle.open("rb") as file:
        magic = file.read(4)
    try:
        if magic == b"PK\x03\x04":
            _unpack_zip(bundle, work)
        else:
            _unpack_tar(bundle, work, packed=magic[:2] == b"\x1f\x8b")
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError) as error:
        raise BundleError(f"It is no intact .zip, .tar or .tar.gz: {error}") from error
    except (ValueError, RuntimeError, NotImplementedError, OverflowError, MemoryError) as error:
        raise BundleError(f"It can't be unpacked: {error}") from error


def _unpack_zip(bundle: Path, work: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        room = _Room(work)
        for entry in archive.infolist():
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if entry.is_dir():
                continue
            if kind not in (0, stat.S_IFREG):
                raise BundleError(
                    f"{entry.filename[:_LONGEST_NAME]!r} is a link or a device; evidence has none."
                )
            with archive.open(entry) as content:
                room.keep(entry.filename, content)


def _unpack_tar(bundle: Path, work: Path, *, packed: bool) -> None:
    import gzip

    with bundle.open("rb") as plain:
        source: Any = _Sips(gzip.GzipFile(fileobj=plain) if packed else plain)
        with tarfile.open(fileobj=source, mode="r:") as archive:
            room = _Room(work)
            for member in archive:
                if member.isdir():
                    continue
                content = archive.extractfile(member) if member.isreg() and not member.issparse() else None
                if content is None:
                    raise BundleError(
                        f"{member.name[:_LONGEST_NAME]!r} is a link or a device; evidence has none."
                    )
                room.keep(member.name, content)


class _Sips:
    """A file that gives out little at a time and not without end: headers of a tar are read as long as they say."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= 2 * _CHUNK:
            raise BundleError(f"A part of the archive claims {size} bytes; it is damaged or hostile.")
        self._require_end(self._file.tell() + size)
        data: bytes = self._file.read(size)
        return data

    def seek(self, position: int, whence: int = 0) -> int:
        self._require_end(position)
        moved: int = self._file.seek(position, whence)
        return moved

    def tell(self) -> int:
        told: int = self._file.tell()
        return told

    def _require_end(self, position: int) -> None:
        if position > 2 * MOST_BYTES:
            raise BundleError(f"It holds more than {MOST_BYTES} bytes, unpacked.")


class _Room:
    """The folder that an archive is unpacked into, and how much has gone into it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = self._size = 0

    def keep(self, name: str, content: IO[bytes]) -> None:
        target = self._place(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        self._count += 1
        with target.open("xb") as file:
            while chunk := content.read(_CHUNK):
                self._size += len(chunk)
                _require_within(self._count, self._size)
                file.write(chunk)

    def _place(self, name: str) -> Path:
        path = PurePosixPath(name)
        outside = path.is_absolute() or ".." in path.parts or not path.parts
        if outside or "\\" in name or "\0" in name or len(name) > _LONGEST_NAME:
            raise BundleError(f"{name[:_LONGEST_NAME]!r} would be unpacked outside its folder.")
        return self._folder.joinpath(*path.parts)
