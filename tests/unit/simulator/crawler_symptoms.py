"""What does each defect for search engines show?"""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from simulator.aem import AemEnvironment
from simulator.aem.defects import PAGE
from simulator.aem.defects.crawlers import CLOSED, OPENED, SITEMAP
from unit.simulator.aem_visitor import ask


def _lists(aem: AemEnvironment) -> list[str]:
    """The addresses in the English sitemap; none where it can't be read."""
    try:
        tree = etree.fromstring(ask(aem, SITEMAP).body)
    except etree.XMLSyntaxError:
        return ["not XML"]
    return [node.text or "" for node in tree.iter("{*}loc")]


def _page_lacks(text: str) -> Callable[[AemEnvironment], bool]:
    """The page is there, and this is not in it."""

    def seen(aem: AemEnvironment) -> bool:
        reply = ask(aem, PAGE)
        return reply.status == 200 and b'name="viewport"' in reply.body and text.encode() not in reply.body

    return seen


def _page_shows(text: str) -> Callable[[AemEnvironment], bool]:
    return lambda aem: text.encode() in ask(aem, PAGE).body


def _robots(text: str) -> Callable[[AemEnvironment], bool]:
    return lambda aem: ask(aem, "/robots.txt").body == text.encode()


SYMPTOMS: dict[str, Callable[[AemEnvironment], bool]] = {
    "sitemap_malformed": lambda aem: _lists(aem) == ["not XML"],
    "sitemap_empty": lambda aem: _lists(aem) == [],
    "sitemap_missing": lambda aem: ask(aem, "/sitemap.xml").status == 404,
    "sitemap_halved": lambda aem: len(_lists(aem)) == 6,
    "sitemap_localhost": lambda aem: any(url.startswith("http://localhost:4503/") for url in _lists(aem)),
    "robots_open": _robots(OPENED),
    "robots_closed": _robots(CLOSED),
    "robots_500": lambda aem: ask(aem, "/robots.txt").status == 500,
    "noindex_header": lambda aem: ask(aem, PAGE).headers.get("x-robots-tag") == "noindex",
    "canonical_missing": _page_lacks('rel="canonical"'),
    "hreflang_broken": _page_shows('hreflang="de_DE"'),
    "title_empty": _page_shows("<title></title>"),
    "title_generic": _page_shows("<title>Page</title>"),
    "description_lost": _page_lacks('name="description"'),
    "json_ld_escaped": _page_shows("{&#34;@context&#34;"),
    "breadcrumb_lost": _page_lacks("schema.org/BreadcrumbList"),
}
