"""Does each image, video and document arrive? Asked politely, a few at a time, and never kept whole in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from aem_checks.asks import Follow, Get, ask, together
from aem_checks.kinds.rendering._decoding import Fault, fault_in
from aem_checks.outcomes import Finding
from aem_checks.reach import describe, unreached
from aem_checks.urls import fault_of, host_of

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.kinds.rendering._media import Media
    from aem_checks.response import Response
    from aem_checks.visit import Visit

_AT_ONCE = 6
_KEPT = 65536
"""Bytes of a faulty answer that are kept as evidence."""
_BEGINNING = {"Range": "bytes=0-1023"}


class Fetched(NamedTuple):
    """What came of one file; at most one of the three is set, none where all is well."""

    media: Media
    fault: Fault | None = None
    refused: Finding | None = None
    elsewhere: str = ""
    """The host that a redirect leads to and that is not asked, such as a blob store."""
    evidence: str = ""


def ask_for_each(
    wanted: Iterable[Media], allows: Callable[[str], bool], visit: Visit, folder: str
) -> Steps[list[Fetched]]:
    """Ask for each file once. ``allows``: which URLs can be asked; ``folder`` is where evidence goes."""
    files, fetched = list(wanted), list[Fetched]()
    for start in range(0, len(files), _AT_ONCE):
        some = files[start : start + _AT_ONCE]
        fetched += yield from together(_fetch(media, allows, visit, folder) for media in some)
    return fetched


def _fetch(media: Media, allows: Callable[[str], bool], visit: Visit, folder: str) -> Steps[Fetched]:
    if wrong := fault_of(media.url):
        return Fetched(media, Fault("address", "an address", f"no answer to anybody, since it {wrong},"))
    chain = yield from _ask(media)
    final = chain[-1]
    refused = None if final.status == 403 else unreached(final, media.url)
    if refused is not None:
        return Fetched(media, refused=refused)
    if final.location is not None and not allows(final.location):
        return Fetched(media, elsewhere=host_of(final.location))
    good = final.status in (200, 206)
    fault = fault_in(final, media.kind) if good else Fault("status", "status 200", describe(final))
    if fault is None:
        return Fetched(media)
    name = hashlib.sha256(media.url.encode()).hexdigest()[:16]
    evidence = visit.keep(f"{folder}/{name}.bin", final.body[:_KEPT]) if final.body else ""
    return Fetched(media, fault, evidence=evidence)


def _ask(media: Media) -> Steps[tuple[Response, ...]]:
    """The whole image, the beginning of a document, only the headers of a further size or a video."""
    if media.whole:
        headers = _BEGINNING if media.kind == "document" else {}
        return (yield from ask(Follow(media.url, headers, tries=2)))
    short = yield from ask(Get(media.url, "HEAD", tries=2))
    if short.status == 200:
        return (short,)
    headers = _BEGINNING if media.kind == "video" else {}
    return (yield from ask(Follow(media.url, headers, tries=2)))
