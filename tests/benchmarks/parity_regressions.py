"""What can a release break in a page? Each is a change of its parts, to be found whatever the noise."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.parity_pages import Page, Parts

Change = Callable[[Parts, Page], None]


def _head_without(text: str) -> Change:
    def change(parts: Parts, page: Page) -> None:
        parts.head = [each for each in parts.head if text not in each]

    return change


def _head_with(old: str, new: str) -> Change:
    def change(parts: Parts, page: Page) -> None:
        parts.head = [each.replace(old, new) for each in parts.head]

    return change


def _blocks_with(old: str, new: str) -> Change:
    def change(parts: Parts, page: Page) -> None:
        parts.blocks = [each.replace(old, new) for each in parts.blocks]

    return change


def _set(name: str, value: object) -> Change:
    return lambda parts, page: setattr(parts, name, value)


def _without_block(name: str) -> Change:
    def change(parts: Parts, page: Page) -> None:
        parts.blocks = [each for each in parts.blocks if name not in each]

    return change


def _header(name: str, value: str | None) -> Change:
    def change(parts: Parts, page: Page) -> None:
        parts.headers.pop(name, None)
        if value is not None:
            parts.headers[name] = value

    return change


def _redirected(parts: Parts, page: Page) -> None:
    parts.status, parts.headers["Location"] = 302, "/us/en/login.html"


def _library_lost(parts: Parts, page: Page) -> None:
    parts.libraries = parts.libraries[1:]


def _link_lost(parts: Parts, page: Page) -> None:
    lost = page.links[-1]
    parts.navigation = [each for each in parts.navigation if not each.startswith(lost)]
    parts.footer = [each for each in parts.footer if not each.startswith(lost)]


def _price_lost(parts: Parts, page: Page) -> None:
    parts.data[0]["offers"].pop("price")


def _one_text_empty(parts: Parts, page: Page) -> None:
    at = next(number for number, block in enumerate(parts.blocks) if "cmp-text" in block)
    parts.blocks[at] = '<div class="text"><div class="cmp-text"></div></div>'


REGRESSIONS: dict[str, Change] = {
    "status 500": _set("status", 500),
    "status 404": _set("status", 404),
    "redirect to a log-in": _redirected,
    "content type": _header("Content-Type", "text/plain"),
    "security header lost": _header("X-Frame-Options", None),
    "another header lost": _header("Referrer-Policy", None),
    "X-Robots-Tag": _header("X-Robots-Tag", "noindex"),
    "content language": _header("Content-Language", "de"),
    "title of another page": _set("title", "Lost | Pages"),
    "title empty": _set("title", ""),
    "language": _set("language", "de"),
    "description lost": _head_without('name="description"'),
    "noindex": _head_with("index, follow", "noindex"),
    "canonical lost": _head_without("canonical"),
    "canonical elsewhere": _head_with(
        'rel="canonical" href="https://www', 'rel="canonical" href="https://undefined.www'
    ),
    "hreflang lost": _head_without("hreflang"),
    "viewport lost": _head_without("viewport"),
    "Open Graph lost": _head_without("og:title"),
    "share image broken": _head_with("/content/dam/", "/content/undefined/"),
    "structured data lost": _set("data", []),
    "structured data broken": _set("data", ['{"@type": "Product",']),
    "price lost": _price_lost,
    "client library lost": _library_lost,
    "script twice": lambda parts, page: parts.libraries.append(
        '<script src="/etc.clientlibs/old/legacy.js"></script>'
    ),
    "all scripts lost": _set("libraries", []),
    "heading lost": _without_block("cmp-title"),
    "texts lost": _without_block("cmp-text"),
    "text empty": _one_text_empty,
    "list lost": _without_block("cmp-list"),
    "link of teasers lost": _blocks_with(' class="cmp-teaser__title-link"', ""),
    "image of teasers lost": _blocks_with('<div class="cmp-teaser__image">', "<div>"),
    "teasers' data layer lost": _blocks_with(' data-cmp-data-layer="{}"', ""),
    "heading level": _blocks_with("<h1", "<h3"),
    "error text": lambda parts, page: parts.blocks.append('<div class="cmp-error">script error</div>'),
    "navigation link lost": _link_lost,
    "navigation lost": _set("navigation", []),
    "body class lost": _set("body_classes", ["page"]),
    "placeholder": lambda parts, page: parts.blocks.append(
        '<div class="cq-placeholder" data-emptytext="Text"></div>'
    ),
}
