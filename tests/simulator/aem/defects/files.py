"""What can be wrong with what pages and apps load: images, documents, Dynamic Media, search, JSON?"""

from __future__ import annotations

import json

from simulator.aem import publish
from simulator.aem.defects.registry import PAGE, Scene, defect
from simulator.aem.exchange import CONTENT_ROOT, Ask, Reply, as_json

MODEL = PAGE.replace(".html", ".model.json")
CSRF_TOKEN = "/libs/granite/csrf/token.json"
_IMAGES = PAGE.removesuffix(".html") + "/_jcr_content/root/container/image.coreimg."
_DOCUMENTS = f"{CONTENT_ROOT.replace('/content', '/content/dam')}/routes/"
_ABOUT = "/us/en/about.html"
_SEARCH = ".searchresults.json"


def _is_image(ask: Ask) -> bool:
    return ask.public_path.startswith(_IMAGES)


@defect("origin")
def image_missing(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The image of one key page answers 404 in every size."""
    return scene.lost() if _is_image(ask) else reply


@defect("origin")
def image_damaged(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The image of one key page ends after its first bytes."""
    return reply.with_body(reply.body[:400]) if _is_image(ask) and reply.status == 200 else reply


@defect("origin")
def document_missing(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The route sheets, PDF files of the asset store, answer 404: a filter shuts them out."""
    return scene.lost() if ask.path.startswith(_DOCUMENTS) else reply


@defect("origin")
def dynamic_media_missing(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """Dynamic Media does not know the site's images."""
    return Reply(404, {"content-type": "text/plain"}, b"Unable to find image") if _is_dynamic(ask) else reply


@defect("origin")
def dynamic_media_mixed_up(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """A page uses images of another Dynamic Media company."""
    if ask.public_path != _ABOUT:
        return reply
    return reply.with_body(reply.body.replace(publish.DYNAMIC_MEDIA.encode(), b"/is/image/LarkfellOther/"))


def _is_dynamic(ask: Ask) -> bool:
    return ask.path.startswith(publish.DYNAMIC_MEDIA)


@defect("origin")
def search_empty(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The search answers 200 and finds nothing: its index is not there yet."""
    return as_json([]) if _SEARCH in ask.path and reply.status == 200 else reply


@defect("origin")
def search_shut(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The search answers 404: the dispatcher lacks the filter for it."""
    return scene.lost() if _SEARCH in ask.path else reply


@defect("origin")
def model_field_renamed(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The model of one key page has a field under another name."""
    if ask.public_path != MODEL or reply.status != 200:
        return reply
    model = json.loads(reply.body)
    return as_json({"headline": model.pop("title"), **model})


@defect("origin")
def model_type_changed(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The model of one key page lists objects where it listed names."""
    if ask.public_path != MODEL or reply.status != 200:
        return reply
    model = json.loads(reply.body)
    return as_json({**model, ":itemsOrder": [{"name": name} for name in model[":itemsOrder"]]})


@defect("origin")
def csrf_token_shut(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """The CSRF token answers 404."""
    return scene.lost() if ask.path == CSRF_TOKEN else reply


@defect("headers")
def csrf_token_cached(ask: Ask, reply: Reply, scene: Scene) -> Reply:
    """Caches may keep the CSRF token for five minutes."""
    return reply.with_headers(cache_control="max-age=300") if ask.path == CSRF_TOKEN else reply
