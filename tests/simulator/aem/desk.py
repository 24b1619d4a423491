"""What do authors do on the simulated author: create, change, publish, take back, delete?"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from simulator.aem.exchange import CONTENT_ROOT, Ask, Reply, as_json, html

TOKEN = "simulated-csrf-token"
TEMPLATES = tuple(
    f"/conf/larkfell/settings/wcm/templates/{name}" for name in ("article-page", "landing-page", "xf-web")
)
MODELS = ("/conf/larkfell/settings/dam/cfm/models/adventure",)
_ASSETS = "/api/assets/"
_UNPUBLISH_LOST = "unpublish_lost"


@dataclass
class Desk:
    """Pages by repository path with their title, fragments by path, and what of it is published.

    What authors make is kept for as long as the environment; a deployment does not touch it.
    """

    pages: dict[str, str] = field(default_factory=dict)
    fragments: set[str] = field(default_factory=set)
    published: dict[str, str] = field(default_factory=dict)

    def answer(self, ask: Ask, defects: frozenset[str]) -> Reply | None:
        """The answer to a change; none for anything that changes nothing."""
        if ask.method not in ("POST", "DELETE"):
            return None
        if ask.headers.get("csrf-token") != TOKEN:
            return html("<h1>Forbidden</h1>", 403)
        if ask.path.startswith(_ASSETS):
            return self._fragment(ask)
        fields = dict(parse_qsl(ask.body.decode()))
        if ask.path.endswith("/jcr:content"):
            return self._change(ask.path.removesuffix("/jcr:content"), fields)
        act = self._acts(defects).get(f"{ask.path} {fields.get('cmd', '')}".strip())
        return html("<h1>Not found</h1>", 404) if act is None else act(fields)

    def _acts(self, defects: frozenset[str]) -> dict[str, Callable[[dict[str, str]], Reply]]:
        return {
            "/bin/wcmcommand createPage": self._create,
            "/bin/wcmcommand deletePage": self._delete,
            "/bin/replicate.json Activate": self._activate,
            "/bin/replicate.json Deactivate": lambda fields: self._deactivate(fields, defects),
            "/libs/cq/xssprotection.json": lambda fields: as_json({"status": "ok"}),
        }

    def _create(self, fields: dict[str, str]) -> Reply:
        parent, template = fields.get("parentPath", ""), fields.get("template", "")
        if template not in TEMPLATES or not parent.startswith("/content/"):
            return html(f"<div id='Message'>no such template or parent: {template}</div>", 500)
        self.pages[f"{parent}/{fields['label']}"] = fields.get("title", "")
        return html("<div id='Status'>200</div>")

    def _delete(self, fields: dict[str, str]) -> Reply:
        self.published.pop(fields["path"], None)
        return _status(self.pages.pop(fields["path"], None) is not None)

    def _change(self, path: str, fields: dict[str, str]) -> Reply:
        if path in self.pages:
            self.pages[path] = fields.get("jcr:title", self.pages[path])
        return _status(path in self.pages)

    def _activate(self, fields: dict[str, str]) -> Reply:
        if fields["path"] in self.pages:
            self.published[fields["path"]] = self.pages[fields["path"]]
        return _status(fields["path"] in self.pages)

    def _deactivate(self, fields: dict[str, str], defects: frozenset[str]) -> Reply:
        if _UNPUBLISH_LOST not in defects:
            self.published.pop(fields["path"], None)
        return _status(fields["path"] in self.pages)

    def _fragment(self, ask: Ask) -> Reply:
        if ask.method == "DELETE":
            known = ask.path in self.fragments
            self.fragments.discard(ask.path)
            return _status(known)
        if json.loads(ask.body)["properties"]["cq:model"] not in MODELS:
            return as_json({"properties": {"status.code": 500}}, 500)
        self.fragments.add(ask.path)
        return as_json({"properties": {"status.code": 201}}, 201)

    def page(self, path: str) -> Reply | None:
        """What publish shows of a page of this desk at a repository path without extension."""
        title = self.published.get(path)
        return (
            None if title is None else html(f"<html><head><title>{title}</title></head><body></body></html>")
        )


def _status(good: bool) -> Reply:
    return html("<div id='Status'>200</div>") if good else html("<div id='Status'>404</div>", 404)


def belongs_to_authors(path: str) -> bool:
    """Whether a path on publish, short or whole, is one of a page that an author made for a test."""
    return "/stage-gate-" in path.removeprefix(CONTENT_ROOT)
