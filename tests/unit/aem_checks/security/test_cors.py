"""Does B5 see which origins may read, and who gets an answer that was meant for another?"""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from aem_checks.kinds.security.cors import Cors, CorsSettings
from aem_checks.outcomes import Finding, Outcome
from unit.aem_checks.page_site import PageSite, check_page_site, html, status

APP = "https://app.wknd.site"
QUERY = "/graphql/execute.json/wknd/adventures"
DECLARED = {"origins": [APP], "paths": [QUERY]}


def _answer(allow=lambda origin: None, **headers):
    """An answer whose Access-Control-Allow-Origin depends on the origin that asks."""

    def answer(request):
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if (allowed := allow(request.headers.get("Origin"))) is not None:
            sent["Access-Control-Allow-Origin"] = allowed
        return web.Response(text=html(), content_type="text/html", headers=sent)

    return answer


def _good(origin):
    return APP if origin == APP else None


def _run(tmp_path, everything, **settings):
    async def run():
        async with PageSite(everything=everything) as site:
            result = await check_page_site(site, Cors(CorsSettings(**settings)), tmp_path)
            return result, site.requests

    return asyncio.run(run())


def _bad(result) -> list[Finding]:
    return [each for each in result.findings if each.outcome is not Outcome.PASSED]


def test_a_site_that_names_no_origin_passes(tmp_path):
    result, requests = _run(tmp_path, _answer())
    assert (result.outcome, _bad(result)) == (Outcome.PASSED, [])
    assert result.examined == 4
    assert {each.headers.get("Origin") for each in requests} == {None, "null", "https://evil.invalid"}


def test_no_foreign_origin_is_left_in_a_cache(tmp_path):
    _, requests = _run(tmp_path, _answer())
    asked = [each for each in requests if "Origin" in each.headers]
    assert all("stage-gate=" in each.path_qs for each in asked)
    assert len({each.path_qs for each in asked}) == len(asked)


@pytest.mark.parametrize(
    ("headers", "severity", "outcome"),
    [
        ({"Access_Control_Allow_Credentials": "true"}, "block", "failed"),
        ({}, "block", "passed"),
    ],
)
def test_an_echo_of_any_origin_blocks_with_credentials_and_warns_without(
    tmp_path, headers, severity, outcome
):
    result, _ = _run(tmp_path, _answer(lambda origin: origin, **headers))
    assert (result.severity, result.outcome) == (severity, outcome)
    assert {each.severity for each in _bad(result)} == ({None} if outcome == "failed" else {"warn"})


def test_the_name_of_a_variable_blocks(tmp_path):
    result, _ = _run(tmp_path, _answer(lambda origin: "${APP_ORIGIN}"))
    assert (result.severity, result.outcome) == ("block", "failed")
    assert "allows '${APP_ORIGIN}'" in result.sentences[0]


def test_a_declared_origin_that_is_allowed_and_varied_passes(tmp_path):
    answer = _answer(_good, Vary="Accept-Encoding, Origin", Cache_Control="max-age=60")
    result, requests = _run(tmp_path, answer, **DECLARED)
    assert (result.outcome, _bad(result)) == (Outcome.PASSED, [])
    assert "OPTIONS" in {each.method for each in requests}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (_answer(), "allows no origin"),
        (_answer(lambda origin: "https://other.example"), "allows 'https://other.example'"),
        (_answer(_good, Cache_Control="max-age=60"), "no 'Vary: Origin'"),
        (_answer(_good, Access_Control_Allow_Methods="POST"), "gets the methods 'POST'"),
    ],
)
def test_a_declared_origin_that_is_not_served_blocks(tmp_path, answer, words):
    result, _ = _run(tmp_path, answer, **DECLARED)
    assert (result.severity, result.outcome) == ("block", "failed")
    assert any(words in sentence for sentence in result.sentences)


def test_everybody_may_read_without_vary(tmp_path):
    result, _ = _run(tmp_path, _answer(lambda origin: "*", Cache_Control="max-age=60"), **DECLARED)
    assert result.outcome is Outcome.PASSED


def test_an_answer_that_no_cache_keeps_needs_no_vary(tmp_path):
    result, _ = _run(tmp_path, _answer(_good, Cache_Control="no-store"), **DECLARED)
    assert result.outcome is Outcome.PASSED


def test_a_refused_foreign_origin_is_fine_and_a_refused_gate_is_inconclusive(tmp_path):
    def refusing(request):
        return (status(403) if "Origin" in request.headers else _answer())(request)

    assert _run(tmp_path, refusing)[0].outcome is Outcome.PASSED
    assert _run(tmp_path, status(403))[0].outcome is Outcome.INCONCLUSIVE


def test_an_origin_with_a_path_is_refused_when_the_gate_file_is_read():
    with pytest.raises(ValueError, match="more than scheme and host"):
        CorsSettings(origins=("https://app.wknd.site/start",))
