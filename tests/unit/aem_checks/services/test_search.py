"""G1 against small sites: where the search is, and what its answers amount to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from aem_checks.kinds.services.search import Search, SearchSettings
from unit.aem_checks.small_site import HTML, JSON, Answer, SmallSite, bad, outcome, visit

PAGE = "/us/en/search.html"
ACTION = "/us/en/search.searchresults.json/_jcr_content/root/search"
FORM = f'<form action="{ACTION}" method=get><input type=hidden name=page value="a b"><input type=text name=fulltext></form>'
QUERY = f"{ACTION}?page=a+b&fulltext=surfing"


def check(**settings: Any) -> Search:
    return Search(SearchSettings.model_validate({"page": PAGE, "terms": {"surfing": 2}, **settings}))


def hits(number: int) -> Answer:
    return 200, json.dumps([{"title": "Surfing"}] * number), JSON


def test_the_form_of_the_page_says_where_the_search_is(tmp_path: Path) -> None:
    site = SmallSite({PAGE: (200, FORM), QUERY: hits(2)})
    judgement = visit(check(), tmp_path, site)
    assert outcome(check(), judgement) == "block passed"
    assert judgement.examined == 1
    assert site.paths[1].startswith(f"{QUERY}&stage-gate=")


@pytest.mark.parametrize(
    ("answer", "expected", "words"),
    [
        (hits(1), "block failed product", "1 hit instead of at least 2 hits for 'surfing'"),
        ((200, "[]", JSON), "block failed product", "index is built"),
        ((200, "[" * 99_999, JSON), "block failed product", "no JSON"),
        ((200, '"words"', JSON), "block failed product", "without a list"),
        ((200, '{"errors": ["a", "b", "c"]}', JSON), "block failed product", "without a list"),
        (
            (200, '{"total": 0, "suggestions": ["a", "b", "c"]}', JSON),
            "block failed product",
            "without a list",
        ),
        ((404, "no"), "block failed product", "dispatcher's filters"),
        ((500, "no"), "block failed product", "lack its index"),
        ((405, "no"), "block inconclusive network", "allow list"),
        ((403, "no"), "block inconclusive network", "allow list"),
        ("reset", "block inconclusive network", "no answer"),
        ((200, '{"response": {"hits": [1, 2]}}', JSON), "block passed", ""),
        ((200, '{"data": [1, 2, 3]}', JSON), "block passed", ""),
        ((200, '<li class="cmp-search__item"></li>' * 2, HTML), "block passed", ""),
        ((200, '<li class="cmp-search__item"></li>', HTML), "block failed product", "1 hit "),
    ],
)
def test_each_answer_of_a_search(tmp_path: Path, answer: Answer, expected: str, words: str) -> None:
    judgement = visit(check(), tmp_path, {PAGE: (200, FORM), QUERY: answer})
    assert outcome(check(), judgement) == expected
    assert words in " ".join(finding.sentence for finding in bad(judgement))


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ((200, "<p>no form</p>"), "block failed product"),
        ((200, FORM.replace("method=get", "method=post")), "block failed product"),
        ((200, FORM.replace(ACTION, f"https://search.example{ACTION}")), "block failed product"),
        ((404, ""), "block failed product"),
        ((405, ""), "block inconclusive network"),
    ],
)
def test_a_page_without_a_usable_form(tmp_path: Path, page: Answer, expected: str) -> None:
    assert outcome(check(), visit(check(), tmp_path, {PAGE: page, QUERY: hits(9)})) == expected


def test_a_gate_file_may_say_where_the_search_is(tmp_path: Path) -> None:
    site = SmallSite({"/api/search?q=bali+surf%26": hits(1)})
    own = check(url="/api/search?q={term}", terms={"bali surf&": 1})
    assert outcome(own, visit(own, tmp_path, site)) == "block passed"


@pytest.mark.parametrize("hit", ["header", "meta", "html:has(title)", ":is(body)", "[class]"])
def test_a_selector_that_counts_what_is_on_every_page_proves_nothing(tmp_path: Path, hit: str) -> None:
    page = "<html class=a><meta name=a><title>a</title><header>a</header><p class=a>Nothing found.</p></html>"
    lax = check(url="/s?q={term}", terms={"surfing": 1}, hit=hit)
    judgement = visit(lax, tmp_path, lambda path: (200, page))
    assert outcome(lax, judgement) == "block inconclusive product"
    [finding] = bad(judgement)
    assert (finding.code, finding.subject) == ("any_term", "search surfing")
    assert "for a word that nobody wrote, so that 'surfing' proves nothing" in finding.sentence
    assert "let 'hit' select hits only" in finding.sentence


def test_a_search_that_ignores_its_term_proves_only_what_needs_more_hits(tmp_path: Path) -> None:
    own = check(url="/s?q={term}", terms={"surfing": 3, "yodelling": 4})
    site = SmallSite(lambda path: hits(4 if "yodelling" in path else 3))
    judgement = visit(own, tmp_path, site)
    assert [finding.subject for finding in bad(judgement)] == ["search surfing"]
    assert len(site.paths) == 3


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((200, "[]", JSON), "block passed"),
        ((404, "Nothing found"), "block passed"),
        ((200, '<li class="cmp-search__item"></li>', HTML), "block passed"),
        ((429, "no"), "block inconclusive network"),
        ("reset", "block inconclusive network"),
    ],
)
def test_each_answer_for_a_word_that_nobody_wrote(tmp_path: Path, answer: Answer, expected: str) -> None:
    own = check(url="/s?q={term}")
    judgement = visit(own, tmp_path, lambda path: hits(2) if path == "/s?q=surfing" else answer)
    assert outcome(own, judgement) == expected


def test_one_term_without_hits_among_good_ones_fails(tmp_path: Path) -> None:
    both = check(url="/api?q={term}", terms={"surfing": 1, "yodelling": 1})
    judgement = visit(both, tmp_path, {"/api?q=surfing": hits(1), "/api?q=yodelling": hits(0)})
    assert [finding.subject for finding in bad(judgement)] == ["search yodelling"]


@pytest.mark.parametrize(
    "settings",
    [{"terms": {}}, {"terms": {"a": 0}}, {"terms": {" ": 1}}, {"url": "/a"}, {"url": "https://x/{term}"}],
)
def test_settings_that_prove_nothing_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        check(**settings)


@pytest.mark.parametrize(
    "action", ["https://$[env:DOMAIN]/search", "https://a.example:99999/s", "http://[/s"]
)
def test_a_form_that_leads_to_no_address_says_so(tmp_path: Path, action: str) -> None:
    page = f'<form role=search action="{action}"><input type=search name=q></form>'
    judgement = visit(check(), tmp_path, {PAGE: (200, page)})
    (finding,) = bad(judgement)
    assert (finding.code, outcome(check(), judgement)) == ("form_address", "block failed product")
    assert action in finding.actual
