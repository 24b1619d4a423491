"""Does B3 tell a page as authors see it from the plain page, whatever changes in it by itself?"""

from __future__ import annotations

import itertools

import pytest

from aem_checks.kinds.security.authoring_modes import AuthoringModes, AuthoringModesSettings
from unit.aem_checks.small_site import outcome, visit

PAGE = "/us/en.html"
PLAIN = "<html><body><main class='cmp'><h1>Ridge</h1></main></body></html>"


def _visit(tmp_path, shown, plain=lambda: (200, PLAIN)):
    check = AuthoringModes(AuthoringModesSettings())
    answers = lambda path: plain() if path == PAGE else shown(path)  # noqa: E731
    judgement = visit(check, tmp_path, answers, pages=(PAGE,))
    return outcome(check, judgement), judgement


@pytest.mark.parametrize(
    "answer",
    [
        (404, "lost"),
        (403, "denied"),
        (200, PLAIN),
        (302, "", {"Location": "/us/en.html"}),
        (200, PLAIN.replace("Ridge", "Tarn")),
    ],
)
def test_no_page_or_the_plain_page_is_fine(tmp_path, answer):
    result, judgement = _visit(tmp_path, lambda path: answer)
    assert (result, judgement.examined) == ("block passed", 3)


@pytest.mark.parametrize(
    "markup",
    [
        '<cq data-path="/content/x" data-config="{}"></cq>',
        '<div class="par cq-Editable-dom">x</div>',
        '<script src="/libs/cq/gui/components/authoring/editors/clientlibs/internal/page.js"></script>',
    ],
)
def test_marks_of_the_editor_block(tmp_path, markup):
    shown = PLAIN.replace("</main>", f"{markup}</main>")
    result, judgement = _visit(tmp_path, lambda path: (200, shown) if "wcmmode=edit" in path else (404, ""))
    assert result == "block failed product"
    assert [finding.subject for finding in judgement.findings] == ["/us/en.html?wcmmode=edit"]


def test_other_elements_block_too(tmp_path):
    shown = PLAIN.replace("<h1>", "<table><tr><td>debug</td></tr></table><h1>")
    result, judgement = _visit(tmp_path, lambda path: (200, shown) if "debug" in path else (404, ""))
    assert result == "block failed product"
    assert "other elements" in judgement.findings[0].sentence


def test_a_page_that_changes_its_elements_by_itself_is_judged_by_marks_alone(tmp_path):
    turn = itertools.count()
    changing = lambda: (200, PLAIN.replace("cmp", f"cmp-{next(turn)}"))  # noqa: E731
    assert _visit(tmp_path, lambda path: changing(), changing)[0] == "block passed"


def test_a_mode_that_breaks_the_page_is_a_warning(tmp_path):
    result, judgement = _visit(tmp_path, lambda path: (500, "x"))
    assert result == "block passed"
    assert {finding.severity for finding in judgement.findings} == {"warn"}


@pytest.mark.parametrize("plain", [(403, "denied"), (500, "x"), "reset"])
def test_without_a_plain_page_there_is_no_answer(tmp_path, plain):
    assert _visit(tmp_path, lambda path: (404, ""), lambda: plain)[0].startswith("block inconclusive")
