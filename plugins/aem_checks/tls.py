"""Which certificate does a host show, does it hold for that host, and until when?"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aem_checks.network_guard.connecting import allowed_addresses
from aem_checks.network_guard.outer_proxy import outer_proxy, tunnel

if TYPE_CHECKING:
    from aem_checks.network_guard.rule import Rule


@dataclass(frozen=True, slots=True)
class Certificate:
    """What one handshake said. Exactly one of ``ends`` and ``problem`` is set."""

    ends: datetime | None = None
    """When it stops being valid."""
    problem: str = ""
    """Why there is none that holds for the host, as the end of a sentence."""
    refused: bool = False
    """Whether ``problem`` is about the certificate itself, not about reaching the host."""


async def read_certificate(host: str, port: int, rule: Rule, *, seconds: float = 10.0) -> Certificate:
    """Make one TLS handshake with a host that ``rule`` allows, trusting what this machine trusts.

    Nothing is sent but the handshake. It goes through the proxy that ``HTTPS_PROXY`` names, if one does.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _handshake(host, port, rule)
    except ssl.SSLCertVerificationError as error:
        return Certificate(problem=error.verify_message.rstrip("."), refused=True)
    except ssl.SSLError as error:
        return Certificate(problem=f"the TLS handshake failed ({error.reason or error})")
    except TimeoutError:
        return Certificate(problem=f"no TLS handshake within {seconds:g} s")
    except OSError as error:
        return Certificate(problem=f"no connection ({error.strerror or error})")


async def _handshake(host: str, port: int, rule: Rule) -> Certificate:
    proxy = outer_proxy("https", host)
    if proxy is not None:
        rule.require_host(host, port)
        _, writer = await tunnel(proxy, host, port)
    else:
        addresses = await allowed_addresses(rule, host, port)
        _, writer = await asyncio.open_connection(addresses[0], port)
    try:
        await writer.start_tls(ssl.create_default_context(), server_hostname=host)
        shown = writer.get_extra_info("peercert") or {}
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    ends = ssl.cert_time_to_seconds(shown["notAfter"])
    return Certificate(ends=datetime.fromtimestamp(ends, UTC))
