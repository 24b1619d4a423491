"""How does AEM take a path apart? Resource, selectors, extension and suffix, as Sling defines them."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote


@dataclass(frozen=True, slots=True)
class SlingUrl:
    """``/a.b.c.html/d`` is resource ``/a``, selectors ``b`` and ``c``, extension ``html``, suffix ``/d``."""

    resource: str
    selectors: tuple[str, ...]
    extension: str
    suffix: str

    @property
    def ending(self) -> str:
        """Selectors and extension together, for example ``sitemap.xml``."""
        return ".".join((*self.selectors, self.extension))


def parse(path: str) -> SlingUrl:
    """Decode and split at the first dot; a path without one has no selectors and no extension."""
    decoded = unquote(path)
    resource, dot, rest = decoded.partition(".")
    if not dot:
        return SlingUrl(decoded, (), "", "")
    dotted, slash, tail = rest.partition("/")
    *selectors, extension = dotted.split(".")
    return SlingUrl(resource, tuple(selectors), extension, slash + tail)
