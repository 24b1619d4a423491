"""What is asked of the simulated site and what it answers: two plain values, passed from layer to layer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

CONTENT_ROOT = "/content/larkfell"


@dataclass(frozen=True, slots=True)
class Ask:
    """A request. ``path`` is as sent, neither decoded nor normalised; header names are in lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def public_path(self) -> str:
        """The short path that visitors know, for a page asked for by its repository path too."""
        return self.path.removeprefix(CONTENT_ROOT) or "/"

    def moved_to(self, path: str) -> Ask:
        return replace(self, path=path)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. Header names are in lower case; ``delay`` is in seconds, before the first byte."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    delay: float = 0.0

    @property
    def is_html(self) -> bool:
        return self.headers.get("content-type", "").startswith("text/html")

    def with_headers(self, **headers: str) -> Reply:
        """The same answer with these headers set; an underscore in a name stands for a hyphen."""
        renamed = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **renamed})

    def without_header(self, name: str) -> Reply:
        return replace(self, headers={key: value for key, value in self.headers.items() if key != name})

    def with_body(self, body: bytes) -> Reply:
        return replace(self, body=body)


def html(body: str | bytes, status: int = 200) -> Reply:
    raw = body.encode() if isinstance(body, str) else body
    return Reply(status, {"content-type": "text/html;charset=utf-8"}, raw)


def as_json(value: Any, status: int = 200) -> Reply:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return Reply(status, {"content-type": "application/json;charset=utf-8"}, body)


def text(body: str, status: int = 200, content_type: str = "text/plain;charset=utf-8") -> Reply:
    return Reply(status, {"content-type": content_type}, body.encode())


def redirect(location: str, status: int) -> Reply:
    return Reply(status, {"content-type": "text/html;charset=iso-8859-1", "location": location})
