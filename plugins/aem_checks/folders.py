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
