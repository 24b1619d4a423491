"""How is an object store asked as little as it can be? One request for each file that is read, written or listed.

A path of Airflow's or fsspec's own asks several times for each: whether the bucket is there, whether the file is, how
long it is. A store charges and waits for each of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from airflow.sdk import ObjectStoragePath

_ASK_FOR_THE_SIZE = frozenset({"s3", "s3a"})
"""Stores whose driver asks how long a file is before it reads it, unless it is to be read in one piece."""


class StoredPath(ObjectStoragePath):
    """A file or folder of an object store. There are no folders: a name with a slash is enough."""

    __slots__ = ()

    def read_bytes(self) -> bytes:
        """All of the file. Raises ``FileNotFoundError``, and what the driver raises."""
        in_one = {"max_concurrency": 1} if self.protocol in _ASK_FOR_THE_SIZE else {}
        return bytes(self.__wrapped__.fs.cat_file(self.path, **in_one))

    def write_bytes(self, data: Any, /) -> int:
        """All of the file at once, in place of what lies there; the number of bytes."""
        self.__wrapped__.fs.pipe_file(self.path, bytes(data))
        return len(data)

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        """Nothing, as there are no folders."""

    def unlink(self, missing_ok: bool = False) -> None:
        try:
            self.__wrapped__.fs.rm_file(self.path)
        except FileNotFoundError:
            if not missing_ok:
                raise

    def iterdir(self) -> Iterator[Self]:
        """What lies there as far as the driver remembers. Raises ``FileNotFoundError`` where nothing does."""
        for name in self.__wrapped__.fs.ls(self.path, detail=False):
            if name.rstrip("/") != self.path.rstrip("/"):
                yield self / name.rstrip("/").rpartition("/")[2]

    def below(self) -> Iterator[tuple[str, str]]:
        """Each file below this folder by its name from here on, and its mark; nothing where nothing lies there.

        The mark is another one after each writing of the file, and empty where the store gives none.
        """
        start = f"{self.path.rstrip('/')}/"
        for name, told in sorted(self.__wrapped__.fs.find(self.path, detail=True).items()):
            if name.startswith(start):
                yield name.removeprefix(start), _mark(told)


def _mark(told: Any) -> str:
    """S3, Azure and Google each name the content by an ETag of their own, and say when it was written."""
    content = told.get("ETag") or told.get("etag")
    written = told.get("LastModified") or told.get("last_modified") or told.get("updated")
    return f"{content} {written} {told.get('size')}" if content and written else ""
