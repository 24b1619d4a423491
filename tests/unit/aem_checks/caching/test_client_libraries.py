"""Does C3 see every way in which a page loses its styles, and nothing else?"""

from __future__ import annotations

import pytest

from aem_checks.check import CheckSettings
from aem_checks.kinds.caching.client_libraries import EMPTY_LIBRARY, ClientLibraries
from aem_checks.outcomes import Cause, Outcome, Severity
from unit.aem_checks.page_site import SCRIPT, STYLE, page, run_on, status, text

CHECK = ClientLibraries(CheckSettings())


def _css(url: str) -> str:
    return f'<link rel="stylesheet" href="{url}">'


def test_good_libraries_pass(tmp_path):
    result = run_on({}, CHECK, tmp_path)
    assert (result.outcome, result.examined, result.findings) == (Outcome.PASSED, 2, ())


@pytest.mark.parametrize(
    ("path", "answer", "words"),
    [
        (STYLE, status(404), "answers with status 404"),
        (STYLE, status(403), "answers with status 403"),
        (STYLE, page(), "has content type 'text/html'; expected content type text/css"),
        (
            SCRIPT,
            text("x", "text/css"),
            "expected content type application/ecmascript or application/javascript",
        ),
        (STYLE, text(" \n", "text/css"), "has 2 bytes of content, all blank"),
        (SCRIPT, status(500), "answers with status 500"),
    ],
)
def test_a_broken_library_fails_and_names_its_pages(tmp_path, path, answer, words):
    result = run_on({path: answer}, CHECK, tmp_path)
    assert result.outcome is Outcome.FAILED
    assert len(result.findings) == 1
    assert words in result.sentences[0]
    assert "used by /" in result.sentences[0]
    assert result.findings[0].about == ("/",)


def test_one_that_nobody_gave_names_its_pages_too(tmp_path):
    (found,) = run_on({STYLE: status(429)}, CHECK, tmp_path).findings
    assert (found.code, found.about) == ("client_libraries.no_answer", ("/",))


def test_the_hash_of_nothing_is_legal_and_may_be_empty(tmp_path):
    empty = f"/etc.clientlibs/wknd/clientlibs/clientlib-dep.lc-{EMPTY_LIBRARY}-lc.min.css"
    answers = {"/": page(head=_css(empty)), empty: text("", "text/css")}
    result = run_on(answers, CHECK, tmp_path)
    assert (result.outcome, result.findings) == (Outcome.PASSED, ())


@pytest.mark.parametrize("bad", ["", "null", "ABCDEF", "${hash}"])
def test_an_illegal_hash_fails(tmp_path, bad):
    url = f"/etc.clientlibs/wknd/x.lc-{bad}-lc.min.css"
    result = run_on({"/": page(head=_css(url)), url: text("a{}", "text/css")}, CHECK, tmp_path)
    assert result.outcome is Outcome.FAILED
    assert any("illegal hash" in sentence for sentence in result.sentences)


def test_a_missing_hash_is_a_warning_only(tmp_path):
    url = "/etc.clientlibs/wknd/x.min.css"
    result = run_on({"/": page(head=_css(url)), url: text("a{}", "text/css")}, CHECK, tmp_path)
    assert result.outcome is Outcome.PASSED
    assert result.findings[0].severity is Severity.WARN


def test_an_allow_list_that_closes_in_between_is_inconclusive(tmp_path):
    result = run_on({STYLE: status(405)}, CHECK, tmp_path)
    assert (result.outcome, result.cause) == (Outcome.INCONCLUSIVE, Cause.NETWORK)


def test_a_page_without_any_library_is_not_called_good(tmp_path):
    answers = {"/": text("<html>" + "x" * 600, "text/html")}
    result = run_on(answers, CHECK, tmp_path)
    assert (result.outcome, result.cause) == (Outcome.INCONCLUSIVE, Cause.CHECK)


@pytest.mark.parametrize("url", ["https://$[env:DOMAIN]/site.css", "http://[/site.css"])
def test_a_library_that_no_browser_can_ask_for_fails(tmp_path, url):
    good = "/etc.clientlibs/site.lc-0123456789abcdef0123456789abcdef-lc.css"
    answers = {"/": page(head=_css(url) + _css(good)), good: text("a {}", "text/css")}
    result = run_on(answers, CHECK, tmp_path)
    assert (result.outcome, result.findings[0].code) == (Outcome.FAILED, "client_libraries.address")
    assert "which names the host" in result.sentences[0]


def test_libraries_elsewhere_are_said_not_to_be_fetched(tmp_path):
    result = run_on({"/": page(head=_css("https://static.invalid/theme/site.css"))}, CHECK, tmp_path)
    assert result.outcome is Outcome.PASSED
    assert "other hosts were not fetched" in result.sentences[0]


def test_a_redirected_library_is_followed(tmp_path):
    from aiohttp import web

    answers = {
        STYLE: lambda _: web.Response(status=301, headers={"Location": "/moved.css"}),
        "/moved.css": text("a{}", "text/css"),
    }
    assert run_on(answers, CHECK, tmp_path).outcome is Outcome.PASSED


def test_a_broken_page_leaves_its_libraries_unjudged(tmp_path):
    result = run_on({"/a.html": status(500)}, CHECK, tmp_path, pages=["/", "/a.html"])
    assert (result.outcome, result.cause) == (Outcome.INCONCLUSIVE, Cause.PRODUCT)


def test_a_library_that_only_the_other_build_knows_is_asked_for_again_while_nodes_roll(tmp_path):
    asked = []

    def answer(request):
        asked.append(request.path)
        return (text("body{}", "text/css") if len(asked) == 2 else status(404))(request)

    result = run_on({STYLE: answer}, CHECK, tmp_path)
    assert (result.outcome, len(asked)) == (Outcome.PASSED, 2)


def test_a_library_that_is_missing_on_every_node_stays_missing(tmp_path):
    result = run_on({STYLE: status(404)}, CHECK, tmp_path)
    assert result.outcome is Outcome.FAILED
