"""What can be wrong with caches and speed: headers, hits, old pages, slow answers?"""

from __future__ import annotations

import re
from dataclasses import replace

from simulator.aem.defects.registry import Scene, defect, on_page
from simulator.aem.exchange import Ask, Reply, html
from simulator.aem.publish import ACCOUNT

SLUGGISH = 0.4
"""Seconds that an HTML page takes with the defect ``sluggish`` when no cache answers."""
OLD_AT_CDN, OLD_BEHIND = "0ddba11" * 4 + "0ddb", "ca11ab1" * 4 + "ca11"
"""Hashes of the site's client library in pages of an old build."""
_LIBRARY = re.compile(rb"(clientlib-site\.lc-)[0-9a-f]{32}")


def _page(reply: Reply) -> bool:
    return reply.is_html and reply.status == 200


def _of_old_build(reply: Reply, digest: str) -> Reply:
    return reply.with_body(_LIBRARY.sub(rb"\g<1>" + digest.encode(), reply.body))


# What the headers allow


@defect("headers")
def cookie_on_page(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page sets a session cookie and may be cached all the same."""
    return (
        reply.with_headers(set_cookie="JSESSIONID=node0simulated; Path=/; HttpOnly")
        if on_page(ask)
        else reply
    )


@defect("headers")
def account_cached(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The account page answers without a login, and caches may keep it."""
    if ask.public_path != ACCOUNT:
        return reply
    page = html("<html><head><title>Account</title></head><body>Welcome back, Alice.</body></html>")
    return page.with_headers(cache_control="max-age=300")


@defect("headers")
def html_for_a_year(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """Every page may be kept for a year."""
    return reply.with_headers(cache_control="max-age=31536000") if _page(reply) else reply


@defect("headers")
def clientlib_short_lived(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """Client libraries may be kept for five minutes only."""
    return reply.with_headers(cache_control="max-age=300") if ".lc-" in ask.path else reply


@defect("headers")
def vary_user_agent(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """Every page varies by User-Agent."""
    return reply.with_headers(vary="User-Agent") if _page(reply) else reply


# What the CDN does


@defect("edge")
def never_hit(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """No page ever comes from the CDN's cache."""
    return reply.with_headers(x_cache="MISS", age="0") if _page(reply) else reply


@defect("edge")
def marketing_parameter_missed(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """A page with a marketing parameter never comes from the CDN's cache."""
    return reply.with_headers(x_cache="MISS", age="0") if _page(reply) and "utm_" in ask.query else reply


@defect("edge")
def old_page_at_cdn(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The CDN still has one key page of an old build, far beyond its lifetime."""
    if not on_page(ask) or ask.query:
        return reply
    return _of_old_build(reply, OLD_AT_CDN).with_headers(x_cache="HIT", age="1700")


@defect("edge")
def old_page_behind_cdn(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page of an old build is in a cache behind the CDN, which says that it has just fetched it."""
    if not on_page(ask) or ask.query:
        return reply
    return _of_old_build(reply, OLD_BEHIND).with_headers(x_cache="MISS", age="0")


# Speed


@defect("edge")
def sluggish(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """Every page that no cache has takes four tenths of a second."""
    return (
        replace(reply, delay=SLUGGISH) if _page(reply) and reply.headers.get("x-cache") == "MISS" else reply
    )
