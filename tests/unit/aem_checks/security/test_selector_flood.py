"""Does B2 see which copies of a page caches would keep?"""

from __future__ import annotations

import re

import pytest

from aem_checks.kinds.security.selector_flood import SelectorFlood, SelectorFloodSettings
from unit.aem_checks.small_site import HTML, SmallSite, bad, outcome, visit

PAGE = "/us/en.html"
SELECTOR = re.compile(r"/us/en\.sg\w{10}\.html")
SUFFIX = re.compile(r"/us/en\.html/sg\w{10}")
PARAMETER = re.compile(r"/us/en\.html\?sg\w{10}=1")
CACHED = {**HTML, "Cache-Control": "max-age=300"}


def _site(open_to: re.Pattern[str] | None, answer=(200, "a copy", CACHED)):
    """A page that answers, and beside it what the pattern describes."""

    def answers(path):
        if open_to is not None and open_to.fullmatch(path):
            return answer
        return (200, "home", CACHED) if path == PAGE else (404, "lost")

    return answers


def _visit(tmp_path, answers, pages=(PAGE,), **settings):
    check = SelectorFlood(SelectorFloodSettings(**settings))
    judgement = visit(check, tmp_path, answers, pages=pages)
    return outcome(check, judgement), judgement


def test_a_dispatcher_that_denies_them_passes(tmp_path):
    result, judgement = _visit(tmp_path, _site(None))
    assert (result, judgement.examined) == ("warn passed", 3)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [(SELECTOR, "block failed product"), (SUFFIX, "warn failed product"), (PARAMETER, "warn passed")],
)
def test_a_copy_that_caches_keep_is_found(tmp_path, pattern, expected):
    result, judgement = _visit(tmp_path, _site(pattern))
    assert result == expected
    assert all("WORD" in finding.subject for finding in judgement.findings)


def test_a_parameter_is_judged_where_the_team_wants_it(tmp_path):
    assert _visit(tmp_path, _site(PARAMETER), parameters=True)[0] == "warn failed product"


@pytest.mark.parametrize("control", ["no-store", "private, max-age=300", "max-age=0"])
def test_a_copy_that_is_not_kept_is_fine(tmp_path, control):
    answers = _site(SELECTOR, (200, "a copy", {**HTML, "Cache-Control": control}))
    assert _visit(tmp_path, answers)[0] == "warn passed"


def test_a_refused_selector_is_as_good_as_none(tmp_path):
    result, judgement = _visit(tmp_path, _site(SELECTOR, (403, "denied")))
    assert (result, judgement.examined, bad(judgement)) == ("warn passed", 3, [])


def test_a_refused_gate_is_inconclusive(tmp_path):
    assert _visit(tmp_path, lambda path: (403, "denied"))[0].startswith("warn inconclusive")


def test_a_waived_page_is_not_asked(tmp_path):
    site = SmallSite(_site(SELECTOR))
    result, _ = _visit(tmp_path, site, pages=(PAGE, "/us/en/gear.html"), waive=[PAGE])
    assert result == "warn passed"
    assert all(path.startswith("/us/en/gear") for path in site.paths)


def test_the_page_that_the_root_leads_to_is_asked(tmp_path):
    def answers(path):
        return (302, "", {"Location": PAGE}) if path == "/" else _site(SELECTOR)(path)

    assert _visit(tmp_path, answers, pages=("/",))[0] == "block failed product"


def test_without_a_page_there_is_no_answer(tmp_path):
    assert _visit(tmp_path, lambda path: (200, "home"), pages=("/",))[0] == "warn inconclusive check"
