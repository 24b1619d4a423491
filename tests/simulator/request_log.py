"""Which requests came in? A record of each, with raw headers; real-looking secrets are left out."""

from __future__ import annotations

import base64
import contextlib
import re
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from simulator.scenario import SIMULATED

_SECRET_FIELDS = re.compile(r"((?:client_secret|jwt_token|password)=)(?!simulated)[^&\s]+")


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request as it was sent: path with query, headers in order and spelling of the wire."""

    service: str
    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    at: float

    def header(self, name: str) -> str | None:
        """The first header of that name in any spelling; None when it was not sent."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def as_json(self) -> dict[str, Any]:
        return {
            "service": self.service,
            "method": self.method,
            "path": self.path,
            "headers": [list(pair) for pair in self.headers],
            "body": self.body.decode("utf-8", "replace"),
            "at": self.at,
        }


async def record(service: str, request: web.Request, at: float) -> RecordedRequest:
    """Read the request completely and take it down; credentials that look real become `***`."""
    headers = tuple(
        _header(key.decode("latin-1"), value.decode("latin-1")) for key, value in request.raw_headers
    )
    body = _SECRET_FIELDS.sub(r"\1***", (await request.read()).decode("latin-1")).encode("latin-1")
    path = _SECRET_FIELDS.sub(r"\1***", request.raw_path)
    return RecordedRequest(service, request.method, path, headers, body, at)


def _header(name: str, value: str) -> tuple[str, str]:
    if name.lower() == "authorization" and not _is_simulated(value):
        return name, "***"
    return name, value


def _is_simulated(authorization: str) -> bool:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "basic":
        with contextlib.suppress(ValueError):
            value = base64.b64decode(value).decode("latin-1")
    return value.startswith(SIMULATED)
