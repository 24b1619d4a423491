"""Pages of an imagined site that never answer the same twice, and what a release can break in them.

Every answer is rendered anew: tokens, nonces, times, sessions, rotating teasers, experiments, made-up ids. Stage and
production also have other hosts and, as after a release, other hashes in file and class names. What is drawn for one
page (which noise it has, and how strong) comes from the page's own generator, what is drawn for one answer from
another, so that a seed repeats a run.
"""

from __future__ import annotations

import base64
import json
import string
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from aem_checks.response import Response, make_headers

HOSTS = {"production": "www.pages.example", "stage": "stage.pages.example"}
WORDS = (
    *("river", "stone", "hut", "ridge", "tarn", "moss", "slate", "heather"),
    *("bothy", "summit", "harbour", "lantern", "orchard", "willow", "cinder"),
)
NOISE = (
    "csrf",
    "nonce",
    "time",
    "rotation",
    "session",
    "experiment",
    "ids",
    "trace",
    "order",
    "blank",
    "counter",
    "banner",
    "rating",
    "rendition",
    "greeting",
    "request_header",
    "hidden_field",
    "rare",
    "data_layer",
    "cached",
)


@dataclass(slots=True)
class Parts:
    """A page before it is text: what noise and regressions change."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    language: str = "en"
    title: str = ""
    head: list[str] = field(default_factory=list)
    data: list[Any] = field(default_factory=list)
    libraries: list[str] = field(default_factory=list)
    body_classes: list[str] = field(default_factory=list)
    navigation: list[str] = field(default_factory=list)
    blocks: list[str] = field(default_factory=list)
    footer: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)


class Page:
    """One page with its own content and its own mixture of noise."""

    def __init__(self, number: int, seed: int) -> None:
        self._own = Random(f"{seed}-page-{number}")
        self._chance = Random(f"{seed}-answers-{number}")
        draw = self._own
        self.path = f"/us/en/{draw.choice(WORDS)}-{draw.choice(WORDS)}-{number}.html"
        self.noise = frozenset(draw.sample(NOISE, draw.randint(4, len(NOISE))))
        self.share = draw.choice((0.5, 0.5, 0.3, 0.1))
        """How often the second half of an experiment is shown."""
        self.teasers = [f"{draw.choice(WORDS)} {draw.choice(WORDS)}" for _ in range(draw.randint(3, 9))]
        self.shown = draw.randint(1, len(self.teasers))
        self.texts = [" ".join(draw.choices(WORDS, k=draw.randint(5, 40))) for _ in range(draw.randint(1, 6))]
        self.links = [f"/us/en/{word}.html" for word in draw.sample(WORDS, draw.randint(4, 9))]
        self.style = draw.choice(("modules", "emotion", "vite", "plain"))
        self.bundle = draw.choice(("dot", "dash", "vite", "query", "lc"))
        self.form = draw.random() < 0.5
        self._copy: Response | None = None

    def answer(self, side: str, number: int, change: Callable[[Parts, Page], None] | None = None) -> Response:
        """One answer of a side. ``change``: what a release broke."""
        from_cache = "cached" in self.noise and side == "production" and number < 2
        if from_cache and self._copy is not None:
            return self._copy
        parts = self._parts(side)
        for name in sorted(self.noise):
            getattr(self, f"_{name}", _nothing)(parts, self._chance)
        if change is not None:
            change(parts, self)
        response = self._response(side, parts)
        self._copy = response if from_cache else self._copy
        return response

    def _parts(self, side: str) -> Parts:
        """What is there without noise; hosts and hashes are those of the side."""
        host, build = HOSTS[side], Random(f"{side}-{self.path}")
        title = self.texts[0][:40].title()
        parts = Parts(title=f"{title} | Pages")
        url = f"https://{HOSTS['production']}{self.path}"
        parts.headers = {"Content-Type": "text/html;charset=utf-8", "X-Frame-Options": "SAMEORIGIN"}
        parts.headers |= {
            "Content-Security-Policy": "frame-ancestors 'self'",
            "Content-Language": "en",
            "Referrer-Policy": "same-origin",
        }
        parts.head = [
            '<meta charset="utf-8">',
            f'<meta name="description" content="{self.texts[-1][:120]}">',
            '<meta name="viewport" content="width=device-width">',
            '<meta name="robots" content="index, follow">',
            f'<meta name="build" content="{_hex(build, 40)}">',
            f'<link rel="canonical" href="{url}">',
            f'<link rel="alternate" hreflang="de" href="https://{host}/de{self.path}">',
            f'<meta property="og:title" content="{title}">',
            f'<meta property="og:image" content="https://{host}/content/dam/{self.path[7:-5]}.jpg">',
        ]
        parts.data = [
            {
                "@context": "https://schema.org",
                "@type": "Product",
                "name": title,
                "offers": {"@type": "Offer", "price": "12"},
            }
        ]
        names = ("site", "base", "vendor", "search")
        parts.libraries = [self._library(name, kind, build) for name in names for kind in ("css", "js")]
        parts.body_classes = ["page", "basicpage"]
        parts.navigation = list(self.links)
        parts.blocks = [
            self._title(title),
            *map(self._text, self.texts),
            self._list(self.teasers[: self.shown]),
        ]
        parts.blocks.append(f'<div class="{self._made("panel", build)}"><p>{self.texts[0]}</p></div>')
        if self.form:
            parts.blocks.append(
                '<form action="/us/en/search.html"><input name="q"><select name="area"></select></form>'
            )
        parts.footer = list(self.links[:3])
        return parts

    def _library(self, name: str, kind: str, build: Random) -> str:
        path = {
            "lc": f"/etc.clientlibs/pages/clientlibs/{name}.lc-{_hex(build, 32)}-lc.min.{kind}",
            "dot": f"/static/{name}.{_hex(build, 8)}.{kind}",
            "dash": f"/static/{name}-{_hex(build, 20)}.chunk.{kind}",
            "vite": f"/assets/{name}-{_letters(build, 7)}{build.randint(0, 9)}.{kind}",
            "query": f"/static/{name}.{kind}?v={build.randint(1, 99999)}",
        }[self.bundle]
        return (
            f'<link rel="stylesheet" href="{path}">' if kind == "css" else f'<script src="{path}"></script>'
        )

    def _made(self, name: str, build: Random) -> str:
        """A class as style tools write it; the part that is made up changes with each build."""
        made = _hex(build, 4) + str(build.randint(0, 9))
        return {
            "modules": f"{name}_root__{made}",
            "emotion": f"css-{made}x",
            "vite": f"_{name}_{made}_{build.randint(1, 99)}",
            "plain": name,
        }[self.style]

    @staticmethod
    def _title(words: str) -> str:
        return (
            f'<div class="title"><div class="cmp-title"><h1 class="cmp-title__text">{words}</h1></div></div>'
        )

    @staticmethod
    def _text(words: str) -> str:
        return f'<div class="text"><div class="cmp-text"><p>{words}</p></div></div>'

    @staticmethod
    def _teaser(words: str) -> str:
        return (
            '<div class="teaser"><div class="cmp-teaser" data-cmp-data-layer="{}">'
            f'<div class="cmp-teaser__image"><img src="/content/dam/{words.replace(" ", "-")}.jpg" alt=""></div>'
            f'<h2 class="cmp-teaser__title"><a class="cmp-teaser__title-link" href="#">{words}</a></h2></div></div>'
        )

    def _list(self, teasers: list[str]) -> str:
        return f'<div class="list"><div class="cmp-list">{"".join(map(self._teaser, teasers))}</div></div>'

    def _response(self, side: str, parts: Parts) -> Response:
        data = "".join(f'<script type="application/ld+json">{_json(each)}</script>' for each in parts.data)
        links = "".join(f'<li><a href="{link}">{link}</a></li>' for link in parts.navigation)
        footer = "".join(f'<a href="{link}">{link}</a>' for link in parts.footer)
        text = (
            f'<!DOCTYPE html><html lang="{parts.language}"><head><title>{parts.title}</title>'
            f"{''.join(parts.head)}{data}{''.join(parts.libraries)}</head>"
            f'<body class="{" ".join(parts.body_classes)}"><header><nav class="cmp-navigation"><ul>{links}</ul></nav>'
            f"</header><main>{''.join(parts.blocks)}</main><footer>{footer}</footer>{''.join(parts.comments)}</body></html>"
        )
        headers = dict(parts.headers)
        url = f"https://{HOSTS[side]}{self.path}"
        return Response(url, parts.status, make_headers(headers), text.encode())

    # Noise: each takes the parts and the generator of this answer

    def _csrf(self, parts: Parts, chance: Random) -> None:
        parts.head.append(f'<meta name="{self._own_word("csrf-token")}" content="{_token(chance)}">')
        parts.head.append(f'<meta property="og:see_also" content="https://x.example/?t={_token(chance)}">')

    def _nonce(self, parts: Parts, chance: Random) -> None:
        nonce = base64.b64encode(chance.randbytes(16)).decode()
        parts.headers["Content-Security-Policy"] = f"script-src 'nonce-{nonce}'; frame-ancestors 'self'"
        parts.libraries.append(f'<script nonce="{nonce}">window.x={chance.randint(0, 999)}</script>')

    def _time(self, parts: Parts, chance: Random) -> None:
        moment = datetime(2026, 11, 23, tzinfo=UTC) + timedelta(
            seconds=chance.randint(0, 86400), milliseconds=chance.randint(0, 999)
        )
        shown = chance.choice(
            (
                moment.isoformat(),
                str(int(moment.timestamp())),
                f"{moment:%Y-%m-%d %H:%M:%S}",
                str(int(moment.timestamp() * 1000)),
            )
        )
        parts.head.append(f'<meta name="article:rendered" content="{shown}">')
        parts.head.append(f'<meta property="og:updated_time" content="{moment.isoformat()}">')
        parts.comments.append(f"<!-- {shown} -->")

    def _rotation(self, parts: Parts, chance: Random) -> None:
        """Other teasers each time, sometimes more or fewer of them."""
        number = max(1, self.shown - chance.choice((0, 0, 1)))
        shown = self._list(chance.sample(self.teasers, number))
        places = [at for at, block in enumerate(parts.blocks) if "cmp-list" in block]
        for at in places:
            parts.blocks[at] = shown

    def _session(self, parts: Parts, chance: Random) -> None:
        session = _hex(chance, 32).upper()
        parts.navigation = [f"{link};jsessionid={session}" for link in parts.navigation]
        parts.headers["Set-Cookie"] = f"JSESSIONID={session}"

    def _experiment(self, parts: Parts, chance: Random) -> None:
        second = chance.random() < self.share
        parts.body_classes.append("exp-hero--b" if second else "exp-hero--a")
        if second:
            parts.blocks.append(
                '<div class="cmp-callout"><a class="cmp-callout__link" href="#">Try it</a></div>'
            )

    def _ids(self, parts: Parts, chance: Random) -> None:
        parts.blocks = [
            block.replace("<div ", f'<div id="c-{_hex(chance, 10)}" ', 1) for block in parts.blocks
        ]

    def _trace(self, parts: Parts, chance: Random) -> None:
        trace = uuid.UUID(int=chance.getrandbits(128))
        parts.footer = [*parts.footer, f"/us/en/feedback/{trace}"]
        parts.head.append(f'<link rel="preconnect" href="https://t.example/{trace}">')

    def _order(self, parts: Parts, chance: Random) -> None:
        chance.shuffle(parts.navigation)
        chance.shuffle(parts.head)

    def _blank(self, parts: Parts, chance: Random) -> None:
        parts.title = " " * chance.randint(0, 3) + parts.title + "\n" * chance.randint(0, 2)

    def _counter(self, parts: Parts, chance: Random) -> None:
        parts.blocks.append(f'<p class="visitors">{chance.randint(2, 9999)} people look at this</p>')

    def _banner(self, parts: Parts, chance: Random) -> None:
        if chance.random() < 0.4:
            parts.blocks.insert(
                0, '<aside class="promo promo--season"><button class="promo__close">x</button></aside>'
            )

    def _rating(self, parts: Parts, chance: Random) -> None:
        rating: dict[str, Any] = {"@type": "AggregateRating", "ratingValue": chance.randint(1, 5)}
        if chance.random() < 0.5:
            rating["ratingCount"] = chance.randint(1, 99)
        for each in parts.data:
            if isinstance(each, dict):
                each["aggregateRating"] = rating

    def _rendition(self, parts: Parts, chance: Random) -> None:
        stamp = 1763800000000 + chance.randint(0, 10**9)
        parts.head.append(f'<meta name="twitter:image" content="/i.coreimg.90.1024.jpeg/{stamp}/a.jpeg">')

    def _greeting(self, parts: Parts, chance: Random) -> None:
        parts.head.append(f'<meta name="keywords" content="{chance.choice(WORDS)}, {chance.choice(WORDS)}">')

    def _request_header(self, parts: Parts, chance: Random) -> None:
        parts.headers["X-Request-Id"] = str(uuid.UUID(int=chance.getrandbits(128)))
        if chance.random() < 0.5:
            parts.headers["X-Cache"] = chance.choice(("HIT", "MISS"))

    def _hidden_field(self, parts: Parts, chance: Random) -> None:
        name = chance.choice((":cq_csrf_token", f"field_{_hex(chance, 8)}"))
        parts.blocks.append(f'<form><input type="hidden" name="{name}" value="{_token(chance)}"></form>')

    def _rare(self, parts: Parts, chance: Random) -> None:
        if chance.random() < 0.05:
            parts.blocks.append('<div class="cmp-survey"><form class="cmp-survey__form"></form></div>')

    def _data_layer(self, parts: Parts, chance: Random) -> None:
        layer = _json({"id": _hex(chance, 12), "visit": chance.randint(1, 10**9)})
        parts.libraries.append(f"<script>window.adobeDataLayer=[{layer}]</script>")

    def _own_word(self, word: str) -> str:
        return word if self.share == 0.5 else f"{word}-{len(self.texts)}"


def _nothing(parts: Parts, chance: Random) -> None:
    """``cached`` (the first two answers of production are one copy) is done where the answer is made."""


def _token(chance: Random) -> str:
    raw = chance.randbytes(chance.choice((12, 18, 24, 32, 48)))
    plain = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return chance.choice(
        (
            plain,
            raw.hex(),
            f"eyJhbGciOiJIUzI1NiJ9.{plain}.{_letters(chance, 22)}",
            base64.b64encode(raw).decode(),
        )
    )


def _hex(chance: Random, length: int) -> str:
    return "".join(chance.choices("0123456789abcdef", k=length))


def _letters(chance: Random, length: int) -> str:
    return "".join(chance.choices(string.ascii_letters + string.digits, k=length))


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
