"""Of what are the pages of a site made? A look at some of its sitemap, each page asked once past all caches.

Every page counts against the rate limit of the host. Only the answer's parts are kept, not the answer: what is chosen
is fetched again by the recording.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aem_checks.asking import ask_live
from aem_checks.client import MAX_HOPS
from aem_checks.coverage.candidates import linked_paths, paths_of, worth_a_look
from aem_checks.coverage.parts import parts_of
from aem_checks.reach import describe, is_unreached
from aem_checks.sitemaps import read_sitemaps
from aem_checks.text import plain
from aem_checks.urls import uncached

if TYPE_CHECKING:
    from aem_checks.client import Client
    from aem_checks.response import Response
    from aem_checks.sites import SiteConfig

LONGEST = 600.0
"""Seconds that a look may take; a site that is too slow for more is judged by what was seen by then."""
_LONGEST_REASON = 200


@dataclass
class Look:
    """What was seen on stage."""

    pages: dict[str, frozenset[str]] = field(default_factory=dict)
    """Every page that answered as one, with its parts."""
    unusable: dict[str, str] = field(default_factory=dict)
    """What was asked and is no page: why not."""
    source: str = "nothing"
    """Where the candidates come from, as words in a sentence."""
    listed: int = 0
    """Candidates that it named."""
    problems: list[str] = field(default_factory=list)
    """Sentences on what could not be looked at."""


async def look_at_stage(site: SiteConfig, client: Client, *, before: Sequence[str], at_most: int) -> Look:
    """Look at the pages that the site names, those of an earlier choice, and as many others as there may be.

    The others come from the sitemap of stage, else from that of production with the host replaced, else from the links
    of the pages themselves. Where not one of the site's own pages answers, nothing more is asked.
    """
    look = _Looking(site, client, at_most)
    await look.at(dict.fromkeys((*site.pages, *before)))
    if not look.found.pages:
        look.found.problems.append(
            "None of the site's own pages answers as a page, so no other was looked at."
        )
        return look.found
    listed = await look.sitemap()
    if listed:
        look.found.listed = len(listed)
        await look.at(worth_a_look(listed, first=tuple(look.asked), at_most=at_most))
    else:
        await look.follow_links()
    return look.found


class _Looking:
    def __init__(self, site: SiteConfig, client: Client, at_most: int) -> None:
        self.site, self.client, self.at_most = site, client, at_most
        self.base, self.hosts = site.stage.url, site.stage.hosts
        self.found = Look()
        self.asked: set[str] = set()
        self._links: dict[str, None] = {}
        self._until = asyncio.get_running_loop().time() + LONGEST

    async def at(self, paths: Iterable[str]) -> None:
        """Ask what was not asked yet."""
        new = [path for path in paths if path not in self.asked]
        self.asked.update(new)
        left = self._until - asyncio.get_running_loop().time()
        asking = {asyncio.create_task(self._at(path)) for path in new}
        done, late = await asyncio.wait(asking, timeout=max(left, 0.0)) if asking else (set(), set())
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        for task in done:
            task.result()
        if late:
            told = f"{len(late)} pages were not looked at: {LONGEST:g} s were over. The site is slow, or look at fewer."
            self.found.problems.append(told)

    async def sitemap(self) -> dict[str, None]:
        """The paths in the sitemap of stage, else of production; what was wrong with either is noted."""
        for endpoint in (self.site.stage, self.site.production):
            if endpoint is None:
                continue
            sitemap = await ask_live(read_sitemaps(endpoint.url, self.client.allows), self.client)
            self.found.problems += [plain(each, _LONGEST_REASON) for each in sitemap.problems[:5]]
            paths = paths_of(sitemap.urls, self.site.hosts)
            if paths:
                self.found.source = f"the sitemap of {endpoint.url}"
                return paths
            if sitemap.urls:
                told = f"The sitemap of {endpoint.url} names no page on a host of this site."
                self.found.problems.append(told)
        return {}

    async def follow_links(self) -> None:
        """From page to page, as far as the number of looks allows."""
        self.found.source = "the links of the site's own pages"
        while (left := self.at_most - len(self.asked)) > 0:
            further = worth_a_look(self._links.keys() - self.asked, first=(), at_most=left)
            if not further:
                break
            await self.at(further)
        self.found.listed = len(self._links.keys() | self.found.pages.keys())

    async def _at(self, path: str) -> None:
        hops = MAX_HOPS if path in self.site.pages else 0
        url = uncached(self.base + path)
        response = (await self.client.follow(url, hops=hops, tries=2, within=self.hosts))[-1]
        if is_unreached(response) or not (response.ok and response.is_html):
            self.found.unusable[path] = plain(describe(response), _LONGEST_REASON)
            return
        self.found.pages[path], links = await asyncio.to_thread(self._read, response)
        self._links |= links

    def _read(self, response: Response) -> tuple[frozenset[str], dict[str, None]]:
        return parts_of(response.document), linked_paths(response, self.hosts)
