"""The verdict walks the plan; nothing but proof makes it ``passed``."""

from __future__ import annotations

from datetime import date

import pytest

from aem_checks.outcomes import Cause, Finding, Outcome, Severity
from stage_gate.rules.decision import Mode
from stage_gate.rules.plan import CLOUD_MANAGER, Excuse, FlakeRules, PlannedCheck, RecordedResult, Waiver
from stage_gate.rules.surroundings import NEVER_TOLD, Fact, VariableSeen, Way
from stage_gate.rules.verdict import PLAN, Verdict, judge
from unit.stage_gate.samples import (
    CANDIDATE,
    STAGE_HOST,
    around,
    event,
    finding,
    plan,
    planned,
    recorded,
    result,
    unread,
)

EXCUSE = Excuse(owner="alice", until=date(2027, 1, 1), why="Being mended.")


def test_every_planned_blocking_check_passed_is_a_passed_verdict() -> None:
    verdict = judge(
        plan(planned("a"), planned("b")), CANDIDATE, [recorded(result("a")), recorded(result("b"))]
    )
    assert verdict.outcome is Outcome.PASSED
    assert verdict.reasons == ()
    assert verdict.summary == "Passed: of 2 blocking checks 2 passed, 0 failed and 0 gave no answer."


def test_a_failed_check_is_named_with_what_it_saw() -> None:
    verdict = judge(plan(planned("a")), CANDIDATE, [recorded(result("a", Outcome.FAILED))])
    assert verdict.outcome is Outcome.FAILED
    assert verdict.reasons == ("a: /us/en.html answered 500.",)


def test_a_failure_outweighs_a_missing_answer_and_comes_first() -> None:
    entries = [recorded(result("a", Outcome.INCONCLUSIVE)), recorded(result("b", Outcome.FAILED))]
    verdict = judge(plan(planned("a"), planned("b")), CANDIDATE, entries)
    assert verdict.outcome is Outcome.FAILED
    assert verdict.reasons[0].startswith("b: ")


def test_an_inconclusive_check_names_its_cause() -> None:
    verdict = judge(plan(planned("a")), CANDIDATE, [recorded(result("a", Outcome.INCONCLUSIVE))])
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons[0].endswith("(cause: network)")


@pytest.mark.parametrize(
    "checks",
    [
        (),
        (planned("a", Severity.WARN),),
        (planned("a", dry_run=True),),
        (planned("a", target="production"),),
        (planned("a", kind="cloud_manager"),),
        (planned("a", kind="smoke_tests"),),
        (planned("a", kind="settled"),),
    ],
    ids=[
        "empty",
        "only warns",
        "only a dry run",
        "only production",
        "only Adobe's",
        "only people's",
        "only settled",
    ],
)
def test_a_plan_without_an_effective_blocking_check_proves_nothing(checks: tuple[object, ...]) -> None:
    verdict = judge(plan(*checks), CANDIDATE, [recorded(result("a"))] if checks else [])  # type: ignore[arg-type]
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert (
        "The plan has no effective blocking check of the site, so nothing can be proven." in verdict.reasons
    )


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([], "gave no result"),
        ([recorded(), recorded()], "gave 2 results"),
        ([recorded(candidate_digest="another")], "for another candidate"),
        ([recorded(settings_digest="another")], "did not run as planned"),
        ([recorded(result(kind="real_404"))], "did not run as planned"),
        ([recorded(result(site="other"))], "did not run as planned"),
        ([recorded(result(target="production"))], "did not run as planned"),
        ([recorded(result(examined=0))], "examined nothing"),
        ([recorded(result(severity=Severity.WARN))], "examined nothing that blocks"),
    ],
)
def test_what_does_not_prove_the_planned_check_is_inconclusive(
    entries: list[RecordedResult], words: str
) -> None:
    verdict = judge(plan(planned("key_pages")), CANDIDATE, entries)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert words in verdict.reasons[0]


