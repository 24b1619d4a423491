"""Which proxy does the deployment put between here and a host, and how is a tunnel asked of it?

``HTTP_PROXY``, ``HTTPS_PROXY`` and ``NO_PROXY`` of the worker say so; this machine itself is asked without one.
What a proxy connects to is the proxy's business: it resolves the names, so that only names and written addresses
can be refused here.
"""

from __future__ import annotations

import asyncio
import base64
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from aem_checks.network_guard.address import is_this_machine

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def outer_proxy(scheme: str, host: str) -> SplitResult | None:
    """The proxy for a request to ``host``; ``None`` where it is connected to from here."""
    url = getproxies().get(scheme)
    if not url or is_this_machine(host) or proxy_bypass(host):
        return None
    return urlsplit(url if "://" in url else f"http://{url}")


async def connected_proxy(proxy: SplitResult) -> Streams:
    """A connection to the proxy itself. Raises ``OSError``."""
    secure = proxy.scheme == "https"
    return await asyncio.open_connection(proxy.hostname, proxy.port or (443 if secure else 80), ssl=secure)


async def tunnel(proxy: SplitResult, host: str, port: int) -> Streams:
    """A tunnel through the proxy to a host. Raises ``OSError`` where the proxy gives none."""
    reader, writer = await connected_proxy(proxy)
    place = f"{f'[{host}]' if ':' in host else host}:{port}".encode()
    writer.write(b"CONNECT " + place + b" HTTP/1.1\r\nHost: " + place + b"\r\n" + login(proxy) + b"\r\n")
    try:
        answer = await reader.readuntil(b"\r\n\r\n")
        if answer.split()[1:2] != [b"200"]:
            said = answer.partition(b"\r\n")[0].decode("ascii", "replace")[:100]
            raise OSError(f"the proxy {proxy.hostname} gave no tunnel, it answers {said!r}")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        writer.close()
        raise OSError(f"the proxy {proxy.hostname} gave no tunnel and no answer") from error
    except BaseException:
        writer.close()
        raise
    return reader, writer


def login(proxy: SplitResult) -> bytes:
    """The header line with the proxy's own user and password; nothing where it has none."""
    if proxy.username is None:
        return b""
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
    return b"Proxy-Authorization: Basic " + base64.b64encode(pair) + b"\r\n"
