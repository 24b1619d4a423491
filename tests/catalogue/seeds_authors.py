"""What can go wrong for authors, and which check says so?"""

from __future__ import annotations

from catalogue.seeds import AUTHOR_ACCESS, Clean, Seed

_AUTHOR = {"author": {"url": "{author}", "access": AUTHOR_ACCESS}}
_CONSOLES = {"page": "/content/larkfell/us/en"}
_TEMPLATES = "/conf/larkfell/settings/wcm/templates"
_AUTHORING = {
    "parent": "/content/larkfell/us/en",
    "templates": [f"{_TEMPLATES}/article-page", f"{_TEMPLATES}/landing-page"],
    "models": ["/conf/larkfell/settings/dam/cfm/models/adventure"],
    "fragments": "/content/dam/larkfell",
    "experience_fragment": f"{_TEMPLATES}/xf-web",
    "experience_fragments": "/content/experience-fragments/larkfell",
}
_TRIP = {
    "parent": "/content/larkfell/us/en",
    "path": "/us/en",
    "template": f"{_TEMPLATES}/article-page",
}


def _seed(defect: str, kind: str, settings: object, says: str, **more: object) -> Seed:
    return Seed(defect=defect, kind=kind, settings=settings, site=_AUTHOR, says=says, **more)  # type: ignore[arg-type]


SEEDS = (
    _seed("console_error", "author_consoles", _CONSOLES, "author /assets.html answers with status 500"),
    _seed("editor_lost", "author_consoles", _CONSOLES, "/editor.html/content/larkfell/us/en.html"),
    _seed(
        "console_style_404",
        "author_consoles",
        _CONSOLES,
        "which author's pages load, answers with status 404",
        outcome="passed-with-warning",
    ),
    _seed("template_broken", "authoring", _AUTHORING, "can't be created: status 500"),
    _seed("model_broken", "authoring", _AUTHORING, "a fragment from /conf/larkfell"),
    _seed("antisamy_broken", "authoring", _AUTHORING, "see the AntiSamy rules"),
    _seed("queue_blocked", "distribution_queues", {}, "is BLOCKED"),
    _seed("queue_long", "distribution_queues", {}, "holds 900 items", outcome="passed-with-warning"),
    _seed(
        "publish_lost",
        "publish_round_trip",
        _TRIP,
        "does not show that it appears within 10m",
    ),
    _seed(
        "unpublish_lost",
        "publish_round_trip",
        _TRIP,
        "does not show that it goes within 10m",
    ),
    _seed(
        "new_pages_kept_for_a_month",
        "publish_round_trip",
        _TRIP,
        "does not show that it changes within 6m",
    ),
)
CLEAN = (
    Clean(kind="author_consoles", settings=_CONSOLES, site=_AUTHOR),
    Clean(kind="authoring", settings=_AUTHORING, site=_AUTHOR),
    Clean(kind="distribution_queues", site=_AUTHOR),
    Clean(kind="publish_round_trip", settings=_TRIP, site=_AUTHOR),
)
