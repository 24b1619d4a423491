"""Which images, videos and documents does a page name, and where?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from aem_checks.addresses import absolute, base_of, candidates
from aem_checks.urls import parts_of

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

    from aem_checks.response import Response

DOCUMENTS = frozenset({"pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx"})
_CSS_URL = re.compile(r"url\(\s*[\"']?([^\"')\s]{1,2000})")
_NOT_IMAGES = (".css", ".woff", ".woff2", ".ttf", ".eot", ".otf")
_SOURCES = ("src", "data-src")
_SETS = ("srcset", "data-srcset")


class Media(NamedTuple):
    """One file that a page needs or links to."""

    url: str
    kind: str
    """``image``, ``video`` or ``document``."""
    place: str
    """For people: ``src of an <img>``."""
    shown: bool
    """Whether a visitor of the page sees at once that it is missing."""
    whole: bool
    """Whether it is fetched and decoded; the further sizes of an image are only asked for."""


def find_media(response: Response) -> Iterator[Media]:
    """Everything that a page names, templates such as ``{.width}`` expanded or left as they are."""
    base, document = base_of(response), response.document
    for found in _written(document):
        url = absolute(base, found.url)
        if url:
            yield found._replace(url=url)


def _written(document: LexborHTMLParser) -> Iterator[Media]:
    for node in document.css("img, input[type=image]"):
        yield from _of_image(node)
    for node in document.css("source"):
        yield from _of_source(node)
    for node in document.css("video"):
        yield from _single(node, "poster", "image")
        yield from _single(node, "src", "video")
    for node in document.css("[data-cmp-src]"):
        yield from _of_component(node)
    for node in document.css("[style*='url(']"):
        for url in _CSS_URL.findall(node.attributes.get("style") or ""):
            yield Media(url, "image", f"style of a <{node.tag}>", shown=True, whole=True)
    for node in document.css("a[href]"):
        if _extension(node.attributes.get("href") or "") in DOCUMENTS:
            yield from _single(node, "href", "document")
    for node in document.css("link[rel~=icon], link[rel~=apple-touch-icon]"):
        yield from _single(node, "href", "image", shown=False)
    for node in document.css("meta[property='og:image']"):
        yield from _single(node, "content", "image", shown=False)


def _single(node: LexborNode, name: str, kind: str, *, shown: bool = True) -> Iterator[Media]:
    if value := node.attributes.get(name):
        yield Media(value, kind, f"{name} of a <{node.tag}>", shown=shown, whole=kind != "video")


def _of_image(node: LexborNode) -> Iterator[Media]:
    for name in _SOURCES:
        yield from _single(node, name, "image")
    yield from _sizes(node)


def _of_source(node: LexborNode) -> Iterator[Media]:
    inside = node.parent.tag if node.parent is not None else ""
    if inside in ("video", "audio"):
        yield from _single(node, "src", "video")
    else:
        yield from _sizes(node)


def _sizes(node: LexborNode) -> Iterator[Media]:
    for name in _SETS:
        for url in candidates(node.attributes.get(name) or ""):
            yield Media(url, "image", f"{name} of a <{node.tag}>", shown=True, whole=False)


def _of_component(node: LexborNode) -> Iterator[Media]:
    """The Core Image component loads ``data-cmp-src`` with one of ``data-cmp-widths`` in place of ``{.width}``."""
    written = node.attributes.get("data-cmp-src") or ""
    widths = [each.strip() for each in (node.attributes.get("data-cmp-widths") or "").split(",")]
    wanted = [each for each in (widths[0], widths[-1]) if each.isascii() and each.isdigit()]
    place = f"data-cmp-src of a <{node.tag}>"
    for width in dict.fromkeys(wanted):
        filled = written.replace("{.width}", f".{width}").replace("{width}", width)
        yield Media(filled, "image", place, shown=True, whole=False)
    if not wanted:
        yield Media(written, "image", place, shown=True, whole=False)


def in_style_sheet(response: Response) -> Iterator[Media]:
    """Images that a style sheet names."""
    for written in _CSS_URL.findall(response.text):
        url = absolute(response.url, written)
        if url and not parts_of(url).path.lower().endswith(_NOT_IMAGES):
            yield Media(url, "image", "url() of a style sheet", shown=False, whole=False)


def is_template(url: str) -> bool:
    """Whether a script has to fill in something before a browser can ask for it."""
    lower = url.lower()
    return "{" in url or "%7b" in lower


def _extension(href: str) -> str:
    name = parts_of(href).path.rsplit("/", 1)[-1]
    return name.rpartition(".")[2].lower()
