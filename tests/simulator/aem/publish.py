"""What does one publish node answer? Pages, models, images, libraries, queries; the branded 404 else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.aem import clientlibs, graphql, media, render
from simulator.aem.content import Page
from simulator.aem.desk import Desk
from simulator.aem.exchange import CONTENT_ROOT, Ask, Reply, as_json, html, redirect, text
from simulator.aem.render import View
from simulator.aem.sling import SlingUrl, parse
from simulator.aem.words import LOCALES

WIDTHS = frozenset({"320", "600", "1024", "1600"})
"""Pixels; the Core Image component answers 404 for a width that its policy does not allow."""
BUILD_JSON = "/etc.clientlibs/larkfell/build.json"
JAVA_JSON = "/etc.clientlibs/larkfell/java.json"
JAVA = "21.0.9+10-LTS"
TOGGLES = ("FT_SITES-2144", "FT_GRANITE-48170", "FT_CQ-4352211")
_DAM = f"{CONTENT_ROOT.replace('/content', '/content/dam')}/"
DYNAMIC_MEDIA = "/is/image/Larkfell/"
"""Where the CDN sends visitors on to Dynamic Media; here publish answers in its place."""
_UNCACHED = "no-cache, no-store, must-revalidate"
ACCOUNT = "/us/en/account.html"
"""The short path of the page that wants a login; without one it leads to the contact page."""


@dataclass(frozen=True, slots=True)
class PublishNode:
    """A node with one build; ``content_is_there`` once the mutable content of that build is installed."""

    view: View
    aem_release: str
    content_is_there: bool
    indexable: bool
    desk: Desk = field(default_factory=Desk)

    def answer(self, ask: Ask) -> Reply:
        """The path is a repository path here: the dispatcher has mapped short paths already."""
        exact = _EXACT.get(ask.path)
        if exact is not None:
            return exact(self)
        if ask.path.startswith(graphql.PREFIX):
            return graphql.answer(ask.path, self.view)
        return self._resource(ask, parse(ask.path)) or self.lost(ask)

    def lost(self, ask: Ask) -> Reply:
        """The branded 404, in the language of the tree that was asked for."""
        root = next((each.root for each in LOCALES if ask.public_path.startswith(each.root)), LOCALES[0].root)
        return html(render.lost_html(self.view, root), 404)

    def _resource(self, ask: Ask, url: SlingUrl) -> Reply | None:
        if url.resource.startswith("/etc.clientlibs/") or ask.path.startswith("/etc.clientlibs/"):
            return self._library(ask.path)
        if url.resource.startswith(_DAM):
            return _asset(url)
        if ask.path.startswith(DYNAMIC_MEDIA):
            return Reply(200, {"content-type": "image/jpeg"}, media.jpeg(ask.path, 800))
        path = url.resource.removeprefix(CONTENT_ROOT)
        if path == url.resource:
            return None
        if url.selectors[:1] == ("coreimg",):
            return self._rendition(path, url)
        page = self._page(path)
        if page is None:
            return self.desk.page(url.resource) if url.ending == "html" and not url.suffix else None
        return self._of_page(page, url, ask)

    def _page(self, path: str) -> Page | None:
        late = self.view.site.late.get(path) if self.content_is_there else None
        return self.view.site.pages.get(path) or late

    def _of_page(self, page: Page, url: SlingUrl, ask: Ask) -> Reply | None:
        match url.ending:
            case "html" if not url.suffix:
                return html(render.page_html(self.view, page.path))
            case "model.json":
                return as_json(render.model_json(self.view, page))
            case "sitemap.xml":
                return self._sitemap(page)
            case "searchresults.json" if page.template == "search":
                return self._search(page, ask.query)
        return None

    def _library(self, path: str) -> Reply | None:
        if path == f"{clientlibs.SITE}/resources/images/touch-icon.png":
            return Reply(200, {"content-type": "image/png"}, media.png("touch-icon", 180, 180))
        found = clientlibs.of_build(self.view.build).files.get(path)
        return None if found is None else Reply(200, {"content-type": found[0]}, found[1])

    def _rendition(self, path: str, url: SlingUrl) -> Reply | None:
        """``…/_jcr_content/root/container/image.coreimg.90.1024.jpeg/<stamp>/<name>.jpeg``."""
        owner, marker, component = path.partition("/_jcr_content/root/container/")
        page = self._page(owner)
        width = url.selectors[-1]
        if page is None or not marker or component not in ("image", "teaser") or width not in WIDTHS:
            return None
        return Reply(200, {"content-type": "image/jpeg"}, media.jpeg(page.name, int(width)))

    def _sitemap(self, page: Page) -> Reply | None:
        if page.template != "home":
            return None
        own = self.view.own_url
        rows = "".join(f"<url><loc>{own}{each.url}</loc></url>" for each in self.view.site.tree(page.locale))
        return _xml(f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{rows}</urlset>')

    def _search(self, page: Page, query: str) -> Reply:
        term = query.partition("fulltext=")[2].partition("&")[0].replace("+", " ").lower()
        tree = self.view.site.tree(page.locale)
        hits = [each for each in tree if term and term in each.title.lower()][:10]
        return as_json(
            [{"path": CONTENT_ROOT + hit.path, "title": hit.title, "url": hit.url} for hit in hits]
        )


def _xml(body: str) -> Reply:
    return text(f'<?xml version="1.0" encoding="UTF-8"?>{body}', content_type="application/xml;charset=utf-8")


def _asset(url: SlingUrl) -> Reply | None:
    name = url.resource.rsplit("/", 1)[-1]
    match url.ending:
        case "png" if name == "logo":
            return Reply(200, {"content-type": "image/png"}, media.png("logo", 120, 40))
        case "pdf" if "/routes/" in url.resource:
            return Reply(200, {"content-type": "application/pdf"}, media.pdf(name.replace("-", " ").title()))
        case "jpg" if url.resource.count("/") == _DAM.count("/"):
            return Reply(200, {"content-type": "image/jpeg"}, media.jpeg(name, 1024))
    return None


def _sitemap_index(node: PublishNode) -> Reply:
    own = node.view.own_url
    rows = "".join(f"<sitemap><loc>{own}{locale.root}.sitemap.xml</loc></sitemap>" for locale in LOCALES)
    return _xml(f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{rows}</sitemapindex>')


def _robots(node: PublishNode) -> Reply:
    """Only production lets crawlers in, as Adobe advises (*SEO and URL management best practices*)."""
    rule = "Allow: /" if node.indexable else "Disallow: /"
    return text(f"User-agent: *\n{rule}\n\nSitemap: {node.view.own_url}/sitemap.xml\n")


def _build(node: PublishNode) -> Reply:
    return as_json({"build": node.view.build}).with_headers(cache_control=_UNCACHED)


def _health(node: PublishNode) -> Reply:
    return text("OK\n").with_headers(cache_control=_UNCACHED)


def _account(node: PublishNode) -> Reply:
    return redirect(f"{node.view.own_url}/us/en/contact.html", 302).with_headers(cache_control="private")


_EXACT: dict[str, Callable[[PublishNode], Reply]] = {
    "/sitemap.xml": _sitemap_index,
    "/robots.txt": _robots,
    "/favicon.ico": lambda node: Reply(200, {"content-type": "image/vnd.microsoft.icon"}, media.icon()),
    "/libs/granite/csrf/token.json": lambda node: as_json({}).with_headers(cache_control=_UNCACHED),
    "/etc.clientlibs/toggles.json": lambda node: as_json(
        {"enabled": list(TOGGLES), "release": node.aem_release}
    ),
    BUILD_JSON: _build,
    JAVA_JSON: lambda node: as_json({"java": JAVA}).with_headers(cache_control=_UNCACHED),
    "/system/probes/health": _health,
    "/systemready": _health,
    CONTENT_ROOT + ACCOUNT: _account,
}
