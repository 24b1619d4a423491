"""Of which components is a page made, and by which template, as its markup says?

Three marks that Core Components and their like leave in a page: class names ``cmp-NAME`` (with ``__element`` and
``--modifier`` cut off), ``data-cmp-is``, and the ``@type`` of ``data-cmp-data-layer``, a resource type. A component
without any of them still has the class that AEM gives to what stands in a responsive grid. The template is what the
page component writes into ``<meta name="template">``, else a class of ``body`` that names one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

COMPONENT, TEMPLATE = "component:", "template:"
MAX_PARTS = 300
"""Of one page. What is beyond, in the order of the alphabet, is left out: no real page has as many."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_VERSION = re.compile(r"v[0-9]+")
_MARKED = '[class*="cmp-"], [data-cmp-is], [data-cmp-data-layer], [class*="aem-GridColumn"]'
_LONGEST_LAYER = 65_536
_OF_EVERY_PAGE = frozenset({"page", "basicpage", "xfpage"})


def parts_of(document: LexborHTMLParser) -> frozenset[str]:
    """``component:teaser``, ``template:article-page``: names in lower case, ``MAX_PARTS`` at most."""
    named = (f"{COMPONENT}{name}" for node in document.css(_MARKED) for name in _components(node))
    found = {*named, *(f"{TEMPLATE}{name}" for name in _templates(document))}
    return frozenset(sorted(found)[:MAX_PARTS])


def component_of(resource_type: str) -> str:
    """``core/wcm/components/form/text/v2/text`` is ``form-text``; empty for what is no resource type."""
    segments = [each for each in resource_type.lower().split("/") if each]
    below = len(segments) - segments[::-1].index("components") if "components" in segments[:-1] else -1
    kept: list[str] = []
    for each in segments[below:]:
        if not _VERSION.fullmatch(each) and each not in kept[-1:]:
            kept.append(each)
    name = "-".join(kept)
    return name if _NAME.fullmatch(name) else ""


def _components(node: LexborNode) -> Iterator[str]:
    classes = (node.attributes.get("class") or "").split()
    names = [each[4:].partition("__")[0].partition("--")[0] for each in classes if each.startswith("cmp-")]
    if "aem-GridColumn" in classes and not classes[0].startswith(("aem-", "cmp-")):
        names.append(classes[0])
    names.append(node.attributes.get("data-cmp-is") or "")
    yield from (name for each in names if _NAME.fullmatch(name := each.lower()))
    yield from _in_data_layer(node.attributes.get("data-cmp-data-layer") or "")


def _in_data_layer(text: str) -> Iterator[str]:
    """The components in ``{"teaser-1a2b": {"@type": "wknd/components/teaser"}}``."""
    if "@type" not in text or len(text) > _LONGEST_LAYER:
        return
    try:
        layer: Any = json.loads(text)
    except (ValueError, RecursionError):
        return
    for entry in layer.values() if isinstance(layer, dict) else ():
        kind = entry.get("@type") if isinstance(entry, dict) else None
        if isinstance(kind, str) and (name := component_of(kind[:500])):
            yield name


def _templates(document: LexborHTMLParser) -> Iterator[str]:
    node = document.css_first('meta[name="template"]')
    written = ((node.attributes.get("content") or "") if node else "").strip().lower()
    if _NAME.fullmatch(written):
        yield written
        return
    body = document.css_first("body")
    for each in ((body.attributes.get("class") or "") if body else "").lower().split():
        named = "template" in each or each.endswith("page")
        if named and each not in _OF_EVERY_PAGE and _NAME.fullmatch(each):
            yield each
