"""Which files of the evidence does the report show, and how? Links and pictures that lead nowhere but into the evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape

from aem_checks.outcomes import CheckResult, Finding
from stage_gate.pages.served_file import IMAGES, PAGES, VIDEOS, address_in, suffix_of

MOST_PICTURES = 60
"""Pictures and videos that the report shows; the rest is linked."""
MOST_LINKS = 500
_OF_RECORDINGS = ("/recording/", "/confirmation/")


class ShownFiles:
    """The files of one attempt, or of production, as the report may link them."""

    def __init__(self, place: str, known: Iterable[str] | None = None) -> None:
        """``place`` is the folder from the report on; ``known`` are the files in it, where that is sealed."""
        self._place = place
        self._known = None if known is None else frozenset(known)

    def proof(self, finding: Finding) -> str:
        """The link to a finding's proof, with the picture where it is one; empty where there is none."""
        name = finding.evidence
        address = self._address(name)
        if address is None:
            return f" <small>{escape(name)}</small>" if name else ""
        return f" <small><a href='{address}'>{escape(name)}</a></small>{_picture(name, address)}"

    def _address(self, name: str) -> str | None:
        if not name or (self._known is not None and name not in self._known):
            return None
        return address_in(f"{self._place}/{name}")

    def listed(self) -> str:
        """What checks and suites have kept, apart from the recorded pages, as a list by site and check."""
        groups: dict[str, list[str]] = {}
        for name in sorted(self._known or ())[: MOST_LINKS * 20]:
            parts = name.split("/")
            kept = len(parts) > 3 and parts[0] == "sites" and not any(each in name for each in _OF_RECORDINGS)
            if kept and self._address(name) is not None:
                groups.setdefault("/".join(parts[1:3]), []).append(name)
        return "".join(self._groups(groups))

    def _groups(self, groups: Mapping[str, list[str]]) -> Iterator[str]:
        pictures, links = MOST_PICTURES, MOST_LINKS
        for group, names in groups.items():
            items = []
            for name in names[:links]:
                address = self._address(name) or ""
                shown = suffix_of(name) in IMAGES | VIDEOS and pictures > 0
                pictures -= shown
                label = escape(name.split("/", 3)[-1])
                items.append(
                    f"<li><a href='{address}'>{label}</a>{_note(name)}{_picture(name, address) if shown else ''}</li>"
                )
            left = f"<li>{len(names) - links} more</li>" if len(names) > links else ""
            links = max(0, links - len(names))
            yield f"<details><summary>{escape(group)}: {len(names)} files</summary><ul>{''.join(items)}{left}</ul></details>"


def _note(name: str) -> str:
    return " <small>(without its scripts; save it to see all)</small>" if suffix_of(name) in PAGES else ""


def _picture(name: str, address: str) -> str:
    suffix = suffix_of(name)
    if suffix in IMAGES:
        return f"<br><a href='{address}'><img src='{address}' loading='lazy' alt=''></a>"
    if suffix in VIDEOS:
        return f"<br><video src='{address}' controls preload='none'></video>"
    return ""


def stage_files(attempt: int, files: Iterable[str]) -> ShownFiles:
    """The files of a sealed attempt."""
    return ShownFiles(f"attempt-{attempt}", files)


def production_files(results: Iterable[CheckResult]) -> ShownFiles:
    """What findings of the production tests point to; no seal says what else there is."""
    return ShownFiles("production", {f.evidence for result in results for f in result.findings if f.evidence})
