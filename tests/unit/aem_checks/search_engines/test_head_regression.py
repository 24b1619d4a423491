"""E4: heads that stay, change, or lose something."""

from __future__ import annotations

import pytest

from aem_checks.kinds.search_engines.head_regression import HeadRegression, HeadRegressionSettings
from unit.aem_checks.search_engines.pages import PRODUCTION, STAGE, answer, bad, html, judge, weight

CHECK = HeadRegression(HeadRegressionSettings())


def test_the_first_release_has_nothing_to_compare_with_and_passes() -> None:
    judgement = judge(CHECK, html())
    assert weight(CHECK, judgement) == "warn passed"
    assert "no verified release to compare heads with yet" in judgement.findings[0].sentence


def test_the_same_heads_pass_whatever_the_hosts_hashes_and_stamps() -> None:
    def page(host: str, stamp: str) -> str:
        image = f'<meta property="og:image" content="{host}/a.coreimg.90.jpeg/{stamp}/a.jpeg">'
        return html(image, canonical=f'<link rel="canonical" href="{host}/a.html">')

    judgement = judge(CHECK, page(STAGE, "1763800000000"), page(PRODUCTION, "1763911111111"))
    assert (weight(CHECK, judgement), judgement.findings) == ("warn passed", ())


@pytest.mark.parametrize("empty", ["<title></title>", "<title> \n </title>", ""])
def test_a_page_without_a_title_blocks_even_the_first_time(empty: str) -> None:
    judgement = judge(CHECK, html(title=empty))
    assert weight(CHECK, judgement) == "block failed"
    assert bad(judgement)[0].subject == "title of /a.html"


@pytest.mark.parametrize(
    "changed",
    [
        {"description": '<meta name="description" content="">'},
        {"og_title": '<meta property="og:title" content=" ">'},
        {"h1": "<h1><span></span></h1>"},
    ],
)
def test_an_element_without_content_blocks(changed: dict[str, str]) -> None:
    assert weight(CHECK, judge(CHECK, html(**changed))) == "block failed"
    assert len(bad(judge(CHECK, html(**changed), html()))) == 1


@pytest.mark.parametrize("lost", ["description", "h1", "canonical", "og_title"])
def test_what_was_there_at_the_last_release_and_is_gone_blocks(lost: str) -> None:
    judgement = judge(CHECK, html(**{lost: ""}), html())
    assert weight(CHECK, judgement) == "block failed"
    assert "is gone" in bad(judgement)[0].sentence


def test_what_was_missing_before_may_be_missing() -> None:
    assert bad(judge(CHECK, html(description=""), html(description=""))) == []


def test_a_missing_heading_is_a_warning_the_first_time() -> None:
    judgement = judge(CHECK, html(h1=""))
    assert weight(CHECK, judgement) == "warn failed"
    assert "h1 is missing" in bad(judgement)[0].sentence


def test_an_image_with_a_text_is_a_heading() -> None:
    assert bad(judge(CHECK, html(h1='<h1><img src="l.png" alt="WKND"></h1>'))) == []


def test_a_changed_title_is_a_warning_with_both_texts() -> None:
    judgement = judge(CHECK, html(title="<title>Page</title>"), html())
    assert weight(CHECK, judgement) == "warn failed"
    assert "was 'Surfing | WKND'" in bad(judgement)[0].sentence
    assert "is 'Page'" in bad(judgement)[0].sentence


def test_the_same_change_on_many_pages_is_one_finding() -> None:
    before = {f"/{number}.html": html() for number in range(40)}
    now = {path: html(title="<title>Page</title>") for path in before}
    found = bad(judge(CHECK, now, before))
    assert [finding.subject for finding in found] == ["title of many pages"]
    assert "40 pages" in found[0].sentence


def test_what_the_gate_file_ignores_is_ignored() -> None:
    lenient = HeadRegression(HeadRegressionSettings(ignore=("title", "description")))
    assert bad(judge(lenient, html(title="", description=""), html())) == []


def test_a_new_page_is_judged_alone_and_a_broken_one_not_at_all() -> None:
    judgement = judge(CHECK, {"/new.html": html(), "/a.html": answer("no", 503)}, {"/a.html": html()})
    assert judgement.examined == 1
    assert weight(CHECK, judgement) == "warn inconclusive"


def test_a_baseline_of_other_pages_is_said_to_compare_nothing() -> None:
    judgement = judge(CHECK, html(), {"/other.html": answer("no", 503)})
    assert "nothing was compared" in judgement.findings[0].sentence