def test_a_host_that_is_not_of_the_stage_environment_proves_nothing() -> None:
    verdict = judge(plan(planned(host="www.wknd.site")), CANDIDATE, [recorded()])
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons[0] == (
        "key_pages asked www.wknd.site, which is no host of stage environment 7654321: Cloud Manager lists no such host for "
        "it. To do: name one of its hosts in the gate file, as 'origin' where something else stands before it (cause: check)."
    )


@pytest.mark.parametrize("check", [planned(host="www.wknd.site"), planned(asked="www.wknd.site")])
def test_a_domain_that_is_not_in_effect_proves_nothing_and_is_named_with_its_word(
    check: PlannedCheck,
) -> None:
    candidate = around(unsettled_domains={"www.wknd.site": "DELETED"})
    result_there = recorded(candidate_digest=candidate.digest)
    verdict = judge(plan(check, build_marker=False), candidate, [result_there])
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "www.wknd.site" in verdict.reasons[0]
    assert (
        "Cloud Manager says 'DELETED' of that domain, which does not mean that it leads there"
        in (verdict.reasons[0])
    )
    assert "To do: " in verdict.reasons[0]


def test_a_result_that_nobody_planned_is_suspicious() -> None:
    verdict = judge(plan(planned("a")), CANDIDATE, [recorded(result("a")), recorded(result("b"))])
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons == ("b gave a result but was never planned (cause: check).",)
    assert verdict.summary == (
        "Inconclusive: of 1 blocking checks 1 passed, 0 failed and 0 gave no answer; "
        "1 more doubts are among the reasons."
    )


def test_a_verdict_of_which_only_the_outcome_is_known_holds_nothing_against_the_release() -> None:
    verdict = Verdict(outcome=Outcome.PASSED, summary="Passed.")
    assert (verdict.reasons, verdict.warnings, verdict.not_passed) == ((), (), ())


def test_every_doubt_about_the_plan_is_among_the_reasons() -> None:
    updated = around(events=(event(Way.AEM_UPDATE),))
    entry = recorded(result("a"), candidate_digest=updated.digest)
    verdict = judge(plan(planned("a"), minimum=("b",), build_marker=False), updated, [entry])
    wanted, rebuild = verdict.reasons
    assert wanted.startswith("The deployment wants b to block")
    assert "build the release again" in rebuild


def test_a_failure_stays_one_however_little_was_examined() -> None:
    verdict = judge(plan(planned("a")), CANDIDATE, [recorded(result("a", Outcome.FAILED, examined=0))])
    assert (verdict.outcome, verdict.reasons) == (Outcome.FAILED, ("a: /us/en.html answered 500.",))


@pytest.mark.parametrize(
    ("cause", "words"), [(Cause.PRODUCT, "(cause: product)"), (None, "(cause: check)")], ids=["named", "none"]
)
def test_a_check_that_says_nothing_of_what_it_saw_is_told_with_what_is_known(
    cause: Cause | None, words: str
) -> None:
    silent = result("a", Outcome.FAILED, cause=cause, findings=())
    verdict = judge(plan(planned("a")), CANDIDATE, [recorded(silent)])
    assert verdict.reasons == (f"a is failed and examined 3 things {words}.",)


def test_what_passed_is_no_reason_against_a_release() -> None:
    findings = (finding("It came late.", outcome=Outcome.PASSED), finding())
    failed = recorded(result("z", Outcome.FAILED, findings=findings))
    keys = [f"check_{number}" for number in range(8)]
    verdict = judge(plan(*map(planned, keys), planned("z")), CANDIDATE, [*passed(*keys), failed])
    assert verdict.reasons == ("z: /us/en.html answered 500.",)
    assert verdict.not_passed == ("z",)


def test_a_warning_check_whose_finding_blocks_counts_as_blocking() -> None:
    grave = result("w", Outcome.FAILED, findings=(finding(severity=Severity.BLOCK),))
    verdict = judge(
        plan(planned("a"), planned("w", Severity.WARN)), CANDIDATE, [recorded(result("a")), recorded(grave)]
    )
    assert verdict.outcome is Outcome.FAILED


