"""One fault is one sentence however many pages have it, and what follows from it is counted behind it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aem_checks.outcomes import CheckResult, Finding, Outcome, Severity
from stage_gate.rules.following import follows_from
from stage_gate.rules.sentences import grouped
from stage_gate.rules.verdict import judge
from unit.stage_gate.rules.test_following import CSS, FINDINGS, HOME, REFUSED, failed, of, results_of, unseen
from unit.stage_gate.samples import CANDIDATE, finding, plan, planned, recorded

SITE = "https://stage.wknd.test"
NO_STYLE = of("client_libraries", failed("status", CSS, "answers with status 404", "/", "/us/en.html"))
AXE = of(
    "accessibility",
    failed("new_violation", "/us/en.html target-size", "8 new, serious"),
    failed("new_violation", "/ target-size", "2 new, serious"),
    failed("new_violation", "/de.html label", "1 new, critical"),
)


def page(path: str, actual: str = "answers with status 404", **changes: object) -> Finding:
    told = {
        "code": "key_pages.status",
        "subject": f"{SITE}{path}",
        "expected": "status 200",
        "actual": actual,
    }
    return finding(f"{SITE}{path} {actual}.", **told, **changes)


@pytest.mark.parametrize(
    ("paths", "likewise"),
    [
        (["/a"], ""),
        (["/a", "/b"], "Likewise (key_pages.status): /b."),
        (["/a", "/b", "/c"], "Likewise (key_pages.status): /b, /c."),
        (["/a", "/b", "/c", "/d", "/e"], "Likewise (key_pages.status): /b, /c and 2 more."),
    ],
)
def test_a_fault_of_many_pages_is_told_once_with_the_first_three(paths: list[str], likewise: str) -> None:
    (group,) = grouped(map(page, paths))
    assert group.likewise == likewise
    assert group.sentence == f"{SITE}/a answers with status 404. {likewise}".strip()


def test_what_is_otherwise_on_another_page_is_said() -> None:
    (group,) = grouped([page("/a"), page("/b", "answers with status 503")])
    assert group.likewise == "Likewise (key_pages.status): /b (answers with status 503)."


@pytest.mark.parametrize(
    "other",
    [
        page("/b", outcome=Outcome.INCONCLUSIVE),
        page("/b", severity=Severity.WARN),
        page("/b").model_copy(update={"code": "key_pages.login"}),
        page("/b").model_copy(update={"expected": "content type text/html"}),
        page("/b").model_copy(update={"subject": f"{SITE}/b label"}),
        page("/a"),
    ],
)
def test_another_fault_is_another_sentence(other: Finding) -> None:
    assert len(grouped([page("/a"), other])) == 2


@pytest.mark.parametrize("subject", ["FEATURE_FLAG", "index damAssetLucene-8", ""])
def test_what_is_about_no_address_is_told_by_itself(subject: str) -> None:
    both = [page("/a").model_copy(update={"subject": f"{subject}{number}"}) for number in (1, 2)]
    assert len(grouped(both)) == 2


@settings(deadline=None)
@given(st.lists(FINDINGS, max_size=12).map(results_of))
def test_no_finding_is_lost_or_told_twice(results: list[CheckResult]) -> None:
    for result in results:
        told = [each for group in grouped(result.findings) for each in (group.first, *group.more)]
        assert sorted(map(repr, told)) == sorted(map(repr, result.findings))


def test_one_cause_is_one_sentence_among_the_reasons() -> None:
    keys = ("accessibility", "client_libraries", "visual")
    looks = of("visual", failed("different", "/ 412", "3.1%"), failed("different", "/us/en.html 412", "2.0%"))
    verdict = judge(plan(*map(planned, keys)), CANDIDATE, [recorded(each) for each in (AXE, NO_STYLE, looks)])
    assert verdict.outcome is Outcome.FAILED
    assert verdict.not_passed == keys
    assert verdict.reasons == (
        "accessibility: /de.html label is bad.",
        f"client_libraries: {CSS} is bad.",
        f"4 findings of 2 checks follow from client_libraries: {CSS}: accessibility (2), visual (2); all are in the report.",
    )


def test_a_check_whose_findings_all_follow_still_blocks() -> None:
    looks = of("visual", failed("different", "/ 412"))
    told = judge(plan(planned("visual")), CANDIDATE, [recorded(looks)])
    assert told.reasons == ("visual: / 412 is bad.",)
    both = plan(planned("client_libraries"), planned("visual"))
    verdict = judge(both, CANDIDATE, [recorded(NO_STYLE), recorded(looks)])
    assert (verdict.outcome, verdict.not_passed) == (Outcome.FAILED, ("client_libraries", "visual"))
    assert "2 failed" in verdict.summary


def test_what_only_warns_is_no_reason_so_what_follows_from_it_is_told_in_full() -> None:
    looks = of("visual", failed("different", "/ 412"))
    milder = NO_STYLE.model_copy(update={"severity": Severity.WARN})
    checks = plan(planned("client_libraries", Severity.WARN), planned("visual"))
    verdict = judge(checks, CANDIDATE, [recorded(milder), recorded(looks)])
    assert verdict.reasons == ("visual: / 412 is bad.",)
    assert f"client_libraries: {CSS} is bad." in verdict.warnings


def test_what_only_warns_and_follows_from_a_reason_is_counted_among_the_warnings() -> None:
    milder = AXE.model_copy(update={"severity": Severity.WARN})
    checks = plan(planned("client_libraries"), planned("accessibility", Severity.WARN))
    verdict = judge(checks, CANDIDATE, [recorded(NO_STYLE), recorded(milder)])
    assert verdict.reasons == (f"client_libraries: {CSS} is bad.",)
    assert verdict.warnings[-2:] == (
        "accessibility: /de.html label is bad.",
        f"2 findings of 1 check follow from client_libraries: {CSS}: accessibility (2); all are in the report.",
    )


def test_what_follows_from_the_same_fault_of_many_pages_is_one_sentence_too() -> None:
    gone = of("key_pages", *(failed("status", f"{SITE}/{n}", "status 404") for n in range(3)), examined=9)
    unjudged = of("visual", *(unseen("not_judged", f"/{n}") for n in range(3)))
    lost = of(
        "client_libraries",
        failed("status", CSS, "status 404", "/"),
        failed("empty", f"{CSS}?2", "", "/de.html"),
    )
    looks = of("accessibility", failed("new_violation", "/ label"), failed("new_violation", "/de.html label"))
    results = [gone, unjudged, lost, looks]
    verdict = judge(
        plan(*(planned(each.key) for each in results)), CANDIDATE, [recorded(each) for each in results]
    )
    assert [reason for reason in verdict.reasons if "follow" in reason] == [
        f"3 findings of 1 check follow from key_pages: {SITE}/0 and 2 more: visual (3); all are in the report.",
        f"1 finding of 1 check follows from client_libraries: {CSS}: accessibility (1); all are in the report.",
        f"1 finding of 1 check follows from client_libraries: {CSS}?2: accessibility (1); all are in the report.",
    ]


def test_a_result_that_does_not_count_explains_nothing() -> None:
    looks = of("visual", failed("different", "/ 412"))
    elsewhere = recorded(NO_STYLE, candidate_digest="another")
    verdict = judge(
        plan(planned("client_libraries"), planned("visual")), CANDIDATE, [elsewhere, recorded(looks)]
    )
    assert verdict.reasons[0] == "visual: / 412 is bad."
    assert "was found for another candidate" in verdict.reasons[1]


def test_a_refusal_is_told_once_and_all_that_meet_it_are_named() -> None:
    keys = [f"check_{number}" for number in range(12)]
    silent = [of(key, unseen("no_answer", f"/{key}", REFUSED)) for key in keys]
    settled = of("settled", unseen("no_answer", HOME, REFUSED))
    checks = plan(*map(planned, keys), planned("settled"))
    verdict = judge(checks, CANDIDATE, [recorded(each) for each in (*silent, settled)])
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons == (
        f"settled: {HOME} is bad. (cause: network)",
        f"12 findings of 12 checks follow from settled: {HOME}: {', '.join(f'{key} (1)' for key in keys)}; "
        "all are in the report.",
    )


@settings(deadline=None)
@given(st.lists(FINDINGS, max_size=12).map(results_of))
def test_every_check_that_is_not_passed_is_named_among_the_reasons(results: list[CheckResult]) -> None:
    checks = plan(*(planned(each.key) for each in results), planned("a"))
    verdict = judge(checks, CANDIDATE, [recorded(each) for each in results])
    for key in verdict.not_passed:
        assert any(key in reason for reason in verdict.reasons), key


@settings(deadline=None)
@given(st.lists(FINDINGS, max_size=12).map(results_of))
def test_what_follows_changes_no_outcome(results: list[CheckResult]) -> None:
    """By comparison with results of which none can follow from another, since each has a site of its own."""
    apart = [each.model_copy(update={"site": f"site {number}"}) for number, each in enumerate(results)]
    assert not any(follows_from(apart).origin(each.key, f) for each in apart for f in each.findings)
    here = plan(*(planned(each.key) for each in results))
    there = plan(*(planned(each.key, site=each.site) for each in apart))
    ours = judge(here, CANDIDATE, [recorded(each) for each in results])
    theirs = judge(there, CANDIDATE, [recorded(each) for each in apart])
    assert (ours.outcome, ours.summary, ours.not_passed) == (
        theirs.outcome,
        theirs.summary,
        theirs.not_passed,
    )
