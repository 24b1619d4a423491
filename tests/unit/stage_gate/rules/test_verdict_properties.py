"""What holds of the verdict for every plan and every set of results, not only for those that somebody thought of."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aem_checks.outcomes import Cause, CheckResult, Finding, Judgement, Outcome, Severity
from stage_gate.rules.leniency import weigh
from stage_gate.rules.plan import (
    CLOUD_MANAGER,
    Excuse,
    FlakeRules,
    Plan,
    PlannedCheck,
    RecordedResult,
    Waiver,
)
from stage_gate.rules.verdict import judge
from unit.stage_gate.samples import CANDIDATE, plan, planned, recorded, result

EXCUSE = Excuse(owner="alice", until=date(2999, 1, 1), why="Known.")
KEYS = [f"c{number}" for number in range(5)]
GOODNESS = {Outcome.FAILED: 0, Outcome.INCONCLUSIVE: 1, Outcome.PASSED: 2}
thorough = settings(max_examples=100, deadline=None)

severities = st.sampled_from(Severity)
not_good = st.sampled_from([Outcome.FAILED, Outcome.INCONCLUSIVE])
findings = st.builds(
    Finding,
    code=st.sampled_from(["bad", "worse"]),
    subject=st.sampled_from(["/a", "/b", "/c"]),
    sentence=st.sampled_from(["Seen.", "Not seen."]),
    outcome=st.sampled_from(Outcome),
    cause=st.sampled_from(Cause),
    severity=st.none() | severities,
)
waivers = st.builds(
    Waiver,
    check=st.sampled_from(KEYS),
    code=st.sampled_from(
        ["", f"{CLOUD_MANAGER}.bad", *(f"{key}.{word}" for key in KEYS for word in ("bad", "worse"))]
    ),
    subject=st.sampled_from(["/a", "/*", "*b", "/nowhere"]),
    owner=st.just("alice"),
    until=st.just(date(2999, 1, 1)),
    why=st.just("Known."),
)


@st.composite
def checks_of(draw: st.DrawFn, key: str) -> PlannedCheck:
    """A check of the site or, now and then, one of Cloud Manager's own."""
    own = draw(st.integers(0, 5)) == 0
    changes: dict[str, object] = {"kind": CLOUD_MANAGER, "site": "", "host": ""} if own else {}
    changes["dry_run"] = draw(st.integers(0, 4)) == 0
    changes["may_block"] = draw(st.booleans())
    changes["quarantine"] = EXCUSE if draw(st.integers(0, 4)) == 0 else None
    return planned(key, draw(severities), **changes)


@st.composite
def results_of(draw: st.DrawFn, check: PlannedCheck) -> RecordedResult:
    """What such a check can say: findings weighed as the runner weighs them, or any outcome at all."""
    judgement = Judgement(
        examined=draw(st.integers(0, 3)), findings=tuple(draw(st.lists(findings, max_size=3)))
    )
    base = Severity.WARN if check.dry_run else check.severity
    severity, outcome, cause = judgement.weigh(base, capped=draw(st.booleans()))
    if draw(st.integers(0, 5)) == 0:
        outcome, cause = draw(st.sampled_from(Outcome)), Cause.CHECK
    found = CheckResult(
        **{
            **result(check.key, kind=check.kind, site=check.site).model_dump(),
            "severity": severity,
            "outcome": outcome,
            "cause": cause,
            "examined": judgement.examined,
            "findings": tuple(
                each.model_copy(update={"code": f"{check.kind}.{each.code}"}) for each in judgement.findings
            ),
            "flaky": outcome is Outcome.PASSED and draw(st.booleans()),
        }
    )
    strange = {"candidate_digest": "another"} if draw(st.integers(0, 9)) == 0 else {}
    return recorded(found, **strange)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Plan, list[RecordedResult]]:
    """A plan with its waivers and flake rule, and most of its results, some twice."""
    checks = [draw(checks_of(key)) for key in KEYS[: draw(st.integers(0, len(KEYS)))]]
    entries = [
        draw(results_of(check)) for check in checks for _ in range(draw(st.sampled_from([0, 1, 1, 1, 2])))
    ]
    rules = FlakeRules(count_as=draw(st.sampled_from(Outcome)))
    what = plan(
        *checks,
        waivers=tuple(draw(st.lists(waivers, max_size=3))),
        flakes=rules,
        minimum=tuple(draw(st.lists(st.sampled_from([*KEYS, "never_planned"]), max_size=1))),
        build_marker=draw(st.booleans()),
    )
    return what, entries


