"""What follows from a verdict, walked exhaustively: every outcome × approval × action × mode × timing."""

from __future__ import annotations

from itertools import product

import pytest

from adobe_cloud_manager.questions import Approval
from aem_checks.outcomes import Outcome
from stage_gate.rules.decision import (
    APPROVE,
    HALT,
    HOTFIX,
    KEEP_WAITING,
    OVERRIDE,
    RETEST,
    Action,
    Command,
    Decision,
    Event,
    GoLive,
    Mode,
    Phase,
    Policy,
    Step,
    Timing,
    after,
    next_step,
)

OUTCOMES = [None, *Outcome]
_NOT_GOOD = [Action.HALT, Action.HOLD, Action.ASK]
POLICIES = [
    Policy(passed, failed, inconclusive, hotfix=hotfix)
    for passed, failed, inconclusive, hotfix in product(Action, _NOT_GOOD, _NOT_GOOD, [False, True])
]
CLOSED = "The window opens on Monday at 09:00."
TOO_OLD = "The evidence is 25.0 h old, and this gate believes it for 1d only."
TIMINGS = [
    Timing(is_open, "" if is_open else CLOSED, too_old=too_old)
    for is_open, too_old in product([True, False], ["", TOO_OLD])
]
LIVES = [
    GoLive(approval, "As Cloud Manager says.", begun) for approval, begun in product(Approval, [False, True])
]
WAITING = GoLive(Approval.WAITING, "It waits.")


def test_what_a_gate_file_does_not_say_is_the_careful_answer() -> None:
    policy = Policy()
    assert [policy.action(outcome) for outcome in Outcome] == [Action.APPROVE, Action.HALT, Action.HOLD]
    assert policy.hotfix is False
    assert GoLive(Approval.WAITING, "It waits.").production_begun is False
    assert Timing() == Timing(is_open=True, sentence="", opens_at=None, too_old="")


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.INCONCLUSIVE])
def test_approve_can_follow_a_passed_verdict_only(outcome: Outcome) -> None:
    with pytest.raises(ValueError, match="passed verdict only"):
        Policy(**{str(outcome): Action.APPROVE})


def test_the_way_to_approval_opens_only_for_passed_waiting_guard_in_time() -> None:
    opened = 0
    for outcome, live, policy, mode, timing in product(OUTCOMES, LIVES, POLICIES, Mode, TIMINGS):
        step, sentence = next_step(outcome, live, policy, mode, timing)
        assert sentence.rstrip(")").endswith(".")
        if step is not Step.APPROVE:
            continue
        opened += 1
        assert (outcome, live.approval, mode) == (Outcome.PASSED, Approval.WAITING, Mode.GUARD)
        assert policy.passed is Action.APPROVE
        assert not live.production_begun
        assert timing == Timing()
    assert opened == len([policy for policy in POLICIES if policy.passed is Action.APPROVE])


@pytest.mark.parametrize(
    ("action", "step"),
    [
        (Action.APPROVE, Step.APPROVE),
        (Action.HALT, Step.HALT),
        (Action.HOLD, Step.HOLD),
        (Action.ASK, Step.ASK),
    ],
)
def test_what_the_policy_asks_for_is_what_follows(action: Action, step: Step) -> None:
    assert next_step(Outcome.PASSED, WAITING, Policy(passed=action), Mode.GUARD)[0] is step
    if action is not Action.APPROVE:
        assert next_step(Outcome.FAILED, WAITING, Policy(failed=action), Mode.GUARD)[0] is step
        assert next_step(Outcome.INCONCLUSIVE, WAITING, Policy(inconclusive=action), Mode.GUARD)[0] is step


def test_shadow_never_acts() -> None:
    for outcome, live, policy, timing in product(OUTCOMES, LIVES, POLICIES, TIMINGS):
        step, _ = next_step(outcome, live, policy, Mode.SHADOW, timing)
        assert step in (Step.REPORT, Step.RECORD_BYPASS)


def test_nothing_is_sent_asked_or_tested_again_where_nothing_waits() -> None:
    for outcome, live, policy, mode, timing in product(OUTCOMES, LIVES, POLICIES, Mode, TIMINGS):
        step, _ = next_step(outcome, live, policy, mode, timing)
        if live.approval is not Approval.WAITING or live.production_begun:
            assert step in (Step.HOLD, Step.RECORD_BYPASS, Step.REPORT)


