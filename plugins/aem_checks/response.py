"""What came back from one request: status, headers, body, how long it took, or why nothing came?"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from threading import get_ident
from typing import TYPE_CHECKING, Any, TypeVar

from multidict import CIMultiDict, CIMultiDictProxy

from aem_checks.charsets import UTF_8, charset_of, without_mark
from aem_checks.nesting import not_too_deep
from aem_checks.recent import Recent
from aem_checks.urls import join

if TYPE_CHECKING:
    from collections.abc import Callable

    from selectolax.lexbor import LexborHTMLParser

MadeT = TypeVar("MadeT")
NO_ANSWER = 0
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAY_ASK_TO_WAIT = frozenset({429, 503})
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
    first_byte: float = 0.0
    """Seconds from sending the request to the first byte of the answer's headers."""

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
        return join(self.url, target)

    @property
    def retry_after(self) -> float:
        """Seconds that an answer of 429 or 503 asks to wait (``Retry-After``, a number or a date); 0 for none."""
        asked = self.headers.get("Retry-After", "").strip() if self.status in _MAY_ASK_TO_WAIT else ""
        if asked.isascii() and asked.isdigit():
            return float(asked[:9])
        try:
            moment = parsedate_to_datetime(asked)
        except ValueError:
            return 0.0
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - self.fetched_at).total_seconds())

    @cached_property
    def sha256(self) -> str:
        """The digest of the body in hex; it names the body's file in the evidence."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of the body, without reading it where it is kept in a file."""
        return len(self.body)

    @cached_property
    def is_too_deep(self) -> bool:
        """Whether ``document`` is only the beginning of the body."""
        return len(self.shallow) < len(self.in_utf8)

    @property
    def in_utf8(self) -> bytes:
        """The body in UTF-8, without a byte order mark: what words of a page are looked for in."""
        charset = self._charset
        if charset == UTF_8:
            return without_mark(self.body, charset)
        return self.text.encode("utf-8", "replace")

    @property
    def shallow(self) -> bytes:
        """That, up to where so many elements are inside of each other that parsing would take minutes."""
        return not_too_deep(self.in_utf8)

    def once(self, make: Callable[[Response], MadeT]) -> MadeT:
        """What ``make`` makes of it, made once for all that look at it together: nobody changes it."""
        return make(self)

    @property
    def text(self) -> str:
        """The body as text in the character set that a browser takes; what cannot be decoded is replaced."""
        return _TEXTS.get(f"{self.sha256} {self._charset}", self._decoded, 2 * self.size)

    @property
    def document(self) -> LexborHTMLParser:
        """The body parsed as HTML, shared by all that ask within a while: nobody changes it.

        Each thread has its own, since the parser is not made for several. Where thousands of elements are opened
        inside of each other, only the beginning is read: parsing takes the square of their number.
        """
        size = _OF_A_DOCUMENT + _OF_ITS_HTML * self.size
        return _DOCUMENTS.get(f"{self.sha256} {self._charset} {get_ident()}", self._parsed, size)

    def _decoded(self) -> str:
        charset = self._charset
        return without_mark(self.body, charset).decode(charset, "replace")

    def _parsed(self) -> LexborHTMLParser:
        from selectolax.lexbor import LexborHTMLParser

        return LexborHTMLParser(self.shallow)

    @property
    def _charset(self) -> str:
        return charset_of(self.headers.get("Content-Type", ""), self.body, is_html=self.is_html)


class HeldResponse(Response):
    """An answer that is being looked at: its body is read once, and text and tree are made once.

    Not for several threads at a time.
    """

    _kept: Response
    _made: dict[Any, Any]

    @classmethod
    def of(cls, response: Response) -> HeldResponse:
        """The same answer, to be looked at."""
        held = cls.__new__(cls)
        held.__dict__.update(vars(response), _kept=response, _made={})
        return held

    def once(self, make: Callable[[Response], MadeT]) -> MadeT:
        if make not in self._made:
            self._made[make] = make(self)
        return self._made[make]  # type: ignore[no-any-return]

    @cached_property
    def content_type(self) -> str:
        return super().content_type

    @cached_property
    def body(self) -> bytes:
        """The body. Raises ``BodyError`` where it has changed since it was kept."""
        return self._kept.body

    @property
    def size(self) -> int:
        return self._kept.size

    @cached_property
    def text(self) -> str:
        return self._decoded()

    @cached_property
    def document(self) -> LexborHTMLParser:
        return self._parsed()

    @cached_property
    def in_utf8(self) -> bytes:
        return super().in_utf8

    @cached_property
    def shallow(self) -> bytes:
        return super().shallow


_OF_A_DOCUMENT = 500_000
_OF_ITS_HTML = 15
"""Bytes that a parsed page takes at least, and beside them for each byte of its HTML: measured after queries."""
_DOCUMENTS: Recent[LexborHTMLParser] = Recent(12_000_000)
_TEXTS: Recent[str] = Recent(4_000_000)
