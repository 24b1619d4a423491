"""Does A3 tell a real 404 from everything that only looks like an answer?"""

from __future__ import annotations

import pytest
from aiohttp import web

from aem_checks.kinds.availability.real_404 import Real404, Real404Settings
from aem_checks.outcomes import Cause, Outcome, Severity
from unit.aem_checks.page_site import html, page, run_on, status

TRACE = "java.lang.NullPointerException\n\tat com.wknd.core.Header.get(Header.java:12)"


def _unknown(answer):
    """A site whose known page is good, and whose unknown paths answer this."""

    def everything(request):
        known = request.path in {"/us/en.html", "/errors/404.html"}
        return page()(request) if known else answer(request)

    return {"everything": everything, "pages": ["/us/en.html"]}


def _check(**settings) -> Real404:
    return Real404(Real404Settings(**settings))


def test_a_branded_404_passes_and_the_path_is_never_the_same(tmp_path):
    asked = []

    def answer(request):
        asked.append(request.path)
        return page(status=404)(request)

    for _ in range(2):
        assert run_on({}, _check(), tmp_path, **_unknown(answer)).outcome is Outcome.PASSED
    unknown = [path for path in asked if "/us/stage-gate-" in path]
    assert len(set(unknown)) == 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (page(), "answers with status 200, text/html"),
        (status(500), "status 500"),
        (lambda _: web.Response(status=302, headers={"Location": "/us/en.html"}), "redirected to"),
        (page(TRACE, status=404), "shows a stack trace"),
    ],
)
def test_a_wrong_answer_fails(tmp_path, answer, words):
    result = run_on({}, _check(), tmp_path, **_unknown(answer))
    assert (result.outcome, result.attempts) == (Outcome.FAILED, 2)
    assert words in result.sentences[0]
    assert "a page that cannot exist" in result.sentences[0]
    assert {finding.subject for finding in result.findings} == {"/us/NO-SUCH-NAME.html"}
    assert not result.flaky


@pytest.mark.parametrize(
    "body", ["", "<h1>No resource found</h1>", "The requested URL was not found on this server."]
)
def test_a_default_error_page_is_a_warning(tmp_path, body):
    answer = lambda _: web.Response(status=404, text=body, content_type="text/html")  # noqa: E731
    result = run_on({}, _check(), tmp_path, **_unknown(answer))
    assert result.outcome is Outcome.PASSED
    assert [finding.severity for finding in result.findings] == [Severity.WARN]


def test_the_text_that_the_404_page_shows_can_be_required(tmp_path):
    answers = _unknown(lambda _: web.Response(status=404, text=html("Sorry!"), content_type="text/html"))
    assert run_on({}, _check(contains="Sorry!"), tmp_path, **answers).outcome is Outcome.PASSED
    assert run_on({}, _check(contains="Oh no!"), tmp_path, **answers).outcome is Outcome.FAILED


def test_a_redirect_on_purpose_passes(tmp_path):
    answer = lambda _: web.Response(status=302, headers={"Location": "/errors/404.html"})  # noqa: E731
    assert (
        run_on({}, _check(redirects_to="/errors/404.html"), tmp_path, **_unknown(answer)).outcome == "passed"
    )
    assert run_on({}, _check(), tmp_path, **_unknown(answer)).outcome == "failed"


@pytest.mark.parametrize("code", [401, 403, 405, 429])
def test_a_refused_gate_is_inconclusive(tmp_path, code):
    result = run_on({}, _check(), tmp_path, **_unknown(status(code)))
    assert (result.outcome, result.cause) == (Outcome.INCONCLUSIVE, Cause.NETWORK)
