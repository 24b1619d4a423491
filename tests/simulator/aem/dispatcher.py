"""What does the dispatcher do with a request? Redirects, short paths, filter rules, and headers.

The rules follow the ideas of Adobe's default filters for AEM as a Cloud Service: everything is denied, then
what a site needs is allowed, then selectors and parameters that leak are denied; the last match decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from simulator.aem import graphql
from simulator.aem.exchange import CONTENT_ROOT, Ask, Reply, redirect
from simulator.aem.sling import SlingUrl, parse
from simulator.aem.words import LOCALES

VANITY = "/routes"
REDIRECTS: dict[str, tuple[str, int]] = {
    VANITY: ("/us/en/adventures.html", 301),
    "/touren": ("/de/de/adventures.html", 301),
    "/stories": ("/us/en/magazine.html", 302),
    "/us": ("/us/en.html", 302),
    "/de": ("/de/de.html", 302),
    "/us/en/adventures/": ("/us/en/adventures.html", 301),
    "/de/de/adventures/": ("/de/de/adventures.html", 301),
    "/us/en/shop.html": ("/us/en/gear.html", 301),
    "/de/de/shop.html": ("/de/de/gear.html", 301),
}
"""Path to path and status; each is one hop to a page that answers 200."""

FRAME_ANCESTOR = "https://studio.larkfell.example"
_VHOST_HEADERS = {
    "x-vhost": "publish",
    "x-frame-options": "SAMEORIGIN",
    "x-content-type-options": "nosniff",
    "strict-transport-security": "max-age=31557600",
    "referrer-policy": "strict-origin-when-cross-origin",
    "content-security-policy": f"frame-ancestors 'self' {FRAME_ANCESTOR}",
}
APPLICATION = "https://app.larkfell.example"
"""The one foreign origin whose scripts may read persisted queries."""
_STATIC_EXTENSIONS = frozenset(
    ("css", "eot", "gif", "ico", "jpeg", "jpg", "js", "png", "svg", "swf", "ttf", "woff", "woff2")
)
_CONTENT_EXTENSIONS = _STATIC_EXTENSIONS | {"html", "pdf"}
_LEAKING = re.compile(
    r"feed|rss|pages|languages|blueprint|infinity|tidy|sysview|docview|query|-?\d+|jcr:content"
)
_EXACT = frozenset(
    {"/sitemap.xml", "/robots.txt", "/libs/granite/csrf/token.json", "/system/probes/health", "/systemready"}
)
_EXPORTS = frozenset({"model.json", "sitemap.xml", "searchresults.json"})


@dataclass(frozen=True, slots=True)
class Rule:
    """One filter rule; later rules overrule earlier ones."""

    allow: bool
    matches: Callable[[Ask, SlingUrl], bool]


def _is_content(url: SlingUrl) -> bool:
    return url.resource.startswith("/content/")


def _leaks(ask: Ask, url: SlingUrl) -> bool:
    """Selectors that export the repository; a rendition's quality and width are numbers too, and harmless."""
    return url.selectors[:1] != ("coreimg",) and any(_LEAKING.fullmatch(each) for each in url.selectors)


FILTERS = (
    Rule(False, lambda ask, url: True),
    Rule(True, lambda ask, url: _is_content(url) and url.extension in _CONTENT_EXTENSIONS),
    Rule(True, lambda ask, url: url.extension in _STATIC_EXTENSIONS),
    Rule(True, lambda ask, url: _is_content(url) and url.ending in _EXPORTS),
    Rule(True, lambda ask, url: ask.path.startswith(("/etc.clientlibs/", f"{graphql.PREFIX}"))),
    Rule(True, lambda ask, url: ask.path in _EXACT),
    Rule(True, lambda ask, url: ask.path.startswith("/is/image/")),
    Rule(False, lambda ask, url: _is_content(url) and _leaks(ask, url)),
    Rule(False, lambda ask, url: "debug=" in ask.query or "wcmmode=" in ask.query),
    Rule(False, lambda ask, url: ask.method not in ("GET", "HEAD")),
)


def allows(ask: Ask) -> bool:
    """Whether the request may reach a publish node; ``ask`` has a repository path."""
    url = parse(ask.path)
    return [rule.allow for rule in FILTERS if rule.matches(ask, url)][-1]


def redirects(ask: Ask, own_url: str) -> Reply | None:
    """The answer of the redirect map, if the path is in it."""
    found = REDIRECTS.get(ask.path)
    return None if found is None else redirect(own_url + found[0], found[1])


def preflight(ask: Ask) -> Reply | None:
    """The answer to a browser that asks whether a script may read a persisted query: 204, for strangers too."""
    if ask.method != "OPTIONS" or not ask.path.startswith(graphql.PREFIX):
        return None
    return Reply(204, {"access-control-allow-methods": "GET, HEAD", "cache-control": "no-store"})


def mapped(ask: Ask) -> Ask:
    """The request with the repository path of a short path; the home page for ``/``."""
    if ask.path == "/":
        return ask.moved_to(f"{CONTENT_ROOT}{LOCALES[0].root}.html")
    if any(re.match(rf"{locale.root}(?=[./]|$)", ask.path) for locale in LOCALES):
        return ask.moved_to(CONTENT_ROOT + ask.path)
    return ask


def dress(ask: Ask, reply: Reply) -> Reply:
    """Add the virtual host's headers, and cache headers where publish set none and the answer is no error."""
    headers = {**_VHOST_HEADERS, **reply.headers}
    if reply.status < 400 and "cache-control" not in headers:
        headers["cache-control"] = _lifetime(ask, reply)
    if ask.path.startswith(graphql.PREFIX):
        headers["vary"] = "Origin"
        if ask.headers.get("origin") == APPLICATION:
            headers["access-control-allow-origin"] = APPLICATION
    return Reply(reply.status, headers, reply.body, reply.delay)


def _lifetime(ask: Ask, reply: Reply) -> str:
    """Adobe's defaults per kind of file, in seconds (*Caching in AEM as a Cloud Service*)."""
    if "/etc.clientlibs/" in ask.path and ".lc-" in ask.path:
        return "public, max-age=2592000, immutable"
    if ".coreimg." in ask.path:
        return "max-age=2592000, stale-while-revalidate=43200, stale-if-error=43200, public, immutable"
    if ask.path.startswith("/content/dam/") or reply.headers.get("content-type", "").startswith("image/"):
        return "max-age=86400, stale-while-revalidate=43200, stale-if-error=43200"
    return "max-age=300"