def test_a_failed_warning_check_is_told_and_does_not_decide() -> None:
    mild = result("w", Outcome.FAILED, severity=Severity.WARN)
    verdict = judge(
        plan(planned("a"), planned("w", Severity.WARN)), CANDIDATE, [recorded(result("a")), recorded(mild)]
    )
    assert verdict.outcome is Outcome.PASSED
    assert verdict.warnings == (NEVER_TOLD, "w: /us/en.html answered 500.")


@pytest.mark.parametrize(
    "changes", [{"dry_run": True}, {"quarantine": EXCUSE}], ids=["dry run", "quarantine"]
)
def test_a_grave_finding_of_a_check_that_is_not_to_stop_anything_does_not(changes: dict[str, object]) -> None:
    grave = recorded(result("w", Outcome.FAILED, findings=(finding(severity=Severity.BLOCK),)))
    what = plan(planned("a"), planned("w", Severity.WARN, **changes))
    verdict = judge(what, CANDIDATE, [*passed("a"), grave])
    assert verdict.outcome is Outcome.PASSED
    assert "w: /us/en.html answered 500." in verdict.warnings


def test_what_speaks_against_a_release_is_no_mere_warning() -> None:
    """Neither what blocks, nor what was planned to warn and is grave."""
    grave = recorded(result("w", Outcome.FAILED, findings=(finding("Secrets are open."),)))
    what = plan(planned("a"), planned("w", Severity.WARN))
    verdict = judge(what, CANDIDATE, [recorded(result("a", Outcome.FAILED)), grave])
    assert verdict.reasons == ("a: /us/en.html answered 500.", "w: Secrets are open.")
    assert verdict.warnings == (NEVER_TOLD,)


def test_what_a_check_that_passed_remarks_is_told() -> None:
    remark = finding("Seen in the first run only.", outcome=Outcome.PASSED)
    for severity in Severity:
        what = plan(planned("a"), planned("b", severity))
        entry = recorded(result("b", severity=severity, findings=(remark,)))
        assert judge(what, CANDIDATE, [*passed("a"), entry]).warnings == (
            NEVER_TOLD,
            "b: Seen in the first run only.",
        )


def test_a_check_that_only_warns_and_gave_no_result_is_told() -> None:
    what = plan(planned("a"), planned("b", Severity.WARN), planned("c", Severity.WARN))
    told = recorded(result("b", severity=Severity.WARN))
    verdict = judge(what, CANDIDATE, [*passed("a"), told])
    assert verdict.outcome is Outcome.PASSED
    assert verdict.warnings == (NEVER_TOLD, "c (warns only) gave no result.")


def test_a_check_that_warns_and_can_find_what_blocks_is_missed_where_it_gave_no_result() -> None:
    """Its worker was lost, or somebody marked its task as success: what it would have found is not known."""
    graver = planned("c", Severity.WARN, may_block=True)
    verdict = judge(plan(planned("a"), graver), CANDIDATE, passed("a"))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons == ("c was planned, can find what blocks, and gave no result (cause: check).",)
    assert (verdict.not_passed, verdict.warnings) == (("c",), (NEVER_TOLD,))
    said = recorded(result("c", Outcome.INCONCLUSIVE, severity=Severity.WARN))
    assert judge(plan(planned("a"), graver), CANDIDATE, [*passed("a"), said]).outcome is Outcome.PASSED
    for excused in ({"dry_run": True}, {"quarantine": EXCUSE}):
        what = plan(planned("a"), graver.model_copy(update=excused))
        assert judge(what, CANDIDATE, passed("a")).outcome is Outcome.PASSED


@pytest.mark.parametrize("mode", Mode)
def test_where_everything_is_proven_only_what_no_api_tells_is_left_to_say(mode: Mode) -> None:
    assert judge(plan(planned("a"), mode=mode), CANDIDATE, passed("a")).warnings == (NEVER_TOLD,)
    assert judge(plan(planned("a"), mode=mode), CANDIDATE, []).warnings == (NEVER_TOLD,)


