"""What does a page tell search engines about itself in its head, its first heading and its robots rules?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from aem_checks.urls import host_of, join, parts_of, plain_url

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser

    from aem_checks.response import Response

MOST_TEXT = 500
"""Characters of one value that are compared and shown; a page may be hostile."""
OF_ADDRESSES = frozenset({"canonical", "og:url", "og:image"})
_AGENTS = frozenset({"robots", "googlebot", "bingbot"})
_FORBIDS = frozenset({"noindex", "none"})
_WITH_VALUE = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
_STAMP = re.compile(r"(?<=/)\d{12,14}(?=/)|(?<=\.lc-)[0-9a-f]{32}(?=-lc)|(?<=\.)[0-9a-f]{32}(?=\.)")


def read_head(response: Response) -> Mapping[str, str | None]:
    """Value by name: ``None`` for what is not there, an empty text for what is there and empty."""
    return response.once(_read_head)


def _read_head(response: Response) -> Mapping[str, str | None]:
    document = response.document
    found: dict[str, str | None] = {
        "title": _text(document, "head > title"),
        "description": _content(document, 'meta[name="description" i]', "content"),
        "h1": _heading(document),
        "canonical": _content(document, 'link[rel~="canonical" i]', "href"),
    }
    for name in ("og:title", "og:description", "og:image", "og:url", "og:type"):
        found[name] = _content(document, f'meta[property="{name}" i]', "content")
    return found


def comparable(name: str, value: str | None, page_url: str, hosts: frozenset[str]) -> str | None:
    """A value without what may differ between releases: the site's own host, time stamps, hashes, blanks."""
    if value is None or name not in OF_ADDRESSES:
        return value
    parts = parts_of(join(plain_url(page_url), value))
    own = host_of(parts.geturl()) in hosts
    kept = parts._replace(path=_STAMP.sub("*", parts.path), fragment="")
    return (kept._replace(scheme="", netloc="") if own else kept).geturl()


def forbidding_header(response: Response) -> str:
    """The ``X-Robots-Tag`` that keeps Google, Bing or everybody from indexing; empty where there is none."""
    for value in response.headers.getall("X-Robots-Tag", []):
        if _FORBIDS & set(_meant_for_all(value)):
            return value[:MOST_TEXT]
    return ""


def forbidding_element(response: Response) -> str:
    """The same of the page's ``<meta name="robots">`` and those for Google and Bing."""
    for node in response.document.css("meta[name]"):
        name = (node.attributes.get("name") or "").strip().lower()
        value = node.attributes.get("content") or ""
        if name in _AGENTS and _FORBIDS & {word.strip() for word in value.lower().split(",")}:
            return f"{name}: {value}"[:MOST_TEXT]
    return ""


def addresses(response: Response, selector: str) -> Iterator[tuple[str, str]]:
    """``hreflang`` (or nothing) and address of each link, as they are written."""
    for node in response.document.css(selector):
        yield (node.attributes.get("hreflang") or "").strip(), (node.attributes.get("href") or "").strip()


def _meant_for_all(value: str) -> Iterable[str]:
    """The directives of one header; those after the name of another crawler are left out."""
    ours = True
    for token in value.lower().split(","):
        name, colon, rest = (part.strip() for part in token.partition(":"))
        if colon and name not in _WITH_VALUE:
            ours, name = name in _AGENTS, rest
        if ours:
            yield name


def _heading(document: LexborHTMLParser) -> str | None:
    node = document.css_first("h1")
    if node is None:
        return None
    image = node.css_first("img[alt]")
    return _gathered(node.text()) or _gathered((image.attributes.get("alt") or "") if image else "")


def _text(document: LexborHTMLParser, selector: str) -> str | None:
    node = document.css_first(selector)
    return None if node is None else _gathered(node.text())


def _content(document: LexborHTMLParser, selector: str, name: str) -> str | None:
    node = document.css_first(selector)
    return None if node is None else _gathered(node.attributes.get(name) or "")


def _gathered(text: str) -> str:
    return " ".join(text[: 4 * MOST_TEXT].split())[:MOST_TEXT]
