"""Which files does an attempt have just now, and what is in them? Each is read once, as long as the store says it is the same.

On a disk everything is read at each look. An object store gives each writing of a file another mark, so that a task that
has read a file knows it again by one listing, whatever the file's name says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from stage_gate.evidence.files import PARTIAL, EvidenceError, driver_of, look_anew, read

MANIFEST = "manifest.json"
"""The seal of the folder, which is none of its files."""
AT_ONCE = 8
"""Files that are read side by side, since an object store takes its time for each."""
Known = tuple[str, bytes | None]
"""SHA-256 of a file, and its content where that was wanted."""
Trusted = Callable[[str, str], Known | None]
"""What is known of a file by its name and mark, ``None`` where it has to be read."""


@dataclass(frozen=True)
class Look:
    """The files of a folder at one moment."""

    digests: Mapping[str, str]
    """SHA-256 by name."""
    contents: Mapping[str, bytes]
    """What is in those that were wanted."""
    marks: Mapping[str, str]
    """The mark by name; empty on a disk, and where a store gives none."""


@dataclass
class Looks:
    """What one task has read of one folder so far."""

    folder: Path
    wants: Callable[[str], bool]
    """Whether the content of a file is needed besides its digest."""
    _known: dict[tuple[str, str], Known] = field(default_factory=dict)

    def names(self) -> set[str]:
        """The files that are there, none of them read. Raises ``EvidenceError``."""
        return {name for name, _ in _listed(self.folder)}

    def look(self, trusted: Trusted = lambda name, mark: None) -> Look:
        """List the files, and read those that are new or have changed. Raises ``EvidenceError``."""
        found = dict(_listed(self.folder))
        known = {
            name: each for name, mark in found.items() if mark and (each := self._find(trusted, name, mark))
        }
        left = [name for name in found if name not in known]
        read_now = dict(zip(left, self._read(left), strict=True))
        self._known |= {(name, found[name]): told for name, told in read_now.items() if found[name]}
        told = {name: known.get(name) or read_now[name] for name in found}
        return Look(
            digests={name: digest for name, (digest, _) in told.items()},
            contents={name: each for name, (_, each) in told.items() if each is not None and found[name]},
            marks={name: mark for name, mark in found.items() if mark},
        )

    def _find(self, trusted: Trusted, name: str, mark: str) -> Known | None:
        """What this task has read of this writing of a file, or what somebody else is trusted to have read."""
        return self._known.get((name, mark)) or trusted(name, mark)

    def _read(self, names: list[str]) -> Iterator[Known]:
        if driver_of(self.folder) is None:
            yield from map(self._read_one, names)
            return
        with ThreadPoolExecutor(AT_ONCE) as pool:
            yield from pool.map(self._read_one, names)

    def _read_one(self, name: str) -> Known:
        content = read(self.folder.joinpath(*name.split("/")))
        return hashlib.sha256(content).hexdigest(), content if self.wants(name) else None


def _listed(folder: Path) -> Iterator[tuple[str, str]]:
    """Every file that was written whole, by its name from the folder on, and its mark. Raises ``EvidenceError``."""
    look_anew(folder)
    if driver_of(folder) is None:
        files = [(name, "") for name in _below(folder, "")]
    else:
        try:
            files = list(folder.below())  # type: ignore[attr-defined]
        except Exception as error:  # every storage library has errors of its own
            raise EvidenceError(f"{folder} can't be listed: {error}", passing=True) from error
    return ((name, mark) for name, mark in files if name != MANIFEST and not name.endswith(PARTIAL))


def _below(folder: Path, prefix: str) -> Iterator[str]:
    for path in folder.iterdir():
        name = f"{prefix}{path.name}"
        if path.is_dir():
            yield from _below(path, f"{name}/")
        else:
            yield name
