"""Which host may be contacted, and at which address?

A host is contacted when a gate file names it: as an address of a site, or under ``allow_hosts``. Whatever a name
resolves to has to be a public address, or a page could make the gate ask the metadata service of its cloud or a
printer in the next room. Exceptions are written down: an address that the gate file names itself as a number, or
``private: true`` for one of the site's own addresses. Link-local addresses are never open by ``private``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aem_checks.urls import DEFAULT_PORTS

if TYPE_CHECKING:
    from aem_checks.sites import SiteConfig

IpAddress = IPv4Address | IPv6Address
_USUAL_PORTS = frozenset(DEFAULT_PORTS.values())
_TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
"""Prefixes behind which a network hides IPv4 addresses (RFC 6052, RFC 8215)."""


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
            name = _name(parts.hostname or "")
            both = _USUAL_PORTS if port in _USUAL_PORTS and not (parts.port and not parts.scheme) else {port}
            ports[name] = ports.get(name, frozenset()) | both
        return cls(ports, frozenset(_name(urlsplit(url).hostname or "") for url in private))

    @classmethod
    def for_site(cls, site: SiteConfig) -> Rule:
        """The site's own addresses and its ``allow_hosts``."""
        endpoints = [each for each in (site.stage, site.production, site.author) if each is not None]
        urls = {url: each for each in endpoints for url in (each.url, each.origin) if url}
        return cls.of(urls, site.allow_hosts, [url for url, each in urls.items() if each.private])

    def allows(self, host: str, port: int) -> bool:
        """Whether a gate file names this host with this port."""
        name = _name(host)
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
        return bool(parts.hostname) and self.allows(parts.hostname or "", port)

    @property
    def is_local(self) -> bool:
        """Whether every host is this machine itself, written as such."""
        return all(name == "localhost" or _is_loopback(name) for name in self.ports)

    def require_host(self, host: str, port: int) -> None:
        """Raise ``NotAllowed`` for a host that no gate file names."""
        if not self.allows(host, port):
            raise NotAllowed(
                f"{host[:200]}:{port} is no address of this site, so it is not contacted; where it belongs to "
                "the site, name it under 'allow_hosts'"
            )

    def require_address(self, host: str, address: str) -> None:
        """Raise ``NotAllowed`` when ``host`` must not be contacted at this address, to which it resolved."""
        name = _name(host)
        found = _parse(address)
        if found is None:
            raise NotAllowed(f"{host[:200]} resolves to {address[:80]!r}, which is no IP address")
        seen = _behind(found)
        literal = _parse(name)
        if literal is not None and literal == found:
            return
        if name == "localhost" and found.is_loopback:
            return
        if _is_public(seen):
            return
        if name in self.private and _is_private(seen):
            return
        raise NotAllowed(
            f"{host[:200]} resolves to {found}, which is no public address, so it is not contacted; where that "
            "is meant, write 'private: true' for this address of the site in the gate file"
        )


_AS_HTTP = {"ws": "http", "wss": "https"}


def _name(host: str) -> str:
    return host.strip("[]").rstrip(".").lower()


def _above(name: str) -> list[str]:
    labels = name.split(".")
    return [".".join(labels[start:]) for start in range(1, len(labels))]


def _parse(text: str) -> IpAddress | None:
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _behind(address: IpAddress) -> IpAddress:
    """The IPv4 address that an IPv6 address stands for, where it stands for one."""
    if isinstance(address, IPv4Address):
        return address
    if any(address in network for network in _TRANSLATED):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address


def _is_loopback(name: str) -> bool:
    address = _parse(name)
    return address is not None and address.is_loopback


def _is_public(address: IpAddress) -> bool:
    closed = address.is_multicast or address in _METADATA or any(address in each for each in _NEVER_PUBLIC)
    return address.is_global and not closed


def _is_private(address: IpAddress) -> bool:
    closed = address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved
    return not closed and address not in _METADATA


_METADATA = frozenset(map(ip_address, ("fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16")))
"""Where clouds answer with credentials outside of the link-local range: AWS, Alibaba, Oracle, Azure."""
_NEVER_PUBLIC = tuple(
    map(ip_network, ("192.0.0.0/24", "::/96", "::ffff:0:0:0/96", "fec0::/10", "5f00::/16", "3fff::/20"))
)
"""What ``is_global`` of this Python does not know: for protocols, IPv4 inside of IPv6, site-local, for examples."""
