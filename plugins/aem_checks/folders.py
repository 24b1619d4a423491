"""What may stand in for a folder of evidence: a ``pathlib.Path`` or anything that behaves like one."""

from __future__ import annotations

from collections.abc import Iterator
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
