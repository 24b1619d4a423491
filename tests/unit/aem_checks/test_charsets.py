"""Is an answer read in the character set that a browser takes, whatever the site names?"""

from __future__ import annotations

import pytest

from aem_checks.charsets import charset_of
from aem_checks.response import HeldResponse, Response, make_headers

PAGE = "<html><head>{}<title>Hütte</title></head><body><base href='/a/'>$[env:X] für</body></html>"


def page(body: bytes, content_type: str = "text/html") -> Response:
    return HeldResponse.of(
        Response("https://stage.example.com/", 200, make_headers({"Content-Type": content_type}), body)
    )


@pytest.mark.parametrize(
    ("content_type", "start", "right"),
    [
        ("text/html", "", "utf-8"),
        ("text/html; charset=UTF-8", "", "utf-8"),
        ('text/html;charset="utf8"', "", "utf-8"),
        ("text/html; charset=ISO-8859-1", "", "cp1252"),
        ("text/html; charset=iso-8859-15", "", "iso8859-15"),
        ("text/html; charset=Shift_JIS", "", "cp932"),
        ("text/html; charset=utf-16", "", "utf-16-le"),
        ("text/html", '<meta charset="windows-1251">', "cp1251"),
        ("text/html", '<META HTTP-EQUIV="Content-Type" CONTENT="text/html; CHARSET=euc-kr">', "euc_kr"),
        ("text/html", '<meta charset="utf-16">', "utf-8"),
        ("text/html; charset=utf-8", '<meta charset="windows-1251">', "utf-8"),
        ("text/html", '<!-- <meta charset="windows-1251"> -->', "utf-8"),
        ("text/html", " " * 1100 + '<meta charset="windows-1251">', "utf-8"),
        ("text/html; charset=", '<meta charset="windows-1251">', "cp1251"),
    ],
)
def test_mark_then_header_then_element_then_utf_8(content_type: str, start: str, right: str) -> None:
    assert charset_of(content_type, start.encode(), is_html=True) == right


@pytest.mark.parametrize(
    "name",
    ["idna", "punycode", "unicode_escape", "hex", "undefined", "utf-7", "utf8mb4", "ü", "\0", "x" * 300],
)
def test_what_no_browser_knows_is_no_character_set(name: str) -> None:
    """Some of these are codecs of Python that raise, or take the square of the time."""
    assert charset_of(f"text/html; charset={name}", b"", is_html=True) == "utf-8"
    assert page("für".encode(), f"text/html; charset={name}").text == "für"


def test_an_element_counts_in_html_alone() -> None:
    assert charset_of("text/plain", b'<meta charset="windows-1251">', is_html=False) == "utf-8"


@pytest.mark.parametrize("name", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_text_tree_and_bytes_of_a_page_are_the_same_in_every_set(name: str) -> None:
    written = PAGE.format('<meta charset="windows-1252">' if name == "cp1252" else "")
    declared = "text/html; charset=utf-16le" if name == "utf-16-le" else "text/html"
    read = page(written.encode(name), declared)
    assert read.text == written
    assert read.in_utf8 == written.encode()
    title = read.document.css_first("head > title")
    assert title is not None
    assert title.text() == "Hütte"
    assert not read.is_too_deep
