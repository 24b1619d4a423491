"""Which file of an execution's evidence does an address name, and as what may a browser take it?

Whoever writes files names them: suites, team's own checks, sites. A name leads to a plain file below the execution's
folder or to nothing; a browser is told a type that it shows without running anything, or to save the file.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from aem_checks.urls import parts_of
from stage_gate.evidence.files import PARTIAL

MOST_BYTES = 64 * 1024**2
"""Of one file."""
_LONGEST = 1000
_DEEPEST = 30
_SHOWN = {
    ".html": "text/html; charset=utf-8",
    ".htm": "text/html; charset=utf-8",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".webm": "video/webm",
    ".mp4": "video/mp4",
    **dict.fromkeys((".json", ".txt", ".log", ".xml", ".md", ".csv", ".svg"), "text/plain; charset=utf-8"),
}
IMAGES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp"})
VIDEOS = frozenset({".webm", ".mp4"})
PAGES = frozenset({".html", ".htm"})
SAVED = "application/octet-stream"
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]")

NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
"""No frame but Airflow's own, on whose host it is served."""
POLICY = f"sandbox; {NOTHING}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; media-src 'self'; font-src data:"
"""``sandbox``: an origin of its own, no script, no form, nothing that reaches Airflow or takes its cookie along."""
REPORT_POLICY = POLICY.replace("sandbox;", "sandbox allow-downloads;")
"""For the report, whose links may save files."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "private, no-store",
    "X-Robots-Tag": "noindex",
}


def framed_by(airflow: str) -> Callable[[dict[str, str]], dict[str, str]]:
    """Lets the Airflow at this address frame what is served on another host; changes nothing where it is the same one."""
    parts = parts_of(airflow)
    if not (parts.scheme and parts.netloc):
        return lambda headers: headers

    def elsewhere(headers: dict[str, str]) -> dict[str, str]:
        policy = headers.get("Content-Security-Policy", "")
        named = policy.replace(
            "frame-ancestors 'self'", f"frame-ancestors 'self' {parts.scheme}://{parts.netloc}"
        )
        kept = {name: value for name, value in headers.items() if name != "X-Frame-Options"}
        return kept | {"Content-Security-Policy": named}

    return elsewhere


class NoSuchFile(Exception):
    """The address names no file of this evidence; it says no more than that to whoever asked."""


@dataclass(frozen=True)
class Served:
    """A file and how it is handed out."""

    content: bytes
    media_type: str
    headers: dict[str, str]


def serve(folder: Path, name: str) -> Served:
    """The file ``name`` below ``folder``. Raises ``NoSuchFile``, and ``OSError`` where it can't be read."""
    parts = _parts(name)
    content = _read(folder, parts)
    media_type = _SHOWN.get(PurePosixPath(parts[-1]).suffix.lower(), SAVED)
    policy = REPORT_POLICY if parts == ("report.html",) else POLICY
    headers = {**HEADERS, "Content-Security-Policy": policy}
    if media_type == SAVED:
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(parts[-1], safe='')}"
    return Served(content, media_type, headers)


def address_in(name: str) -> str | None:
    """The relative address of a file of the evidence, to be put into a link; ``None`` for a name that leads nowhere."""
    try:
        parts = _parts(name)
    except NoSuchFile:
        return None
    return "/".join(quote(part, safe="") for part in parts)


def suffix_of(name: str) -> str:
    return PurePosixPath(name).suffix.lower()


def _parts(name: str) -> tuple[str, ...]:
    """The name's segments. Raises ``NoSuchFile`` for one that could mean anything but a file further down."""
    parts = tuple(name.split("/"))
    wrong = len(name) > _LONGEST or len(parts) > _DEEPEST or _UNSAFE.search(name) is not None
    if wrong or any(part.startswith(".") or not part or part.endswith(PARTIAL) for part in parts):
        raise NoSuchFile
    try:
        name.encode()
    except UnicodeEncodeError:
        raise NoSuchFile from None
    return parts


def _read(folder: Path, parts: tuple[str, ...]) -> bytes:
    if type(folder) is not type(Path()):
        return _read_from_store(folder.joinpath(*parts))
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            below = _open(part, at, os.O_DIRECTORY)
            os.close(at)
            at = below
        return _content(_open(parts[-1], at, os.O_NONBLOCK))
    finally:
        os.close(at)


def _open(name: str, folder: int, flags: int) -> int:
    """Open without following a link, so that nothing but what lies here is ever read. Raises ``NoSuchFile``."""
    try:
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | flags, dir_fd=folder)
    except OSError:
        raise NoSuchFile from None


def _content(handle: int) -> bytes:
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or found.st_size > MOST_BYTES:
            raise NoSuchFile
        with os.fdopen(os.dup(handle), "rb") as file:
            return file.read(MOST_BYTES)
    finally:
        os.close(handle)


def _read_from_store(path: Path) -> bytes:
    if not path.is_file() or path.stat().st_size > MOST_BYTES:
        raise NoSuchFile
    return path.read_bytes()
