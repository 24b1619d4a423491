"""D2 on small pages: which parts are missed, what should not be shown, and what was so before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from aem_checks.kinds.rendering.structure import Structure, StructureSettings
from aem_checks.outcomes import CheckResult, Outcome, Severity
from aem_checks.recording import Page, Recording
from aem_checks.response import Response, make_headers
from unit.aem_checks.judged_pages import judge_pages
from unit.aem_checks.page_site import page, run_on

WHOLE = "<header>Logo</header><nav><a href=/a.html>A</a></nav><main>{}</main><footer>End</footer>"
HTML = make_headers({"Content-Type": "text/html; charset=utf-8"})


def check(**settings: Any) -> Structure:
    return Structure(StructureSettings.model_validate(settings))


def judge(folder: Path, body: str, head: str = "", **settings: Any) -> CheckResult:
    return run_on({"/": page(body, head)}, check(**settings), folder)


def recording(body: str) -> Recording:
    url = "https://stage.wknd.site/us/en.html"
    answer = Response(url, 200, HTML, f"<html><body>{body}</body></html>".encode())
    pages = (Page("/us/en.html", url, (answer,)),)
    return Recording(
        "wknd", "stage", "https://stage.wknd.site", frozenset({"stage.wknd.site"}), frozenset(), pages
    )


def test_a_page_with_all_parts_passes(tmp_path: Path) -> None:
    result = judge(tmp_path, WHOLE)
    assert (result.outcome, result.examined, result.findings) == (Outcome.PASSED, 1, ())


def test_roles_stand_for_elements(tmp_path: Path) -> None:
    roles = ("banner", "navigation", "main", "contentinfo")
    body = "".join(f"<div role={role}>x</div>" for role in roles)
    assert judge(tmp_path, body).outcome is Outcome.PASSED


@pytest.mark.parametrize("part", ["header", "nav", "main", "footer"])
def test_each_missing_part_blocks(tmp_path: Path, part: str) -> None:
    result = judge(tmp_path, WHOLE.replace(f"<{part}>", "<div>").replace(f"</{part}>", "</div>"))
    assert (result.severity, result.outcome) == (Severity.BLOCK, Outcome.FAILED)
    assert [finding.subject for finding in result.findings] == [f"/ {part}"]


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ('<div class="image cq-placeholder">Image</div>', "cq-placeholder"),
        ('<div data-emptytext="Configure me"></div>', "Configure me"),
        ("<p>Cannot serve request to /content/wknd/teaser.html</p>", "Cannot serve request"),
        ("<p>org.apache.sling.scripting.sightly.SightlyException: no</p>", "SightlyException"),
        (
            "<p>java.lang.NullPointerException\n at com.wknd.Teaser.getTitle(Teaser.java:12)</p>",
            "Teaser.java:12",
        ),
        ("<div>at java.base/java.lang.Thread.run(Thread.java:840)</div>", "Thread.java:840"),
        ("<div>Caused by: javax.jcr.RepositoryException: gone</div>", "Caused by"),
        ("<p>Error during include of component '/apps/wknd/components/teaser'</p>", "Error during include"),
        ("<p>No renderer for extension html, cannot render resource</p>", "No renderer"),
        ('<div class="cmp-experiencefragment cmp-experiencefragment--promo"> </div>', "--promo"),
    ],
)
def test_what_nobody_should_see_is_found(tmp_path: Path, markup: str, words: str) -> None:
    result = judge(tmp_path, WHOLE.format(markup))
    assert result.outcome is Outcome.FAILED
    assert words in result.findings[0].sentence


@pytest.mark.parametrize(
    "markup",
    [
        "<pre>java.lang.NullPointerException</pre>",
        "<p>A java.lang.NullPointerException is what Java says of nothing.</p>",
        "<p>java.lang.OutOfMemoryError: how to read a heap dump</p>",
        "<h2>javax.servlet.ServletException and its cousins</h2>",
        "<p>org.apache.sling.api.SlingException is the parent of them all.</p>",
        "<p>Cannot serve request to: what this message means.</p>",
        "<p>It was caused by: nobody. Meet us at www.example.com (Hall 4).</p>",
        "<script>var message = 'java.lang.NullPointerException';</script>",
        '<pre><span class="cq-placeholder">shown as a sample</span></pre>',
        '<div class="cmp-experiencefragment"><img src="/a.png"></div>',
        '<div class="cmp-experiencefragment"><p>Words</p></div>',
    ],
)
def test_samples_scripts_and_filled_fragments_are_no_findings(tmp_path: Path, markup: str) -> None:
    assert judge(tmp_path, WHOLE.format(markup)).outcome is Outcome.PASSED


@pytest.mark.parametrize("key", ["article-page", "/", "/*"])
def test_a_template_or_path_has_to_have_its_components(tmp_path: Path, key: str) -> None:
    head = '<meta name="template" content="article-page">'
    settings = {"expected": {key: [".cmp-teaser", "main"]}}
    result = judge(tmp_path, WHOLE, head, **settings)
    assert [finding.subject for finding in result.findings] == ["/ .cmp-teaser"]
    good = judge(tmp_path, WHOLE.format("<div class=cmp-teaser>x</div>"), head, **settings)
    assert good.outcome is Outcome.PASSED


def test_a_template_that_no_page_has_is_no_answer(tmp_path: Path) -> None:
    result = judge(tmp_path, WHOLE, expected={"campaign-page": [".cmp-teaser"]})
    assert result.outcome is Outcome.INCONCLUSIVE
    assert "'campaign-page'" in result.findings[0].sentence


def test_exempt_pages_need_no_parts_but_show_no_errors_either(tmp_path: Path) -> None:
    assert judge(tmp_path, "bare", exempt=["/"]).outcome is Outcome.PASSED
    broken = judge(tmp_path, "<p>Caused by: java.lang.OutOfMemoryError</p>", exempt=["/"])
    assert broken.outcome is Outcome.FAILED


def test_what_was_so_at_the_last_release_is_only_a_warning() -> None:
    without_nav = WHOLE.replace("nav>", "div>")
    judgement = judge_pages(check(), recording(without_nav), recording(without_nav))
    assert [each.severity for each in judgement.findings] == [Severity.WARN]
    assert "at the last approved release too" in judgement.findings[0].sentence
    new = judge_pages(check(), recording(without_nav), recording(WHOLE))
    assert [each.severity for each in new.findings] == [None]


def test_a_page_that_is_none_is_not_judged(tmp_path: Path) -> None:
    result = run_on({"/": page("x", status=503)}, check(), tmp_path)
    assert (result.outcome, result.examined) == (Outcome.INCONCLUSIVE, 0)


def test_a_selector_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"'\.a\[' is no CSS selector"):
        check(expected={"article-page": [".a["]})


def test_hostile_words_are_quoted_in_one_line(tmp_path: Path) -> None:
    text = "x\n::endgroup::\x1b[2J{{ conn.x.password }}"
    result = judge(tmp_path, WHOLE.format(f'<div data-emptytext="{text}"></div>'))
    sentence = result.findings[0].sentence
    assert "\n" not in sentence
    assert "::endgroup::" not in sentence
    assert "\x1b" not in sentence


SHELL = "<body><div id=root></div><noscript>Switch on <a href=/help.html>JavaScript</a></noscript>{}</body>"
SCRIPT_TAG = "<script src=/app.js></script>"
FILLED_HEADER = "<header><nav>A</nav></header>"


@pytest.mark.parametrize(
    "body",
    [
        SHELL.format(SCRIPT_TAG),
        f"<app-root><p>Loading</p></app-root>{SCRIPT_TAG}",
        f"<div id=root></div><input type=hidden name=token value=a>{SCRIPT_TAG}",
        f"<header></header><main>Words</main><footer></footer>{SCRIPT_TAG}",
        f"{FILLED_HEADER}<main><div></div></main><footer>End</footer>{SCRIPT_TAG}",
    ],
)
def test_parts_that_a_script_makes_are_no_answer(body: str) -> None:
    (finding,) = judge_pages(check(), recording(body)).findings
    assert (finding.code, finding.outcome) == ("made_by_script", Outcome.INCONCLUSIVE)


@pytest.mark.parametrize(
    "body",
    [
        SHELL.format(""),
        f"<main>{'Words of a page. ' * 10}</main>{SCRIPT_TAG}",
        f"<main><img src=/a.jpg></main>{SCRIPT_TAG}",
        f"{FILLED_HEADER}<main></main><footer>End</footer>",
        f"<header>Logo</header><main>Words</main><footer></footer>{SCRIPT_TAG}",
    ],
)
def test_a_page_that_has_content_of_its_own_lacks_what_it_lacks(body: str) -> None:
    found = judge_pages(check(), recording(body)).findings
    assert {(each.code, each.outcome) for each in found} == {("part_missing", Outcome.FAILED)}


def test_what_a_script_makes_is_no_answer_either_where_it_was_so_before() -> None:
    shell = recording(SHELL.format(SCRIPT_TAG))
    (finding,) = judge_pages(check(), shell, shell).findings
    assert (finding.outcome, finding.severity) == (Outcome.INCONCLUSIVE, None)


def test_parts_that_are_not_asked_for_are_not_waited_for() -> None:
    body = f"<header></header><main>Words</main><footer></footer>{SCRIPT_TAG}"
    assert judge_pages(check(parts=["header", "main", "footer"]), recording(body)).findings == ()