def test_without_a_build_marker_every_verdict_says_so() -> None:
    verdict = judge(plan(planned("key_pages"), build_marker=False), CANDIDATE, [recorded()])
    assert verdict.warnings == (
        "Served build not verified: not on every site does a blocking check compare a build marker.",
        NEVER_TOLD,
    )


def test_unknown_surroundings_are_stated() -> None:
    verdict = judge(plan(planned()), CANDIDATE, [recorded()])
    assert verdict.outcome is Outcome.PASSED
    assert any("AEM release of stage is unknown" in warning for warning in verdict.warnings)


@pytest.mark.parametrize(("many", "rest"), [(5, ()), (9, ("a: 4 more findings are in the report.",))])
def test_many_findings_are_counted_beyond_the_first_five(many: int, rest: tuple[str, ...]) -> None:
    sentences = [f"Page {number} answered 500." for number in range(many)]
    failed = result("a", Outcome.FAILED, findings=tuple(map(finding, sentences)))
    verdict = judge(plan(planned("a")), CANDIDATE, [recorded(failed)])
    assert verdict.reasons == (*(f"a: {sentence}" for sentence in sentences[:5]), *rest)


def passed(*keys: str) -> list[RecordedResult]:
    return [recorded(result(key)) for key in keys]


def test_of_many_checks_without_an_answer_the_first_are_told_and_all_are_named() -> None:
    keys = [f"check_{number}" for number in range(8)]
    checks = [planned(key) for key in keys]
    silent = [
        recorded(
            result(key, Outcome.INCONCLUSIVE, cause=Cause.NETWORK, findings=(finding("No answer."),) * 2)
        )
        for key in keys
    ]
    verdict = judge(plan(*checks), CANDIDATE, silent)
    assert verdict.reasons[0] == "check_0: No answer. (cause: network; 1 more finding in the report)"
    assert verdict.reasons[5] == (
        "3 more blocking checks gave no answer; the report says why: check_5, check_6, check_7."
    )
    assert len(verdict.reasons) == 6
    assert verdict.not_passed == tuple(keys)


def test_cloud_managers_own_checks_prove_nothing_of_the_site() -> None:
    own = planned("cloud_manager.code_quality", kind=CLOUD_MANAGER, site="", host="")
    entry = recorded(result(own.key, kind=CLOUD_MANAGER, site=""))
    assert judge(plan(own), CANDIDATE, [entry]).not_passed == (PLAN,)
    assert judge(plan(own, planned("a")), CANDIDATE, [entry, *passed("a")]).outcome is Outcome.PASSED


def test_a_check_that_only_says_when_testing_can_begin_proves_nothing() -> None:
    alone = judge(plan(planned("settled")), CANDIDATE, [recorded(result("settled"))])
    assert (alone.outcome, alone.not_passed) == (Outcome.INCONCLUSIVE, (PLAN,))
    both = plan(planned("settled"), planned("a"), minimum=("settled",))
    assert judge(both, CANDIDATE, [*passed("a"), recorded(result("settled"))]).outcome is Outcome.PASSED


def test_what_the_deployment_wants_to_block_has_to() -> None:
    wanted = plan(planned("a"), planned("b", quarantine=EXCUSE), minimum=("a", "b"))
    verdict = judge(wanted, CANDIDATE, passed("a", "b"))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons == (
        "The deployment wants b to block in every gate, and in this plan it does not.",
    )
    assert verdict.not_passed == (PLAN,)


def test_a_check_in_quarantine_is_told_with_its_owner_and_does_not_block() -> None:
    calm = plan(planned("a"), planned("b", quarantine=EXCUSE))
    verdict = judge(calm, CANDIDATE, [*passed("a"), recorded(result("b", Outcome.FAILED))])
    assert verdict.outcome is Outcome.PASSED
    assert (
        "b is in quarantine and does not block (owner alice, until 2027-01-01: Being mended.)."
        in verdict.warnings
    )
    assert "b: /us/en.html answered 500." in verdict.warnings


