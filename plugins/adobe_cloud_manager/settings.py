"""Which Cloud Manager and IMS does this deployment talk to, and how often? No connection decides it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from adobe_cloud_manager.exceptions import InvalidRequest

SECTION = "adobe_cloud_manager"
API_URL = "https://cloudmanager.adobe.io"
IMS_URL = "https://ims-na1.adobelogin.com"
REQUESTS_PER_MINUTE = 120


@dataclass(frozen=True, slots=True)
class Settings:
    """The deployment's ``[adobe_cloud_manager]`` section, checked."""

    api_url: str = API_URL
    ims_url: str = IMS_URL
    requests_per_minute: int = REQUESTS_PER_MINUTE

    @classmethod
    def load(cls) -> Settings:
        """Read Airflow's configuration. Raises ``InvalidRequest``, naming option and remedy."""
        from airflow.sdk.configuration import conf

        return cls(
            api_url=base_url("api_url", conf.get(SECTION, "api_url", fallback=API_URL)),
            ims_url=base_url("ims_url", conf.get(SECTION, "ims_url", fallback=IMS_URL)),
            requests_per_minute=_whole_number(
                "requests_per_minute", conf.get(SECTION, "requests_per_minute", fallback=REQUESTS_PER_MINUTE)
            ),
        )


def base_url(option: str, value: str) -> str:
    """``https://host[:port]``; ``http://`` only for this machine. Raises ``InvalidRequest``."""
    url = value.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    allowed = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    bare = not (parts.path or parts.query or parts.fragment or parts.username or parts.password)
    if not (allowed and bare and parts.hostname):
        raise InvalidRequest(
            f"[{SECTION}] {option} is not usable: give https://HOST without path or user "
            "(http:// is accepted for 127.0.0.1 and localhost only)."
        )
    return url


def _whole_number(option: str, value: object) -> int:
    text = str(value).strip()
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    raise InvalidRequest(f"[{SECTION}] {option} is not usable: give a whole number from 1 on.")


def is_loopback(host: str) -> bool:
    """Whether the host is this machine, judged by its name alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
