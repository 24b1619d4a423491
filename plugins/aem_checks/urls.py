"""How are URLs compared, sent as written, and made new to every cache?"""

from __future__ import annotations

import secrets
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from yarl import URL

CACHE_BUSTER = "stage-gate"
"""The query parameter that makes a URL new to every cache between here and publish."""
DEFAULT_PORTS = {"http": 80, "https": 443}
_SAFE_IN_URL = "%/:=&?~#+!$,;'@()*[]|{}^`\"<>\\"


@lru_cache(maxsize=1024)
def origin_of(url: str) -> str:
    """``https://www.wknd.site/us/en.html`` -> ``https://www.wknd.site:443``.

    Raises ``ValueError`` for anything but an absolute http(s) URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"{url!r} is not an absolute http or https URL")
    return f"{parts.scheme}://{parts.hostname}:{parts.port or DEFAULT_PORTS[parts.scheme]}"


def uncached(url: str) -> str:
    """The URL with a query parameter that no cache has seen, so that publish itself answers."""
    base, hash_mark, fragment = url.partition("#")
    joint = "&" if "?" in base else "?"
    return f"{base}{joint}{CACHE_BUSTER}={secrets.token_hex(6)}{hash_mark}{fragment}"


def plain_url(url: str) -> str:
    """The URL without its cache-buster, as a person would open it."""
    base, mark, query = url.partition("?")
    kept = [part for part in query.split("&") if not part.startswith(f"{CACHE_BUSTER}=")]
    return f"{base}{mark}{'&'.join(kept)}" if mark and kept != [] else base


@lru_cache(maxsize=1024)
def host_of(url: str) -> str:
    """Host in lower case and, where an unusual one is written, port; empty for what cannot be read."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{port}" if port and port != DEFAULT_PORTS.get(parts.scheme) else host


def path_of(url: str) -> str:
    """Path and query of an absolute URL, as written: what is the same on stage and on production."""
    return "/" + url.partition("://")[2].partition("/")[2]


def is_address(url: str) -> bool:
    """Whether it is an absolute http(s) URL with a host that can be asked for."""
    try:
        host = urlsplit(origin_of(url)).hostname or ""
    except ValueError:
        return False
    return not any(char.isspace() or not char.isprintable() for char in host)


def as_written(url: str) -> URL:
    """Only what cannot be in a request line is escaped: blanks, control characters, non-ASCII letters."""
    from yarl import URL

    return URL(quote(url, safe=_SAFE_IN_URL), encoded=True)
