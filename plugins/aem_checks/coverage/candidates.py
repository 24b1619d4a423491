"""Which pages of a site are worth a look, when there are more than may be looked at? Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from aem_checks.sites import check_path
from aem_checks.urls import host_of, join, parts_of, plain_url

if TYPE_CHECKING:
    from aem_checks.response import Response

_LONGEST = 500
"""Characters of a path; a longer one is no page that somebody wrote."""
_MOST_LINKS = 5000
_NO_PAGES = (".pdf", ".jpg", ".jpeg", ".png", ".svg", ".gif", ".webp", ".zip", ".xml", ".json", ".css", ".js")


def worth_a_look(paths: Iterable[str], *, first: Collection[str], at_most: int) -> tuple[str, ...]:
    """``first``, then pages of as many folders as possible, the shallow folders before the deep ones.

    Which page of a folder comes first depends on nothing but its path, so that a page more or less in the sitemap
    changes little, and two releases are looked at in the same places.
    """
    folders: dict[str, list[str]] = {}
    for path in sorted({*paths} - {*first}, key=_digest):
        folders.setdefault(path.rpartition("/")[0], []).append(path)
    ordered = [folders[each] for each in sorted(folders, key=lambda one: (one.count("/"), _digest(one)))]
    found = dict.fromkeys(first)
    depth = 0
    while len(found) < at_most and any(len(each) > depth for each in ordered):
        found |= dict.fromkeys(each[depth] for each in ordered if len(each) > depth)
        depth += 1
    return tuple(found)[: max(at_most, len(first))]


def paths_of(urls: Iterable[str], hosts: Collection[str]) -> dict[str, None]:
    """The paths of the pages among URLs on these hosts, each once, in their order."""
    found: dict[str, None] = {}
    for url in urls:
        try:
            path = check_path(parts_of(url).path or "/")
        except ValueError:
            continue
        if host_of(url) in hosts and len(path) <= _LONGEST and not path.lower().endswith(_NO_PAGES):
            found[path] = None
    return found


def linked_paths(response: Response, hosts: Collection[str]) -> dict[str, None]:
    """The paths of the pages on these hosts that a page links to."""
    base = plain_url(response.url)
    written = (node.attributes.get("href") or "" for node in response.document.css("a[href]")[:_MOST_LINKS])
    return paths_of((join(base, each) for each in written), hosts)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
