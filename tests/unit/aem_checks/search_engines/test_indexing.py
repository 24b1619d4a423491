"""E3: pages that search engines may index, and pages that they may not."""

from __future__ import annotations

import pytest

from aem_checks.kinds.search_engines.indexing import Indexing, IndexingSettings
from unit.aem_checks.search_engines.pages import PRODUCTION, STAGE, answer, bad, html, judge, weight

CHECK = Indexing(IndexingSettings())
NOINDEX = '<meta name="robots" content="NOINDEX, nofollow">'


def _hreflang(language: str, href: str) -> str:
    return f'<link rel="alternate" hreflang="{language}" href="{href}">'


def test_a_good_page_passes() -> None:
    judgement = judge(CHECK, html(_hreflang("en-US", f"{PRODUCTION}/a.html")))
    assert (weight(CHECK, judgement), judgement.examined, judgement.findings) == ("block passed", 1, ())


@pytest.mark.parametrize(
    "page",
    [
        html(NOINDEX),
        html('<meta name="googlebot" content="none">'),
        answer(html(), X_Robots_Tag="noindex"),
        answer(html(), X_Robots_Tag="unavailable_after: 25 Jun 2027, noindex"),
        answer(html(), X_Robots_Tag="googlebot: nofollow, noindex"),
    ],
)
def test_a_page_that_may_not_be_indexed_blocks_and_is_named(page: object) -> None:
    judgement = judge(CHECK, page)  # type: ignore[arg-type]
    assert weight(CHECK, judgement) == "block failed"
    assert bad(judgement)[0].subject == "/a.html"


@pytest.mark.parametrize(
    "page",
    [
        html('<meta name="otherbot" content="noindex">'),
        answer(html(), X_Robots_Tag="otherbot: noindex, nofollow"),
        answer(html(), X_Robots_Tag="max-snippet: 20, nofollow"),
        html('<meta name="robots" content="noindexing is a word">'),
    ],
)
def test_what_does_not_concern_search_engines_passes(page: object) -> None:
    assert bad(judge(CHECK, page)) == []  # type: ignore[arg-type]


def test_noindex_that_was_approved_before_is_a_warning() -> None:
    judgement = judge(CHECK, html(NOINDEX), html(NOINDEX))
    assert weight(CHECK, judgement) == "block passed"
    assert "as at the last verified release" in bad(judgement)[0].sentence


def test_what_stage_alone_says_can_be_declared_and_production_is_not_excused() -> None:
    declared = Indexing(IndexingSettings(stage_noindex="header"))
    page = answer(html(), X_Robots_Tag="noindex")
    assert bad(judge(declared, page)) == []
    assert weight(declared, judge(declared, page, target="production")) == "block failed"
    assert weight(declared, judge(declared, html(NOINDEX))) == "block failed"


def test_pages_that_should_say_noindex_are_warned_of_when_they_do_not() -> None:
    search = Indexing(IndexingSettings(not_indexed=("/*/search.html",)))
    closed = judge(search, {"/us/search.html": html(NOINDEX)})
    opened = judge(search, {"/us/search.html": html()})
    assert bad(closed) == []
    assert weight(search, opened) == "block passed"
    assert "may be indexed" in bad(opened)[0].sentence


@pytest.mark.parametrize(
    ("canonical", "words"),
    [
        ("", "no canonical links"),
        ('<link rel="canonical" href="">', "no canonical links"),
        (
            f'<link rel=canonical href="{PRODUCTION}/a"><link rel=canonical href="{PRODUCTION}/b">',
            "2 different",
        ),
        ('<link rel="canonical" href="/a.html">', "a whole address"),
        (f'<link rel="canonical" href="{STAGE}/a.html">', "'stage.wknd.example' as its canonical host"),
        ('<link rel="canonical" href="http://[bad/a.html">', "a whole address"),
    ],
)
def test_a_canonical_link_that_is_wrong_is_a_warning(canonical: str, words: str) -> None:
    judgement = judge(CHECK, html(canonical=canonical))
    assert weight(CHECK, judgement) == "block passed"
    assert words in bad(judgement)[0].sentence


def test_a_canonical_host_is_right_by_the_settings_or_while_production_is_unknown() -> None:
    page = html(canonical='<link rel="canonical" href="https://main.example/a.html">')
    assert bad(judge(Indexing(IndexingSettings(hosts=("main.example",))), page)) == []
    assert bad(judge(CHECK, page, hosts=False)) == []


def test_pages_with_one_canonical_address_and_different_titles_are_warned_of_together() -> None:
    pages = {"/a.html": html(), "/b.html": html(title="<title>Climbing</title>"), "/c.html": html()}
    found = bad(judge(CHECK, pages))
    assert [finding.subject for finding in found] == ["canonical /a.html"]
    assert "3 pages with different titles" in found[0].sentence
    assert bad(judge(CHECK, {"/": html(), "/a.html": html()})) == []


@pytest.mark.parametrize(
    ("links", "words"),
    [
        (_hreflang("en_US", f"{PRODUCTION}/a.html"), "'en_US'"),
        (_hreflang("de", f"{PRODUCTION}/a") + _hreflang("de", f"{PRODUCTION}/b"), "2 addresses"),
        (_hreflang("de", "/de/a.html"), "'/de/a.html'"),
    ],
)
def test_hreflang_links_that_are_wrong_are_warnings(links: str, words: str) -> None:
    judgement = judge(CHECK, html(links))
    assert weight(CHECK, judgement) == "block passed"
    assert words in bad(judgement)[0].sentence


def test_languages_with_script_and_region_are_right() -> None:
    links = "".join(_hreflang(each, f"{PRODUCTION}/{each}") for each in ("zh-Hant-TW", "x-default", "es-419"))
    assert bad(judge(CHECK, html(links))) == []


def test_a_page_that_does_not_answer_is_not_called_good() -> None:
    judgement = judge(CHECK, answer("gone", 503))
    assert (weight(CHECK, judgement), judgement.examined) == ("block inconclusive", 0)
    refused = judge(CHECK, answer("no", 405))
    assert weight(CHECK, refused) == "block inconclusive"


def test_ten_thousand_links_and_garbage_are_survived() -> None:
    links = "".join(_hreflang("de", f"{PRODUCTION}/{number}") for number in range(10_000))
    assert bad(judge(CHECK, html(links)))
    assert judge(CHECK, answer("\x00\xff<<<link rel=canonical" * 500)).examined == 1
