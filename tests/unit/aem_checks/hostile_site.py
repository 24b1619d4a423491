"""Answers as no site should give them: addresses that are none, headers, encodings, HTML, XML, JSON and gzip of any kind."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from typing import Any

from hypothesis import strategies as some

from aem_checks.asks import Abroad, Fact, Follow, Fresh, Get, Handshake, Now, Pause, Question, Read
from aem_checks.codes import with_codes
from aem_checks.kinds import all_kinds
from aem_checks.outcomes import Judgement
from aem_checks.recording import Page, Recording, find_references
from aem_checks.rehearsing import NOW, STAGE
from aem_checks.response import Response, make_headers
from aem_checks.sites import SiteConfig
from aem_checks.tls import Certificate
from aem_checks.visit import Visit

PAGES = ("/", "/us/en.html", "/us/en/a.html")
SETTINGS: dict[str, dict[str, Any]] = {
    "redirects": {"rules": [{"from": "/old", "to": "/us/en.html"}]},
    "search": {"page": "/us/en.html", "terms": {"surfing": 1}},
    "persisted_queries": {"queries": ["/wknd/all"]},
    "api_contracts": {"apis": ["/api.json"]},
    "forms": {"forms": [{"page": "/us/en.html", "form": "form", "fields": ["q"]}]},
    "author_consoles": {"page": "/content/us/en"},
    "authoring": {"parent": "/content/us/en", "templates": ["/conf/page"]},
    "distribution_queues": {},
    "publish_round_trip": {"parent": "/content/us/en", "path": "/us/en", "template": "/conf/page"},
}
"""Of kinds that need to be told something."""
_MINUTES = count()
_SITE = {
    "name": "site",
    "stage": STAGE,
    "production": "https://www.example.com",
    "pages": list(PAGES),
    "allow_hosts": ["cdn.example.com"],
    "author": {"url": "https://author.example.com", "access": "author"},
}
_ADDRESSES = some.one_of(
    some.sampled_from(
        [
            *(
                "https://$[env:DOMAIN]/x",
                "https://${D}/x",
                "http://[",
                "http://[::1",
                "https://h:99999/",
                "https:///x",
            ),
            *(
                "https://h:port/",
                "//",
                "///",
                "",
                " ",
                "#",
                "#a",
                "?",
                "/us/en.html",
                "/us/en.html%3Fq",
                "/%",
                "/%zz",
            ),
            *(
                "mailto:a",
                "javascript:x",
                "data:,x",
                "tel:1",
                "http://\x00/",
                "\x00",
                "/\ud800".encode("utf-8", "replace").decode(),
            ),
            *(
                f"{STAGE}/us/en/a.html",
                f"{STAGE}:443/",
                "https://www.example.com/",
                "https://cdn.example.com/x",
                "/a b",
            ),
            *(
                "/a/" * 300,
                "https://" + "a" * 300 + ".example/",
                "https://xn--/",
                "https://münchen.example/",
                "HTTP://X/",
            ),
        ]
    ),
    some.text(max_size=30),
    some.text(alphabet="htps:/[]{}$@#?%.\\ \t9x&=", max_size=30),
)
_WORDS = some.one_of(
    some.text(max_size=20),
    some.sampled_from(["noindex", "max-age=x", "999999999999999999999", "-1", "*", "\x7f"]),
)
_TYPES = some.sampled_from(
    ["text/html", "text/html; charset=utf-99", "text/html; charset=", "application/json", "application/xml", "text/xml",
     "text/plain", "image/png", "text/css", "application/javascript", "application/octet-stream", "", ";;;", "\tx/y"]
)  # fmt: skip
_NAMES = (
    "Location", "Cache-Control", "Age", "Retry-After", "X-Robots-Tag", "Set-Cookie", "Vary", "Date", "ETag", "Link",
    "Content-Security-Policy", "Strict-Transport-Security", "X-Cache", "Expires", "Surrogate-Control", "Content-Length",
    "Access-Control-Allow-Origin", "X-Frame-Options", "Content-Encoding", "Last-Modified", "X-Vhost",
)  # fmt: skip
_VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=10) | _ADDRESSES,
    lambda inner: (
        some.lists(inner, max_size=4)
        | some.dictionaries(
            some.sampled_from(["a", ":type", ":items", "@type", "data", "hits", "@context", "dataLayer"]),
            inner,
        )
    ),
    max_leaves=12,
)
_ELEMENTS = (
    '<a href="{}">x</a>',
    '<link rel="canonical" href="{}">',
    '<link rel="alternate" hreflang="{}" href="{}">',
    '<img src="{}" srcset="{}">',
    '<script src="{}"></script>',
    '<link rel="stylesheet" href="{}">',
    '<base href="{}">',
    '<form action="{}"><input type=search name=q></form>',
    '<form role=search action="{}"><input name=q required></form>',
    '<meta property="og:image" content="{}">',
    '<meta name="robots" content="{}">',
    '<iframe src="{}"></iframe>',
    '<video src="{}" poster="{}"></video>',
    '<div style="background:url({})" data-cmp-src="{}"></div>',
    '<script type="application/ld+json">{}</script>',
    "<title>{}</title>",
    '<html lang="{}">',
    "<h1>{}</h1>",
    "<!-- {} -->",
    "<!--",
    "<" * 50,
    "<div>" * 600,
    '<meta http-equiv="refresh" content="0;url={}">',
    '<svg><use href="{}"/></svg>',
    "<p>{}</p>",
    "&#xFFFFFFFF;",
)


@some.composite
def _html(draw: Callable[[Any], Any]) -> bytes:
    parts = draw(some.lists(some.sampled_from(_ELEMENTS), max_size=8))
    filled = (part.replace("{}", "\0").split("\0") for part in parts)
    text = "".join(
        piece + (draw(_ADDRESSES).replace('"', "") if number < len(pieces) - 1 else "")
        for pieces in filled
        for number, piece in enumerate(pieces)
    )
    return text.encode("utf-8", "replace")


@some.composite
def _xml(draw: Callable[[Any], Any]) -> bytes:
    root = draw(some.sampled_from(["urlset", "sitemapindex", "rss", "x:y"]))
    child = "url" if root == "urlset" else "sitemap"
    rows = "".join(
        f"<{child}><loc>{each.replace('<', '')}</loc></{child}>"
        for each in draw(some.lists(_ADDRESSES, max_size=5))
    )
    return f'<{root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{rows}</{root}>'.encode(
        "utf-8", "replace"
    )


_ROBOTS = some.lists(some.sampled_from(["User-agent: *", "Disallow: ", "Allow: ", "Sitemap: ", "Crawl-delay: "]).flatmap(
    lambda line: _ADDRESSES.map(lambda address: line + address)
), max_size=6).map(lambda lines: "\n".join(lines).encode("utf-8", "replace"))  # fmt: skip
_PLAIN_BODIES = some.one_of(
    _html(),
    _html(),
    _xml(),
    _ROBOTS,
    some.binary(max_size=60),
    some.just(b""),
    _VALUES.map(lambda value: json.dumps(value).encode()),
)
_BODIES = some.one_of(
    _PLAIN_BODIES,
    _PLAIN_BODIES.map(gzip.compress),
    _PLAIN_BODIES.map(lambda body: gzip.compress(body)[:-4]),
    some.just(b"[" * 3000),
)


@some.composite
def responses(draw: Callable[[Any], Any]) -> Response:
    """One answer to whatever was asked, without its URL."""
    status = draw(
        some.sampled_from(
            [200] * 8 + [0, 204, 206, 301, 302, 302, 307, 304, 404, 404, 403, 429, 500, 503, 999]
        )
    )
    headers = [("Content-Type", draw(_TYPES))]
    headers += [
        (name, draw(_ADDRESSES | _WORDS)) for name in draw(some.lists(some.sampled_from(_NAMES), max_size=4))
    ]
    if status in (301, 302, 307):
        headers.append(("Location", draw(_ADDRESSES)))
    return Response(
        url="",
        status=status,
        headers=make_headers(headers),
        body=b"" if status == 0 else draw(_BODIES),
        error="it broke off" if status == 0 else draw(some.sampled_from([None] * 9 + ["cut off"])),
        truncated=draw(some.sampled_from([False] * 9 + [True])),
        elapsed=draw(some.sampled_from([0.0, 0.1, 70.0])),
        fetched_at=NOW,
    )


def kinds() -> Iterator[str]:
    """All that ask nothing but a site's addresses and look at nothing but its recorded pages."""
    for name, kind in all_kinds().items():
        asks_else = kind.opens_pages or kind.runs_commands
        if not asks_else and not kind.needs.startswith("a git") and (kind.default_on or name in SETTINGS):
            yield name


