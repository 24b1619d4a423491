"""Where do the pages of a site lead? The recorded ones, and with a depth of 2 those that they link to."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import unquote

from aem_checks.addresses import absolute, base_of
from aem_checks.asks import Follow, Get, ask, together
from aem_checks.markup import above, scripts
from aem_checks.reach import describe, is_unreached
from aem_checks.response import REDIRECTS
from aem_checks.urls import fault_of, host_of, is_address, join, path_of

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

    from aem_checks.asks import Steps
    from aem_checks.recording import Page, Recording
    from aem_checks.response import Response
    from aem_checks.visit import Visit

MOST_PER_PAGE = 1000
"""Links of one page that are read; a page with more is a list that no visitor reads."""
MOST_LINKS = 20_000
"""Links that are read in all, with repetitions. More would take minutes."""
_FOLLOWED = "a[href], area[href], form[action], iframe[src], object[data], embed[src], link[href]"
_RELATIONS = frozenset(
    {"alternate", "amphtml", "author", "canonical", "help", "license", "next", "prev", "search"}
)
"""Of ``<link>``: those that lead people or search engines to a page."""
_HOOKS = re.compile(
    r"^on[a-z]+$|^aria-(?:controls|expanded|haspopup)$"
    r"|^data-.*(?:toggle|target|modal|dialog|overlay|drawer|open|trigger|popup|popover|tab|scroll)"
)
_CLAIMED = re.compile(
    r"""(?P<quote>["'`])\#(?P<whole>[\w-]{1,100})(?P=quote)
    | \[\s*href\s*[$*^]?=\s*\\?["']?[^"'`\]\s]{0,200}\#(?P<link>[\w-]{1,100})\\?["']?\s*\]
    | getElementById\(\s*(?P<mark>["'`])(?P<id>[\w-]{1,100})(?P=mark)\s*\)""",
    re.VERBOSE,
)
"""Places that a script names by themselves: ``a[href="#sign-in"]``, ``location.hash === "#sign-in"``."""
_DATA = re.compile(r"\b(data-[a-z0-9_-]{1,80})\s*=\s*[\"']?(#?)[\w-]{1,100}[\"'\s>]", re.IGNORECASE)
_MOST_DATA = 100
"""Names of such attributes of one page that are looked at."""
_NAVIGATION = frozenset({"nav", "header", "footer"})
_ROLES = frozenset({"navigation", "banner", "contentinfo"})
_NOT_PAGES = (
    ".css", ".js", ".mjs", ".json", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".avif", ".ico", ".woff",
    ".woff2", ".ttf", ".eot", ".mp4", ".webm", ".xml",
)  # fmt: skip
"""Endings of files that ``client_libraries`` and ``images`` look at."""
_DOCUMENTS = (".pdf", ".docx", ".xlsx", ".pptx", ".doc", ".xls", ".ppt", ".zip")


@dataclass(frozen=True)
class Link:
    """One link of one page."""

    source: str
    """The path of the page that it is on."""
    url: str
    """Absolute, without fragment."""
    mark: str
    """The fragment, as written."""
    in_navigation: bool


@dataclass(frozen=True)
class Place:
    """What an address of the site answered, as far as links are concerned."""

    is_good: bool
    """It is there; a redirect that leaves the site for another host is no failure of the site, one to no host at all is."""
    words: str
    is_unreached: bool
    """Nobody can tell whether it is there."""
    anchors: frozenset[str] | None
    """Where a link may point to; ``None`` where that is not known, as in a document that is no page."""
    links: tuple[Link, ...] = ()
    is_cut: bool = False
    """It has more links than are read."""


class Walk:
    """One look at the links of a site."""

    def __init__(self, visit: Visit, most: int) -> None:
        """``most``: how many URLs of the site are asked for, besides those that were recorded."""
        self._visit = visit
        self._left = most
        self._links_left = MOST_LINKS
        self.places: dict[str, Place] = {}
        """By path."""
        self.links: list[Link] = []
        self.left_out: set[str] = set()
        """Paths that were not asked for, beyond ``most``."""
        self.claimed: frozenset[str] = frozenset()
        """Names of places that recorded scripts are about."""
        self.unread: list[str] = []
        """Paths of pages whose links were too many to see them all."""

    def begin_with(self, page: Page) -> None:
        """Remember where a recorded page leads to."""
        self.places[page.path] = self._place(page.path, page.final)

    def through(self, recording: Recording, depth: int) -> Steps[None]:
        """Ask for what the recorded pages link to and, with a depth of 2, for what that links to."""
        self.claimed = frozenset(
            name
            for script in recording.resources.values()
            if script.ok and "javascript" in script.content_type
            for name in claimed_by(script.text)
        )
        behind = yield from self._ask_for(self._read(page.path for page in recording.good_pages))
        if depth > 1:
            yield from self._ask_for(self._read(path for path in behind if self.places[path].links))

    def path_of(self, url: str) -> str | None:
        """Path and query of a URL of the site; ``None`` for other hosts."""
        if host_of(url) not in self._visit.endpoint.hosts:
            return None
        return path_of(url).removesuffix("?")  # as a request drops it

    def _read(self, paths: Iterable[str]) -> list[Link]:
        found: list[Link] = []
        for path in paths:
            place = self.places[path]
            if self._links_left > 0:
                found += place.links
                self._links_left -= len(place.links)
            if place.is_cut or self._links_left <= 0:
                self.unread.append(path)
        self.links += found
        return found

    def _ask_for(self, links: Iterable[Link]) -> Steps[list[str]]:
        """Ask for everything that they lead to on this site, each once; returns the paths."""
        wanted = []
        for path in dict.fromkeys(path for link in links if (path := self.path_of(link.url)) is not None):
            if path in self.places or _is_of_others(path):
                continue
            if self._left <= 0:
                self.left_out.add(path)
                continue
            self._left -= 1
            wanted.append(path)
        yield from together(self._ask(path) for path in wanted)
        return wanted

    def _ask(self, path: str) -> Steps[None]:
        answer = yield from self._answer(path)
        self.places[path] = self._place(path, answer)

    def _answer(self, path: str) -> Steps[Response]:
        url = self._visit.url(path)
        if path.partition("?")[0].lower().endswith(_DOCUMENTS):
            head = yield from ask(Get(url, method="HEAD", tries=2, past_caches=True))
            if not (head.status in REDIRECTS or is_unreached(head)):
                return head
        chain = yield from ask(Follow(url, tries=2, within=self._visit.endpoint.hosts, past_caches=True))
        return chain[-1]

    def _place(self, path: str, answer: Response) -> Place:
        is_page = answer.ok and answer.is_html
        found = list(islice(links_of(answer, path), MOST_PER_PAGE + 1)) if is_page else []
        return Place(
            is_good=200 <= answer.status < 300 or self._leaves(answer),
            words=describe(answer),
            is_unreached=is_unreached(answer) and answer.status != 403,
            anchors=frozenset(_anchors(answer)) if is_page and not answer.truncated else None,
            links=tuple(found[:MOST_PER_PAGE]),
            is_cut=len(found) > MOST_PER_PAGE,
        )

    def _leaves(self, answer: Response) -> bool:
        target = answer.location
        return target is not None and is_address(target) and host_of(target) not in self._visit.endpoint.hosts


def links_of(answer: Response, path: str) -> Iterator[Link]:
    """What somebody on this page can follow, in the order of the document."""
    base = base_of(answer)
    for node in answer.document.css(_FOLLOWED):
        written = _target(node)
        mark = written.partition("#")[2]
        url = join(base, "") if written.startswith("#") else absolute(base, written)
        if url.lower().startswith(("http://", "https://")) and not _is_hidden(node):
            asked = url if fault_of(url) else _as_browsers_ask(url)
            yield Link(path, asked, "" if _is_script_hook(node) else mark, _is_navigation(node))


def _target(node: LexborNode) -> str:
    """What the element leads to, as written; empty for what nobody follows."""
    attributes = node.attributes
    if node.tag == "form":
        sends = (attributes.get("method") or "get").lower() != "get" or node.css_first(
            "[required]"
        ) is not None
        return "" if sends else (attributes.get("action") or "").strip()
    relations = set((attributes.get("rel") or "").lower().split())
    if node.tag == "link" and not relations & _RELATIONS:
        return ""
    written = next((value for name in ("href", "src", "data") if (value := attributes.get(name))), "")
    return _slashes(written.strip())


def _as_browsers_ask(url: str) -> str:
    """Without dot segments, and with blanks as a browser sends them."""
    scheme, _, rest = url.partition("://")
    host, _, path = rest.partition("/")
    return join(f"{scheme}://{host}/", f"/{path}".replace(" ", "%20"))


def _is_script_hook(node: LexborNode) -> bool:
    """Whether a script opens something when it is clicked, so that its ``#place`` is a name and no place."""
    attributes = node.attributes
    return attributes.get("role") == "button" or any(_HOOKS.search(name) for name in attributes)


def _slashes(written: str) -> str:
    """To a browser a backslash is a slash, but in query and fragment."""
    end = min((place for mark in "?#" if (place := written.find(mark)) >= 0), default=len(written))
    return written[:end].replace("\\", "/") + written[end:]


def _is_hidden(node: LexborNode) -> bool:
    """Whether nobody sees it whose browser runs scripts."""
    return any(each.tag in ("noscript", "template") for each in above(node))


def _is_navigation(node: LexborNode) -> bool:
    return node.tag == "a" and any(
        each.tag in _NAVIGATION or (each.attributes or {}).get("role") in _ROLES for each in above(node)
    )


def _anchors(page: Response) -> Iterator[str]:
    """Its places, and what its own scripts and ``data-`` attributes call so: that is opened, not scrolled to."""
    document = page.document
    for node in document.css("[id], a[name]"):
        yield from (value for name in ("id", "name") if (value := node.attributes.get(name)))
    yield from _claimed_by_data(page)
    for script in scripts(document, of_json=False):
        yield from claimed_by(script)


def _claimed_by_data(page: Response) -> Iterator[str]:
    """What ``data-`` attributes say is opened: ``#sign-in`` and nothing else, or the name where the attribute opens things.

    Not those of links: what counts clicks repeats there where a link leads.
    """
    told = ((name.lower(), mark) for name, mark in _DATA.findall(page.text))
    names = list(dict.fromkeys(name for name, mark in told if mark or _HOOKS.search(name)))[:_MOST_DATA]
    for node in page.document.css(", ".join(f"[{name}]" for name in names)) if names else ():
        values = ((name, node.attributes.get(name) or "") for name in names)
        if "href" not in node.attributes:
            yield from (value.removeprefix("#") for name, value in values if _opens(name, value))


def _opens(name: str, value: str) -> bool:
    return bool(value) and (value.startswith("#") or _HOOKS.search(name) is not None)


def claimed_by(script: str) -> Iterator[str]:
    """The names of places that a script is about."""
    for found in _CLAIMED.finditer(script):
        yield found["whole"] or found["link"] or found["id"]


def missing_anchor(link: Link, place: Place, claimed: Collection[str]) -> str:
    """``#place`` where the page lacks it, as a person reads it; empty where it is there or can't be known.

    ``claimed``: names that the site's scripts are about.
    """
    mark = unquote(link.mark)
    if not mark or place.anchors is None or mark.lower() == "top" or mark.startswith((":~:", "!", "/")):
        return ""
    names = {link.mark, mark}
    return "" if names & place.anchors or names & set(claimed) else f"#{mark}"


def _is_of_others(path: str) -> bool:
    """Whether other checks ask for this file."""
    plain = path.partition("?")[0].lower()
    return plain.endswith(_NOT_PAGES) or plain.startswith("/etc.clientlibs/")
