"""Does A2 tell a broken page from a page that the gate cannot reach?"""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web

from aem_checks.kinds.availability.key_pages import KeyPages, KeyPagesSettings
from aem_checks.outcomes import Cause, Outcome
from unit.aem_checks.page_site import page, run_on, status, text


def _check(**settings) -> KeyPages:
    return KeyPages(KeyPagesSettings(**settings))


def _to(location: str):
    return lambda _: web.Response(status=302, headers={"Location": location})


def test_good_pages_pass(tmp_path):
    answers = {"/us/en": page(), "/data.model.json": text("{}", "application/json")}
    result = run_on(answers, _check(), tmp_path, pages=["/", "/us/en", "/data.model.json"])
    assert (result.outcome, result.examined, result.findings) == (Outcome.PASSED, 3, ())


def test_a_redirect_within_the_site_is_followed(tmp_path):
    result = run_on({"/": _to("/us/en.html"), "/us/en.html": page()}, _check(), tmp_path)
    assert result.outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (status(503), "answers with status 503; expected status 200"),
        (status(404), "answers with status 404"),
        (text("{}", "application/json"), "has content type 'application/json'"),
        (text("<html></html>", "text/html"), "has only 13 bytes; expected at least 500 bytes"),
        (_to("/libs/granite/core/content/login.html?resource=/"), "redirected to a log-in"),
        (_to("https://elsewhere.invalid/"), "redirected to 'https://elsewhere.invalid/'"),
        (_to("/"), "redirected without end"),
    ],
)
def test_a_broken_page_fails_with_expected_and_actual(tmp_path, answer, words):
    result = run_on({"/": answer, "/libs/granite/core/content/login.html": page()}, _check(), tmp_path)
    assert (result.outcome, result.attempts) == (Outcome.FAILED, 2)
    assert words in result.sentences[0]
    assert result.sentences[0].startswith("http://127.0.0.1:")
    assert result.findings[0].evidence


@pytest.mark.parametrize("code", [401, 403, 405, 406, 407, 429])
def test_a_refused_gate_is_inconclusive_never_failed(tmp_path, code):
    result = run_on({}, _check(), tmp_path, everything=status(code), pages=["/", "/a.html"])
    assert (result.outcome, result.cause) == (Outcome.INCONCLUSIVE, Cause.NETWORK)
    assert f"status {code}" in result.sentences[0]
    assert ("IP allow list" in result.sentences[0]) == (code == 405)


def test_one_unreachable_page_among_good_ones_is_inconclusive(tmp_path):
    result = run_on({"/a.html": status(405)}, _check(), tmp_path, pages=["/", "/a.html"])
    assert (result.outcome, result.cause) == (Outcome.INCONCLUSIVE, Cause.NETWORK)


def test_a_broken_page_outweighs_an_unreachable_one(tmp_path):
    answers = {"/": status(500), "/a.html": status(405)}
    result = run_on(answers, _check(), tmp_path, pages=["/", "/a.html"])
    assert (result.outcome, result.cause) == (Outcome.FAILED, Cause.PRODUCT)


def test_a_body_that_cannot_be_decompressed_is_inconclusive(tmp_path):
    def broken(_):
        response = web.Response(body=b"not gzip at all", content_type="text/html")
        response.headers["Content-Encoding"] = "gzip"
        return response

    result = run_on({"/": broken}, _check(), tmp_path)
    assert (result.outcome, result.cause) == (Outcome.INCONCLUSIVE, Cause.NETWORK)
    assert "decompressed" in result.sentences[0]


@pytest.mark.parametrize(
    ("form", "is_login"),
    [
        (
            "<form method=post action=https://idp.example/><input type=hidden name=SAMLRequest value=fVJN></form>",
            True,
        ),
        (
            "<form action=/libs/granite/core/content/login.html/j_security_check><input name=j_username></form>",
            True,
        ),
        ("<form action=/us/en.html/j_security_check><input name=j_username></form>", False),
        ("<p>How SAMLRequest works, and /libs/granite/core/content/login.html</p>", False),
    ],
)
def test_a_log_in_in_place_of_the_page_is_none(tmp_path: Path, form: str, is_login: bool) -> None:
    result = run_on({"/": page(form)}, KeyPages(KeyPagesSettings()), tmp_path)
    assert [each.code for each in result.findings] == (["key_pages.login"] if is_login else [])
    assert not is_login or "shows a log-in in its place" in result.sentences[0]
