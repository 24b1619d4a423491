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
EVENTS_URL = "https://events-va6.adobe.io"
EVENT_KEYS_URL = "https://static.adobeioevents.com"
EVENT_VALIDATION_URL = "https://csm.adobe.io/csm/registrations/validate"


@dataclass(frozen=True, slots=True)
class Settings:
    """The deployment's ``[adobe_cloud_manager]`` section, checked."""

    api_url: str = API_URL
    ims_url: str = IMS_URL
    requests_per_minute: int = REQUESTS_PER_MINUTE
    events_url: str = EVENTS_URL
    event_keys_url: str = EVENT_KEYS_URL
    event_validation_url: str = EVENT_VALIDATION_URL
    limits: str = ""
    """URL of the Redis in which all machines keep one budget; empty where each process has its own."""

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
            events_url=base_url("events_url", conf.get(SECTION, "events_url", fallback=EVENTS_URL)),
            event_keys_url=base_url(
                "event_keys_url", conf.get(SECTION, "event_keys_url", fallback=EVENT_KEYS_URL)
            ),
            event_validation_url=page_url(
                "event_validation_url",
                conf.get(SECTION, "event_validation_url", fallback=EVENT_VALIDATION_URL),
            ),
            limits=store_url("limits", conf.get(SECTION, "limits", fallback=""), SECTION),
        )


def base_url(option: str, value: str) -> str:
    """``https://host[:port]``; ``http://`` only for this machine. Raises ``InvalidRequest``."""
    url = value.strip().rstrip("/")
    if not _is_allowed(url) or urlsplit(url).path:
        raise _unusable(option, "https://HOST without path or user")
    return url


def page_url(option: str, value: str) -> str:
    """``https://host[:port]/path``, under the same rule. Raises ``InvalidRequest``."""
    url = value.strip()
    if not _is_allowed(url) or not urlsplit(url).path.strip("/"):
        raise _unusable(option, "https://HOST/PATH without query or user")
    return url


def store_url(option: str, value: str | None, section: str) -> str:
    """``redis://HOST…``, ``rediss://HOST…`` or ``unix://PATH``; may be empty. Raises ``InvalidRequest``, which quotes nothing."""
    url = (value or "").strip()
    if url and not url.startswith(("redis://", "rediss://", "unix://")):
        raise InvalidRequest(
            f"[{section}] {option} is not usable: give redis://[:PASSWORD@]HOST:PORT/NUMBER, or nothing."
        )
    return url


def _is_allowed(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    encrypted = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
    extras = parts.query or parts.fragment or parts.username or parts.password
    return bool(encrypted and parts.hostname and not extras)


def _unusable(option: str, remedy: str) -> InvalidRequest:
    return InvalidRequest(
        f"[{SECTION}] {option} is not usable: give {remedy} "
        "(http:// is accepted for 127.0.0.1 and localhost only)."
    )


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
