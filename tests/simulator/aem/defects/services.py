"""What can be wrong beside the pages: filters, libraries, redirects, queries, and the way out?"""

from __future__ import annotations

import re
from dataclasses import replace

from simulator.aem import clientlibs, dispatcher, graphql
from simulator.aem.defects.registry import Scene, defect, on_page
from simulator.aem.exchange import Ask, Reply, as_json, html, redirect, text

SLOW = 2.0
"""Seconds that an HTML page takes with the defect ``slow``."""
_ATTACK = re.compile(
    r"^/(bin|crx|dav|system|apps|home|var|admin|libs|etc|projects|tagging|welcome|sites|\.)"
    r"|\.\.|jcr[:_%]|^/content\.|\.(infinity|tidy|query|docview|sysview|-?\d+)\."
)


def _library(ask: Ask, extension: str) -> bool:
    return ask.path.startswith(f"{clientlibs.SITE}.lc-") and ask.path.endswith(extension)


# What the dispatcher should deny


@defect("origin")
def querybuilder_open(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """A filter rule opens /bin/querybuilder.json: it answers with hits from the repository."""
    if ask.path != "/bin/querybuilder.json":
        return reply
    hits = [{"path": "/content/larkfell", "excerpt": "", "name": "larkfell", "title": "Larkfell"}]
    return as_json({"success": True, "results": 1, "total": 1, "more": False, "offset": 0, "hits": hits})


@defect("origin")
def crxde_open(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """CRXDE Lite answers on publish."""
    if ask.path not in ("/crx/de/index.jsp", "/crx/de"):
        return reply
    return html("<html><head><title>CRXDE Lite</title></head><body><div id='crxde'></div></body></html>")


@defect("origin")
def felix_console_open(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The Felix console answers on publish."""
    if ask.path == "/system/console/bundles.json":
        bundle = {
            "id": 0,
            "name": "System Bundle",
            "symbolicName": "org.apache.felix.framework",
            "state": "Active",
        }
        return as_json({"status": "Bundle information: 1 bundle in total.", "data": [bundle]})
    if ask.path not in ("/system/console", "/system/console/bundles"):
        return reply
    title = "Adobe Experience Manager Web Console - Bundles"
    return html(f"<html><head><title>{title}</title></head><body>{title}</body></html>")


@defect("origin")
def home_users_json_open(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """User nodes below /home can be read as JSON."""
    if ask.path not in ("/home.1.json", "/home/users/a/admin/profile.json"):
        return reply
    return as_json(
        {
            "jcr:primaryType": "rep:AuthorizableFolder",
            "sling:resourceType": "granite/security/components/profile",
        }
    )


@defect("edge")
def waf_block(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """A firewall answers requests that look like attacks with its own 403 page."""
    return _blocked(403) if reply.status == 404 and _ATTACK.search(ask.path) else reply


@defect("edge")
def waf_block_406(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """A firewall answers requests that look like attacks with its own 406 page."""
    return _blocked(406) if reply.status == 404 and _ATTACK.search(ask.path) else reply


def _blocked(status: int) -> Reply:
    page = "<html><head><title>Request blocked</title></head><body><p>Event 7f3a-01</p></body></html>"
    return html(page, status)


# Client libraries


@defect("origin")
def clientlib_404(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The site's style sheet answers 404."""
    return scene.lost() if _library(ask, ".css") else reply


@defect("origin")
def clientlib_empty(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The site's script answers 200 with no bytes."""
    return reply.with_body(b"") if _library(ask, ".js") else reply


@defect("headers")
def clientlib_wrong_mime(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The site's style sheet says that it is HTML."""
    return reply.with_headers(content_type="text/html;charset=utf-8") if _library(ask, ".css") else reply


# Redirects


@defect("origin")
def redirect_lost(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The vanity path answers 404."""
    return scene.lost() if ask.path == dispatcher.VANITY else reply


@defect("origin")
def redirect_loop(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The vanity path redirects to a path that redirects back."""
    turn = {dispatcher.VANITY: "/ways", "/ways": dispatcher.VANITY}.get(ask.path)
    return reply if turn is None else redirect(scene.own_url + turn, 301)


@defect("origin")
def redirect_two_hops(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The vanity path reaches its page over a second redirect."""
    if ask.path == dispatcher.VANITY:
        return redirect(f"{scene.own_url}/ways", 301)
    target, status = dispatcher.REDIRECTS[dispatcher.VANITY]
    return redirect(scene.own_url + target, status) if ask.path == "/ways" else reply


# Persisted queries


@defect("origin")
def persisted_query_404(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The query adventures-all is not persisted."""
    return text("No suitable endpoint found", 404) if ask.path.startswith(graphql.ADVENTURES) else reply


@defect("origin")
def persisted_query_errors(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The query adventures-all answers 200 with GraphQL errors: a field of its model was renamed."""
    message = "Validation error (FieldUndefined@[adventureList/items/price]): Field 'price' is undefined"
    return as_json({"errors": [{"message": message}]}) if ask.path.startswith(graphql.ADVENTURES) else reply


@defect("origin")
def persisted_query_empty(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The query adventures-all answers 200 with no items."""
    empty = as_json({"data": {"adventureList": {"items": []}}})
    return replace(empty, headers=reply.headers) if ask.path.startswith(graphql.ADVENTURES) else reply


# The way out


@defect("edge")
def slow(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """Every HTML page takes two seconds."""
    return replace(reply, delay=SLOW) if reply.is_html else reply


@defect("edge")
def garbage(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """One key page says that it is gzip and is not."""
    return (
        reply.with_headers(content_encoding="gzip").with_body(b"\x1f\x8b" + b"larkfell" * 40)
        if on_page(ask)
        else reply
    )


@defect("nodes")
def never_settles(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The last publish node keeps the previous build, so that old and new answers alternate."""
    return reply
