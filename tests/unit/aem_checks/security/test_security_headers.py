"""Does B4 see which protection an answer lacks, and which one stage has lost?"""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from aem_checks.access import NO_ACCESS
from aem_checks.client import Client
from aem_checks.kinds.security import _headers
from aem_checks.kinds.security.security_headers import SecurityHeaders, SecurityHeadersSettings
from aem_checks.means import Means
from aem_checks.outcomes import Outcome
from aem_checks.rate_limit import RateLimit
from aem_checks.recording import record
from aem_checks.response import Response, make_headers
from aem_checks.runner import run_check
from unit.aem_checks.page_site import PageSite, html, status

GOOD = {
    "X-Frame-Options": "SAMEORIGIN",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Strict-Transport-Security": "max-age=31557600",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}


def _page(headers):
    return lambda request: web.Response(text=html(), content_type="text/html", headers=headers)


def _without(*names):
    return {name: value for name, value in GOOD.items() if name not in names}


def _run(tmp_path, stage, production=None, **settings):
    """Stage and, where it is given, production answer ``/`` like this."""
    check = SecurityHeaders(SecurityHeadersSettings(**settings))

    async def run():
        async with PageSite({"/": stage}) as here, PageSite({"/": production or status(404)}) as there:
            config = here.config(**({"production": there.url} if production else {}))
            options = {"rate_limit": RateLimit(5000), "backoff": 0.01}
            async with Client.for_site(config, lambda name: NO_ACCESS, **options) as client:
                recording = await record(config, "stage", client, tmp_path / "recording")
                return await run_check(check, Means(config, "stage", client, recording, tmp_path))

    return asyncio.run(run())


def test_all_headers_pass(tmp_path):
    result = _run(tmp_path, _page(GOOD), _page(GOOD))
    assert (result.outcome, result.examined, result.findings) == (Outcome.PASSED, 1, ())


def test_missing_headers_warn_each_by_its_name(tmp_path):
    result = _run(tmp_path, _page({}))
    assert (result.severity, result.outcome) == ("warn", "failed")
    assert {each.subject for each in result.findings} == {
        "frame-ancestors",
        "X-Content-Type-Options",
        "Referrer-Policy",
    }


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_header_that_stage_lost_blocks(tmp_path, name):
    result = _run(tmp_path, _page(_without(name)), _page(GOOD))
    assert (result.severity, result.outcome, result.flaky) == ("block", "failed", False)
    assert f"{name} (production has it)" in {each.subject for each in result.findings}


def test_a_lost_header_can_be_waived(tmp_path):
    waived = {"waive": ["X-Frame-Options"]}
    assert _run(tmp_path, _page(_without("X-Frame-Options")), _page(GOOD), **waived).outcome == "passed"


def test_a_policy_that_lost_its_frame_ancestors_blocks(tmp_path):
    stage = {**GOOD, "Content-Security-Policy": "default-src 'self'"}
    result = _run(tmp_path, _page(stage), _page(GOOD))
    assert "frame-ancestors (production has it)" in {each.subject for each in result.findings}


def test_what_both_lack_does_not_block(tmp_path):
    lacking = _page(_without("Referrer-Policy"))
    assert _run(tmp_path, lacking, lacking).severity == "warn"


def test_a_production_that_refuses_the_gate_is_no_loss_and_is_said(tmp_path):
    result = _run(tmp_path, _page(GOOD), status(403))
    assert (result.severity, result.outcome) == ("warn", "inconclusive")
    assert "production's /" in result.sentences[0]


def test_further_paths_need_their_types_kept(tmp_path):
    result = _run(tmp_path, _page(GOOD), also=["/content/dam/map.svg"])
    assert [each.subject for each in result.findings] == ["X-Content-Type-Options"]
    assert "/content/dam/map.svg" in result.sentences[0]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("Strict-Transport-Security", "max-age=0", "switches it off"),
        ("Strict-Transport-Security", "max-age=nine", "no effect"),
        ("X-Content-Type-Options", "sniff", "no effect"),
        ("X-Frame-Options", "ALLOWALL", "no effect"),
        ("Content-Security-Policy", "frame-ancestors *", "everybody"),
        ("Referrer-Policy", "unsafe-url", "whole addresses"),
    ],
)
def test_a_value_of_no_effect_is_as_bad_as_none(name, value, words):
    headers = make_headers({**_without("Content-Security-Policy"), name: value})
    answer = Response("https://www.wknd.site/", 200, headers)
    assert any(words in rule(answer) for rule in _headers.NAMES.values())


def test_https_is_not_demanded_over_http():
    answers = {scheme: Response(f"{scheme}://www.wknd.site/", 200) for scheme in ("http", "https")}
    rule = _headers.NAMES["Strict-Transport-Security"]
    assert (rule(answers["http"]), rule(answers["https"])) == ("", "missing")