def test_code_of_a_team_that_may_run_un_isolated_is_told_also_of_production() -> None:
    what = plan(
        planned("a"),
        planned("suites.e2e", unisolated=True),
        planned("production.own", target="production", unisolated=True),
    )
    verdict = judge(what, CANDIDATE, passed("a", "suites.e2e"))
    assert verdict.outcome is Outcome.PASSED
    assert [each for each in verdict.warnings if "un-isolated" in each] == [
        "suites.e2e may run un-isolated: accepted in the gate file.",
        "production.own may run un-isolated: accepted in the gate file.",
    ]


def test_quarantine_calms_a_warning_that_became_grave_too() -> None:
    grave = recorded(result("w", Outcome.FAILED, findings=(finding(severity=Severity.BLOCK),)))
    for quarantine, expected in ((None, Outcome.FAILED), (EXCUSE, Outcome.PASSED)):
        what = plan(planned("a"), planned("w", Severity.WARN, quarantine=quarantine))
        assert judge(what, CANDIDATE, [*passed("a"), grave]).outcome is expected


WAIVER = Waiver(
    check="a",
    code="a.bad",
    subject="/us/*",
    owner="alice",
    until=date(2027, 1, 1),
    why="The page goes tomorrow.",
)


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ((finding(),), Outcome.PASSED),
        ((finding(), finding(subject="/de/de.html")), Outcome.FAILED),
        ((finding(), finding("Not seen.", outcome=Outcome.INCONCLUSIVE)), Outcome.INCONCLUSIVE),
    ],
    ids=["all waived", "one not named", "one not seen"],
)
def test_a_waiver_accepts_the_failures_it_names_and_nothing_unseen(
    findings: tuple[Finding, ...], expected: Outcome
) -> None:
    failed = recorded(result("a", Outcome.FAILED, findings=findings))
    verdict = judge(plan(planned("a"), waivers=(WAIVER,)), CANDIDATE, [failed])
    assert verdict.outcome is expected
    assert any(
        "a: waived (owner alice, until 2027-01-01: The page goes tomorrow.)" in w for w in verdict.warnings
    )


def test_a_waiver_for_one_check_is_none_for_another() -> None:
    waived = plan(planned("a"), planned("b"), waivers=(WAIVER,))
    verdict = judge(waived, CANDIDATE, [*passed("a"), recorded(result("b", Outcome.FAILED))])
    assert verdict.not_passed == ("b",)


def test_a_waiver_of_one_fault_is_none_for_another_fault_of_the_same_subject() -> None:
    open_to_all = finding("Crawlers may read it.", code="a.open")
    down = finding("It answers 500.", code="a.unavailable")
    waiver = WAIVER.model_copy(update={"code": "a.open"})
    what = plan(planned("a"), waivers=(waiver,))
    failed = [recorded(result("a", Outcome.FAILED, findings=(each,))) for each in (open_to_all, down)]
    assert [judge(what, CANDIDATE, [each]).outcome for each in failed] == [Outcome.PASSED, Outcome.FAILED]


def test_a_waiver_without_a_code_waives_nothing_and_says_so() -> None:
    what = plan(planned("a"), waivers=(WAIVER.model_copy(update={"code": ""}),))
    verdict = judge(what, CANDIDATE, [recorded(result("a", Outcome.FAILED))])
    assert verdict.outcome is Outcome.FAILED
    assert (
        "a: the waiver of /us/* (owner alice, until 2027-01-01: The page goes tomorrow.) names no code, so it waives "
        "nothing; what it is about has a.bad." in verdict.warnings
    )
    assert (
        judge(what, CANDIDATE, passed("a")).warnings
        == judge(plan(planned("a")), CANDIDATE, passed("a")).warnings
    )


def test_a_finding_without_a_code_is_waived_by_nothing() -> None:
    check = result("a", Outcome.FAILED)
    bare = check.model_copy(
        update={"findings": tuple(f.model_copy(update={"code": ""}) for f in check.findings)}
    )
    for waiver in (WAIVER, WAIVER.model_copy(update={"code": ""})):
        what = plan(planned("a"), waivers=(waiver,))
        assert judge(what, CANDIDATE, [recorded(bare)]).outcome is Outcome.FAILED


