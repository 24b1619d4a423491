"""Does D1 see what a browser sees when a page's scripts and requests fail?"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from aem_checks.browser import open_page
from aem_checks.kinds.browser.page_errors import PageErrors, PageErrorsSettings
from aem_checks.outcomes import Outcome
from unit.aem_checks.browser.browser_house import House, bad, environment, outcome
from unit.aem_checks.page_site import page, status, text

STRICT = {"X-Content-Type-Options": "nosniff"}
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def check(**settings: object) -> PageErrors:
    return PageErrors(PageErrorsSettings.model_validate(settings))


@pytest.mark.parametrize(
    ("defect", "says"),
    [
        (
            "script_error",
            "throws an exception that nobody catches: 'ReferenceError: larkfellCarousel is not defined'",
        ),
        ("clientlib_404", "makes Chromium report an error: 'Refused to apply style from"),
    ],
)
def test_what_is_new_and_the_sites_own_blocks(
    browsing: House, tmp_path: Path, defect: str, says: str
) -> None:
    clean = browsing.check(check(), tmp_path / "before", environment())
    result = browsing.check(
        check(), tmp_path / "now", environment("stage", "build-2", defect), baseline=tmp_path / "before"
    )
    assert outcome(clean) == "warn passed"
    assert outcome(result) == "block failed"
    assert any(says in finding.sentence for finding in bad(result)), [f.sentence for f in bad(result)]
    assert (tmp_path / "now" / bad(result)[0].evidence).exists()


def test_what_was_so_at_the_last_release_is_noted(browsing: House, tmp_path: Path) -> None:
    broken = environment("stage", "build-1", "script_error")
    browsing.check(check(), tmp_path / "before", broken)
    result = browsing.check(
        check(),
        tmp_path / "now",
        environment("stage", "build-2", "script_error"),
        baseline=tmp_path / "before",
    )
    assert outcome(result) == "warn passed"
    assert "It did so at the last verified release too." in result.findings[0].sentence


def test_the_same_error_of_several_pages_is_one_finding(browsing: House, tmp_path: Path) -> None:
    answers = {path: page("<script>nothing.there()</script>") for path in ("/a.html", "/b.html")}
    result = browsing.check(check(), tmp_path, answers, pages=("/a.html", "/b.html"))
    assert [finding.sentence[:28] for finding in bad(result)] == ["/a.html (and 1 more page) th"]


def test_a_finding_has_all_its_pages_and_the_files_that_it_names(browsing: House, tmp_path: Path) -> None:
    body = page('<link rel="stylesheet" href="/site.css"><script src="/site.js"></script>')
    answers = {"/a.html": body, "/b.html": body, "/site.css": page(headers=STRICT), "/site.js": status(404)}
    result = browsing.check(check(), tmp_path, answers, pages=("/a.html", "/b.html"))
    assert {finding.code for finding in bad(result)} == {"page_errors.browser", "page_errors.request"}
    for finding in bad(result):
        file = "/site.js" if finding.code == "page_errors.request" else "/site.css"
        assert finding.about[:2] == ("/a.html", "/b.html")
        assert any(each.endswith(file) for each in finding.about[2:]), finding.about


def test_what_others_do_wrong_warns(browsing: House, tmp_path: Path) -> None:
    from unit.aem_checks.browser.other_host import other_host

    with other_host({"/theirs.js": "throw new Error('theirs')"}) as (host, _):
        body = f'<script src="http://{host}/theirs.js"></script><script src="http://{host}/gone.js"></script>'
        result = browsing.check(check(), tmp_path, {"/": page(body)}, pages=("/",), allow_hosts=[host])
    assert outcome(result) == "warn failed"
    assert sorted(finding.sentence.split(":")[0] for finding in bad(result)) == [
        "/ has a request that fails of another party",
        "/ throws an exception that nobody catches of another party",
    ]


def test_a_script_that_misses_what_the_gate_did_not_load_only_warns(browsing: House, tmp_path: Path) -> None:
    body = '<script src="https://tags.example/launch.js"></script><script>_satellite.pageBottom()</script>'
    result = browsing.check(check(), tmp_path, {"/": page(body)}, pages=("/",))
    assert outcome(result) == "warn failed"
    assert "see allow_hosts" in bad(result)[0].sentence
    assert any(
        finding.subject == "allow_hosts" and "tags.example" in finding.sentence for finding in result.findings
    )


def test_errors_that_mean_nothing_are_not_told(browsing: House, tmp_path: Path) -> None:
    body = "<script>console.error('ResizeObserver loop limit'); console.error('old widget')</script>"
    result = browsing.check(
        check(ignore=["^old", "ResizeObserver"]), tmp_path, {"/": page(body)}, pages=("/",)
    )
    assert bad(result) == []


def test_hostile_words_of_a_page_are_quoted(browsing: House, tmp_path: Path) -> None:
    body = r"<script>console.error('::endgroup::\n{{ conn.x.password }}\u202e' + 'x'.repeat(99999))</script>"
    result = browsing.check(check(), tmp_path, {"/": page(body)}, pages=("/",))
    sentence = bad(result)[0].sentence
    assert "::endgroup::" not in sentence
    assert "\n" not in sentence
    assert "\u202e" not in sentence
    assert len(sentence) < 500


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (status(503), "answers a browser with status 503"),
        (status(405), "answers a browser with status 405"),
        (text("x" * 10, status=404), "answers a browser with status 404"),
    ],
)
def test_a_page_that_is_none_is_no_good_page(
    browsing: House, tmp_path: Path, answer: object, says: str
) -> None:
    result = browsing.check(check(), tmp_path, {"/": answer}, pages=("/",))  # type: ignore[dict-item]
    assert (result.examined, result.outcome) == (0, Outcome.INCONCLUSIVE)
    assert says in result.findings[0].sentence


async def _never(request: web.BaseRequest) -> web.StreamResponse:
    """The head of an answer, and then nothing."""
    answer = web.StreamResponse(headers={"Content-Type": "text/html", "Content-Length": "99999"})
    await answer.prepare(request)
    await answer.write(b"<!DOCTYPE html><title>WKND</title><p>Surfing")
    await asyncio.sleep(600)
    return answer


def test_a_page_that_never_arrives_whole_is_not_judged_and_a_script_that_does_not_is_a_failure(
    browsing: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_page, "LOAD_SECONDS", 2.0)
    broken = web.Response(
        body=b"\x1f\x8b larkfell", content_type="text/html", headers={"Content-Encoding": "gzip"}
    )
    answers = {"/half": _never, "/garbage": lambda _: broken}
    result = browsing.check(check(), tmp_path, answers, pages=("/half", "/garbage"))
    assert (outcome(result), result.examined) == ("block inconclusive", 0)
    monkeypatch.setattr(open_page, "LOAD_SECONDS", 12.0)
    waiting = {"/": page("<script src=/never.js></script>"), "/never.js": _never}
    result = browsing.check(check(), tmp_path, waiting, pages=("/",))
    assert outcome(result) == "block failed"
    assert "GET script: does not arrive" in bad(result)[0].sentence
