"""What of an answer should be the same on stage and on production, whatever the content?"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from aem_checks.urls import host_of, plain_url

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser

    from aem_checks.response import Response

_CLIENTLIB = re.compile(r"/etc\.clientlibs/[^?#]*")
_HASH = re.compile(r"\.lc-[0-9a-f]+-lc|\.(?:min)(?=\.(?:css|js)$)|\.[0-9a-f]{32}(?=\.)|\.ACSHASH[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Likeness:
    """An answer without what may differ: hosts are left out of the site's own URLs, hashes out of names."""

    status: int
    content_type: str
    redirect: str = ""
    headers: frozenset[str] = frozenset()
    title: str = ""
    canonical: str = ""
    robots: str = ""
    clientlibs: frozenset[str] = frozenset()


def look(response: Response, hosts: frozenset[str], headers: Iterable[str]) -> Likeness:
    """Read one answer; ``hosts`` are those of the whole site."""
    sent = frozenset(name for name in headers if name in response.headers)
    redirect = _without_host(plain_url(response.location), hosts) if response.location else ""
    if response.status != 200 or not response.is_html:
        return Likeness(response.status, response.content_type, redirect, sent)
    document = response.document
    canonical = _attribute(document, 'link[rel="canonical" i]', "href")
    return Likeness(
        status=response.status,
        content_type=response.content_type,
        redirect=redirect,
        headers=sent,
        title=_title(document),
        canonical=_without_host(plain_url(urljoin(response.url, canonical)), hosts) if canonical else "",
        robots=_words(_attribute(document, 'meta[name="robots" i]', "content")),
        clientlibs=_clientlibs(document),
    )


def path_on_site(url: str, hosts: frozenset[str]) -> str | None:
    """Path and query of a URL on one of the hosts, else ``None``."""
    if host_of(url) not in hosts:
        return None
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _without_host(url: str, hosts: frozenset[str]) -> str:
    path = path_on_site(url, hosts)
    return url if path is None else path


def _title(document: LexborHTMLParser) -> str:
    node = document.css_first("head > title")
    return " ".join(node.text().split()) if node else ""


def _attribute(document: LexborHTMLParser, selector: str, name: str) -> str:
    node = document.css_first(selector)
    return ((node.attributes.get(name) or "") if node else "").strip()


def _words(text: str) -> str:
    return ", ".join(sorted(part.strip().lower() for part in text.split(",") if part.strip()))


def _clientlibs(document: LexborHTMLParser) -> frozenset[str]:
    nodes = document.css("link[href], script[src]")
    addresses = (node.attributes.get("href") or node.attributes.get("src") or "" for node in nodes)
    found = (_CLIENTLIB.search(address) for address in addresses)
    return frozenset(_HASH.sub("", match.group()) for match in found if match)
