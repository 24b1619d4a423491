"""What does a page show that should not depend on when it is asked: head, data, libraries, components, landmarks?

The document is walked once: a selector costs more than all that is read here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from aem_checks.parity.rules import Normaliser, path_of
from aem_checks.urls import join

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

    from aem_checks.response import Response

_VALUED = frozenset(
    {
        "description",
        "viewport",
        "template",
        "theme-color",
        "referrer",
        "keywords",
        "content-language",
        "refresh",
    }
)
_VALUED_PREFIXES = ("og:", "twitter:", "article:", "fb:")
_LANDMARKS = frozenset({"header", "main", "footer", "nav", "form", "h1", "iframe", "video", "search"})
_AREAS = frozenset({"header", "nav", "footer"})
_LIBRARIES = "/etc.clientlibs/"
_COMPONENT = "cmp-"
_UNTOLD = frozenset(
    {"id", "class", "style", "href", "src", "srcset", "alt", "title", "nonce", "value", "content"}
)
_SHOWS = "img, picture, video, iframe, input, svg, object, canvas, embed, button, select, textarea, source"
_ASSET_RELATIONS = frozenset({"stylesheet", "preload", "modulepreload", "prefetch"})
_DEEPEST = 12
_MOST_AREAS = 50
_MOST_ELEMENTS = 20_000
_MOST_CLASSES = 200
_MOST_BLOCKS = 500
"""Components of a page that are looked into for whether they are empty: each costs as much as what is in it."""
Attributes = dict[str, str | None]
Fact = tuple[str, str]
Facts = set[Fact]
_REMEMBERED = 50_000


def page_facts(response: Response, memory: Memory, facts: Facts) -> None:
    """Add the facts of an HTML page to ``facts``."""
    root = _parsed(response).root
    facts.add(("title", "none"))
    if root is not None:
        facts.add(("lang", (root.attributes.get("lang") or "none").lower()))
        _Page(response.url, memory, facts).read(root)


def _parsed(response: Response) -> LexborHTMLParser:
    """Parsed by itself, since each answer is read once and has no place among the pages that checks share."""
    from selectolax.lexbor import LexborHTMLParser

    return LexborHTMLParser(response.shallow)


class _Page:
    def __init__(self, url: str, memory: Memory, facts: Facts) -> None:
        self._url, self._memory, self._rules, self._facts = url, memory, memory.rules, facts
        self._landmarks: Counter[str] = Counter()
        self._components: Counter[str] = Counter()
        self._empty: Counter[str] = Counter()
        self._looked = self._areas = 0

    def read(self, root: LexborNode) -> None:
        """Walk over the elements and add what they say."""
        for node in islice(root.traverse(), _MOST_ELEMENTS):
            tag, attributes = node.tag or "", node.attributes
            reader = _READERS.get(tag)
            if reader is not None:
                reader(self, node, attributes)
            if tag in _LANDMARKS:
                self._landmarks[tag] += 1
                if tag in _AREAS:
                    self._links(node)
            classes = attributes.get("class")
            if classes:
                self._classes(node, tag, classes, attributes)
        self._facts.update(("landmarks", f"{tag} ×{number}") for tag, number in self._landmarks.items())
        self._facts.update(("components", f"{name} ×{number}") for name, number in self._components.items())
        self._facts.update((f"component {name}", f"{number} empty") for name, number in self._empty.items())

    def title(self, node: LexborNode, attributes: Attributes) -> None:
        """The first title is the page's; those further down belong to drawings."""
        if ("title", "none") in self._facts:
            self._facts.discard(("title", "none"))
            self._facts.add(("title", self._rules(node.text())))

    def meta(self, node: LexborNode, attributes: Attributes) -> None:
        """Values of the names that search engines, browsers and social networks read; of others that they are there."""
        name = (
            attributes.get("name") or attributes.get("property") or attributes.get("http-equiv") or ""
        ).lower()
        content = attributes.get("content") or ""
        if not name:
            if attributes.get("charset"):
                self._facts.add(("charset", (attributes["charset"] or "").lower()))
        elif name == "robots":
            words = sorted(word.strip().lower() for word in content.split(",") if word.strip())
            self._facts.add(("robots", ", ".join(words)))
        elif name in _VALUED or name.startswith(_VALUED_PREFIXES):
            self._facts.add((f"meta {name}", self._rules(content)))
        else:
            self._facts.add(("meta names", self._rules(name) + ("" if content.strip() else " (empty)")))

    def link(self, node: LexborNode, attributes: Attributes) -> None:
        """Canonical and alternate addresses, style sheets, and what else the page is linked to."""
        relations = (attributes.get("rel") or "").lower().split()
        target = attributes.get("href") or ""
        if "canonical" in relations:
            self._facts.add(("canonical", self._rules(self._absolute(target))))
        elif "alternate" in relations and attributes.get("hreflang"):
            self._facts.add(("hreflang", f"{attributes['hreflang']} {self._rules(self._absolute(target))}"))
        elif "stylesheet" in relations:
            self._asset("style sheets", target)
        elif not _ASSET_RELATIONS.intersection(relations):
            self._facts.add((f"link {' '.join(sorted(relations))}", self._rules(path_of(target))))

    def script(self, node: LexborNode, attributes: Attributes) -> None:
        """Scripts by name, and structured data."""
        if attributes.get("src"):
            self._asset("scripts", attributes["src"] or "")
        elif (attributes.get("type") or "").lower() == "application/ld+json":
            self._facts.update(("structured data", each) for each in _structured(node.text(), self._rules))

    def field(self, node: LexborNode, attributes: Attributes) -> None:
        """Fields of forms by name."""
        if attributes.get("name"):
            self._facts.add(("form fields", f"{node.tag} {self._rules(attributes['name'] or '')}"))

    def _asset(self, field: str, address: str) -> None:
        """Client libraries without their hash, other files without their query."""
        name = self._rules(path_of(address))
        at = name.find(_LIBRARIES)
        if at >= 0:
            self._facts.add(("clientlibs", name[at:].replace(".lc-{hash}-lc", "")))
        else:
            self._facts.add((field, name))

    def _absolute(self, target: str) -> str:
        target = target.strip()
        if target.startswith(("https://", "http://")):
            return target
        return join(self._url, target)

    def _links(self, area: LexborNode) -> None:
        self._areas += 1
        if self._areas <= _MOST_AREAS:
            for node in islice(area.traverse(), _MOST_ELEMENTS):
                if node.tag == "a":
                    target = node.attributes.get("href")
                    if target:
                        self._facts.add(("navigation links", self._rules(path_of(target))))

    def _classes(self, node: LexborNode, tag: str, classes: str, attributes: Attributes) -> None:
        """Which elements each component is made of, how often it is there, and the rest by tag and class."""
        facts, names = self._memory.of_classes(tag, classes)
        self._facts.update(facts)
        for name in names:
            self._components[name] += 1
            self._facts.add(self._memory.of_attributes(name, tuple(attributes)))
            self._looked += 1
            if self._looked <= _MOST_BLOCKS and _is_empty(node):
                self._empty[name] += 1


