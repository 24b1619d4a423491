"""Which files of an attempt may the report link or show, and at which address?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from aem_checks.outcomes import CheckResult
from stage_gate.telling.served_file import IMAGES, PAGES, VIDEOS, address_in, suffix_of

MOST_PICTURES = 60
"""Pictures and videos that the list of files shows; the rest is linked."""

MOST_LINKS = 500

_OF_RECORDINGS = ("/recording/", "/confirmation/")


@dataclass(frozen=True)
class ShownFile:
    """A file's name and where it is found from the report on."""

    name: str
    address: str | None
    """``None`` for what is no file of the evidence: it is named, never linked."""
    with_picture: bool = True

    @property
    def label(self) -> str:
        """The name within its site and check."""
        return self.name.split("/", 3)[-1]

    @property
    def short(self) -> str:
        """The name, or for a kept body, which is called after its digest, what it is."""
        return "the answer that was kept" if "/bodies/" in self.name else self.name

    @property
    def has_picture(self) -> bool:
        return self.address is not None and suffix_of(self.name) in IMAGES | VIDEOS

    @property
    def is_image(self) -> bool:
        return self.with_picture and self.has_picture and suffix_of(self.name) in IMAGES

    @property
    def is_video(self) -> bool:
        return self.with_picture and self.has_picture and suffix_of(self.name) in VIDEOS

    @property
    def is_page(self) -> bool:
        return suffix_of(self.name) in PAGES


@dataclass(frozen=True)
class FileGroup:
    """The files that one check of one site kept."""

    name: str
    count: int
    files: tuple[ShownFile, ...]

    @property
    def left(self) -> int:
        """How many are counted only."""
        return self.count - len(self.files)


class ShownFiles:
    """The files of one attempt, or of production, as the report may link them."""

    def __init__(self, place: str, known: Iterable[str]) -> None:
        """``place`` is the folder from the report on, ``known`` are the files in it."""
        self._place = place
        self._known = frozenset(known)

    def file(self, name: str) -> ShownFile:
        """What a finding points to; without an address where that is no file of the evidence."""
        return ShownFile(name, address_in(f"{self._place}/{name}") if name in self._known else None)

    def groups(self) -> Iterator[FileGroup]:
        """What checks and suites have kept, apart from the recorded pages, by site and check."""
        pictures, links = MOST_PICTURES, MOST_LINKS
        for group, files in self._kept().items():
            shown = []
            for file in files[:links]:
                shown.append(replace(file, with_picture=pictures > 0))
                pictures -= file.has_picture
            links = max(0, links - len(files))
            yield FileGroup(group, len(files), tuple(shown))

    def _kept(self) -> Mapping[str, list[ShownFile]]:
        groups: dict[str, list[ShownFile]] = {}
        for name in sorted(self._known)[: MOST_LINKS * 20]:
            parts, file = name.split("/"), self.file(name)
            kept = len(parts) > 3 and parts[0] == "sites" and not any(each in name for each in _OF_RECORDINGS)
            if kept and file.address is not None:
                groups.setdefault("/".join(parts[1:3]), []).append(file)
        return groups


def stage_files(attempt: int, files: Iterable[str]) -> ShownFiles:
    """The files of a sealed attempt."""
    return ShownFiles(f"attempt-{attempt}", files)


def production_files(results: Iterable[CheckResult]) -> ShownFiles:
    """What findings of the production tests point to; no seal says what else there is."""
    return ShownFiles("production", {f.evidence for result in results for f in result.findings if f.evidence})
