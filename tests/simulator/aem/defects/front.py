"""What can be wrong in front of the pages: errors that are kept, domains, modes, selectors, headers, origins?"""

from __future__ import annotations

import re
from dataclasses import replace

from simulator.aem import graphql
from simulator.aem.defects.registry import PAGE, Scene, defect
from simulator.aem.exchange import Ask, Reply, html

_RANDOM_SELECTOR = re.compile(r"/(?:us/en|de/de)[\w/-]*\.[a-z]{2}[0-9a-f]{8,}\.html")
_RANDOM_SUFFIX = re.compile(r"/(?:us/en|de/de)[\w/-]*\.html/[a-z]{2}[0-9a-f]{8,}")
_COPY = (
    "<html lang='en'><head><title>Larkfell</title></head><body><main><h1>Larkfell</h1></main></body></html>"
)
_HOME = "/us/en.html"


# Errors that caches keep


@defect("headers")
def surrogate_keeps_errors(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """Answers with status 404 tell the CDN to keep them for an hour."""
    return reply.with_headers(surrogate_control="max-age=3600") if reply.status == 404 else reply


@defect("edge")
def cdn_keeps_errors(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The CDN answers 404 from its cache, by a rule of its own."""
    return reply.with_headers(x_cache="HIT", age="45") if reply.status == 404 else reply


# Domains


@defect("edge")
def catch_all_vhost(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """No virtual host knows the domain: the last one, catch-all, answers."""
    return reply.with_headers(x_vhost="catch-all")


@defect("edge")
def misdirected(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The CDN answers 421 for the home page: the domain is not one of this environment."""
    return replace(reply, status=421, body=b"<h1>Misdirected Request</h1>") if ask.path == _HOME else reply


@defect("edge")
def home_in_circles(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The home page redirects to / and / redirects to the home page."""
    turn = {"/": _HOME, _HOME: "/"}.get(ask.path)
    if turn is None:
        return reply
    return replace(reply, status=301, body=b"").with_headers(location=scene.own_url + turn)


# Selectors and authoring modes


@defect("origin")
def any_selector(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """A page answers to any selector."""
    return html(_COPY) if _RANDOM_SELECTOR.fullmatch(ask.path) else reply


@defect("origin")
def any_suffix(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """A page answers to any suffix."""
    return html(_COPY) if _RANDOM_SUFFIX.fullmatch(ask.path) else reply


@defect("origin")
def edit_mode_open(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """With wcmmode=edit a page comes with the marks of the editor."""
    if "wcmmode=edit" not in ask.query or ask.public_path != PAGE:
        return reply
    mark = '<cq data-path="/content/larkfell/us/en/magazine/jcr:content/root" data-config="{}"></cq></main>'
    return html(_COPY.replace("</main>", mark))


@defect("origin")
def layout_mode_open(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """With debug=layout a page shows boxes around its components."""
    if "debug=layout" not in ask.query or ask.public_path != PAGE:
        return reply
    return html(_COPY.replace("<h1>", "<table class='debug'><tr><td>component</td></tr></table><h1>"))


# Headers


@defect("headers")
def types_are_guessed(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """No answer carries X-Content-Type-Options any more."""
    return reply.without_header("x-content-type-options")


# Other origins


@defect("headers")
def any_origin(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """Every origin is echoed and may read with the visitor's cookies."""
    origin = ask.headers.get("origin")
    if origin is None:
        return reply
    return reply.with_headers(access_control_allow_origin=origin, access_control_allow_credentials="true")


@defect("headers")
def origin_refused(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The application's origin is not allowed to read persisted queries."""
    return reply.without_header("access-control-allow-origin")


@defect("headers")
def origin_placeholder(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The origin that may read persisted queries is the name of a variable."""
    if not ask.path.startswith(graphql.PREFIX):
        return reply
    return reply.with_headers(access_control_allow_origin="${LARKFELL_APP_ORIGIN}")


@defect("headers")
def origin_not_varied(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """An answer for one origin does not say that it varies by origin."""
    return reply.without_header("vary")


@defect("headers")
def preflight_lost(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The filters refuse the question that browsers ask before they read a persisted query."""
    return replace(scene.lost(), headers={}) if ask.method == "OPTIONS" else reply


# Author


@defect("author")
def login_page_broken(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The login page of author answers 500."""
    return html("<h1>Error</h1>", 500) if ask.path.endswith("/core/content/login.html") else reply


@defect("author")
def technical_account_in_no_group(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The technical account may not read the content of author."""
    signed_in = "authorization" in ask.headers and ask.path == "/content.1.json"
    return html("<h1>Forbidden</h1>", 403) if signed_in else reply
