"""Which pages does a check of the dispatcher ask, and what do they answer past all caches?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aem_checks.asks import Follow, Get, ask
from aem_checks.urls import join, parts_of

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.response import Response
    from aem_checks.visit import Visit


def html_pages(paths: Iterable[str], most: int) -> list[str]:
    """The first pages that end in ``.html``, without what follows a question mark."""
    bare = dict.fromkeys(path.partition("?")[0] for path in paths)
    return [path for path in bare if path.endswith(".html")][:most]


def real_pages(visit: Visit, most: int) -> Steps[list[str]]:
    """Pages with ``.html``; where the gate file names only ``/``, the page that it leads to, if there is one."""
    found = html_pages(visit.site.pages, most)
    if found:
        return found
    root = Follow(visit.url("/"), within=visit.endpoint.hosts, tries=2, past_caches=True)
    chain = yield from ask(root)
    return html_pages([parts_of(join(visit.url("/"), chain[-1].url)).path], most)


def fresh(visit: Visit, path: str) -> Steps[Response]:
    """The answer of publish itself, asked once more where none came."""
    return ask(Get(visit.url(path), tries=2, past_caches=True))
