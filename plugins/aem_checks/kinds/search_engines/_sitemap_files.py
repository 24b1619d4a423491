"""Which sitemap files does the target have, and what does each hold?

Unlike ``aem_checks.sitemaps`` this asks only the target itself: a file that stage's robots.txt names on
production's host is asked for on stage, since stage's is the one that the release made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aem_checks.asks import Follow, ask
from aem_checks.sitemaps import MAX_FILES, MAX_URLS, SitemapError, lacks_namespace_of_hreflang, parse_sitemap
from aem_checks.urls import fault_of, host_of, join, parts_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aem_checks.asks import Steps
    from aem_checks.response import Response
    from aem_checks.visit import Visit

GUESSED = "/sitemap.xml"


@dataclass(frozen=True)
class SitemapFile:
    """One file that was asked for."""

    path: str
    """Path and query on the target, for people and as a stable subject."""
    named_by: str
    """``robots.txt``, an index file, or nothing where the path is only usual."""
    response: Response
    problem: str = ""
    """Why it is no sitemap, as the end of a sentence."""
    urls: tuple[str, ...] = ()
    """Page addresses as they are written."""
    further: tuple[str, ...] = ()
    """Sitemaps that an index names, as they are written."""
    has_lost_hreflang: bool = False
    """Whether its hreflang links are in a namespace that crawlers do not read."""


@dataclass(frozen=True)
class Unread:
    """A sitemap that robots.txt or an index names and that nobody can ask for."""

    written: str
    named_by: str
    fault: str
    """What is wrong with the address, as the end of "which …"."""


@dataclass(frozen=True)
class Files:
    """All files in the order in which they were found, and whether there were more than are read."""

    files: tuple[SitemapFile, ...]
    left_out: int = 0
    unread: tuple[Unread, ...] = ()

    @property
    def urls(self) -> tuple[str, ...]:
        """Every page address once, in the order of the files."""
        return tuple(dict.fromkeys(url for file in self.files for url in file.urls))


def read_files(visit: Visit, named: Iterable[str]) -> Steps[Files]:
    """Ask for the files that robots.txt names, else for the usual one, and for all that they refer to."""
    waiting, unread = _sorted_out("robots.txt", visit.endpoint.url, named, visit)
    waiting = waiting or {GUESSED: ""}
    seen, files, found = set(waiting), list[SitemapFile](), 0
    while waiting and len(files) < MAX_FILES and found < MAX_URLS:
        path = next(iter(waiting))
        file = yield from _read(path, waiting.pop(path), visit)
        files.append(file)
        found += len(file.urls)
        further, none = _sorted_out(path, file.response.url, file.further, visit)
        unread += none
        waiting |= {each: by for each, by in further.items() if each not in seen}
        seen.update(further)
    return Files(tuple(files), len(waiting), tuple(unread))


def _sorted_out(
    named_by: str, base: str, written: Iterable[str], visit: Visit
) -> tuple[dict[str, str], list[Unread]]:
    """Paths on the target with who names them, and what is no address; sitemaps of other hosts are theirs."""
    here, unread = dict[str, str](), list[Unread]()
    for each in written:
        address = join(base, each)
        if fault := fault_of(address):
            unread.append(Unread(each, named_by, fault))
        elif (path := path_here(address, visit)) is not None:
            here[path] = named_by
    return here, unread


def path_here(url: str, visit: Visit) -> str | None:
    """Path and query on the target for an address on any of the site's hosts; ``None`` for a foreign host."""
    address = join(visit.endpoint.url, url)
    parts = parts_of(address)
    if host_of(address) not in visit.site.hosts:
        return None
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _read(path: str, named_by: str, visit: Visit) -> Steps[SitemapFile]:
    question = Follow(visit.url(path), tries=3, within=visit.endpoint.hosts, past_caches=True)
    response = (yield from ask(question))[-1]
    if response.status != 200 or response.error is not None or response.truncated:
        return SitemapFile(path, named_by, response)
    try:
        urls, further = parse_sitemap(response.body)
    except SitemapError as error:
        return SitemapFile(path, named_by, response, problem=str(error))
    lost = lacks_namespace_of_hreflang(response.body)
    return SitemapFile(path, named_by, response, "", tuple(urls), tuple(further), lost)
