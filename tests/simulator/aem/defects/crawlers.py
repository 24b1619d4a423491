"""What can be wrong for search engines: sitemap, robots.txt, robots rules, heads and structured data?"""

from __future__ import annotations

import re

from simulator.aem.defects.registry import Scene, defect, on_page
from simulator.aem.exchange import Ask, Reply, html, text

SITEMAP = "/us/en.sitemap.xml"
OPENED = "User-agent: *\nDisallow:\n"
CLOSED = "# Closed until the launch\nUser-agent: *\nDisallow: /\n"
_ENTRY = re.compile(rb"<url>.*?</url>", re.DOTALL)
_MAPS = re.compile(r"\.sitemap\.xml$")


def _is_sitemap(ask: Ask, reply: Reply) -> bool:
    return bool(_MAPS.search(ask.public_path)) and reply.status == 200


# The sitemap


@defect("origin")
def sitemap_malformed(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """An address in the English sitemap has an ampersand that is not escaped."""
    if ask.public_path != SITEMAP:
        return reply
    return reply.with_body(reply.body.replace(b".html</loc>", b".html?a=1&b=2</loc>", 1))


@defect("origin")
def sitemap_empty(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """Both sitemaps list no page."""
    return reply.with_body(_ENTRY.sub(b"", reply.body)) if _is_sitemap(ask, reply) else reply


@defect("origin")
def sitemap_missing(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The sitemap that robots.txt names answers 404."""
    return scene.lost() if ask.path == "/sitemap.xml" else reply


@defect("origin")
def sitemap_halved(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """Both sitemaps list every second page only."""
    if not _is_sitemap(ask, reply):
        return reply
    entries = _ENTRY.findall(reply.body)
    return reply.with_body(
        _ENTRY.sub(b"", reply.body).replace(b"</urlset>", b"".join(entries[::2]) + b"</urlset>")
    )


@defect("origin")
def sitemap_localhost(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The sitemaps name every page on localhost:4503."""
    if not _is_sitemap(ask, reply):
        return reply
    return reply.with_body(re.sub(rb"<loc>https?://[^/]+", b"<loc>http://localhost:4503", reply.body))


# robots.txt


@defect("origin")
def robots_open(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The robots.txt lets all crawlers in."""
    return text(OPENED) if ask.path == "/robots.txt" else reply


@defect("origin")
def robots_closed(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The robots.txt keeps all crawlers out and says that it is for before the launch."""
    return text(CLOSED) if ask.path == "/robots.txt" else reply


@defect("origin")
def robots_500(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The robots.txt answers 500."""
    return html("<h1>Internal Server Error</h1>", 500) if ask.path == "/robots.txt" else reply


# What a page says of itself


@defect("headers")
def noindex_header(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page has the header X-Robots-Tag: noindex."""
    return reply.with_headers(x_robots_tag="noindex") if on_page(ask) else reply


@defect("origin")
def canonical_missing(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page has no canonical link."""
    if not on_page(ask):
        return reply
    return reply.with_body(re.sub(rb'<link rel="canonical"[^>]*>', b"", reply.body))


@defect("origin")
def hreflang_broken(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page writes the languages of its other versions with an underscore."""
    return (
        reply.with_body(reply.body.replace(b'hreflang="de-DE" href="http', b'hreflang="de_DE" href="http'))
        if on_page(ask)
        else reply
    )


@defect("origin")
def title_empty(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page has an empty title."""
    return (
        reply.with_body(re.sub(rb"<title>[^<]*</title>", b"<title></title>", reply.body))
        if on_page(ask)
        else reply
    )


@defect("origin")
def title_generic(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """Every page has the title "Page"."""
    return (
        reply.with_body(re.sub(rb"<title>[^<]*</title>", b"<title>Page</title>", reply.body))
        if reply.is_html and reply.status == 200
        else reply
    )


@defect("origin")
def description_lost(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page has no description any more."""
    return (
        reply.with_body(re.sub(rb'<meta name="description"[^>]*>', b"", reply.body))
        if on_page(ask)
        else reply
    )


@defect("origin")
def json_ld_escaped(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The structured data of one key page is escaped as if it were HTML."""

    def escaped(match: re.Match[bytes]) -> bytes:
        return match.group(1) + match.group(2).replace(b'"', b"&#34;") + match.group(3)

    block = rb'(<script type="application/ld\+json">)(.*?)(</script>)'
    return reply.with_body(re.sub(block, escaped, reply.body)) if on_page(ask) else reply


@defect("origin")
def breadcrumb_lost(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page has no structured data for its breadcrumb any more."""
    lost = reply.body.replace(b' itemtype="http://schema.org/BreadcrumbList"', b"")
    return reply.with_body(lost) if on_page(ask) else reply
