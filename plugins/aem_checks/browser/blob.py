"""Where do pictures, and lists of all that a page asked for, wait to be judged? In a file, not in memory."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from aem_checks.stored_response import BodyError, read_body

if TYPE_CHECKING:
    from aem_checks.folders import Folder


@dataclass(frozen=True)
class Blob:
    """Bytes that are somewhere; two are equal when their bytes are."""

    sha256: str
    size: int
    """Bytes."""
    read: Callable[[], bytes] = field(repr=False, compare=False)
    """Fetches them. Raises what the place raises where they are: ``BodyError`` for changed evidence."""


class Spill:
    """A file without a name: it is gone when nothing holds it, or a blob of it, any more."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - it lives as long as its blobs
        self._end = 0
        self._known: dict[str, Blob] = {}
        self._lock = Lock()

    def put(self, content: bytes) -> Blob:
        """Write them, the same bytes once. Raises ``OSError``."""
        digest = hashlib.sha256(content).hexdigest()
        with self._lock:
            if digest not in self._known:
                self._write(content, self._end)
                read = partial(self._read, self._end, len(content), digest)
                self._end += len(content)
                self._known[digest] = Blob(digest, len(content), read)
            return self._known[digest]

    def _write(self, content: bytes, place: int) -> None:
        """At this place, whatever a write that failed left there."""
        rest = memoryview(content)
        while rest:
            written = os.pwrite(self._file.fileno(), rest, place)
            rest, place = rest[written:], place + written

    def _read(self, start: int, size: int, digest: str) -> bytes:
        """Raises ``BodyError`` where they are not what was put here."""
        found = os.pread(self._file.fileno(), size, start)
        if hashlib.sha256(found).hexdigest() != digest:
            raise BodyError(f"{size} bytes of what a browser saw were changed, or lost, on this machine")
        return found


def put_away(blob: Blob, bodies: Folder) -> None:
    """Write them into a folder of evidence, which exists, under their digest, unless it has them. Blocks."""
    if not (bodies / blob.sha256).exists():
        (bodies / blob.sha256).write_bytes(blob.read())


def found_in(bodies: Folder, sha256: str, size: int) -> Blob:
    """Those that a folder of evidence has under this digest."""
    return Blob(sha256, size, partial(read_body, bodies, sha256))
