"""Is a page cut before it takes minutes to parse, and only then?"""

from __future__ import annotations

import time

import pytest

from aem_checks.kinds.availability.host_leaks import HostLeaks, HostLeaksSettings
from aem_checks.markup import attributes_with
from aem_checks.nesting import DEEPEST, not_too_deep
from aem_checks.outcomes import Outcome
from aem_checks.response import Response
from unit.aem_checks.page_site import page, run_on

MANY = 3 * DEEPEST


@pytest.mark.parametrize(
    "body",
    [
        b"<div><p>x</p></div>" * MANY,
        b"<ul>" + b"<li>x" * MANY + b"</ul>",
        b"<p>x<br><img src=x>" * MANY,
        b"<script>['" + b"<div>x<\\/div>" * MANY + b"']</script>",
        b"1 < 2 <- <! <? " * MANY,
        b"<div>" * (DEEPEST - 1),
        b"<svg>" + b"<path d='M0 0'/>" * MANY + b"</svg>",
        b"<script>" + b"for(i=0;i<n;i++){a<b}" * MANY + b"</script>",
        b"<a title='<div><div>'>x</a><!-- <div> -->" * MANY,
    ],
)
def test_what_is_not_deep_stays_whole(body):
    assert not_too_deep(body) is body


@pytest.mark.parametrize("unit", [b"<div>", b"<div></x>", b"<B><i>", b"<x-y>"])
def test_what_is_too_deep_is_cut(unit):
    body = unit * MANY
    cut = not_too_deep(body)
    assert body.startswith(cut)
    assert len(cut) < len(body)


@pytest.mark.parametrize(
    "unit",
    [
        b'<div title="</div>">',
        b"<div>" * 1900 + b"<textarea>" + b"</div>" * 1900 + b"</textarea>",
        b"<div>" * 1900 + b"<object>" + b"</div>" * 1900,
        b"<div>" * 1900 + b"<script><!--<script></script>" + b"</div>" * 1900 + b"</script>",
        b"<svg></svg>" + b"<div>" * 1900 + b"<script>" + b"</div>" * 1900 + b"</script>",
        b"<svg><style><div>",
        b"<b><div></b>",
        b"<svg><b></b><path/>",
    ],
)
def test_an_end_tag_that_a_parser_would_not_believe_hides_no_depth(unit):
    assert len(not_too_deep(unit * MANY)) < len(unit * MANY)


def test_a_page_that_is_cut_is_no_page_that_was_judged(tmp_path):
    answers = {"/": page("<div>" * MANY + "<a href='http://localhost:4502/x'>x</a>")}
    result = run_on(answers, HostLeaks(HostLeaksSettings()), tmp_path)
    assert result.outcome is Outcome.INCONCLUSIVE
    assert "only its beginning was judged" in result.sentences[0]


def test_elements_inside_of_elements_are_parsed_in_seconds():
    started = time.process_time()
    document = Response("https://www.wknd.site/", 200, body=b"<main>" + b"<div>" * 1_000_000).document
    assert len(document.css("div")) == DEEPEST - 1
    assert time.process_time() - started < 5


def test_what_is_deep_inside_is_looked_through_in_linear_time():
    leak, sample = b"<i title='http://localhost:4502'></i>", b"<pre><b title='localhost:4502'></b></pre>"
    body = b"<span>" * (DEEPEST - 10) + (leak + sample) * 15_000
    document = Response("https://www.wknd.site/", 200, body=body).document
    started = time.process_time()
    assert sum(1 for _ in attributes_with(document, "localhost:4502")) == 15_000
    assert time.process_time() - started < 5


def test_each_thread_has_a_document_of_its_own():
    from concurrent.futures import ThreadPoolExecutor

    response = Response("https://www.wknd.site/", 200, body=b"<h1>Ridge</h1>")
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: response.document).result() is not response.document
    assert response.document is response.document
