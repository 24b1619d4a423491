"""In which character set is an answer written? As a browser decides it: by its mark, its header, its ``<meta>``, else UTF-8.

Only sets that browsers know are taken (WHATWG, Encoding Standard): Python has others, some of which take the square of the
time or give no text at all, and a site may name any.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

UTF_8 = "utf-8"
_MARKS = ((codecs.BOM_UTF8, UTF_8), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_FIRST = 1024
"""Bytes in which a browser looks for the element."""
_ELEMENT = re.compile(rb"<meta\s[^>]{0,500}?charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?(?:-->|$)", re.DOTALL)
_MEANT = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "utf-16": "utf-16-le",
    "gb2312": "gbk",
    "shift_jis": "cp932",
}
"""What browsers read where a page names the smaller set, and UTF-16 without an order."""
_SINGLE = {f"cp{number}" for number in (866, 874, *range(1250, 1259))} | {
    f"iso8859-{n}" for n in range(2, 17)
}
_KNOWN = (
    {UTF_8, "utf-16-le", "utf-16-be", "koi8-r", "koi8-u", "mac-roman", "mac-cyrillic", "gbk", "gb18030"}
    | {"big5", "big5hkscs", "euc_jp", "iso2022_jp", "cp932", "euc_kr", "cp949"}
    | _SINGLE
)


def charset_of(content_type: str, body: bytes, *, is_html: bool) -> str:
    """The name of Python's codec. ``content_type``: the header's value."""
    for mark, name in _MARKS:
        if body.startswith(mark):
            return name
    declared = _known(_parameter(content_type))
    if declared or not is_html:
        return declared or UTF_8
    return _of_element(body) or UTF_8


def without_mark(body: bytes, charset: str) -> bytes:
    """The body without its byte order mark, which is none of its text."""
    return next(
        (body[len(mark) :] for mark, name in _MARKS if name == charset and body.startswith(mark)), body
    )


def _parameter(content_type: str) -> str:
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip("\"'")
    return ""


def _of_element(body: bytes) -> str:
    found = _ELEMENT.search(_COMMENT.sub(b"", body[:_FIRST]))
    name = _known(found.group(1).decode("ascii", "replace")) if found else ""
    return UTF_8 if name.startswith("utf-16") else name  # it could not have been read so far


@lru_cache(maxsize=256)
def _known(label: str) -> str:
    """The codec of a label; empty for one that browsers do not know."""
    try:
        name = codecs.lookup(label.strip()).name if label.isascii() else ""
    except (LookupError, ValueError):
        return ""
    name = _MEANT.get(name, name)
    return name if name in _KNOWN else ""
