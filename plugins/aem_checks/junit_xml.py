"""What of a report file can be read as XML, without trusting it?

A reporter that copies coloured output of a terminal into its XML writes characters there which XML forbids. They are
replaced, never dropped: what stood on both sides of one must not become markup.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Any

from lxml import etree

MAX_REPORT_BYTES = 32 * 1024 * 1024
MARK = "\x7f"
"""What stands for a character that XML forbids: a control character, too, but one that XML allows."""
_LONG_TEXT = 10_000_000
"""Characters of one text up to which the parser keeps its own limits."""
_SIP = 256
"""Bytes in which the parser is led up to the root element, and not far beyond."""
_READ_AS = frozenset({"utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1252"})
"""Encodings in which a control character can't be half of something else."""
_DECLARED = re.compile(
    rb"""^(?:\xef\xbb\xbf)?\s*<\?xml\b[^>]{0,200}?\bencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']"""
)
_FORBIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]"
    "|&#0*(?:[0-8]|1[124-9]|2[0-9]|3[01]);|&#x0*(?:[0-8bcefBCEF]|1[0-9a-fA-F]);"
)
_COLOUR = re.compile(rf"(?:{MARK}|&(?:amp)?#27;|#x1[bB])\[[0-9;:]*[A-Za-z]|{MARK}")


class ReportError(ValueError):
    """The file claims to be a test report, or cannot be read at all; what it says is not to be trusted."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """The root element of a file, and how many characters had to be replaced to read it."""

    root: Any
    replaced: int = 0


def parse(data: bytes) -> Parsed:
    """Raises ``ReportError`` for what is larger than ``MAX_REPORT_BYTES`` or no XML, even without forbidden characters."""
    if len(data) > MAX_REPORT_BYTES:
        raise ReportError(f"it is larger than {MAX_REPORT_BYTES // 1024 // 1024} MiB")
    try:
        return Parsed(_root(data))
    except (etree.XMLSyntaxError, ValueError) as error:
        return _without_forbidden(data, error)


def readable(text: str) -> str:
    """A text of a report without colours, as they are or as Surefire and pytest write them, and without marks."""
    return _COLOUR.sub("", text)


def _without_forbidden(data: bytes, error: Exception) -> Parsed:
    text, replaced = _mended(data)
    if not replaced:
        raise ReportError(f"it is not well-formed XML: {error}") from error
    try:
        return Parsed(_root(text.encode(), "utf-8"), replaced)
    except (etree.XMLSyntaxError, ValueError) as again:
        raise ReportError(
            f"it has {replaced} control characters, such as colours for a terminal, and is not well-formed XML without "
            f"them either: {again}; switch the reporter's colours off, with NO_COLOR: '1' and FORCE_COLOR: '0' under "
            "'environment:'"
        ) from again


def _mended(data: bytes) -> tuple[str, int]:
    """The text with a mark for each character that XML forbids, and their number; 0 where it can't be told safely."""
    declared = _DECLARED.match(data)
    try:
        codec = codecs.lookup(declared.group(1).decode() if declared else "utf-8").name
    except LookupError:
        return "", 0
    if codec not in _READ_AS or data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "", 0
    text = data.removeprefix(codecs.BOM_UTF8).decode(codec, errors="replace")
    return _FORBIDDEN.subn(MARK, text)


def _root(data: bytes, encoding: str | None = None) -> Any:
    """Raises ``etree.XMLSyntaxError``, and ``ValueError`` for what the parser refuses otherwise.

    Only a file that is long, and has no document type whose entities could grow, is read without the parser's limits.
    """
    long = len(data) > _LONG_TEXT and not _has_document_type(data, encoding)
    return etree.fromstring(data, _parser(etree.XMLParser, encoding, huge_tree=long))


def _has_document_type(data: bytes, encoding: str | None) -> bool:
    """Read up to the root element, with the parser's limits."""
    pulled = _parser(etree.XMLPullParser, encoding, events=("start",), huge_tree=False)
    for start in range(0, len(data), _SIP):
        pulled.feed(data[start : start + _SIP])
        for _, root in pulled.read_events():
            return bool(root.getroottree().docinfo.doctype)
    return True


def _parser(kind: Any, encoding: str | None, **more: Any) -> Any:
    return kind(resolve_entities=False, no_network=True, load_dtd=False, encoding=encoding, **more)