@pytest.mark.parametrize("counts", Outcome)
def test_a_flaky_check_counts_as_the_gate_says_and_is_always_told(counts: Outcome) -> None:
    what = plan(planned("a"), flakes=FlakeRules(count_as=counts))
    verdict = judge(what, CANDIDATE, [recorded(result("a", flaky=True))])
    assert verdict.outcome is counts
    assert any(
        "a passed only on a re-run" in s or "flaky" in s for s in (*verdict.reasons, *verdict.warnings)
    )


@pytest.mark.parametrize("counts", Outcome)
def test_a_flake_does_not_hide_behind_a_waiver(counts: Outcome) -> None:
    note = finding("Seen in the first run only: /checkout answered 500.", outcome=Outcome.PASSED)
    flaky = recorded(result("a", Outcome.FAILED, findings=(finding(), note), flaky=True))
    what = plan(planned("a"), waivers=(WAIVER,), flakes=FlakeRules(count_as=counts))
    verdict = judge(what, CANDIDATE, [flaky])
    assert verdict.outcome is counts
    assert any("passed only through waivers" in s for s in (*verdict.reasons, *verdict.warnings))
    if counts is Outcome.PASSED:
        assert any("/checkout answered 500" in s for s in verdict.warnings)


@pytest.mark.parametrize("counts", Outcome)
@pytest.mark.parametrize("left", [Outcome.PASSED, Outcome.FAILED])
def test_what_blocked_only_until_a_mild_check_ran_again_counts_as_the_gate_says(
    counts: Outcome, left: Outcome
) -> None:
    """Its re-run found nothing, or only what is a warning; the planned severity is that of a check that warns."""
    gone = finding("Passed only on re-run: flaky.", outcome=Outcome.PASSED, severity=Severity.BLOCK)
    mild = result("mild", left, severity=Severity.WARN, flaky=True)
    mild = mild.model_copy(update={"findings": (*mild.findings, gone)})
    what = plan(planned("a"), planned("mild", severity=Severity.WARN), flakes=FlakeRules(count_as=counts))
    verdict = judge(what, CANDIDATE, [*passed("a"), recorded(mild)])
    assert verdict.outcome is counts
    assert any("mild" in s and "flaky" in s for s in (*verdict.reasons, *verdict.warnings))
    by_itself = mild.model_copy(update={"findings": ()})
    assert judge(what, CANDIDATE, [*passed("a"), recorded(by_itself)]).outcome is Outcome.PASSED


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.INCONCLUSIVE])
@pytest.mark.parametrize("severity", [None, Severity.BLOCK])
def test_a_result_that_passed_and_names_what_blocks_proves_nothing(
    outcome: Outcome, severity: Severity | None
) -> None:
    """Whoever changed only the outcome in a file of the evidence has changed too little."""
    found = finding("/checkout answers 500.", outcome=outcome, severity=severity)
    forged = result("a").model_copy(update={"findings": (found,)})
    verdict = judge(plan(planned("a")), CANDIDATE, [recorded(forged)])
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons == ("a says passed, and also: /checkout answers 500. (cause: check)",)
    mild = result("a").model_copy(
        update={"findings": (found.model_copy(update={"severity": Severity.WARN}),)}
    )
    assert judge(plan(planned("a")), CANDIDATE, [recorded(mild)]).outcome is Outcome.PASSED


def test_not_passed_names_everything_that_an_override_has_to_accept() -> None:
    what = plan(planned("a"), planned("b"), planned("c"), minimum=("d",))
    verdict = judge(what, CANDIDATE, [*passed("a"), recorded(result("b", Outcome.FAILED))])
    assert verdict.not_passed == ("b", "c", PLAN)


def test_after_an_aem_update_only_a_build_marker_proves_what_answers() -> None:
    updated = around(events=(event(Way.AEM_UPDATE),))
    entry = recorded(result("a"), candidate_digest=updated.digest)
    assert judge(plan(planned("a")), updated, [entry]).outcome is Outcome.PASSED
    verdict = judge(plan(planned("a"), build_marker=False), updated, [entry])
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "build the release again" in verdict.reasons[0]


