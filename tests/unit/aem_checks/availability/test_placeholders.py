"""Does A6 find what was never replaced, and leave code alone?"""

from __future__ import annotations

import pytest

from aem_checks.kinds.availability.placeholders import Placeholders, PlaceholdersSettings
from aem_checks.outcomes import Cause, Outcome
from unit.aem_checks.page_site import SCRIPT, page, run_on, status, text


def _check(*ignore: str) -> Placeholders:
    return Placeholders(PlaceholdersSettings(ignore=ignore))


@pytest.mark.parametrize(
    ("answer", "placeholder", "place"),
    [
        (page("<p>$[env:API_HOST]</p>"), "$[env:API_HOST]", "the page"),
        (page("<a href='https://x/$[secret:KEY;default=a]'>x</a>"), "$[secret:KEY;default=a]", "the page"),
        (page("<script>var host = '$[env:HOST]'</script>"), "$[env:HOST]", "the page"),
        (page("<code>$[env:A]</code><p>$[env:A]</p>"), "$[env:A]", "the page"),
        (page("<img src='${CDN_HOST}/a.png'>"), "${CDN_HOST}", "the attribute 'src' of a <img>"),
        (page("<a href='/x?q=%7B%7Bterm%7D%7D'>x</a>"), "%7B%7Bterm%7D%7D", "the attribute 'href' of a <a>"),
        (page(headers={"Access-Control-Allow-Origin": "${VAR_NAME}"}), "${VAR_NAME}", "the header"),
        (page(headers={"X-Env": "$[env:NAME]"}), "$[env:NAME]", "the header 'X-Env'"),
        (
            page('<script type="application/ld+json">{"url": "${SITE_URL}/a"}</script>'),
            "${SITE_URL}",
            "the JSON",
        ),
    ],
)
def test_an_unresolved_placeholder_fails(tmp_path, answer, placeholder, place):
    result = run_on({"/": answer}, _check(), tmp_path)
    assert result.outcome is Outcome.FAILED
    assert [finding.actual for finding in result.findings] == [placeholder]
    assert place in result.sentences[0]
    assert result.sentences[0].startswith("http://127.0.0.1:")
    assert "stage-gate=" not in result.sentences[0]


@pytest.mark.parametrize(
    "harmless",
    [
        "<pre><code>$[env:NAME]</code> ${NAME}</pre><code>$[secret:X]</code>",
        "<script>const a = `https://${HOST}/${PATH_NAME}`</script>",
        "<p>Write ${USER_NAME} in the template.</p>",
        "<button onclick='go(`${HOST_NAME}`)' :class='`${ACTIVE_CLASS}`' @click='`${ACTIVE_CLASS}`'>x</button>",
        "<div data-cmp-src='/img{.width}.jpeg' data-x='%7B%22a%22%3A1%7D'></div>",
        "<p>{{ mustache }} costs $[5] or ${x}</p>",
        "<code data-lang='${LANG_NAME}'>x</code>",
    ],
)
def test_code_and_prose_do_not_count(tmp_path, harmless):
    result = run_on({"/": page(harmless)}, _check(), tmp_path)
    assert (result.outcome, result.findings) == (Outcome.PASSED, ())


def test_template_literals_in_client_libraries_do_not_count_but_osgi_placeholders_do(tmp_path):
    script = text("let a=`${HOST_NAME}`", "application/javascript")
    assert run_on({SCRIPT: script}, _check(), tmp_path).outcome is Outcome.PASSED
    script = text("let a='$[env:HOST]'", "application/javascript")
    assert run_on({SCRIPT: script}, _check(), tmp_path).outcome is Outcome.FAILED


def test_json_values_are_searched(tmp_path):
    answers = {"/a.model.json": text('{"a": [{"url": "${API_URL}"}], "b": "$[env:B]"}', "application/json")}
    result = run_on(answers, _check(), tmp_path, pages=["/", "/a.model.json"])
    assert {finding.actual for finding in result.findings} == {"${API_URL}", "$[env:B]"}


def test_one_placeholder_on_many_pages_is_one_finding(tmp_path):
    answers = {path: page("<p>$[env:A]</p>") for path in ("/", "/a.html", "/b.html")}
    result = run_on(answers, _check(), tmp_path, pages=list(answers))
    assert len(result.findings) == 1
    assert "and on 2 more URLs" in result.sentences[0]


def test_a_waived_placeholder_is_content(tmp_path):
    answers = {"/": page("<a href='${FIRST_NAME}'>x</a>")}
    assert run_on(answers, _check("${FIRST_NAME}"), tmp_path).outcome is Outcome.PASSED


def test_pages_that_cannot_be_reached_are_not_called_clean(tmp_path):
    result = run_on({}, _check(), tmp_path, everything=status(405))
    assert (result.outcome, result.cause) == (Outcome.INCONCLUSIVE, Cause.NETWORK)
