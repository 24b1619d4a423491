"""What may stand in for a folder of evidence: a ``pathlib.Path`` or anything that behaves like one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol


class Folder(Protocol):
    """The few operations on paths that the checks use; Airflow's ``ObjectStoragePath`` has them too."""

    @property
    def name(self) -> str: ...

    def __truediv__(self, other: str, /) -> Any: ...

    def mkdir(self, mode: int = ..., parents: bool = ..., exist_ok: bool = ...) -> None: ...

    def exists(self) -> bool: ...

    def iterdir(self) -> Iterator[Any]: ...

    def read_bytes(self) -> bytes: ...

    def write_bytes(self, data: Any, /) -> Any: ...


class Remembering:
    """Another folder, whose files are read once each, as long as there is room for them; what reads it sees no change."""

    def __init__(self, folder: Folder, known: _Room | None = None) -> None:
        self._folder = folder
        self._room = known or _Room()

    @property
    def name(self) -> str:
        return self._folder.name

    def __truediv__(self, other: str, /) -> Remembering:
        return Remembering(self._folder / other, self._room)

    def __str__(self) -> str:
        return str(self._folder)

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        self._folder.mkdir(mode, parents, exist_ok)

    def exists(self) -> bool:
        return self._folder.exists()

    def iterdir(self) -> Iterator[Remembering]:
        return (self / each.name for each in self._folder.iterdir())

    def read_bytes(self) -> bytes:
        """Raises what the folder raises."""
        content = self._room.files.get(str(self._folder))
        return self._room.keep(str(self._folder), self._folder.read_bytes()) if content is None else content

    def write_bytes(self, data: Any, /) -> Any:
        self._room.files.pop(str(self._folder), None)
        return self._folder.write_bytes(data)


@dataclass
class _Room:
    """Files in memory, 32 MiB at the most."""

    left: int = 32 * 1024 * 1024
    files: dict[str, bytes] = field(default_factory=dict)

    def keep(self, name: str, content: bytes) -> bytes:
        if len(content) <= self.left:
            self.left -= len(content)
            self.files[name] = content
        return content


class _Nowhere:
    """A folder that holds nothing and keeps nothing."""

    name = "nowhere"

    def __truediv__(self, other: str, /) -> _Nowhere:
        return self

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        return None

    def exists(self) -> bool:
        return False

    def iterdir(self) -> Iterator[_Nowhere]:
        return iter(())

    def read_bytes(self) -> bytes:
        raise FileNotFoundError(2, "nothing is kept here", self.name)

    def write_bytes(self, data: Any, /) -> None:
        return None


NOWHERE: Folder = _Nowhere()
"""For a check that judges again what it was told: what it keeps is kept already."""
