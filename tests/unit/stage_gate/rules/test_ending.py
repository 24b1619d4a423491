"""When is a run green? Every way in which one can end, walked exhaustively."""

from __future__ import annotations

from itertools import product

import pytest

from aem_checks.outcomes import Outcome
from stage_gate.rules.decision import Decision, Mode
from stage_gate.rules.ending import End, run_succeeded

OUTCOMES = [None, *Outcome]
SEEN = "The approval is APPROVED."


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


@pytest.mark.parametrize("decision", [None, Decision.HELD])
def test_an_act_that_began_and_left_no_record_is_never_green_and_says_what_was_seen(
    decision: Decision | None,
) -> None:
    for mode, outcome in product(Mode, Outcome):
        end = End(mode, decision, outcome, claimed=True, seen_now=SEEN)
        well, sentence = run_succeeded(end)
        if mode is Mode.SHADOW and decision is None:
            continue
        assert not well
        assert sentence.startswith("Unclear: ")
        assert ("no record" in sentence) is (decision is None)
        assert SEEN in sentence


def test_a_guard_that_came_too_late_to_guard_is_no_success() -> None:
    well, sentence = run_succeeded(End(Mode.GUARD, None, None, reported_only=True, let_through=True))
    assert not well
    assert sentence.startswith("Not guarded")


@pytest.mark.parametrize("outcome", [None, Outcome.FAILED, Outcome.INCONCLUSIVE])
def test_a_bypass_without_a_passed_verdict_fails_the_run_of_a_guard_alone(outcome: Outcome | None) -> None:
    for mode in Mode:
        end = End(mode, Decision.BYPASSED, outcome, True, True, Outcome.PASSED, True)
        assert run_succeeded(end)[0] is (mode is Mode.SHADOW)
