"""Which links are broken, judged by what the site said rather than by lychee's words for it?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

from aem_checks.addresses import absolute
from aem_checks.reach import describe, is_unreached
from aem_checks.urls import is_address

if TYPE_CHECKING:
    from aem_checks.kinds.links._lychee import Link
    from aem_checks.kinds.links._relay import Relay
    from aem_checks.response import Response

_NAVIGATION = ", ".join(
    f"{place} a[href]"
    for place in ("nav", "header", "footer", "[role=navigation]", "[role=banner]", "[role=contentinfo]")
)
_MISSING_ANCHOR = "fragment"
"""The word that lychee uses for an anchor that is not on the page."""


@dataclass(frozen=True)
class Broken:
    """One address of the site that a link leads to and that is no good."""

    path: str
    anchor: str
    """``#place`` where only the anchor is missing, else empty."""
    sources: tuple[str, ...]
    in_navigation: bool
    words: str
    is_failure: bool
    """Whether the site said so; otherwise there was no answer."""
    expected: str = field(default="status 200")

    @property
    def subject(self) -> str:
        return self.path + self.anchor


def sorted_out(links: Iterable[Link], relay: Relay, ignore: tuple[str, ...]) -> list[Broken]:
    """Every broken address once, with the pages that link to it, navigation first."""
    sources: dict[tuple[str, str], dict[str, None]] = {}
    for link in links:
        path, source = relay.path_of(link.url), relay.path_of(link.source)
        if path is None or source is None or path.startswith(ignore):
            continue
        answer = relay.answers.get(path)
        if answer is None:
            continue
        anchor = _anchor(link) if answer.ok and answer.is_html and not answer.truncated else ""
        if anchor or not _is_good(answer, relay):
            sources.setdefault((path, anchor), {})[source] = None
    navigation = _Navigation(relay)
    found = [
        _broken(path, anchor, tuple(pages), navigation, relay) for (path, anchor), pages in sources.items()
    ]
    return sorted(found, key=lambda each: (not each.in_navigation, bool(each.anchor), each.path))


def unanswered(links: Iterable[Link], relay: Relay, ignore: tuple[str, ...]) -> list[str]:
    """Addresses of the site that lychee was told of and that nobody asked, although they were to be asked."""
    paths = {path for link in links if (path := relay.path_of(link.url)) and not path.startswith(ignore)}
    known = relay.answers.keys() | relay.left_out
    return sorted(path for path in paths - known if not relay.leaves_to_others(path))


def count_good(links: Iterable[Link], relay: Relay) -> int:
    """How many addresses of the site were asked, linked and good."""
    paths = {relay.path_of(link.url) for link in links}
    return sum(path in relay.answers and _is_good(relay.answers[path], relay) for path in paths if path)


def _broken(
    path: str, anchor: str, sources: tuple[str, ...], navigation: _Navigation, relay: Relay
) -> Broken:
    in_navigation = any(path in navigation.of(source) for source in sources)
    if anchor:
        return Broken(path, anchor, sources, in_navigation, "a page without this anchor", True, "the anchor")
    answer = relay.answers[path]
    refused = is_unreached(answer) and answer.status != 403
    return Broken(path, "", sources, in_navigation, describe(answer), not refused)


def _is_good(answer: Response, relay: Relay) -> bool:
    """A redirect that leaves the site for another host is no failure of the site; one to no host at all is."""
    if 200 <= answer.status < 300:
        return True
    target = answer.location
    return target is not None and is_address(target) and not relay.is_of_target(target)


def _anchor(link: Link) -> str:
    """The anchor, where lychee missed it on the page."""
    mark = unquote(link.url.partition("#")[2])
    return f"#{mark}" if mark and not link.good and _MISSING_ANCHOR in link.words.lower() else ""


class _Navigation:
    """Which paths do the navigation, header and footer of a page link to?"""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._known: dict[str, frozenset[str]] = {}

    def of(self, source: str) -> frozenset[str]:
        if source not in self._known:
            answer = self._relay.answers.get(source)
            self._known[source] = frozenset() if answer is None else self._read(source, answer)
        return self._known[source]

    def _read(self, source: str, answer: Response) -> frozenset[str]:
        base = self._relay.url + source
        hrefs = (node.attributes.get("href") or "" for node in answer.document.css(_NAVIGATION))
        return frozenset(self._relay.path_as_linked(absolute(base, href)) or "" for href in hrefs)
