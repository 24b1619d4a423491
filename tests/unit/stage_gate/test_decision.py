"""What follows from a verdict, walked exhaustively: every outcome × approval × action × mode."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from adobe_cloud_manager.questions import Approval
from aem_checks.outcomes import Outcome
from stage_gate.decision import (
    APPROVE,
    HALT,
    KEEP_WAITING,
    OVERRIDE,
    Action,
    Answer,
    Decision,
    End,
    GoLive,
    Mode,
    Policy,
    Proof,
    Step,
    next_step,
    refusal_to_approve,
    refusal_to_halt,
    run_succeeded,
)

OUTCOMES = [None, *Outcome]
POLICIES = [
    Policy(passed, failed, inconclusive)
    for passed, failed, inconclusive in product(
        Action, [Action.HALT, Action.HOLD, Action.ASK], [Action.HALT, Action.HOLD, Action.ASK]
    )
]
LIVES = [
    GoLive(approval, "As Cloud Manager says.", begun) for approval, begun in product(Approval, [False, True])
]
WAITING = GoLive(Approval.WAITING, "It waits.")
PROOF = Proof(
    mode=Mode.GUARD,
    policy=Policy(),
    seal_digest="seal",
    sealed_outcome=Outcome.PASSED,
    recomputed_outcome=Outcome.PASSED,
    changes=(),
    golive=WAITING,
)
FAILED = replace(PROOF, sealed_outcome=Outcome.FAILED, recomputed_outcome=Outcome.FAILED)


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.INCONCLUSIVE])
def test_approve_can_follow_a_passed_verdict_only(outcome: Outcome) -> None:
    with pytest.raises(ValueError, match="passed verdict only"):
        Policy(**{str(outcome): Action.APPROVE})


def test_the_way_to_approval_opens_only_for_passed_waiting_guard() -> None:
    for outcome, live, policy, mode in product(OUTCOMES, LIVES, POLICIES, Mode):
        step, sentence = next_step(outcome, live, policy, mode)
        assert sentence.endswith(".")
        if step is Step.APPROVE:
            assert (outcome, live.approval, mode) == (Outcome.PASSED, Approval.WAITING, Mode.GUARD)
            assert policy.passed is Action.APPROVE
            assert not live.production_begun


def test_shadow_never_acts() -> None:
    for outcome, live, policy in product(OUTCOMES, LIVES, POLICIES):
        assert next_step(outcome, live, policy, Mode.SHADOW)[0] in (Step.REPORT, Step.RECORD_BYPASS)


def test_nothing_is_sent_where_nothing_waits() -> None:
    for outcome, live, policy, mode in product(OUTCOMES, LIVES, POLICIES, Mode):
        step, _ = next_step(outcome, live, policy, mode)
        if live.approval is not Approval.WAITING or live.production_begun:
            assert step not in (Step.APPROVE, Step.HALT, Step.ASK)


def test_no_verdict_is_treated_as_inconclusive() -> None:
    for live, policy, mode in product(LIVES, POLICIES, Mode):
        assert next_step(None, live, policy, mode) == next_step(Outcome.INCONCLUSIVE, live, policy, mode)


def test_a_release_let_through_elsewhere_is_a_bypass_and_alarms_unless_it_passed() -> None:
    live = GoLive(Approval.APPROVED, "Production was approved.")
    assert next_step(Outcome.PASSED, live, Policy(), Mode.GUARD)[0] is Step.RECORD_BYPASS
    _, sentence = next_step(Outcome.FAILED, live, Policy(), Mode.GUARD)
    assert "not proven is on its way to production" in sentence


def test_an_unknown_state_of_the_approval_holds() -> None:
    for state in (Approval.UNCLEAR, Approval.PENDING):
        step, _ = next_step(Outcome.PASSED, GoLive(state, "Odd."), Policy(), Mode.GUARD)
        assert step is Step.HOLD


def test_a_full_proof_of_passed_may_be_approved() -> None:
    assert refusal_to_approve(PROOF) is None


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"mode": Mode.SHADOW}, "shadow"),
        ({"golive": GoLive(Approval.APPROVED, "Somebody was faster.")}, "does not wait"),
        ({"golive": GoLive(Approval.UNCLEAR, "Odd.")}, "does not wait"),
        ({"recomputed_outcome": Outcome.FAILED}, "amount to failed"),
        ({"sealed_outcome": Outcome.FAILED}, "sealed verdict is failed"),
        ({"sealed_outcome": Outcome.FAILED, "recomputed_outcome": Outcome.FAILED}, "only passed"),
        ({"sealed_outcome": Outcome.INCONCLUSIVE, "recomputed_outcome": Outcome.INCONCLUSIVE}, "only passed"),
        ({"changes": ("Pipeline 678902 has run execution 78 on stage since the tests began.",)}, "678902"),
        ({"policy": Policy(passed=Action.ASK)}, "nobody has approved"),
        ({"policy": Policy(passed=Action.HOLD)}, "nobody has approved"),
        ({"answer": Answer(APPROVE, "alice", "fine", "another seal")}, "another verdict"),
        ({"answer": Answer(APPROVE, "", "fine", "seal")}, "no person"),
        ({"answer": Answer(APPROVE, "alice", " ", "seal")}, "no reason"),
    ],
)
def test_each_missing_piece_refuses_the_approval(changed: dict[str, object], words: str) -> None:
    refusal = refusal_to_approve(replace(PROOF, **changed))  # type: ignore[arg-type]
    assert refusal is not None
    assert words in refusal


def test_a_person_may_override_a_failed_verdict_but_not_a_changed_candidate() -> None:
    answer = Answer(OVERRIDE, "alice", "The page is being replaced today.", "seal")
    assert refusal_to_approve(replace(FAILED, answer=answer)) is None
    assert refusal_to_approve(replace(FAILED, answer=answer, changes=("The commit changed.",))) is not None


def test_a_passed_verdict_may_be_approved_by_a_person_where_the_policy_asks() -> None:
    asked = replace(PROOF, policy=Policy(passed=Action.ASK), answer=Answer(APPROVE, "alice", "Go.", "seal"))
    assert refusal_to_approve(asked) is None


def test_a_halt_follows_the_policy_or_the_answer() -> None:
    assert refusal_to_halt(FAILED) is None
    assert "is not this release" in (refusal_to_halt(replace(FAILED, changes=("It is another.",))) or "")
    assert "does not halt on passed" in (refusal_to_halt(PROOF) or "")
    assert refusal_to_halt(replace(PROOF, answer=Answer(HALT, "alice", "No.", "seal"))) is None
    assert refusal_to_halt(replace(FAILED, answer=Answer(KEEP_WAITING, "alice", "Hm.", "seal"))) is not None


def test_a_run_is_a_success_only_in_the_listed_ways() -> None:
    green = set()
    for mode, decision, outcome, reached, deployed, production, planned in product(
        Mode, [None, *Decision], OUTCOMES, [False, True], [False, True], OUTCOMES, [False, True]
    ):
        end = End(mode, decision, outcome, reached, deployed, production, planned)
        well, sentence = run_succeeded(end)
        assert sentence.endswith(".")
        if not well:
            continue
        green.add(decision)
        decided_here_or_there = decision not in (None, Decision.SUPERSEDED, Decision.HALTED)
        if decided_here_or_there and reached:
            assert deployed
            assert production is Outcome.PASSED or not planned
        if decision is Decision.BYPASSED and reached and mode is Mode.GUARD:
            assert outcome is Outcome.PASSED
        if decision is None:
            assert mode is Mode.SHADOW
            assert outcome is not None
    assert green == {None, *Decision} - {Decision.HELD}


def test_a_run_that_only_reports_is_a_success() -> None:
    assert run_succeeded(End(Mode.GUARD, None, None, reported_only=True))[0]
