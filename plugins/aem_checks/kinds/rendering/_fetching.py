"""Does each image, video and document arrive? Asked politely, a few at a time, and never kept whole in memory."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from aem_checks.kinds.rendering._decoding import Fault, fault_in
from aem_checks.outcomes import Finding
from aem_checks.reach import describe, unreached
from aem_checks.urls import host_of

if TYPE_CHECKING:
    from aem_checks.client import Client
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


async def fetch_all(wanted: Iterable[Media], client: Client, visit: Visit, folder: str) -> list[Fetched]:
    """Ask for each file once. ``folder`` is where evidence goes."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(media: Media) -> Fetched:
        async with gate:
            return await _fetch(media, client, visit, folder)

    return await asyncio.gather(*(one(media) for media in wanted))


async def _fetch(media: Media, client: Client, visit: Visit, folder: str) -> Fetched:
    chain = await _ask(media, client)
    final = chain[-1]
    refused = None if final.status == 403 else unreached(final, media.url)
    if refused is not None:
        return Fetched(media, refused=refused)
    if final.location is not None and not client.allows(final.location):
        return Fetched(media, elsewhere=host_of(final.location))
    if final.status in (200, 206):
        fault = await fault_in(final, media.kind)
    else:
        fault = Fault("status", "status 200", describe(final))
    if fault is None:
        return Fetched(media)
    name = hashlib.sha256(media.url.encode()).hexdigest()[:16]
    evidence = visit.keep(f"{folder}/{name}.bin", final.body[:_KEPT]) if final.body else ""
    return Fetched(media, fault, evidence=evidence)


async def _ask(media: Media, client: Client) -> tuple[Response, ...]:
    """The whole image, the beginning of a document, only the headers of a further size or a video."""
    if media.whole:
        headers = _BEGINNING if media.kind == "document" else None
        return await client.follow(media.url, tries=2, headers=headers)
    short = await client.head(media.url, tries=2)
    if short.status == 200:
        return (short,)
    headers = _BEGINNING if media.kind == "video" else None
    return await client.follow(media.url, tries=2, headers=headers)
