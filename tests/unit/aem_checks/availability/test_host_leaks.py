"""Does A7 find hosts that only exist inside, and leave documentation alone?"""

from __future__ import annotations

import asyncio

import pytest

from aem_checks.kinds.availability.host_leaks import HostLeaks, HostLeaksSettings, internal
from aem_checks.outcomes import Cause, Outcome, Severity
from aem_checks.recording import record
from unit.aem_checks.judged_pages import judge_pages
from unit.aem_checks.page_site import PageSite, page, run_on, status, text

AUTHOR = "author-p12345-e67890.adobeaemcloud.com"


def _check(*allow: str) -> HostLeaks:
    return HostLeaks(HostLeaksSettings(allow=allow))


@pytest.mark.parametrize(
    ("markup", "host"),
    [
        ("<a href='http://localhost:4502/us/en.html'>Home</a>", "localhost:4502"),
        (f"<img src='https://{AUTHOR}/content/dam/a.png'>", AUTHOR),
        ("<img src='https://undefined/adobe/dynamicmedia/deliver?x=1'>", "undefined"),
        ("<img srcset='//10.0.3.4/a.png 1x'>", "10.0.3.4"),
        ("<form action='http://publish:4503/search'></form>", "publish:4503"),
        ("<link rel=canonical href='http://[::1]:4503/'>", "[::1]:4503"),
        ("<div data-api='{&#34;url&#34;:&#34;http://api.corp.internal/v1&#34;}'></div>", "api.corp.internal"),
        ('<script type="application/json">{"u":"http:\\/\\/127.0.0.1:1\\/x"}</script>', "127.0.0.1:1"),
        (f"<a href='/x?r=https%3A%2F%2F{AUTHOR}%2F'>x</a>", AUTHOR),
        ("<meta property='og:image' content='http://localhost:4503/a.png'>", "localhost:4503"),
    ],
)
def test_an_internal_host_fails(tmp_path, markup, host):
    result = run_on({"/": page(markup)}, _check(), tmp_path)
    assert result.outcome is Outcome.FAILED
    assert [finding.actual for finding in result.findings] == [host]


@pytest.mark.parametrize(
    "harmless",
    [
        "<p>Start http://localhost:4502 in your browser.</p>",
        "<pre><a href='http://localhost:4502'>x</a></pre><code>https://undefined/</code>",
        "<a href='http://localhost:4502/'>http://localhost:4502/</a>",
        "<input placeholder='http://localhost:3000' title='see http://localhost'>",
        "<meta name=description content='How to open http://localhost:4502'>",
        "<a href='https://www.example.com/undefined'>x</a><a href='tel:+41//1'>x</a>",
        "<img src='https://delivery-p1-e2.adobeaemcloud.com/adobe/a.png'>",
        "<svg xmlns='http://www.w3.org/2000/svg'></svg><a href='//'>x</a><a href='http://'>x</a>",
        "<script>if (location.hostname === 'localhost') debug()</script>",
    ],
)
def test_what_visitors_do_not_follow_does_not_count(tmp_path, harmless):
    result = run_on({"/": page(harmless)}, _check(), tmp_path)
    assert (result.outcome, result.findings) == (Outcome.PASSED, ())


def test_an_inline_script_and_another_environment_are_warnings(tmp_path):
    other = "https://publish-p1-e2.adobeaemcloud.com/"
    markup = f"<script>fetch('http://localhost:4502/x')</script><a href='{other}'>x</a>"
    result = run_on({"/": page(markup)}, _check(), tmp_path)
    assert result.outcome is Outcome.PASSED
    assert {finding.severity for finding in result.findings} == {Severity.WARN}
    assert len(result.findings) == 2


def test_the_stage_host_as_canonical_is_one_warning_for_all_pages(tmp_path):
    def own(request):
        return page(head=f"<link rel=canonical href='http://{request.host}{request.path}'>")(request)

    result = run_on({"/": own, "/a.html": own}, _check(), tmp_path, pages=["/", "/a.html"])
    assert result.outcome is Outcome.PASSED
    assert [finding.severity for finding in result.findings] == [Severity.WARN]
    assert "and on 1 more page" in result.sentences[0]


def test_a_stage_host_on_production_fails(tmp_path):
    async def judge():
        head = "<link rel=canonical href='https://stage.example.com/'>"
        async with PageSite({"/": page(head=head)}) as site, site.client() as client:
            config = site.config(stage="https://stage.example.com", production=site.url)
            recording = await record(config, "production", client, tmp_path)
        return judge_pages(_check(), recording)

    findings = asyncio.run(judge()).findings
    assert [(each.actual, each.severity) for each in findings] == [("stage.example.com", None)]


def test_json_and_xml_are_searched(tmp_path):
    answers = {
        "/a.model.json": text('{"u": "http://localhost:4503/x"}', "application/json"),
        "/sitemap.xml": text(f"<urlset><loc>https://{AUTHOR}/us.html</loc></urlset>", "application/xml"),
    }
    result = run_on(answers, _check(), tmp_path, pages=["/", *answers])
    assert {finding.actual for finding in result.findings} == {"localhost:4503", AUTHOR}


def test_an_allowed_host_may_appear(tmp_path):
    answers = {"/": page("<img src='http://assets.corp/a.png'>")}
    assert run_on(answers, _check("assets.corp"), tmp_path).outcome is Outcome.PASSED


def test_pages_that_cannot_be_reached_are_not_called_clean(tmp_path):
    result = run_on({}, _check(), tmp_path, everything=status(405))
    assert (result.outcome, result.cause) == (Outcome.INCONCLUSIVE, Cause.NETWORK)


@pytest.mark.parametrize("name", ["www.wknd.site", "8.8.8.8", "local.example.com", "", "author.example.com"])
def test_public_names_are_not_internal(name):
    assert internal(name) is None
