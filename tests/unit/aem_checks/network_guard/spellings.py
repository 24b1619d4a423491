"""Every way to write an address as a host that some resolver, browser or program takes for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address

METADATA = IPv4Address("169.254.169.254")
ELSEWHERE = tuple(map(IPv4Address, ("169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192")))
"""The same at other clouds: AWS for containers, Alibaba, Azure, Oracle."""
NAMES = ("metadata.google.internal", "Metadata.Google.Internal.", "metadata", "instance-data.ec2.internal")
IPV6 = ("[fd00:ec2::254]", "[FD00:0EC2::254]", "[fd20:ce::254]", "[fe80::a9fe:a9fe%25eth0]", "[fe80::1]")

Spelling = Callable[[IPv4Address], str]


def _bytes(address: IPv4Address) -> tuple[int, int, int, int]:
    first, second, third, fourth = address.packed
    return first, second, third, fourth


def _with(sign: str) -> Spelling:
    return lambda address: sign.join(map(str, _bytes(address)))


def _full_width(address: IPv4Address) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if char.isdigit() else char for char in str(address))


def _in_prefix(prefix: str, *, shift: int = 0) -> Spelling:
    return lambda address: f"[{IPv6Address(int(IPv6Address(prefix)) | int(address) << shift)}]"


def _teredo(address: IPv4Address) -> str:
    return f"[{IPv6Address(int(IPv6Address('2001:0:808:808::')) | (int(address) ^ 0xFFFFFFFF))}]"


def _nat64_of_48(address: IPv4Address) -> str:
    first, second, third, fourth = _bytes(address)
    return f"[64:ff9b:1:{first:02x}{second:02x}:{third:x}:{fourth:02x}00::]"


NUMBERS: dict[str, Spelling] = {
    "dotted": str,
    "decimal": lambda address: str(int(address)),
    "hexadecimal": lambda address: hex(int(address)),
    "octal": lambda address: f"0{int(address):o}",
    "capital hexadecimal": lambda address: f"0X{int(address):X}",
    "hexadecimal parts": lambda address: ".".join(map(hex, _bytes(address))),
    "octal parts": lambda address: ".".join(f"0{part:o}" for part in _bytes(address)),
    "long octal parts": lambda address: ".".join(f"{part:08o}" for part in _bytes(address)),
    "two parts": lambda address: f"{int(address) >> 24}.{int(address) & 0xFFFFFF}",
    "three parts": lambda address: f"{_bytes(address)[0]}.{_bytes(address)[1]}.{int(address) & 0xFFFF}",
    "mixed parts": lambda address: "{}.{:#x}.0{:o}.{}".format(*_bytes(address)),
    "dot of the root": lambda address: f"{address}.",
    "decimal with the dot of the root": lambda address: f"{int(address)}.",
    "full-width digits": _full_width,
    "ideographic dots": _with("。"),
    "half-width ideographic dots": _with("｡"),
    "soft hyphen": lambda address: str(address).replace(".", "\u00ad.", 1),
    "percent-encoded": _with("%2e"),
}
WRAPPED: dict[str, Spelling] = {
    "mapped, dotted": lambda address: f"[::ffff:{address}]",
    "mapped, hexadecimal": _in_prefix("::ffff:0:0"),
    "mapped, in full": lambda address: f"[0:0:0:0:0:FFFF:{address}]",
    "compatible": _in_prefix("::"),
    "translated": _in_prefix("::ffff:0:0:0"),
    "NAT64": _in_prefix("64:ff9b::"),
    "NAT64 of a network's own": _in_prefix("64:ff9b:1::"),
    "NAT64 of a network's own, 48 bits": _nat64_of_48,
    "6to4": _in_prefix("2002::", shift=80),
    "Teredo": _teredo,
}


def refused_hosts() -> Iterator[tuple[str, str]]:
    """A name for each case, and the host: the best-known address in every way, each other one in a few."""
    for way, spell in (NUMBERS | WRAPPED).items():
        yield way, spell(METADATA)
    for address in ELSEWHERE:
        for way in ("dotted", "decimal", "mapped, dotted"):
            yield f"{way}: {address}", (NUMBERS | WRAPPED)[way](address)
    for host in (*NAMES, *IPV6):
        yield host, host
