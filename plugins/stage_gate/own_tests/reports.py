"""Which report files did a test of a team's own leave, on a disk or in an object store, and which were there before?

``reports`` is a pattern: ``*`` stands for any characters within one name, ``**`` for any folders. Files that were there
when the test began, and are as they were, are of another run and count for nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from aem_checks.reports import BEYOND, TOO_OLD, LeftOut, ReportFile, collect, is_beyond, safe_name
from stage_gate.evidence.files import driver_of

Stamps = Mapping[str, str]
"""What each file was like, by its name below the folder."""
_TELLS_OF_WRITING = (
    *("ETag", "etag", "generation", "LastModified", "last_modified", "updated", "mtime", "created", "size"),
)
"""What object stores say of a file that changes when it is written again."""


class NoStore(RuntimeError):
    """The place of the reports can't be read; the message says why."""


@dataclass(frozen=True)
class Place:
    """Where a pattern begins, and what it asks for there."""

    folder: str
    """The path or URL before the first name with a wildcard."""
    pattern: str
    """From there on."""

    @classmethod
    def of(cls, written: str) -> Place:
        scheme, separator, path = written.rpartition("://")
        parts = path.split("/")
        fixed = next((i for i, part in enumerate(parts[:-1]) if "*" in part or "?" in part), len(parts) - 1)
        return cls(f"{scheme}{separator}{'/'.join(parts[:fixed]) or '/'}", "/".join(parts[fixed:]))

    def asks_for(self, name: str) -> bool:
        return re.fullmatch(_expression(self.pattern), name) is not None

    def stamps(self) -> dict[str, str]:
        """The files that are there now. Raises ``NoStore``."""
        return {name: stamp for name, stamp in self._seen() if self.asks_for(name)}

    def fresh(self, before: Stamps) -> Iterator[ReportFile | LeftOut]:
        """Every file that the pattern asks for, those that are as they were ``before`` as left out. Raises ``NoStore``."""
        now = self.stamps()
        old = {name for name, stamp in now.items() if before.get(name) == stamp}
        for file in self._files():
            if not self.asks_for(file.name) and file.name != ".":
                continue
            yield LeftOut(file.name, TOO_OLD) if file.name in old else file

    def _seen(self) -> Iterator[tuple[str, str]]:
        driver = _driver(self.folder)
        return _seen_on_disk(Path(self.folder)) if driver is None else _seen_in_store(*driver)

    def _files(self) -> Iterator[ReportFile | LeftOut]:
        driver = _driver(self.folder)
        if driver is None:
            return collect(Path(self.folder)) if Path(self.folder).is_dir() else iter(())
        return _files_in_store(*driver, self)


def _expression(pattern: str) -> str:
    """The pattern as a regular expression; names are compared as ``safe_name`` writes them."""
    written = re.escape(safe_name(PurePosixPath(pattern.replace("*", "\0").replace("?", "\1"))))
    for escaped, means in (
        ("%00%00/", r"(?:.+/)?"),
        ("%00%00", r".*"),
        ("%00", r"[^/]*"),
        ("%01", r"[^/]"),
    ):
        written = written.replace(re.escape(escaped), means)
    return written


def _driver(folder: str) -> tuple[Any, str] | None:
    """What an object store's folder is read by, and its name there; ``None`` for a folder of this machine.

    Raises ``NoStore``.
    """
    if "://" not in folder:
        return None
    try:
        from airflow.sdk import ObjectStoragePath

        path: Any = ObjectStoragePath(folder)
        driver = driver_of(path)
    except Exception as error:  # every storage library has errors of its own
        raise NoStore(f"{folder} can't be opened: {error}") from error
    if driver is None:
        raise NoStore(f"{folder} is no object store; write the path of a folder without file://")
    return driver, str(path.path)


def _seen_on_disk(folder: Path) -> Iterator[tuple[str, str]]:
    for path, _, names in os.walk(folder):
        for name in names:
            whole = Path(path, name)
            try:
                state = whole.lstat()
            except OSError:
                continue  # gone by now: it is not there
            yield (
                safe_name(PurePosixPath(whole.relative_to(folder))),
                f"{state.st_mtime_ns} {state.st_size} {state.st_ino}",
            )


def _seen_in_store(driver: Any, folder: str) -> Iterator[tuple[str, str]]:
    for name, about in _listed(driver, folder).items():
        yield _below(folder, name), _stamp(about)


def _files_in_store(driver: Any, folder: str, place: Place) -> Iterator[ReportFile | LeftOut]:
    files = total = 0
    for full, about in sorted(_listed(driver, folder).items()):
        name, size = _below(folder, full), int(about.get("size") or 0)
        if not place.asks_for(name):
            continue
        if is_beyond(files, total, size):
            yield LeftOut(name, BEYOND)
            continue
        try:
            content: bytes = driver.cat_file(full)
        except Exception as error:  # noqa: BLE001 - every storage library has errors of its own
            yield LeftOut(name, f"it can't be read: {error}")
            continue
        files, total = files + 1, total + len(content)
        yield ReportFile(name, content)


def _listed(driver: Any, folder: str) -> dict[str, Mapping[str, Any]]:
    try:
        driver.invalidate_cache()
        found: dict[str, Mapping[str, Any]] = driver.find(folder, detail=True)
    except FileNotFoundError:
        return {}
    except Exception as error:
        raise NoStore(f"{folder} can't be listed: {error}") from error
    return found


def _below(folder: str, name: str) -> str:
    start = folder.strip("/") + "/"
    return safe_name(PurePosixPath(name.lstrip("/").removeprefix(start)))


def _stamp(about: Mapping[str, Any]) -> str:
    """What changes when the file is written again, whatever the store calls it."""
    told = (about.get(name) for name in _TELLS_OF_WRITING)
    return " ".join(str(each) for each in told if each is not None)
