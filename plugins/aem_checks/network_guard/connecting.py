"""How is each connection checked at the moment at which it is made, a name that changes its address included?

The addresses that were checked are those that are connected to; the name is not asked a second time.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from aem_checks.network_guard.rule import NotAllowed, Rule

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

Lookup = Callable[[str, int], Awaitable[list[str]]]
"""From host and port to the addresses of the host; raises ``OSError``."""


async def ask_system(host: str, port: int) -> list[str]:
    """The addresses that this machine's resolver gives, each once, in its order. Raises ``OSError``."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def allowed_addresses(rule: Rule, host: str, port: int, lookup: Lookup = ask_system) -> list[str]:
    """The addresses at which a host may be contacted. One that may not be makes all of them refused.

    Raises ``NotAllowed``, and ``OSError`` for a name that can't be resolved.
    """
    rule.require_host(host, port)
    addresses = await lookup(host, port)
    for address in addresses:
        rule.require_address(host, address)
    return addresses


def guarded_resolver(rule: Rule, *, proxies: bool) -> AbstractResolver:
    """A resolver for aiohttp that returns only addresses which the rule allows, else raises ``NotAllowed``.

    With ``proxies`` it also finds the proxies that ``HTTP_PROXY`` and ``HTTPS_PROXY`` name. What such a proxy
    connects to is the proxy's business: its own name resolution is not seen here.
    """
    from aiohttp.resolver import ThreadedResolver

    trusted = _proxy_hosts() if proxies else frozenset()

    class Guarded(ThreadedResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[Any]:
            found = await super().resolve(host, port, family)
            if host not in trusted:
                for each in found:
                    rule.require_address(host, each["host"])
            return found

    return Guarded()


def _proxy_hosts() -> frozenset[str]:
    names = (urlsplit(url if "://" in url else f"//{url}").hostname for url in getproxies().values())
    return frozenset(name for name in names if name)


__all__ = ["Lookup", "NotAllowed", "allowed_addresses", "ask_system", "guarded_resolver"]
