"""Which client libraries does a build bring? Paths with the hash of their content.

AEM as a Cloud Service has strict versioning on: a hash of another build is not found (Adobe, *Caching in AEM
as a Cloud Service*, client-side libraries and version consistency).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

PROXY = "/etc.clientlibs/larkfell/clientlibs"
SITE = f"{PROXY}/clientlib-site"
_CORE = "/etc.clientlibs/core/wcm/components"

_STYLE = """/* Larkfell site, build {build} */
:root {{ --slate: #26323b; --moss: #5c7a4a; --paper: #f7f5ef; }}
body {{ margin: 0; background: var(--paper); color: var(--slate); font: 1rem/1.6 Georgia, serif; }}
.cmp-container {{ max-width: 72rem; margin: 0 auto; padding: 0 1rem; }}
.cmp-teaser__image img, .cmp-image__image {{ width: 100%; height: auto; }}
.cmp-button {{ background: var(--moss); color: #fff; padding: .5rem 1rem; text-decoration: none; }}
"""
_SCRIPT = """/* Larkfell site, build {build} */
window.adobeDataLayer = window.adobeDataLayer || [];
window.adobeDataLayer.push({{ event: "cmp:show", build: "{build}" }});
"""
_BASE_STYLE = (
    ".cmp-image__image { display: block; } .cmp-breadcrumb__list { display: flex; list-style: none; }\n"
)
_BASE_SCRIPT = "document.documentElement.classList.remove('no-js');\n"
_IMAGE_SCRIPT = (
    "document.querySelectorAll('[data-cmp-is=image]').forEach(function (e) { e.dataset.cmpReady = ''; });\n"
)


@dataclass(frozen=True, slots=True)
class ClientLibraries:
    """What the pages of a build refer to, and the files behind it by path."""

    styles: tuple[str, ...]
    scripts: tuple[str, ...]
    files: dict[str, tuple[str, bytes]]


@lru_cache(maxsize=64)
def of_build(build: str) -> ClientLibraries:
    styles = [
        _file(f"{PROXY}/clientlib-dependencies", "css", ""),
        _file(f"{PROXY}/clientlib-base", "css", _BASE_STYLE),
        _file(SITE, "css", _STYLE.format(build=build)),
    ]
    scripts = [
        _file(f"{PROXY}/clientlib-dependencies", "js", ""),
        _file(f"{_CORE}/image/v3/image/clientlibs/site", "js", _IMAGE_SCRIPT),
        _file(f"{PROXY}/clientlib-base", "js", _BASE_SCRIPT),
        _file(SITE, "js", _SCRIPT.format(build=build)),
    ]
    files = {path: (mime, body) for path, mime, body in (*styles, *scripts)}
    return ClientLibraries(tuple(path for path, *_ in styles), tuple(path for path, *_ in scripts), files)


def _file(library: str, extension: str, content: str) -> tuple[str, str, bytes]:
    body = content.encode()
    digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
    mime = {"css": "text/css;charset=utf-8", "js": "application/javascript;charset=utf-8"}[extension]
    return f"{library}.lc-{digest}-lc.min.{extension}", mime, body
