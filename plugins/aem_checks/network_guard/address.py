"""Which address does a host's spelling mean, is that address public, and is it one that nobody may ask?

A host can be spelled in many ways that resolvers, Chromium and programs take for one: ``169.254.169.254`` is also
``2852039166``, ``0xa9fea9fe``, ``169.254.43518`` and ``[::ffff:a9fe:a9fe]``. Only the usual notation of an address is
taken here, so that what a person reads in a gate file is what is contacted.
"""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import unquote

IpAddress = IPv4Address | IPv6Address
_OF_A_CLOUD = "the metadata service of a cloud"
_METADATA_NAMES = frozenset(
    (
        *("metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"),
        *("metadata.azure.internal", "metadata.tencentyun.com", "rancher-metadata"),
    )
)  # fmt: skip
"""Names of the metadata services of clouds, for a proxy that resolves names where nobody here sees it."""
_METADATA = tuple(
    map(
        ip_network,
        (
            *("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::/32", "fd20:ce::254"),
            *("fd00:c1::a9fe:a9fe", "fd00:42::42", "fd00:a9fe:a9fe::1", "fd00:100::100:200"),
        ),
    )
)  # fmt: skip
"""Where clouds answer with credentials outside of the link-local range: Alibaba, Azure, Oracle, AWS, Google, Oracle,
Scaleway, Akamai, Alibaba."""
_NEVER_PUBLIC = tuple(
    map(ip_network, ("192.0.0.0/24", "::/96", "::ffff:0:0:0/96", "fec0::/10", "5f00::/16", "3fff::/20"))
)
"""What ``is_global`` of this Python does not know: for protocols, IPv4 inside of IPv6, site-local, for examples."""
_THIS_NETWORK = ip_network("0.0.0.0/8")
_ENDS_IN_32_BITS = tuple(map(IPv6Network, ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")))
"""IPv4-compatible, -mapped and -translated addresses, and the usual prefix of NAT64 (RFC 4291, 2765, 6052)."""
_LOCAL_NAT64 = IPv6Network("64:ff9b:1::/48")
_PLACES_IN_NAT64 = ((12, 13, 14, 15), (9, 10, 11, 12), (7, 9, 10, 11), (6, 7, 9, 10))
"""The bytes of the IPv4 address for prefixes of 96, 64, 56 and 48 bits (RFC 6052, section 2.2; RFC 8215)."""
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
"""What Chromium and the system's resolver take for an address rather than a name: its last part is a number."""


def plain_name(host: str) -> str:
    """A host as it is looked up: in ASCII and lower case, without brackets, zone and the dot of the root."""
    name = unquote(host).strip("[]").lower()
    with suppress(UnicodeError):
        name = name.encode("idna").decode()
    name = name.rstrip(".")
    return str(parsed(name) or name) if ":" in name else name


def parsed(text: str) -> IpAddress | None:
    """The address in its usual notation, a zone left out; ``None`` for anything else."""
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None


def is_number(name: str) -> bool:
    """Whether a plain name is an address in some notation, and so is never looked up."""
    return ":" in name or _NUMBER.fullmatch(name) is not None


def is_this_machine(host: str) -> bool:
    """Whether a host is this machine itself, written as such."""
    name = plain_name(host)
    address = parsed(name)
    return name == "localhost" or (address is not None and address.is_loopback)


def refused_spelling(host: str) -> str:
    """Why a host is never contacted, as far as its spelling tells: the end of a sentence, empty where it may be."""
    name = plain_name(host)
    if name in _METADATA_NAMES:
        return f"is {_OF_A_CLOUD}"
    if not is_number(name):
        return ""
    address = parsed(name)
    if address is None:
        meant = _meant_by(name)
        return f"is another way to write {meant}" if meant else "is neither an address nor a name"
    closed = closed_because(address)
    return f"is {closed}" if closed else ""


def _meant_by(name: str) -> str:
    """The usual notation of an address in parts, hexadecimal, octal or decimal; empty for what is none."""
    try:
        return socket.inet_ntoa(socket.inet_aton(name))
    except (OSError, ValueError):
        return ""


def closed_because(address: IpAddress) -> str:
    """What an address is that nobody may ask, whatever a gate file says; empty for any other one."""
    readings = _readings(address)
    for each in (address, *readings):
        if each.is_link_local:
            return "link-local, where clouds hand out credentials"
        if any(each in network for network in _METADATA):
            return _OF_A_CLOUD
    meant = readings[0] if readings else address
    if meant.is_multicast or meant.is_reserved or meant in _THIS_NETWORK:
        return "" if address.is_loopback else "no address of one host"
    return ""


def is_public(address: IpAddress) -> bool:
    """Whether everybody may be asked there; what an address stands for counts."""
    meant = next(iter(_readings(address)), address)
    closed = any(address in network or meant in network for network in _NEVER_PUBLIC)
    return meant.is_global and not closed and not closed_because(address)


def _readings(address: IpAddress) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses for which a network may take an IPv6 address, the likeliest first; none for a plain one."""
    if isinstance(address, IPv4Address):
        return ()
    if any(address in network for network in _ENDS_IN_32_BITS):
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    if address in _LOCAL_NAT64:
        return tuple(IPv4Address(bytes(address.packed[at] for at in places)) for places in _PLACES_IN_NAT64)
    if address.sixtofour:
        return (address.sixtofour,)
    return (address.teredo[1], address.teredo[0]) if address.teredo else ()
