"""How is an address read that a site wrote, compared, sent as written, and made new to every cache?

A site may write anything: ``https://$[env:DOMAIN]/``, a port of 99999, ``http://[``. Whoever reads text of a site reads
it with ``join`` and ``parts_of``, which take all of it, and says with ``fault_of`` what is wrong.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, quote, urljoin, urlsplit

if TYPE_CHECKING:
    from yarl import URL

CACHE_BUSTER = "stage-gate"
"""The query parameter that makes a URL new to every cache between here and publish."""
DEFAULT_PORTS = {"http": 80, "https": 443}
_ANY_TEXT = re.compile(r"(?:([^:/?#]+):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL)
"""Scheme, host and port, path, query and fragment (RFC 3986, appendix B)."""
_PLACEHOLDER = re.compile(r"[${}<>%]|\[.+\]|__")
"""What a host name has where a template or a configuration wrote the name of a value in place of the value."""
_LABEL = re.compile(r"[\w-]+")
_LONGEST_HOST = 253
_LONGEST_LABEL = 63
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


def acceptable(origin: str) -> set[str]:
    """The origins that are meant where one is named: http and https of a host, on their usual ports."""
    scheme, _, rest = origin.partition("://")
    host, _, port = rest.rpartition(":")
    if int(port) != DEFAULT_PORTS[scheme]:
        return {origin}
    return {f"{other}://{host}:{usual}" for other, usual in DEFAULT_PORTS.items()}


def is_among(url: str, origins: Iterable[str]) -> bool:
    """Whether the URL is on the host of one of the others, over http or https."""
    try:
        return any(origin_of(url) in acceptable(origin_of(each)) for each in origins)
    except ValueError:
        return False


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
    parts = parts_of(url)
    if _wrong_port(parts):
        return ""
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = parts.port
    return f"{host}:{port}" if port and port != DEFAULT_PORTS.get(parts.scheme) else host


def path_of(url: str) -> str:
    """Path and query of an absolute URL, as written: what is the same on stage and on production."""
    return "/" + url.partition("://")[2].partition("/")[2]


class Parts(SplitResult):
    """Of any text at all: where host or port can't be read there is none, and ``netloc`` is as it was written."""

    __slots__ = ()

    @property
    def hostname(self) -> str | None:
        try:
            return urlsplit(f"//{self.netloc}").hostname
        except ValueError:
            return None

    @property
    def port(self) -> int | None:
        try:
            return urlsplit(f"//{self.netloc}").port
        except ValueError:
            return None


def parts_of(url: str) -> Parts:
    """Its parts; never raises."""
    try:
        return Parts(*urlsplit(url))
    except ValueError:
        found = _ANY_TEXT.fullmatch(url)
        assert found is not None, "it takes any text"
        return Parts(*(each or "" for each in found.groups()))


def join(base: str, written: str) -> str:
    """The address that a page at ``base`` means; what can't be read is as it was written. Never raises."""
    written = written.strip()
    if written.lower().startswith(("http://", "https://")):
        return written  # urljoin would put the host of ``base`` where there is none
    try:
        return urljoin(base, written)
    except ValueError:
        return written


def fault_of(url: str) -> str:
    """What is wrong with an absolute http(s) address, as the end of "which …"; empty where somebody can ask for it."""
    parts = parts_of(url)
    if parts.scheme not in DEFAULT_PORTS or not url[len(parts.scheme) :].startswith("://"):
        return "is no http address"
    written = parts.netloc.rpartition("@")[2]
    if not written.strip() or written.startswith(":"):
        return "names no host"
    if not _is_host(parts.hostname or ""):
        why = "a placeholder that nothing replaced" if _PLACEHOLDER.search(written) else "which is none"
        return f"names the host {written[:80]}, {why}"
    wrong = _wrong_port(parts)
    return f"names the port {wrong[:20]}, which is none" if wrong else ""


def _wrong_port(parts: Parts) -> str:
    """As it is written, where something is written and is no port."""
    _, _, host = parts.netloc.rpartition("@")
    _, colon, written = host.rpartition("]")[2].rpartition(":")
    return written if colon and parts.port is None else ""


def _is_host(name: str) -> bool:
    if ":" in name:
        return True  # in brackets, where nothing but an address of IPv6 can be read
    labels = name.removesuffix(".").split(".")
    letters = all(len(each) <= _LONGEST_LABEL and _LABEL.fullmatch(each) for each in labels)
    return letters and len(name) <= _LONGEST_HOST and "__" not in name


def is_address(url: str) -> bool:
    """Whether it is an absolute http(s) URL with a host that can be asked for."""
    return not fault_of(url)


def as_written(url: str) -> URL:
    """Only what cannot be in a request line is escaped: blanks, control characters, non-ASCII letters."""
    from yarl import URL

    return URL(quote(url, safe=_SAFE_IN_URL), encoded=True)
