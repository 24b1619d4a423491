"""Which pages does a site's own sitemap list?"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aem_checks.asks import Follow, ask
from aem_checks.reach import describe, is_unreached
from aem_checks.text import quoted
from aem_checks.urls import fault_of, join

if TYPE_CHECKING:
    from aem_checks.asks import Steps
    from aem_checks.response import Response

MAX_BYTES = 50 * 1024 * 1024
"""Bytes of one sitemap, unpacked; the protocol's own limit (sitemaps.org/protocol.html)."""
MAX_FILES = 50
MAX_URLS = 200_000
_GZIP = b"\x1f\x8b"


class SitemapError(ValueError):
    """A sitemap that is none; the message is the end of a sentence."""


@dataclass(slots=True)
class Sitemap:
    """What was found: page URLs in the order of the files, and files that could not be used, with the reason."""

    urls: dict[str, None] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    unreached: Response | None = None


def read_sitemaps(base_url: str, allows: Callable[[str], bool]) -> Steps[Sitemap]:
    """Read the sitemaps that robots.txt names, else ``/sitemap.xml``, with all that they refer to on the site.

    ``allows``: whether a URL is on a host of the site.
    """
    found = Sitemap()
    waiting = yield from _starts(base_url, allows, found.problems)
    seen = set(waiting)
    for number, url in enumerate(waiting):
        if number >= MAX_FILES or len(found.urls) >= MAX_URLS:
            found.problems.append(f"only {number} files and {len(found.urls)} URLs were read")
            break
        response = (yield from ask(Follow(url, tries=3)))[-1]
        if response.status != 200 or is_unreached(response):
            found.unreached = response if is_unreached(response) else found.unreached
            found.problems.append(f"{url} gave {describe(response)}")
            continue
        try:
            pages, sitemaps = parse_sitemap(response.body)
        except SitemapError as error:
            found.problems.append(f"{url} {error}")
            continue
        found.urls |= dict.fromkeys(join(url, page) for page in pages)
        for further in _usable(url, sitemaps, allows, found.problems):
            if further not in seen:
                seen.add(further)
                waiting.append(further)
    return found


def _starts(base_url: str, allows: Callable[[str], bool], problems: list[str]) -> Steps[list[str]]:
    """Sitemaps that robots.txt names on hosts of the site."""
    from protego import Protego

    response = (yield from ask(Follow(f"{base_url}/robots.txt", tries=2)))[-1]
    named = (
        list(Protego.parse(response.text).sitemaps) if response.status == 200 and not response.is_html else []
    )
    return _usable(f"{base_url}/robots.txt", named, allows, problems) or [f"{base_url}/sitemap.xml"]


def _usable(
    base: str, written: Iterable[str], allows: Callable[[str], bool], problems: list[str]
) -> list[str]:
    """Absolute, each once, without those of other hosts."""
    addresses = dict.fromkeys(join(base, each) for each in written)
    problems += [
        f"{base} names a sitemap by {quoted(each, 200)}, which {fault}"
        for each in addresses
        if (fault := fault_of(each))
    ]
    return [each for each in addresses if allows(each)]


def parse_sitemap(data: bytes) -> tuple[list[str], list[str]]:
    """Page URLs and further sitemaps of one file, packed with gzip or not.

    Raises ``SitemapError`` for anything else, for a file beyond ``MAX_BYTES`` and for a document type, whose
    entities could expand without end.
    """
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root: Any = etree.fromstring(_unpacked(data), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise SitemapError(f"is not well-formed XML: {error}") from error
    if root.getroottree().docinfo.doctype:
        raise SitemapError("has a document type declaration, which no sitemap needs")
    kind = etree.QName(root).localname
    if kind not in {"urlset", "sitemapindex"}:
        raise SitemapError(f"has the root element {kind}, not urlset or sitemapindex")
    texts = (node.findtext("{*}loc") for node in root.iterchildren("{*}url", "{*}sitemap"))
    urls = [text.strip() for text in texts if text and text.strip()]
    return (urls, []) if kind == "urlset" else ([], urls)


def lacks_namespace_of_hreflang(data: bytes) -> bool:
    """Whether a file has hreflang links that no crawler finds, since nothing in it names the namespace that they read."""
    content = _unpacked(data)
    return b"hreflang=" in content and b"http://www.w3.org/1999/xhtml" not in content


def _unpacked(data: bytes) -> bytes:
    if not data.startswith(_GZIP):
        return data
    try:
        unpacked = gzip.GzipFile(fileobj=io.BytesIO(data)).read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise SitemapError(f"cannot be unpacked: {error}") from error
    if len(unpacked) > MAX_BYTES:
        raise SitemapError(f"is longer than {MAX_BYTES // 1024 // 1024} MiB")
    return unpacked
