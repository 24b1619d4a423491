"""What do the site's persisted queries answer? Lists of content fragments, in GraphQL's JSON.

Cache headers are Adobe's defaults (*Persisted GraphQL queries*): 60 s in browsers, 7200 s in the CDN.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from simulator.aem.content import Page
from simulator.aem.exchange import Reply, as_json
from simulator.aem.render import View

PREFIX = "/graphql/execute.json"
ADVENTURES = f"{PREFIX}/larkfell/adventures-all"
QUERIES = ("adventures-all", "adventure-by-slug", "articles-by-locale")
_CACHED = "max-age=60, s-maxage=7200, stale-while-revalidate=86400, stale-if-error=86400"


def answer(path: str, view: View) -> Reply:
    """200 with the query's data; 400 without a query's path, 404 for a query that is not persisted."""
    suffix = unquote(path.removeprefix(PREFIX)).strip("/")
    if not suffix:
        return as_json({"errors": [{"message": "Suffix: the path of a persisted query is missing."}]}, 400)
    name, *assignments = suffix.split(";")
    variables = dict(each.partition("=")[::2] for each in assignments)
    configuration, _, query = name.partition("/")
    if configuration != "larkfell" or query not in QUERIES:
        return as_json({"errors": [{"message": f"No suitable endpoint found for {name}"}]}, 404)
    return as_json({"data": _data(query, variables, view)}).with_headers(cache_control=_CACHED)


def _data(query: str, variables: dict[str, str], view: View) -> dict[str, Any]:
    language = variables.get("locale", "en-US")
    template = "article" if query == "articles-by-locale" else "adventure"
    found = [p for p in view.site.pages.values() if p.template == template and p.locale.language == language]
    if query == "adventure-by-slug":
        found = [page for page in found if page.name == variables.get("slug")]
    return {f"{template}List": {"items": [_fragment(page) for page in found]}}


def _fragment(page: Page) -> dict[str, Any]:
    return {
        "_path": f"/content/dam/larkfell/{page.template}s/{page.name}",
        "title": page.title,
        "slug": page.name,
        "description": {"plaintext": page.description},
        "primaryImage": {"_path": f"/content/dam/larkfell/{page.name}.jpg"},
    }