@st.composite
def passing(draw: st.DrawFn) -> tuple[Plan, list[RecordedResult]]:
    """A case whose verdict is passed, however it came to that."""
    checks = [planned(KEYS[0]), *(draw(checks_of(key)) for key in KEYS[1 : draw(st.integers(1, len(KEYS)))])]
    entries = [recorded(result(c.key, kind=c.kind, site=c.site, severity=c.severity)) for c in checks]
    what = plan(*checks, build_marker=draw(st.booleans()))
    assert judge(what, CANDIDATE, entries).outcome is Outcome.PASSED
    return what, entries


def outcome_of(case: tuple[Plan, list[RecordedResult]]) -> Outcome:
    return judge(case[0], CANDIDATE, case[1]).outcome


def with_check(
    case: tuple[Plan, list[RecordedResult]], check: PlannedCheck, entry: RecordedResult
) -> tuple[Plan, list[RecordedResult]]:
    what, entries = case
    return what.model_copy(update={"checks": (*what.checks, check)}), [*entries, entry]


@thorough
@given(cases() | passing(), not_good)
def test_adding_a_failing_blocking_check_never_turns_it_to_passed(
    case: tuple[Plan, list[RecordedResult]], outcome: Outcome
) -> None:
    before = outcome_of(case)
    after = outcome_of(with_check(case, planned("added"), recorded(result("added", outcome))))
    assert after is not Outcome.PASSED
    assert GOODNESS[after] <= GOODNESS[before]


@thorough
@given(cases() | passing(), st.randoms(use_true_random=False))
def test_the_order_of_checks_results_and_waivers_does_not_matter(
    case: tuple[Plan, list[RecordedResult]], chance: random.Random
) -> None:
    what, entries = case
    checks, shuffled, waived = list(what.checks), entries.copy(), list(what.waivers)
    for each in (checks, shuffled, waived):
        chance.shuffle(each)
    turned = what.model_copy(update={"checks": tuple(checks), "waivers": tuple(waived)})
    first, second = judge(what, CANDIDATE, entries), judge(turned, CANDIDATE, shuffled)
    assert (first.outcome, first.not_passed, first.summary) == (
        second.outcome,
        second.not_passed,
        second.summary,
    )
    assert sorted(first.reasons) == sorted(second.reasons) or first.outcome is Outcome.INCONCLUSIVE


@thorough
@given(passing(), st.data())
def test_removing_a_result_never_helps_a_release_that_passed(
    case: tuple[Plan, list[RecordedResult]], data: st.DataObject
) -> None:
    what, entries = case
    gone = data.draw(st.integers(0, len(entries) - 1))
    left = entries[:gone] + entries[gone + 1 :]
    check = next(check for check in what.checks if check.key == entries[gone].result.key)
    is_missed = check.blocks or (check.escalates and check.may_block)
    assert (outcome_of((what, left)) is Outcome.PASSED) == (not is_missed)


@thorough
@given(cases(), st.data())
def test_removing_the_only_result_of_a_blocking_check_is_never_passed(
    case: tuple[Plan, list[RecordedResult]], data: st.DataObject
) -> None:
    what, entries = case
    blocking = [check.key for check in what.checks if check.blocks]
    assume(blocking)
    key = data.draw(st.sampled_from(blocking))
    assert outcome_of((what, [e for e in entries if e.result.key != key])) is not Outcome.PASSED


@thorough
@given(cases(), st.lists(waivers, max_size=5))
def test_a_waiver_never_makes_an_inconclusive_finding_pass(
    case: tuple[Plan, list[RecordedResult]], more: list[Waiver]
) -> None:
    """However it is waived: a blocking check that had no answer to something is as inconclusive as before."""
    what, entries = case
    waived = what.model_copy(update={"waivers": (*what.waivers, *more)})
    unseen = {
        entry.result.key
        for entry in entries
        if entry.result.outcome is Outcome.INCONCLUSIVE
        and any(
            f.outcome is Outcome.INCONCLUSIVE and f.severity is not Severity.WARN
            for f in entry.result.findings
        )
    }
    for check in what.stage_checks:
        if check.blocks and check.key in unseen:
            assert check.key in judge(waived, CANDIDATE, entries).not_passed


