"""E5: structured data that can be read, can't be read, and is lost."""

from __future__ import annotations

import json

import pytest

from aem_checks.kinds.search_engines.structured_data import StructuredData, StructuredDataSettings, read_types
from unit.aem_checks.search_engines.pages import answer, bad, html, judge, weight

CHECK = StructuredData(StructuredDataSettings())


def _ld(content: object, kind: str = "application/ld+json") -> str:
    text = content if isinstance(content, str) else json.dumps(content)
    return f'<script type="{kind}">{text}</script>'


PRODUCT = _ld({"@context": "https://schema.org", "@type": "Product", "offers": {"@type": "Offer"}})


@pytest.mark.parametrize(
    ("block", "types"),
    [
        (PRODUCT, {"Product", "Offer"}),
        (_ld([{"@type": ["Article", "schema:NewsArticle"]}]), {"Article", "NewsArticle"}),
        (_ld({"@graph": [{"@type": "https://schema.org/WebSite"}]}), {"WebSite"}),
        (_ld({"@type": "Product"}, "Application/LD+JSON; charset=utf-8"), {"Product"}),
        ('<div itemscope itemtype="http://schema.org/BreadcrumbList"></div>', {"BreadcrumbList"}),
        (_ld({"@type": "Product"}, "application/json"), set()),
    ],
)
def test_types_are_read_at_any_depth(block: str, types: set[str]) -> None:
    assert read_types(answer(html(block))) == (types, ())


@pytest.mark.parametrize(
    ("block", "words"),
    [
        (_ld("{&#34;@type&#34;: &#34;Product&#34;}"), "is no JSON"),
        (_ld('{"@type": "Product",}'), "is no JSON"),
        (_ld(""), "is no JSON"),
        (_ld("[" * 100_000), "is no JSON"),
        (_ld({"name": "Surfing"}), "has no @type"),
        (_ld('"text"'), "has no @type"),
        (_ld({"@type": 7}), "has no @type"),
    ],
)
def test_a_block_that_cannot_be_used_is_a_warning(block: str, words: str) -> None:
    judgement = judge(CHECK, html(block))
    assert weight(CHECK, judgement) == "warn failed"
    assert words in bad(judgement)[0].sentence


def test_good_data_passes_and_the_first_release_says_that_there_is_nothing_to_compare() -> None:
    judgement = judge(CHECK, html(PRODUCT))
    assert (weight(CHECK, judgement), judgement.examined) == ("warn passed", 1)
    assert "no verified release" in judgement.findings[-1].sentence


def test_a_type_that_the_last_release_had_is_missed() -> None:
    assert bad(judge(CHECK, html(PRODUCT), html(PRODUCT))) == []
    found = bad(judge(CHECK, html(), html(PRODUCT)))
    assert [finding.subject for finding in found] == ["Offer of /a.html", "Product of /a.html"]


def test_required_types_are_missed_on_the_pages_that_they_are_required_of() -> None:
    strict = StructuredData(StructuredDataSettings(required={"/products/*": ("Product",)}))
    judgement = judge(strict, {"/products/a.html": html(), "/about.html": html()})
    assert [finding.subject for finding in bad(judgement)] == ["Product of /products/a.html"]
    assert bad(judge(strict, {"/products/a.html": html(PRODUCT)})) == []


def test_hostile_data_is_quoted_and_cut() -> None:
    hostile = html(_ld({"@type": "\u202e::endgroup::" + "x" * 10_000}))
    found = bad(judge(CHECK, html(PRODUCT), hostile))
    assert all("\u202e" not in each.sentence and len(each.sentence) < 2000 for each in found)


def test_a_page_that_does_not_answer_is_inconclusive() -> None:
    assert weight(CHECK, judge(CHECK, answer("no", 500))) == "warn inconclusive"
