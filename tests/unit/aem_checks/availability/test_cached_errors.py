"""Does A4 tell errors that caches keep for long from those that they may keep?"""

from __future__ import annotations

import pytest

from aem_checks.kinds.availability._lifetime import lifetime_of, was_kept
from aem_checks.kinds.availability.cached_errors import CachedErrors, CachedErrorsSettings
from aem_checks.outcomes import Outcome
from aem_checks.response import make_headers
from unit.aem_checks.small_site import HTML, SmallSite, bad, outcome, visit


def _check(**settings) -> CachedErrors:
    return CachedErrors(CachedErrorsSettings(**settings))


def _lost(**headers):
    """A site that knows its one page only."""
    sent = {**HTML, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return lambda path: (200, "home") if path == "/us/en.html" else (404, "lost", sent)


def _visit(tmp_path, answers, **settings):
    check = _check(**settings)
    judgement = visit(check, tmp_path, answers, pages=("/us/en.html",))
    return outcome(check, judgement), judgement


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "block passed"),
        ({"Cache_Control": "max-age=60"}, "block passed"),
        ({"Cache_Control": "max-age=61"}, "block failed product"),
        ({"Cache_Control": "max-age=0, s-maxage=7200"}, "block failed product"),
        ({"Cache_Control": "no-store", "Surrogate_Control": "max-age=7200"}, "block failed product"),
        ({"Cache_Control": "private, max-age=7200"}, "block passed"),
        ({"Expires": "Thu, 01 Jan 2099 00:00:00 GMT"}, "block failed product"),
        ({"Expires": "0"}, "block passed"),
        ({"Cache_Control": "max-age=" + "9" * 4000}, "block passed"),
    ],
)
def test_what_the_headers_say_decides(tmp_path, headers, expected):
    assert _visit(tmp_path, _lost(**headers))[0] == expected


def test_an_error_from_a_cache_of_unknown_lifetime_is_a_warning(tmp_path):
    result, judgement = _visit(tmp_path, _lost(X_Cache="MISS, HIT", Age="45"))
    assert result == "block passed"
    assert {finding.severity for finding in bad(judgement)} == {"warn"}
    assert "X-Cache 'MISS, HIT'" in bad(judgement)[0].sentence


def test_subjects_stay_the_same_and_words_do_not(tmp_path):
    sites = [SmallSite(_lost(Cache_Control="max-age=900")) for _ in range(2)]
    found = [{each.subject for each in _visit(tmp_path, site)[1].findings} for site in sites]
    assert found[0] == found[1]
    assert "/us/NO-SUCH-NAME.html" in found[0]
    asked = [set(site.paths) for site in sites]
    assert not asked[0] & asked[1]


def test_each_address_is_asked_twice_and_through_the_caches(tmp_path):
    site = SmallSite(_lost())
    _visit(tmp_path, site)
    assert {site.paths.count(path) for path in site.paths} == {2}
    assert not any("?" in path for path in site.paths)


def test_a_site_without_errors_is_inconclusive(tmp_path):
    result, judgement = _visit(tmp_path, lambda path: (200, "everything is here"))
    assert result == "block inconclusive product"
    assert "see real_404" in judgement.findings[0].sentence


def test_a_refused_gate_is_inconclusive(tmp_path):
    assert _visit(tmp_path, lambda path: (405, "not you"))[0] == "block inconclusive network"


def test_one_refused_address_among_others_is_a_note(tmp_path):
    def answers(path):
        return (403, "no") if path.startswith("/content/dam/") else (404, "lost")

    result, judgement = _visit(tmp_path, answers)
    assert result == "block passed"
    assert [each.outcome for each in judgement.findings] == [Outcome.PASSED]


def test_lifetimes_and_hits_are_read_as_caches_read_them():
    assert lifetime_of(make_headers([("Cache-Control", "max-age"), ("Cache-Control", "public")])) is None
    assert lifetime_of(make_headers([("Cache-Control", 'max-age="90"')])) == 90
    assert lifetime_of(make_headers([("Cache-Control", "no-cache, max-age=90")])) == 0
    assert not was_kept(make_headers([("X-Cache", "HIT, MISS"), ("Age", "0")]))
    assert was_kept(make_headers([("Age", "3")]))
