"""Which host may be contacted, and at which address?

A host is contacted when a gate file names it: as an address of a site, or under ``allow_hosts``. Whatever a name
resolves to has to be a public address, or a page could make the gate ask a printer in the next room. Exceptions are
written down: an address that the gate file names itself as a number, or ``private: true`` for one of the site's own
addresses. What ``address`` calls closed, such as the metadata service of a cloud, no gate file can open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aem_checks.network_guard.address import (
    closed_because,
    is_public,
    parsed,
    plain_name,
    refused_spelling,
)
from aem_checks.urls import DEFAULT_PORTS

if TYPE_CHECKING:
    from aem_checks.sites import SiteConfig

_USUAL_PORTS = frozenset(DEFAULT_PORTS.values())
_AS_HTTP = {"ws": "http", "wss": "https"}


class NotAllowed(OSError):
    """A host or address that must not be contacted; the message is the end of a sentence and says what to do."""


@dataclass(frozen=True)
class Rule:
    """Names with the ports that may be asked there; a name beginning with ``*.`` stands for all below it."""

    ports: Mapping[str, frozenset[int]]
    private: frozenset[str] = field(default_factory=frozenset)
    """Names that may resolve to a private address."""

    @classmethod
    def of(cls, urls: Iterable[str], allow_hosts: Iterable[str] = (), private: Iterable[str] = ()) -> Rule:
        """The rule for some URLs and for hosts written as ``name``, ``name:port`` or ``*.name``."""
        ports: dict[str, frozenset[int]] = {}
        for written in (*urls, *(f"//{host}" for host in allow_hosts)):
            parts = urlsplit(written)
            port = parts.port or DEFAULT_PORTS.get(parts.scheme, 443)
            name = plain_name(parts.hostname or "")
            both = _USUAL_PORTS if port in _USUAL_PORTS and not (parts.port and not parts.scheme) else {port}
            ports[name] = ports.get(name, frozenset()) | both
        return cls(ports, frozenset(plain_name(urlsplit(url).hostname or "") for url in private))

    @classmethod
    def for_site(cls, site: SiteConfig) -> Rule:
        """The site's own addresses and its ``allow_hosts``."""
        urls = {url: each for each in site.endpoints for url in (each.url, each.origin) if url}
        return cls.of(urls, site.allow_hosts, [url for url, each in urls.items() if each.private])

    def allows(self, host: str, port: int) -> bool:
        """Whether a gate file names this host with this port."""
        name = plain_name(host)
        return port in self.ports.get(name, ()) or any(
            port in self.ports.get(f"*.{above}", ()) for above in _above(name)
        )

    def allows_url(self, url: str) -> bool:
        """Whether the host of an absolute URL may be contacted; ``False`` for what is none."""
        try:
            parts = urlsplit(url)
            port = parts.port or DEFAULT_PORTS.get(_AS_HTTP.get(parts.scheme, parts.scheme), 0)
        except ValueError:
            return False
        return parts.hostname is not None and self.allows(parts.hostname, port)

    def require_host(self, host: str, port: int) -> None:
        """Raise ``NotAllowed`` for a host that no gate file names, or none can, as far as its spelling tells."""
        if not self.allows(host, port):
            raise NotAllowed(
                f"{host[:200]}:{port} is no address of this site, so it is not contacted; where it belongs to "
                "the site, name it under 'allow_hosts'"
            )
        if why := refused_spelling(host):
            raise NotAllowed(
                f"{host[:200]} {why}, so it is not contacted; write the site's own name or address"
            )

    def require_address(self, host: str, address: str) -> None:
        """Raise ``NotAllowed`` when ``host`` must not be contacted at this address, to which it resolved."""
        name, found = plain_name(host), parsed(address)
        if found is None:
            raise NotAllowed(f"{host[:200]} resolves to {address[:80]!r}, which is no IP address")
        if closed := closed_because(found):
            raise NotAllowed(
                f"{host[:200]} resolves to {found}, which is {closed}, so it is not contacted, whatever the gate file "
                "says; correct the name's DNS entry"
            )
        named = parsed(name) == found or (name == "localhost" and found.is_loopback) or name in self.private
        if not named and not is_public(found):
            raise NotAllowed(
                f"{host[:200]} resolves to {found}, which is no public address, so it is not contacted; where "
                "that is meant, write 'private: true' for this address of the site in the gate file"
            )


def _above(name: str) -> list[str]:
    labels = name.split(".")
    return [".".join(labels[start:]) for start in range(1, len(labels))]
