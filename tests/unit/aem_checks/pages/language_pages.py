"""Pages in several languages, and in encodings and dialects of HTML that old projects and converters write."""

from __future__ import annotations

from unit.aem_checks.pages.archetype_pages import TEASER, document
from unit.aem_checks.pages.page_case import PRODUCTION, Case

_SIBLINGS = {
    "en-US": "/us/en/walks.html",
    "de-CH": "/ch/de/walks.html",
    "ar": "/ae/ar/walks.html",
    "x-default": "/us/en/walks.html",
}


def alternates(siblings: dict[str, str]) -> str:
    return "".join(
        f'<link rel="alternate" hreflang="{language}" href="{PRODUCTION}{path}"/>'
        for language, path in siblings.items()
    )


def _speaking(lang: str, path: str, words: str, **options: str) -> str:
    return document(TEASER + f"<p>{words}</p>", lang=lang, path=path, head=alternates(_SIBLINGS), **options)


_EN = document(TEASER + "<p>Übernachtung im Tal · 12 £</p>", head=alternates(_SIBLINGS))
_PLAIN_TEXT = _EN.replace("·", "-")

LANGUAGES = (
    Case("languages-siblings", "three languages that name each other", _EN),
    Case(
        "languages-german",
        "the sibling of a country with several languages",
        _speaking(
            "de-CH",
            "/ch/de/walks.html",
            "Vier Stunden, z.B. am Abend, meist trocken. Siehe www.larkfell.example",
        ),
        path="/ch/de/walks.html",
    ),
    Case(
        "languages-arabic",
        "right to left",
        _speaking("ar", "/ae/ar/walks.html", "أربع ساعات", body='class="page" dir="rtl"'),
        path="/ae/ar/walks.html",
    ),
    Case(
        "languages-chinese",
        "script and region in `lang`, with `_` in the path",
        document(TEASER + "<p>四小時</p>", lang="zh-Hant-TW", path="/zh_tw/walks.html"),
        path="/zh_tw/walks.html",
    ),
    Case(
        "languages-japanese",
        "language alone in the path",
        document(TEASER + "<p>四時間。</p>", lang="ja", path="/ja/walks.html"),
        path="/ja/walks.html",
    ),
    Case(
        "languages-quotation",
        "a quotation in another language, and a product's name with dots",
        document(
            TEASER
            + '<blockquote lang="la">Festina lente</blockquote><p>larkfell.io</p><p>v2.10.3</p><p>e.g.</p>'
        ),
    ),
    Case(
        "languages-keys",
        "words of a dictionary that are not translated",
        document(TEASER + "<button>form.contact.send</button><p>???walks.grade???</p>"),
        warns={"languages": "untranslated"},
    ),
    Case(
        "languages-wrong",
        "a German path with an English page",
        document(TEASER, lang="en", path="/de/de/walks.html"),
        path="/de/de/walks.html",
        warns={"languages": "wrong_lang"},
    ),
    Case(
        "languages-none",
        "no `lang` at all",
        document(TEASER).replace(' lang="en-US"', ""),
        warns={"languages": "no_lang"},
    ),
    Case(
        "languages-partner-gone",
        "a sibling that is not published",
        _EN,
        lacks=("/ch/de/walks.html",),
        warns={"languages": "hreflang_broken"},
    ),
    Case(
        "languages-nonsense",
        "an hreflang that is none, and one that is relative",
        document(TEASER, head='<link rel="alternate" hreflang="english" href="/us/en/walks.html"/>'),
        warns={"indexing": "hreflang_language hreflang_relative"},
    ),
)

ENCODINGS = (
    Case(
        "latin-by-header",
        "ISO-8859-1, as its header says",
        _PLAIN_TEXT.replace("UTF-8", "ISO-8859-1").encode("iso-8859-1"),
        headers={"Content-Type": "text/html;charset=iso-8859-1"},
    ),
    Case(
        "windows-by-element",
        "windows-1252, as only its `<meta>` says",
        _EN.replace("UTF-8", "windows-1252").encode("cp1252"),
        headers={"Content-Type": "text/html"},
    ),
    Case(
        "japanese-by-element",
        "Shift_JIS by `http-equiv`, as a converter writes it",
        document(TEASER + "<p>四時間。</p>", lang="ja", path="/ja/walks.html")
        .replace(
            '<meta charset="UTF-8"/>',
            '<meta http-equiv="Content-Type" content="text/html; charset=Shift_JIS">',
        )
        .encode("shift_jis"),
        path="/ja/walks.html",
        headers={"Content-Type": "text/html"},
    ),
    Case("byte-order-mark", "UTF-8 with a byte order mark", b"\xef\xbb\xbf" + _EN.encode()),
    Case(
        "utf-16",
        "UTF-16 with a byte order mark, from an editor of Windows",
        _EN.replace('<meta charset="UTF-8"/>', "").encode("utf-16"),
        headers={"Content-Type": "text/html"},
    ),
    Case(
        "utf-16-as-said",
        "UTF-16 without a mark, as its header says",
        _EN.replace('<meta charset="UTF-8"/>', "").encode("utf-16-le"),
        headers={"Content-Type": "text/html; charset=utf-16le"},
    ),
    Case(
        "charset-unknown",
        "a charset that nobody knows",
        _EN,
        headers={"Content-Type": "text/html; charset=utf8mb4"},
    ),
    Case(
        "xhtml",
        "XHTML 1.0 with an XML declaration",
        _EN.replace(
            "<!DOCTYPE HTML>",
            '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" '
            '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">',
        ),
        headers={"Content-Type": "application/xhtml+xml; charset=UTF-8"},
    ),
    Case(
        "capitals",
        "elements in capitals, attributes without quotation marks",
        f"<HTML LANG=en><HEAD><TITLE>Walks</TITLE><META NAME=description CONTENT=Walks>"
        f"<LINK REL=canonical HREF={PRODUCTION}/us/en/walks.html>"
        "<LINK REL=StyleSheet HREF=/etc/designs/larkfell/static.css></HEAD><BODY BGCOLOR=white><HEADER><NAV>"
        "<A HREF=/us/en.html>Home</A></NAV></HEADER><MAIN><H1>Walks</H1><IMG SRC=/content/dam/larkfell/a.jpg ALT=>"
        f"{'<P>Between two tarns, four hours, mostly dry.' * 9}</MAIN><FOOTER>Larkfell</FOOTER></BODY></HTML>",
    ),
    Case("one-line", "minified: no end tags, no blanks", "".join(line.strip() for line in _EN.splitlines())),
    Case(
        "after-the-end",
        "what a dispatcher's statistics write after `</html>`",
        _EN + "\n<!-- dispatcher:cached 2026-11-02T10:00:00Z author=ignored -->\n",
    ),
)