@thorough
@given(st.integers(1, 3), st.lists(waivers, max_size=3), st.integers(0, 2))
def test_waiving_all_that_failed_leaves_what_was_not_seen(
    failed: int, more: list[Waiver], unseen: int
) -> None:
    found = [Finding(subject=f"/{n}", sentence="Seen.") for n in range(failed)]
    found += [
        Finding(subject=f"/{n}", sentence="Not seen.", outcome=Outcome.INCONCLUSIVE) for n in range(unseen)
    ]
    everything = Waiver(
        check="c0", code="c0.bad", subject="*", owner="alice", until=date(2999, 1, 1), why="Known."
    )
    what = plan(planned("c0"), waivers=(*more, everything))
    entry = recorded(result("c0", Outcome.FAILED, findings=tuple(found)))
    assert outcome_of((what, [entry])) is (Outcome.INCONCLUSIVE if unseen else Outcome.PASSED)


@thorough
@given(cases(), st.lists(waivers, max_size=5))
def test_a_waiver_forgives_no_fault_but_the_one_that_it_names(
    case: tuple[Plan, list[RecordedResult]], more: list[Waiver]
) -> None:
    what, entries = case
    waived = what.model_copy(update={"waivers": (*what.waivers, *more)})
    for entry in entries:
        left = weigh(waived, entry).entry.result.findings
        gone = [each for each in entry.result.findings if each not in left]
        assert all(any((w.check, w.code) == (entry.result.key, f.code) for w in waived.waivers) for f in gone)


@thorough
@given(cases() | passing(), st.data())
def test_quarantine_never_makes_anything_block(
    case: tuple[Plan, list[RecordedResult]], data: st.DataObject
) -> None:
    """Nothing is held against the release for a check in quarantine, and nothing new for any other."""
    what, entries = case
    assume(what.checks)
    chosen = data.draw(st.sampled_from(what.checks))
    calm = tuple(
        check.model_copy(update={"quarantine": EXCUSE}) if check is chosen else check for check in what.checks
    )
    quiet = what.model_copy(update={"checks": calm})
    before, after = judge(what, CANDIDATE, entries), judge(quiet, CANDIDATE, entries)
    assert chosen.key not in after.not_passed
    assert set(after.not_passed) <= {*before.not_passed, "plan"}
    if not chosen.blocks and chosen.key not in before.not_passed:
        assert (after.outcome, after.not_passed) == (before.outcome, before.not_passed)


@thorough
@given(cases(), st.lists(waivers, max_size=3))
def test_without_a_blocking_check_of_the_site_nothing_passes(
    case: tuple[Plan, list[RecordedResult]], more: list[Waiver]
) -> None:
    """An empty plan, one that only warns, and one with nothing but Cloud Manager's own checks prove nothing."""
    what, entries = case
    left = tuple(check for check in what.checks if not check.blocks or check.kind == CLOUD_MANAGER)
    bare = what.model_copy(update={"checks": left, "waivers": (*what.waivers, *more)})
    kept = [entry for entry in entries if entry.result.key in {check.key for check in left}]
    verdict = judge(bare, CANDIDATE, kept)
    assert verdict.outcome is not Outcome.PASSED
    assert "plan" in verdict.not_passed


@thorough
@given(cases() | passing())
def test_passed_means_that_nothing_stands_against_it_and_something_speaks_for_it(
    case: tuple[Plan, list[RecordedResult]],
) -> None:
    what, entries = case
    verdict = judge(what, CANDIDATE, entries)
    assert (verdict.outcome is Outcome.PASSED) == (verdict.not_passed == ()) == (verdict.reasons == ())
    if verdict.outcome is not Outcome.PASSED:
        return
    for check in what.stage_checks:
        mine = [entry for entry in entries if entry.result.key == check.key]
        if check.blocks:
            assert len(mine) == 1
            assert mine[0].candidate_digest == CANDIDATE.digest
            assert mine[0].result.examined > 0
    assert any(check.blocks and check.kind != CLOUD_MANAGER for check in what.stage_checks)


@thorough
@given(cases(), st.sampled_from(["candidate_digest", "settings_digest"]))
def test_results_of_something_else_prove_nothing(case: tuple[Plan, list[RecordedResult]], field: str) -> None:
    what, entries = case
    strange: Callable[[RecordedResult], RecordedResult] = lambda e: e.model_copy(update={field: "another"})  # noqa: E731
    assert outcome_of((what, [strange(entry) for entry in entries])) is not Outcome.PASSED
