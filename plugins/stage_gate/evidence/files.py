"""How are files of the evidence written and read, on a disk or in an object store, and are they still the sealed ones?"""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import uuid4

from pydantic import BaseModel, ValidationError

if TYPE_CHECKING:
    from aem_checks.folders import Folder

ModelT = TypeVar("ModelT", bound=BaseModel)

FolderT = TypeVar("FolderT", bound="Folder")

_SAFE_NAME = re.compile(r"[^A-Za-z0-9._-]+")

PARTIAL = ".partial"
"""Ends the name of a file that is being written; what a killed worker left so counts for nothing."""


class EvidenceError(RuntimeError):
    """Evidence is missing, unreadable or not what its seal says. Nothing may be approved on it.

    ``passing``: it is the store that did not answer, or not as it should, so that waiting may mend it.
    """

    def __init__(self, sentence: str, *, passing: bool = False) -> None:
        super().__init__(sentence)
        self.passing = passing


def open_store(url: str) -> Path:
    """The root folder of an evidence store.

    ``url`` is a local path, ``file://…`` or an object store's URL such as ``s3://connection@bucket/folder``.
    Object stores come back as a ``StoredPath``, which behaves like a ``pathlib.Path``. Raises ``OSError`` for a folder
    that can't be made, ``EvidenceError`` for a cloud's store that nothing is installed for.
    """
    if url.startswith("file://"):
        url = url.removeprefix("file://")
    if "://" not in url:
        root = Path(url).expanduser()
        make_folder(root, mode=0o700)
        return root
    from stage_gate.evidence.object_store import StoredPath

    store = StoredPath(url)
    _require_driver(store)
    return cast(Path, store)


_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "abfs": "azure", "abfss": "azure"}
"""Scheme of a store's URL to the extra of this distribution that opens it."""


def _require_driver(store: Any) -> None:
    from airflow.sdk.io.fs import has_fs

    extra = _EXTRAS.get(store.protocol)
    if extra is None or has_fs(store.protocol):
        return
    try:
        _ = store.fs  # one that was attached by hand is known to Airflow by its name alone
    except ValueError as error:
        raise EvidenceError(
            f"Nothing that is installed here opens a store of the kind {store.protocol}://. "
            f"To do: pip install 'aem-stage-gate[{extra}]'."
        ) from error


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """The folder and those above it, where they are not there yet.

    Raises ``OSError``; ``NotADirectoryError`` where its name is that of a file, or of a link to nowhere as a lost mount
    leaves one: ``FileExistsError`` is what ``mkdir`` says of that, and here it would mean that somebody was faster.
    """
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(
            errno.ENOTDIR, "it is no folder; is what it leads to mounted?", error.filename
        ) from error


def driver_of(path: object) -> Any:
    """What an object store's path is read and written by (fsspec), ``None`` for a folder of this machine."""
    wrapped = getattr(path, "__wrapped__", None)
    return None if wrapped is None or wrapped.protocol in ("", "file", "local") else wrapped.fs


def look_anew(folder: object) -> None:
    """Forget what the driver remembers of earlier listings: another task may have written or removed files since."""
    driver = driver_of(folder)
    if driver is not None:
        driver.invalidate_cache()


def safe_name(name: str) -> str:
    """A name that is one path segment, whatever was in it."""
    return _SAFE_NAME.sub("_", name).strip(".") or "_"


def dump(model: BaseModel) -> bytes:
    """A model as it lies in the evidence: JSON, a line per field."""
    return model.model_dump_json(indent=1).encode()


def write(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees all of it or nothing (locally; object stores do that themselves).

    Raises ``EvidenceError`` when it can't be written durably, as when the disk is full.
    """
    try:
        _write(path, content)
    except Exception as error:  # every storage library has errors of its own
        raise EvidenceError(f"{path} can't be written: {error}", passing=True) from error


def _write(path: Path, content: bytes) -> None:
    make_folder(path.parent)
    if driver_of(path) is not None:
        path.write_bytes(content)
        return
    partial = put_partial(path, content)
    try:
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def put_partial(path: Path, content: bytes) -> Path:
    """A durable file beside ``path``, in the same folder, whose name says that it is not done yet. Local only."""
    partial = path.with_name(f".{path.name}.{uuid4().hex}{PARTIAL}")
    try:
        with partial.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    return partial


def read(path: Folder) -> bytes:
    """Read a file; raises ``EvidenceError`` with its name when it can't be read."""
    try:
        return path.read_bytes()
    except Exception as error:  # as above
        raise EvidenceError(f"{path} can't be read: {error}", passing=True) from error


def found(path: Folder) -> bytes | None:
    """What is in a file, ``None`` where there is no such file. Raises ``EvidenceError`` where nobody can tell."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except Exception as error:  # as above
        raise EvidenceError(f"{path} can't be read: {error}", passing=True) from error


def exists(path: Folder) -> bool:
    """Whether a file is there; raises ``EvidenceError`` where nobody can tell."""
    if driver_of(path) is not None:
        return found(path) is not None  # one request; a driver's own answer takes two, or what it remembers
    try:
        return path.exists()
    except Exception as error:  # as above
        raise EvidenceError(f"Whether {path} is there can't be told: {error}", passing=True) from error


def read_model(path: Folder, model: type[ModelT]) -> ModelT:
    """Read a file strictly as this model; raises ``EvidenceError`` when it is anything else."""
    try:
        return model.model_validate_json(read(path))
    except ValidationError as error:
        raise EvidenceError(f"{path} is not a {model.__name__}: {error}") from error


def listed(folder: FolderT) -> list[FolderT]:
    """What is in a folder just now, sorted; nothing where there is no such folder. Raises ``EvidenceError``."""
    look_anew(folder)
    try:
        if driver_of(folder) is None and not exists(folder):
            return []
        return sorted(folder.iterdir(), key=str)
    except FileNotFoundError:
        return []
    except EvidenceError:
        raise
    except Exception as error:  # as above
        raise EvidenceError(f"{folder} can't be listed: {error}", passing=True) from error


def written(folder: FolderT) -> list[FolderT]:
    """The files that were written whole, sorted; none where there is no such folder. Raises ``EvidenceError``."""
    return [path for path in listed(folder) if not path.name.endswith(PARTIAL)]


@dataclass(frozen=True)
class SealedFolder:
    """The files below ``root`` that a manifest lists, and no other, whatever lies there or is asked for."""

    root: Path
    """Folder of the attempt."""
    files: Mapping[str, str]
    """SHA-256 by name from ``root`` on, as a verified manifest has them."""
    place: str = ""
    """Where in it this is, empty for the root."""
    contents: Mapping[str, bytes] = field(default_factory=dict)
    """What was read of them just now, by name from ``root`` on: those are not read once more."""

    @property
    def name(self) -> str:
        return PurePosixPath(self.place).name or self.root.name

    def __truediv__(self, other: str) -> SealedFolder:
        return replace(self, place=f"{self.place}/{other}" if self.place else other)

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
        content = self.contents.get(self.place)
        if content is None:
            content = read(self.root.joinpath(*self.place.split("/")))
        if hashlib.sha256(content).hexdigest() != digest:
            raise EvidenceError(f"{self} was changed after it was sealed.")
        return content

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        raise EvidenceError(f"{self} is sealed and can't be written to.")

    def write_bytes(self, data: Any, /) -> Any:
        raise EvidenceError(f"{self} is sealed and can't be written to.")