def judged(kind: str, answers: Iterator[Response]) -> Judgement:
    """What a kind makes of a site that answers so, in this order. Raises what the kind raises."""
    check_type = all_kinds()[kind]
    site = SiteConfig.model_validate(_SITE)
    check = check_type(check_type.settings_type.model_validate(SETTINGS.get(kind, {})))
    visit = Visit(site, "stage", _recording(site, answers))
    steps, reader = check.judge(visit), visit.reader()
    assert reader is not None
    sent: list[Any] | None = None
    thrown: Exception | None = None
    while True:
        try:
            questions = steps.send(sent) if thrown is None else steps.throw(thrown)  # type: ignore[arg-type]
        except StopIteration as end:
            return with_codes(kind, check.codes, end.value)
        sent, thrown = None, None
        try:
            sent = [_answer(question, visit, reader, answers) for question in questions]
        except (ValueError, LookupError) as error:
            thrown = error


def _answer(question: Question[Any], visit: Visit, reader: Any, answers: Iterator[Response]) -> Any:
    match question:
        case Get():
            return _come(question.url, visit, answers)
        case Follow():
            return _chain(question.url, visit, answers)
        case Abroad():
            return (_at(question.url, next(answers)),)
        case Read():
            return reader.read(question.path)
        case Fresh():
            return "0123456789abcdef"
        case Now():
            return NOW + timedelta(minutes=next(_MINUTES))
        case Handshake():
            return Certificate(problem="nobody is there")
        case Fact() | Pause():
            return None
    raise AssertionError(f"nobody answers {question}")


def _come(url: str, visit: Visit, answers: Iterator[Response]) -> Response:
    if not visit.allows(url):
        raise ValueError(f"{url!r} is a foreign host")
    return _at(url, next(answers))


def _chain(url: str, visit: Visit, answers: Iterator[Response]) -> tuple[Response, ...]:
    chain = [_come(url, visit, answers)]
    while len(chain) <= 5 and (target := chain[-1].location) is not None and visit.allows(target):
        chain.append(_come(target.partition("#")[0], visit, answers))
    return tuple(chain)


def _at(url: str, response: Response) -> Response:
    return Response(**{**vars(response), "url": url})


def _recording(site: SiteConfig, answers: Iterator[Response]) -> Recording:
    hosts = site.stage.hosts
    pages = []
    for path in PAGES:
        final = _at(f"{STAGE}{path}", next(answers))
        pages.append(
            Page(path, f"{STAGE}{path}", (final,), tuple(find_references(final, hosts, lambda _: True)))
        )
    named = {reference.url for page in pages for reference in page.references if reference.on_site}
    return Recording(
        "site", "stage", STAGE, hosts, frozenset({"www.example.com"}), tuple(pages),
        resources={url: _at(url, next(answers)) for url in sorted(named)},
    )  # fmt: skip