class Memory:
    """What classes and attributes say, worked out once for all pages."""

    def __init__(self, rules: Normaliser) -> None:
        self.rules = rules
        self._classes: dict[tuple[str, str], tuple[frozenset[Fact], tuple[str, ...]]] = {}
        self._attributes: dict[tuple[str, tuple[str, ...]], Fact] = {}

    def of_classes(self, tag: str, classes: str) -> tuple[frozenset[Fact], tuple[str, ...]]:
        """The facts of an element with these classes, and the names of the components that begin at it."""
        found = self._classes.get((tag, classes))
        if found is None:
            if len(self._classes) > _REMEMBERED:
                self._classes.clear()
            facts: Facts = set()
            names = tuple(self._read(tag, classes, facts))
            found = self._classes[tag, classes] = (frozenset(facts), names)
        return found

    def of_attributes(self, component: str, names: tuple[str, ...]) -> Fact:
        """Which attributes a component has at its outermost element."""
        found = self._attributes.get((component, names))
        if found is None:
            if len(self._attributes) > _REMEMBERED:
                self._attributes.clear()
            told = " ".join(sorted(set(names) - _UNTOLD))
            found = (f"component {component}", f"has {told}" if told else "has no attributes")
            self._attributes[component, names] = found
        return found

    def _read(self, tag: str, classes: str, facts: Facts) -> Iterator[str]:
        for written in classes.split()[:_MOST_CLASSES]:
            name = self.rules.class_name(written)
            if not name.startswith(_COMPONENT):
                facts.add(("structure", f"{tag}.{name}"))
                continue
            block, mark, _ = name.partition("__")
            block = block.partition("--")[0]
            if mark or "--" in name:
                facts.add((f"component {block}", f"{tag}.{name}"))
            if name == block:
                yield block


_Reader = Callable[[_Page, "LexborNode", Attributes], None]
_READERS: dict[str, _Reader] = {
    "title": _Page.title,
    "meta": _Page.meta,
    "link": _Page.link,
    "script": _Page.script,
    "input": _Page.field,
    "select": _Page.field,
    "textarea": _Page.field,
}


def _structured(text: str, rules: Normaliser) -> Iterator[str]:
    """The types and the fields of each: ``Product.offers.price``; values are content, but for the types."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        yield "is no JSON"
        return
    waiting: list[tuple[str, Any, int]] = [("", value, 0)]
    while waiting:
        owner, node, depth = waiting.pop()
        if depth > _DEEPEST:
            continue
        if isinstance(node, list):
            waiting.extend((owner, each, depth + 1) for each in node[:1000])
        elif isinstance(node, dict):
            kind = node.get("@type")
            name = f"{owner}{' ' if owner else ''}{kind}"[:300] if isinstance(kind, str) else owner
            for key, each in node.items():
                yield rules(f"{name}.{key}" + (" (empty)" if each in ("", None, []) else ""))
                if isinstance(each, dict | list):
                    waiting.append((f"{name}.{key}", each, depth + 1))


def _is_empty(node: LexborNode) -> bool:
    return not node.text(strip=True) and node.css_first(_SHOWS) is None
