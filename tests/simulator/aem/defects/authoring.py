"""What can be wrong for authors: consoles, templates, permissions, and the way to publish?"""

from __future__ import annotations

from simulator.aem.author import EDITOR, LIBRARIES
from simulator.aem.defects.registry import Scene, defect
from simulator.aem.desk import belongs_to_authors
from simulator.aem.exchange import Ask, Reply, as_json, html

_LIFETIME = "max-age=2592000"


@defect("author")
def console_error(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The assets console answers 500."""
    return html("<h1>Internal Server Error</h1>", 500) if ask.path == "/assets.html" else reply


@defect("author")
def editor_lost(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The page editor answers with an empty page."""
    return html("") if ask.path.startswith(EDITOR) else reply


@defect("author")
def console_style_404(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """A style sheet of author's consoles is lost."""
    return html("<h1>No resource found</h1>", 404) if ask.path.startswith(LIBRARIES) else reply


@defect("author")
def template_broken(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """No page can be created from the article template."""
    broken = ask.path == "/bin/wcmcommand" and b"createPage" in ask.body and b"article-page" in ask.body
    return html("<div id='Message'>the template's structure is missing</div>", 500) if broken else reply


@defect("author")
def model_broken(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """No content fragment can be created."""
    return as_json({"properties": {}}, 500) if ask.path.startswith("/api/assets/") else reply


@defect("author")
def antisamy_broken(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The rules of author's XSS protection can't be read."""
    return as_json({"status": "policy is invalid"}) if ask.path == "/libs/cq/xssprotection.json" else reply


@defect("author")
def queue_blocked(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The queue to publish is blocked."""
    return (
        reply.with_body(reply.body.replace(b'"IDLE"', b'"BLOCKED"'))
        if "/services/agents" in ask.path
        else reply
    )


@defect("author")
def queue_long(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The queue to publish holds 900 items."""
    return reply.with_body(reply.body.replace(b'"itemsCount":0', b'"itemsCount":900'))


@defect("origin")
def publish_lost(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """What authors publish does not arrive."""
    return scene.lost() if belongs_to_authors(ask.path) else reply


@defect("nodes")
def unpublish_lost(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """What authors take back stays on publish."""
    return reply


@defect("headers")
def new_pages_kept_for_a_month(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The CDN keeps what authors publish for a month, so that changes are not seen."""
    return reply.with_headers(cache_control=_LIFETIME) if belongs_to_authors(ask.path) else reply