def test_no_verdict_is_treated_as_inconclusive_and_never_tested_again_by_itself() -> None:
    for live, policy, mode, timing in product(LIVES, POLICIES, Mode, TIMINGS):
        young = Timing(timing.is_open, timing.sentence)
        expected = next_step(Outcome.INCONCLUSIVE, live, policy, mode, young)
        assert next_step(None, live, policy, mode, timing) == expected


@pytest.mark.parametrize("outcome", list(Outcome))
def test_evidence_that_is_too_old_is_tested_again_whatever_it_says(outcome: Outcome) -> None:
    for policy, is_open in product(POLICIES, [True, False]):
        step, sentence = next_step(
            outcome, WAITING, policy, Mode.GUARD, Timing(is_open, CLOSED, too_old=TOO_OLD)
        )
        assert step is Step.RETEST
        assert TOO_OLD in sentence


def test_a_closed_window_keeps_an_approval_waiting_and_nothing_else() -> None:
    for outcome, policy in product(Outcome, POLICIES):
        step, sentence = next_step(outcome, WAITING, policy, Mode.GUARD, Timing(False, CLOSED))
        if policy.action(outcome) is not Action.APPROVE:
            assert step is next_step(outcome, WAITING, policy, Mode.GUARD)[0]
            continue
        assert step is (Step.ASK_FOR_HOTFIX if policy.hotfix else Step.WAIT_FOR_WINDOW)
        assert CLOSED in sentence


def test_shadow_says_what_it_would_do_and_when() -> None:
    _, now = next_step(Outcome.PASSED, WAITING, Policy(), Mode.SHADOW)
    assert now == (
        "The verdict is passed. In guard mode this gate would now approve production; in shadow mode it does nothing."
    )
    _, later = next_step(Outcome.PASSED, WAITING, Policy(), Mode.SHADOW, Timing(False, CLOSED))
    assert CLOSED in later


def test_a_release_let_through_elsewhere_is_a_bypass_and_alarms_unless_it_passed() -> None:
    live = GoLive(Approval.APPROVED, "Production was approved.")
    assert next_step(Outcome.PASSED, live, Policy(), Mode.GUARD)[0] is Step.RECORD_BYPASS
    _, sentence = next_step(Outcome.FAILED, live, Policy(), Mode.GUARD)
    assert "not proven is on its way to production" in sentence


def test_an_unknown_state_of_the_approval_holds() -> None:
    for state in (Approval.UNCLEAR, Approval.PENDING):
        step, _ = next_step(Outcome.PASSED, GoLive(state, "Odd."), Policy(), Mode.GUARD)
        assert step is Step.HOLD


def test_words_that_gate_files_evidence_and_dags_hold_stay_as_they_are() -> None:
    assert list(Mode) == ["shadow", "guard"]
    assert list(Action) == ["approve", "halt", "hold", "ask"]
    assert list(Decision) == ["approved", "overridden", "halted", "held", "bypassed", "superseded"]
    assert list(Step) == [
        "approve_production",
        "halt_production",
        "hold_production",
        "ask_release_manager",
        "ask_for_hotfix",
        "wait_for_window",
        "retest_stage",
        "record_bypass",
        "",
    ]
    options = ["Override", "Halt", "Keep waiting", "Re-test", "Approve", "Release now"]
    assert options == [OVERRIDE, HALT, KEEP_WAITING, RETEST, APPROVE, HOTFIX]


def test_what_can_t_happen_in_a_phase_is_an_error_that_names_both() -> None:
    with pytest.raises(ValueError, match=r"^won can't happen to an act that is held$"):
        after(Phase.HELD, Event.WON)


@pytest.mark.parametrize("words", [Phase, Command, Event], ids=lambda words: words.__name__)
def test_words_of_the_protocol_are_those_of_its_sentences(
    words: type[Phase] | type[Command] | type[Event],
) -> None:
    longer = {"in hand": "ticket in hand", "take ticket": "take the ticket"}
    names = [each.name.lower().replace("_", " ") for each in words]
    assert list(words) == [longer.get(name, name) for name in names]
