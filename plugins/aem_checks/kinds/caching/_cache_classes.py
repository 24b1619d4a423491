"""Which kinds of answers does a site have for a cache, what does Adobe give each, and which are on its pages?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from aem_checks.asks import Read, ask
from aem_checks.urls import host_of, join, parts_of, plain_url

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

    from aem_checks.asks import Steps
    from aem_checks.recording import Recording

CacheClass = Literal["html", "clientlib", "coreimg", "dam", "model_json", "persisted_query"]
_MOST_REFERENCES = 2000
"""Addresses that are looked at on one page; a hostile page may have any number."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the headers of a class should allow, in seconds; ``least`` 0 asks for nothing."""

    least: int
    most: int
    immutable: bool = False


_DAY = 86400
EXPECTED: dict[CacheClass, Expected] = {
    "html": Expected(least=60, most=_DAY),
    "clientlib": Expected(least=30 * _DAY, most=400 * _DAY, immutable=True),
    "coreimg": Expected(least=600, most=400 * _DAY),
    "dam": Expected(least=600, most=31 * _DAY),
    "model_json": Expected(least=0, most=_DAY),
    "persisted_query": Expected(least=60, most=_DAY),
}
"""Around Adobe's defaults: HTML 300 s, client libraries 30 days and immutable, public images at least 600 s,
persisted queries 7200 s in the CDN. Source: help/implementing/dispatcher/caching and
help/headless/graphql-api/persisted-queries of Adobe's documentation."""


def class_of(path: str) -> CacheClass | None:
    """The class of a path by its name; pages are ``html`` by their content type, not here."""
    if path.startswith("/etc.clientlibs/") and ".lc-" in path and path.endswith((".css", ".js")):
        return "clientlib"
    if ".coreimg." in path:
        return "coreimg"
    if path.startswith("/content/dam/") and "." in path.rpartition("/")[2]:
        return "dam"
    if path.endswith(".model.json"):
        return "model_json"
    return "persisted_query" if path.startswith("/graphql/execute.json/") else None


def referenced(recording: Recording) -> Steps[dict[CacheClass, list[str]]]:
    """URLs on the target that its recorded pages name, by class, each once, in the order of the pages."""
    found: dict[CacheClass, dict[str, None]] = {}
    for path in (page.path for page in recording.good_pages):
        page = yield from ask(Read(path))
        base = plain_url(page.final.url)
        for number, written in enumerate(
            _addresses(page.final.document.css("[src], a[href], source[srcset]"))
        ):
            if number >= _MOST_REFERENCES:
                break
            if url := _here(base, written, recording):
                kind = class_of(parts_of(url).path)
                if kind in ("coreimg", "dam"):
                    found.setdefault(kind, {})[url] = None
    return {kind: list(urls) for kind, urls in found.items()}


def models(recording: Recording) -> list[str]:
    """The ``.model.json`` of each recorded page whose address has an extension."""
    addresses = (plain_url(page.final.url).partition("?")[0] for page in recording.good_pages)
    return [f"{url.removesuffix('.html')}.model.json" for url in addresses if url.endswith(".html")]


def _addresses(nodes: list[LexborNode]) -> Iterator[str]:
    for node in nodes:
        yield node.attributes.get("src") or node.attributes.get("href") or ""
        yield (node.attributes.get("srcset") or "").partition(",")[0].strip().partition(" ")[0]


def _here(base: str, written: str, recording: Recording) -> str:
    """The absolute URL where it is on the target and no template such as ``{.width}``; else nothing."""
    if not written or "{" in written:
        return ""
    url = join(base, written).partition("#")[0]
    return url if host_of(url) in recording.hosts else ""
