"""How is each connection checked at the moment at which it is made, a name that changes its address included?

The addresses that were checked are those that are connected to; the name is not asked a second time.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from aem_checks.network_guard.rule import Rule

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


def guarded_resolver(rule: Rule, proxies: frozenset[str]) -> AbstractResolver:
    """A resolver for aiohttp that returns only addresses which the rule allows, else raises ``NotAllowed``.

    It finds ``proxies`` too, the hosts of those through which requests are sent (``outer_proxy``). Hosts that are
    written as addresses never come here: ``Rule.require_host`` is asked about them.
    """
    from aiohttp.resolver import ThreadedResolver

    class Guarded(ThreadedResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[Any]:
            if host not in proxies:
                rule.require_host(host, port)
            found = await super().resolve(host, port, family)
            if host not in proxies:
                for each in found:
                    rule.require_address(host, each["host"])
            return found

    return Guarded()
