"""Is this file still the one that was sealed? A read-only folder that answers with each file it hands out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from stage_gate.files import EvidenceError, read


@dataclass(frozen=True)
class SealedFolder:
    """The files below ``root`` that a manifest lists, and no other, whatever lies there or is asked for."""

    root: Path
    """Folder of the attempt."""
    files: Mapping[str, str]
    """SHA-256 by name from ``root`` on, as a verified manifest has them."""
    place: str = ""
    """Where in it this is, empty for the root."""

    @property
    def name(self) -> str:
        return PurePosixPath(self.place).name or self.root.name

    def __truediv__(self, other: str) -> SealedFolder:
        return SealedFolder(self.root, self.files, f"{self.place}/{other}" if self.place else other)

    def __str__(self) -> str:
        return str(self.root / self.place) if self.place else str(self.root)

    def exists(self) -> bool:
        """Whether it was sealed: what was added later is not there, and what was removed fails when it is read."""
        return self.place in self.files or any(self._below())

    def _below(self) -> Iterator[str]:
        start = f"{self.place}/" if self.place else ""
        return (name[len(start) :] for name in self.files if name.startswith(start))

    def iterdir(self) -> Iterator[SealedFolder]:
        yield from (self / name for name in dict.fromkeys(each.split("/")[0] for each in self._below()))

    def read_bytes(self) -> bytes:
        """Raises ``FileNotFoundError`` for what was never sealed, ``EvidenceError`` for what was changed since."""
        digest = self.files.get(self.place)
        if digest is None:
            raise FileNotFoundError(2, "it is not among the sealed files", str(self))
        content = read(self.root.joinpath(*self.place.split("/")))
        if hashlib.sha256(content).hexdigest() != digest:
            raise EvidenceError(f"{self} was changed after it was sealed.")
        return content

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        raise EvidenceError(f"{self} is sealed and can't be written to.")

    def write_bytes(self, data: Any, /) -> Any:
        raise EvidenceError(f"{self} is sealed and can't be written to.")
