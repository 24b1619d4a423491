"""How do a hundred small files become one? As a ZIP archive, since an object store takes a request for each file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath

from aem_checks.stored_response import BodyError

_MOST_BYTES = 256 * 1024 * 1024
"""That are unpacked: no archive of evidence is that large, whatever it says."""


class Packed:
    """A folder in memory, which is written and read as one file."""

    def __init__(self, files: dict[str, bytes] | None = None, place: str = "") -> None:
        """``files`` by their path from the root on; ``place`` is where in it this is."""
        self.files: dict[str, bytes] = {} if files is None else files
        self._place = place

    @property
    def name(self) -> str:
        return PurePosixPath(self._place).name or "packed"

    def __truediv__(self, other: str, /) -> Packed:
        return Packed(self.files, f"{self._place}/{other}" if self._place else other)

    def __str__(self) -> str:
        return self._place

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        """Nothing, as a name with a slash is enough."""

    def exists(self) -> bool:
        return self._place in self.files or any(self.iterdir())

    def iterdir(self) -> Iterator[Packed]:
        start = f"{self._place}/" if self._place else ""
        below = (name.removeprefix(start) for name in self.files if name.startswith(start))
        return (self / name for name in dict.fromkeys(each.split("/")[0] for each in below))

    def read_bytes(self) -> bytes:
        try:
            return self.files[self._place]
        except KeyError:
            raise FileNotFoundError(2, "it is not in the archive", self._place) from None

    def write_bytes(self, data: bytes, /) -> int:
        self.files[self._place] = data
        return len(data)

    def pack(self) -> bytes:
        """The archive. The same files give the same bytes."""
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w") as archive:
            for name, content in sorted(self.files.items()):
                archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, compresslevel=1)
        return written.getvalue()

    @classmethod
    def unpack(cls, archive: bytes, what: object) -> Packed:
        """``what`` names it in the errors. Raises ``BodyError`` for one that is damaged or too large."""
        try:
            with zipfile.ZipFile(io.BytesIO(archive)) as opened:
                if sum(each.file_size for each in opened.infolist()) > _MOST_BYTES:
                    raise BodyError(f"{what} says that it is larger than {_MOST_BYTES // 1024**2} MiB")
                return cls({name: opened.read(name) for name in opened.namelist()})
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as error:
            raise BodyError(f"{what} is damaged: {error}") from error
