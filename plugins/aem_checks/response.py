"""What came back from one request: status, headers, body, how long it took, or why nothing came?"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from multidict import CIMultiDict, CIMultiDictProxy

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser

NO_ANSWER = 0
REDIRECTS = frozenset({301, 302, 303, 307, 308})
HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})


def make_headers(pairs: Any = ()) -> CIMultiDictProxy[str]:
    """Headers that are looked up without regard to case and may occur more than once (``getall``)."""
    return CIMultiDictProxy(CIMultiDict(pairs))


@dataclass(frozen=True, eq=False)
class Response:
    """One answer, or the lack of one. Errors of the network are values here, never exceptions."""

    url: str
    """As it was requested, with the cache-buster if there was one."""
    status: int
    """The HTTP status; 0 (``NO_ANSWER``) when no status line arrived."""
    headers: CIMultiDictProxy[str] = field(default_factory=make_headers, repr=False)
    body: bytes = field(default=b"", repr=False)
    """Decompressed, at most the client's limit (10 MB unless set), see ``truncated``."""
    elapsed: float = 0.0
    """Seconds from sending the request to the last byte, waiting for the rate limit not included."""
    error: str | None = None
    """Why there is no answer or no whole body, as the end of a sentence; ``None`` when all arrived."""
    truncated: bool = False
    """The body was longer than the client reads."""
    fetched_at: datetime = field(default_factory=lambda: datetime.now(UTC), repr=False)
    method: str = "GET"

    @property
    def answered(self) -> bool:
        """A status line arrived; the body may still be incomplete (``error``)."""
        return self.status != NO_ANSWER

    @property
    def ok(self) -> bool:
        """Status 200 to 299 and a body that arrived whole."""
        return 200 <= self.status < 300 and self.error is None

    @property
    def content_type(self) -> str:
        """The media type in lower case without parameters; empty when the header is missing."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def is_html(self) -> bool:
        return self.content_type in HTML_TYPES

    @property
    def is_json(self) -> bool:
        return self.content_type == "application/json" or self.content_type.endswith("+json")

    @property
    def location(self) -> str | None:
        """Where a redirect leads, as an absolute URL; ``None`` when this is no redirect."""
        target = self.headers.get("Location")
        if self.status not in REDIRECTS or not target:
            return None
        try:
            return urljoin(self.url, target.strip())
        except ValueError:
            return target

    @cached_property
    def sha256(self) -> str:
        """The digest of the body in hex; it names the body's file in the evidence."""
        return hashlib.sha256(self.body).hexdigest()

    @cached_property
    def text(self) -> str:
        """The body as text in its declared character set, else UTF-8; what cannot be decoded is replaced."""
        charset = self._charset
        try:
            return self.body.decode(charset, "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")

    @cached_property
    def document(self) -> LexborHTMLParser:
        """The body parsed as HTML, once for all checks that ask."""
        from selectolax.lexbor import LexborHTMLParser

        is_utf8 = self._charset.lower() in {"utf-8", "utf8"}
        return LexborHTMLParser(self.body if is_utf8 else self.text)

    @property
    def _charset(self) -> str:
        for parameter in self.headers.get("Content-Type", "").split(";")[1:]:
            name, _, value = parameter.partition("=")
            if name.strip().lower() == "charset":
                return value.strip().strip("\"'") or "utf-8"
        return "utf-8"
