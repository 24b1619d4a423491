"""How does a page become HTML or model JSON? By templates with Core Components markup."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from simulator.aem import clientlibs
from simulator.aem.content import Page, Site, site
from simulator.aem.words import LOCALES, Locale

STAMP = "1763800000000"
"""Milliseconds since 1970 in image links; AEM takes them from the asset's last change."""
NEWSLETTER = "https://letters.larkfell.example/subscribe"
_NAVIGATION = ("magazine", "adventures", "gear", "about")
_FOOTER = ("contact", "search", "about")
_MAX_TEASERS = 24

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    auto_reload=False,
)


@dataclass(frozen=True, slots=True)
class View:
    """What a publish node knows of its environment when it renders."""

    build: str
    pages_per_locale: int
    own_url: str
    public_url: str

    @property
    def site(self) -> Site:
        return site(self.pages_per_locale)


@lru_cache(maxsize=2048)
def page_html(view: View, path: str) -> bytes:
    """The page at that path of the site, in UTF-8."""
    page = view.site.pages.get(path) or view.site.late[path]
    return _templates.get_template(f"{page.template}.html").render(_context(view, page)).encode()


@lru_cache(maxsize=32)
def lost_html(view: View, root: str) -> bytes:
    """The branded page of a path that is not there, in the language of that tree."""
    locale = next((each for each in LOCALES if each.root == root), LOCALES[0])
    title = locale.labels["lost"]
    page = Page(locale.root, "lost", locale, title, locale.labels["lost_text"], 404)
    return _templates.get_template("lost.html").render(_context(view, page)).encode()


def _context(view: View, page: Page) -> dict[str, Any]:
    locale, pages = page.locale, view.site.pages
    return {
        "page": page,
        "labels": locale.labels,
        "locales": LOCALES,
        "build": view.build,
        "public_url": view.public_url,
        "libraries": clientlibs.of_build(view.build),
        "site_library": clientlibs.SITE,
        "stamp": STAMP,
        "newsletter": NEWSLETTER,
        "navigation": _named(pages, locale, _NAVIGATION),
        "footer": _named(pages, locale, _FOOTER),
        "ancestors": _ancestors(pages, page),
        "children": view.site.children.get(page.path, ())[:_MAX_TEASERS],
        "featured": view.site.children.get(f"{locale.root}/adventures", ())[:3],
        "following": view.site.following.get(page.path),
        "structured_data": _structured_data(view, page),
    }


def _named(pages: dict[str, Page], locale: Locale, names: tuple[str, ...]) -> list[Page]:
    return [pages[f"{locale.root}/{name}"] for name in names]


def _ancestors(pages: dict[str, Page], page: Page) -> list[Page]:
    parts = page.path.split("/")
    above = ("/".join(parts[:length]) for length in range(3, len(parts)))
    return [pages[path] for path in above if path in pages]


def _structured_data(view: View, page: Page) -> dict[str, Any]:
    kind = {"article": "Article", "adventure": "Product", "home": "Organization"}.get(
        page.template, "WebPage"
    )
    url = view.public_url + page.url
    return {"@context": "https://schema.org", "@type": kind, "name": page.title, "url": url}


def model_json(view: View, page: Page) -> dict[str, Any]:
    """The page as ``.model.json`` exports it."""
    items: dict[str, Any] = {
        "title": {"text": page.title, "type": "h1", ":type": "larkfell/components/title"},
        "text": {
            "text": "".join(f"<p>{words}</p>" for words in page.paragraphs),
            "richText": True,
            ":type": "larkfell/components/text",
        },
    }
    if page.template == "landing":
        items["newsletter"] = {"endpoint": NEWSLETTER, ":type": "larkfell/components/newsletter"}
    return {
        "title": page.title,
        "language": page.locale.language,
        "templateName": f"{page.template}-page",
        "description": page.description,
        ":type": "larkfell/components/page",
        ":path": f"/content/larkfell{page.path}",
        ":itemsOrder": list(items),
        ":items": items,
    }
