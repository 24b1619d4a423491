"""Is a page cut before it takes minutes to parse, and only then?"""

from __future__ import annotations

import time

import pytest

from aem_checks.markup import DEEPEST, not_too_deep
from aem_checks.response import Response

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


def test_elements_inside_of_elements_are_parsed_in_seconds():
    started = time.process_time()
    document = Response("https://www.wknd.site/", 200, body=b"<main>" + b"<div>" * 1_000_000).document
    assert len(document.css("div")) == DEEPEST - 1
    assert time.process_time() - started < 5


def test_each_thread_has_a_document_of_its_own():
    from concurrent.futures import ThreadPoolExecutor

    response = Response("https://www.wknd.site/", 200, body=b"<h1>Ridge</h1>")
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: response.document).result() is not response.document
    assert response.document is response.document
