"""What does the author service answer? Its login page to everybody, the rest to a valid bearer token."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from simulator.aem import render
from simulator.aem.desk import TOKEN, Desk
from simulator.aem.exchange import CONTENT_ROOT, Ask, Reply, as_json, html, redirect, text
from simulator.aem.publish import TOGGLES
from simulator.aem.render import View

EDITOR = "/editor.html"
LIBRARIES = "/libs/clientlibs/granite/"
LOGIN = "/libs/granite/core/content/login.html"
_CONSOLES = {"/sites.html": "AEM Sites", "/assets.html": "AEM Assets", "/projects.html": "AEM Projects"}


def answer(
    ask: Ask,
    view: View,
    accepts_token: Callable[[str], bool],
    *,
    has_groups: bool,
    desk: Desk,
    defects: frozenset[str],
) -> Reply:
    """401 or the way to the login page without a token; 403 for a technical account that is in no group."""
    if ask.path == LOGIN:
        return html(
            "<html><head><title>AEM Sign In</title></head><body><form id='login'></form></body></html>"
        )
    if ask.path in ("/system/probes/health", "/systemready"):
        return text("OK\n")
    scheme, _, token = ask.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not accepts_token(token):
        return _sign_in(ask, view.own_url)
    if not has_groups:
        return html("<h1>Forbidden</h1>", 403)
    return desk.answer(ask, defects) or _signed_in(ask, view)


def _sign_in(ask: Ask, own_url: str) -> Reply:
    """Pages lead to the login page; anything else, and a token that is not valid, gets 401."""
    if "authorization" in ask.headers or not (ask.path == "/" or ask.path.endswith(".html")):
        return html("<h1>Unauthorized</h1>", 401)
    return redirect(f"{own_url}{LOGIN}?resource={quote(ask.path, safe='')}&$$login$$=%24%24login%24%24", 302)


def _signed_in(ask: Ask, view: View) -> Reply:
    if ask.path.startswith(LIBRARIES):
        return text("body{margin:0}", content_type="text/css")
    if ask.path.startswith(EDITOR) and ask.path.endswith(".html"):
        return _console("AEM Editor") if ask.path.removeprefix(EDITOR).startswith(CONTENT_ROOT) else _lost()
    path = ask.path.removeprefix(CONTENT_ROOT).removesuffix(".html")
    if ask.path.endswith(".html") and path in view.site.pages:
        return html(render.page_html(view, path))
    if ask.path in _CONSOLES:
        return _console(_CONSOLES[ask.path])
    found = _JSON.get(ask.path)
    return _lost() if found is None else as_json(found)


def _console(title: str) -> Reply:
    style = f'<link rel="stylesheet" href="{LIBRARIES}coral.css" type="text/css"/>'
    return html(f"<html><head><title>{title}</title>{style}</head><body></body></html>")


def _lost() -> Reply:
    return html("<h1>No resource found</h1>", 404)


_JSON: dict[str, object] = {
    "/content.1.json": {"jcr:primaryType": "sling:OrderedFolder", "larkfell": {"jcr:primaryType": "cq:Page"}},
    "/libs/granite/csrf/token.json": {"token": TOKEN},
    "/etc.clientlibs/toggles.json": {"enabled": list(TOGGLES)},
    "/libs/sling/distribution/services/agents.3.json": {
        "publish": {"name": "publish", "status": {"state": "IDLE"}}
    },
    "/libs/sling/distribution/services/agents/publish/queues.1.json": {
        "state": "IDLE",
        "empty": True,
        "itemsCount": 0,
    },
}
