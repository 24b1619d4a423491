"""What does a site answer to this machine, and from which address is it asked?"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

MAX_BYTES = 5 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SiteAnswer:
    """What came back, or why nothing did. ``status`` is 0 without an answer."""

    url: str
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: bytes = b""
    error: str = ""

    @property
    def date(self) -> datetime | None:
        """The clock of the server."""
        try:
            return parsedate_to_datetime(self.headers["date"])
        except (KeyError, ValueError):
            return None


def ask(url: str, headers: Mapping[str, str] | None = None, *, seconds: float = 15.0) -> SiteAnswer:
    """GET one URL once, following no redirect, reading at most 5 MB. Never raises for what the network does.

    ``headers`` may hold credentials; they appear in no message.
    """
    import requests

    from aem_checks.client import USER_AGENT

    session = requests.Session()
    session.trust_env = False  # no credentials of ~/.netrc
    session.proxies.update(_proxies(url))
    try:
        with session.get(
            url,
            headers={"User-Agent": USER_AGENT, **(headers or {})},
            timeout=seconds,
            allow_redirects=False,
            stream=True,
        ) as response:
            body = response.raw.read(MAX_BYTES, decode_content=True)
            found = {name.lower(): value for name, value in response.headers.items()}
            return SiteAnswer(url, response.status_code, found, body)
    except (requests.RequestException, OSError, ValueError) as error:
        return SiteAnswer(url, error=_plain_reason(error))
    except Exception as error:  # noqa: BLE001 - urllib3 raises its own tree while a body is read
        return SiteAnswer(url, error=_plain_reason(error))
    finally:
        session.close()


def _proxies(url: str) -> dict[str, str]:
    """The proxy that the environment names for this address; none on this machine."""
    from requests.utils import get_environ_proxies

    local = (urlsplit(url).hostname or "") in ("localhost", "127.0.0.1", "::1")
    return {} if local else dict(get_environ_proxies(url, no_proxy=None))


def source_address(url: str) -> str:
    """The address of this machine from which ``url`` is reached; empty where no route exists.

    Behind a router or proxy the site sees another one.
    """
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 443)
    try:
        with socket.socket(_family(parts.hostname or "", port), socket.SOCK_DGRAM) as unconnected:
            unconnected.connect((parts.hostname, port))
            return str(unconnected.getsockname()[0])
    except OSError:
        return ""


def _family(host: str, port: int) -> socket.AddressFamily:
    return socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0][0]


def _plain_reason(error: BaseException) -> str:
    """The innermost cause in a few words, without the library's wrapping."""
    name = type(error).__name__
    reasons = {
        "ConnectTimeout": "no connection within the time limit",
        "ReadTimeout": "no answer within the time limit",
        "SSLError": "the certificate or the TLS handshake was refused",
        "InvalidURL": "the address is invalid",
    }
    if name in reasons:
        return reasons[name]
    text = str(error)
    if "resolve" in text or "Name or service" in text or "getaddrinfo" in text:
        return "the host name is unknown"
    if "refused" in text:
        return "the connection was refused"
    return f"the connection failed ({name})"