@pytest.mark.parametrize("fact", Fact)
def test_a_fact_about_stage_that_nobody_could_read_is_no_proof(fact: Fact) -> None:
    candidate = around(unread=(unread(fact),))
    entry = recorded(result("a"), candidate_digest=candidate.digest)
    verdict = judge(plan(planned("a")), candidate, [entry])
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons == (unread(fact).sentence,)
    assert verdict.not_passed == (PLAN,)
    others = tuple(set(Fact) - {fact})
    verdict = judge(plan(planned("a"), accept_unread=others), candidate, [entry])
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert unread(fact).sentence not in verdict.warnings


@pytest.mark.parametrize("fact", Fact)
def test_what_the_gate_file_accepts_not_to_know_is_told_each_time(fact: Fact) -> None:
    accepting = plan(planned("a"), accept_unread=(fact,))
    blind = around(unread=(unread(fact),))
    verdict = judge(accepting, blind, [recorded(result("a"), candidate_digest=blind.digest)])
    assert verdict.outcome is Outcome.PASSED
    assert (
        f"The gate file accepts that {fact} may be unreadable (policy.accept_unread), and so it was."
        in verdict.warnings
    )
    assert unread(fact).sentence in verdict.warnings
    seeing = judge(accepting, CANDIDATE, [recorded(result("a"))])
    assert any(f"{fact} may be unreadable" in each and "it was read" in each for each in seeing.warnings)


@pytest.mark.parametrize(
    "changed",
    [
        *({"events": (event(way, runs=True),)} for way in Way),
        {"status": "restoring"},
        {"variables": {"FLAG": VariableSeen(type="string", fingerprint="", changes=True)}},
    ],
    ids=[*Way, "status", "variable"],
)
def test_what_changed_stage_while_it_was_tested_makes_the_tests_prove_nothing(
    changed: dict[str, object],
) -> None:
    candidate = around(**changed)
    verdict = judge(plan(planned("a")), candidate, [recorded(result("a"), candidate_digest=candidate.digest)])
    assert verdict.outcome is Outcome.INCONCLUSIVE
    (reason,) = verdict.reasons
    assert reason.startswith("While stage was tested: ")


BEHIND_A_CDN = {"asked": "stage.wknd.site"}


def test_an_address_that_cloud_manager_does_not_list_proves_nothing_in_guard_mode() -> None:
    """Whatever 'origin' says: any host of the world could be asked in its place."""
    elsewhere = plan(planned("a", **BEHIND_A_CDN), planned("b"), build_marker=False)
    verdict = judge(elsewhere, CANDIDATE, passed("a", "b"))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.not_passed == ("a",)
    assert "asked at stage.wknd.site" in verdict.reasons[0]
    assert "To do: map the domain to stage" in verdict.reasons[0]
    assert "or name a build marker for every site" in verdict.reasons[0]
    assert not any("stage.wknd.site" in each for each in verdict.warnings)


def test_an_address_that_cloud_manager_does_not_list_is_believed_with_a_build_marker_or_a_mapping() -> None:
    elsewhere = planned("a", **BEHIND_A_CDN)
    assert judge(plan(elsewhere, build_marker=True), CANDIDATE, passed("a")).outcome is Outcome.PASSED
    mapped = around(hosts=(STAGE_HOST, "stage.wknd.site"))
    entry = recorded(result("a"), candidate_digest=mapped.digest)
    assert judge(plan(elsewhere, build_marker=False), mapped, [entry]).outcome is Outcome.PASSED


def test_an_address_that_cloud_manager_does_not_list_is_told_in_shadow_mode() -> None:
    shadow = plan(planned("a", **BEHIND_A_CDN), build_marker=False, mode="shadow")
    verdict = judge(shadow, CANDIDATE, passed("a"))
    assert verdict.outcome is Outcome.PASSED
    assert any("asked at stage.wknd.site" in each for each in verdict.warnings)
