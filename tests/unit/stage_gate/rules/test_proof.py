"""A right to act has many parts; each of them, missing or wrong, refuses the act."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import product

import pytest

from adobe_cloud_manager.questions import Approval
from aem_checks.outcomes import Outcome
from stage_gate.rules import asking
from stage_gate.rules.decision import (
    APPROVE,
    HALT,
    HOTFIX,
    KEEP_WAITING,
    OVERRIDE,
    RETEST,
    Action,
    GoLive,
    Mode,
    Policy,
    Timing,
)
from stage_gate.rules.proof import (
    OPTIONS,
    SILENCE,
    Answer,
    Entitled,
    Proof,
    refusal_to_approve,
    refusal_to_halt,
    refusal_to_override,
)
from stage_gate.rules.proof import REFUSALS as RULE_OF

REFUSALS = (refusal_to_approve, refusal_to_override, refusal_to_halt)
EVERY_OPTION = (APPROVE, HOTFIX, OVERRIDE, HALT, KEEP_WAITING, RETEST)
WAITING = GoLive(Approval.WAITING, "It waits.")
CLOSED = Timing(False, "The window opens on Monday at 09:00.")
TOO_OLD = Timing(too_old="The evidence is 25.0 h old, and this gate believes it for 1d only.")
ENTITLED = Entitled(release_managers=("alice", "bob"), hotfix=("carol",), never=("Bob",))
PROOF = Proof(
    mode=Mode.GUARD,
    policy=Policy(),
    seal_digest="seal",
    sealed_outcome=Outcome.PASSED,
    recomputed_outcome=Outcome.PASSED,
    not_passed=(),
    changes=(),
    doubts=(),
    golive=WAITING,
    timing=Timing(),
    entitled=ENTITLED,
)
FAILED = replace(
    PROOF,
    sealed_outcome=Outcome.FAILED,
    recomputed_outcome=Outcome.FAILED,
    not_passed=("key_pages", "redirects"),
)


def answer(option: str, **changed: object) -> Answer:
    given = Answer(
        option, "alice", "Known.", "seal", ("key_pages", "redirects") if option == OVERRIDE else ()
    )
    return replace(given, **changed)  # type: ignore[arg-type]


APPROVED = replace(PROOF, policy=Policy(passed=Action.ASK), answer=answer(APPROVE))
OVERRIDDEN = replace(FAILED, policy=Policy(failed=Action.ASK), answer=answer(OVERRIDE))
HALTED = replace(FAILED, policy=Policy(failed=Action.ASK), answer=answer(HALT))
ALLOWED = {
    "approval by the gate": (refusal_to_approve, PROOF),
    "approval by a person": (refusal_to_approve, APPROVED),
    "approval outside the window": (
        refusal_to_approve,
        replace(PROOF, timing=CLOSED, answer=answer(HOTFIX, by="carol")),
    ),
    "override": (refusal_to_override, OVERRIDDEN),
    "halt by the gate": (refusal_to_halt, FAILED),
    "halt by a person": (refusal_to_halt, HALTED),
}
BROKEN = {
    "mode": [(Mode.SHADOW, "shadow mode")],
    "golive": [
        (GoLive(state, f"It is {state}."), "does not wait")
        for state in Approval
        if state is not Approval.WAITING
    ],
    "sealed_outcome": [(Outcome.INCONCLUSIVE, "sealed verdict is inconclusive")],
    "recomputed_outcome": [(Outcome.INCONCLUSIVE, "amount to inconclusive")],
    "changes": [(("Pipeline 678902 has run execution 78 on stage.",), "678902")],
    "doubts": [(("The seal is not signed.",), "not signed")],
    "timing": [(TOO_OLD, "25.0 h old")],
}
"""Fields that every act needs, with values that forbid it and a word of the refusal."""
TOLD_APART = {"policy", "seal_digest", "not_passed", "entitled", "answer", "halt"}
"""Fields that have tests of their own below."""


def test_no_field_of_the_proof_is_without_a_test() -> None:
    assert BROKEN.keys() | TOLD_APART == {field.name for field in fields(Proof)}


@pytest.mark.parametrize("way", ALLOWED)
def test_with_everything_in_place_the_act_may_be_sent(way: str) -> None:
    refusal, proof = ALLOWED[way]
    assert refusal(proof) is None


@pytest.mark.parametrize("way", ALLOWED)
@pytest.mark.parametrize("field", BROKEN)
def test_each_broken_part_refuses_each_act(way: str, field: str) -> None:
    refusal, proof = ALLOWED[way]
    for value, words in BROKEN[field]:
        assert words in (refusal(replace(proof, **{field: value})) or ""), value


@pytest.mark.parametrize("way", [way for way, (_, proof) in ALLOWED.items() if proof.answer])
@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"seal_digest": "another seal"}, "another verdict"),
        ({"by": ""}, "no person"),
        ({"by": "  "}, "no person"),
        ({"reason": " "}, "no reason"),
        ({"by": "mallory"}, "mallory is not among those"),
        ({"by": SILENCE}, "silence is no consent"),
    ],
    ids=["stale", "nobody", "blank name", "no reason", "a stranger", "silence"],
)
def test_an_answer_that_does_not_count_gives_no_right(
    way: str, changed: dict[str, object], words: str
) -> None:
    refusal, proof = ALLOWED[way]
    assert proof.answer is not None
    given = replace(proof.answer, **changed)  # type: ignore[arg-type]
    assert words in (refusal(replace(proof, answer=given)) or "")


@pytest.mark.parametrize("way", [way for way, (_, proof) in ALLOWED.items() if proof.answer])
def test_an_answer_to_the_seal_before_is_stale_on_the_seal_of_now(way: str) -> None:
    refusal, proof = ALLOWED[way]
    assert "another verdict" in (refusal(replace(proof, seal_digest="newer seal")) or "")


def test_only_passed_is_approved_whatever_was_answered() -> None:
    for outcome, option in product([Outcome.FAILED, Outcome.INCONCLUSIVE], EVERY_OPTION):
        proof = replace(FAILED, sealed_outcome=outcome, recomputed_outcome=outcome)
        for policy in (Policy(), Policy(Action.ASK, Action.ASK, Action.ASK)):
            assert refusal_to_approve(replace(proof, policy=policy)) is not None
            assert refusal_to_approve(replace(proof, policy=policy, answer=answer(option))) is not None


@pytest.mark.parametrize("passed", [Action.ASK, Action.HOLD, Action.HALT])
def test_a_policy_that_does_not_approve_by_itself_needs_somebody_who_does(passed: Action) -> None:
    asked = replace(PROOF, policy=Policy(passed=passed))
    assert "nobody has approved" in (refusal_to_approve(asked) or "")
    assert refusal_to_approve(replace(asked, answer=answer(APPROVE))) is None


def test_release_now_is_no_approval_of_a_verdict_that_people_are_asked_about() -> None:
    asked = replace(PROOF, policy=Policy(passed=Action.ASK), timing=CLOSED)
    assert "nobody has approved" in (
        refusal_to_approve(replace(asked, answer=answer(HOTFIX, by="carol"))) or ""
    )


def test_outside_the_window_only_those_named_for_it_release() -> None:
    assert "Monday" in (refusal_to_approve(replace(PROOF, timing=CLOSED)) or "")
    assert "Monday" in (refusal_to_approve(replace(APPROVED, timing=CLOSED)) or "")
    assert "Monday" in (refusal_to_override(replace(OVERRIDDEN, timing=CLOSED)) or "")
    assert "alice is not among" in (
        refusal_to_approve(replace(PROOF, timing=CLOSED, answer=answer(HOTFIX))) or ""
    )


def test_a_window_that_is_open_stands_against_nothing_whatever_is_said_of_it() -> None:
    talking = Timing(is_open=True, sentence="It closes at noon.")
    assert refusal_to_approve(replace(PROOF, timing=talking)) is None
    assert refusal_to_override(replace(OVERRIDDEN, timing=talking)) is None


@pytest.mark.parametrize("way", ALLOWED)
def test_a_halt_that_stands_refuses_all_that_lets_production_through(way: str) -> None:
    refusal, proof = ALLOWED[way]
    refused = refusal(replace(proof, halt="alice answered Halt."))
    assert refused == (None if way.startswith("halt") else "alice answered Halt.")


def test_no_window_stands_against_a_halt() -> None:
    assert refusal_to_halt(replace(FAILED, timing=CLOSED)) is None
    assert refusal_to_halt(replace(HALTED, timing=CLOSED)) is None


@pytest.mark.parametrize(
    ("refusal", "option"),
    [
        (refusal, option)
        for refusal, meant in zip(REFUSALS, [{APPROVE, HOTFIX}, {OVERRIDE}, {HALT}], strict=True)
        for option in EVERY_OPTION
        if option not in meant
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_an_answer_for_something_else_is_no_answer_for_this(refusal: object, option: str) -> None:
    assert callable(refusal)
    everything = Policy(Action.ASK, Action.ASK, Action.ASK)
    for proof in (PROOF, FAILED):
        assert refusal(replace(proof, policy=everything, answer=answer(option))) is not None


def test_the_answers_that_are_meant_for_an_act_are_those_that_its_rule_takes() -> None:
    """A stored answer is looked up by this table before the rule ever sees it."""
    taken = {(refusal, proof.answer.option) for refusal, proof in ALLOWED.values() if proof.answer}
    assert {(RULE_OF[decision], each) for decision, meant in OPTIONS.items() for each in meant} == taken
    assert OPTIONS.keys() == RULE_OF.keys()


def test_an_answer_of_no_option_is_called_none() -> None:
    refusal = refusal_to_approve(replace(PROOF, answer=answer("")))
    assert refusal == "The answer was none, and that approves nothing by itself."


def test_everything_that_could_not_be_made_sure_is_told() -> None:
    doubts = ("The seal is not signed.", "The clock is wrong.")
    assert refusal_to_approve(replace(PROOF, doubts=doubts)) == "The seal is not signed. The clock is wrong."
    changed = replace(PROOF, changes=("The commit changed.", "A variable changed."))
    assert (
        refusal_to_approve(changed) == "This is not what was tested: The commit changed. A variable changed."
    )


def test_what_an_answer_or_a_gate_does_not_say_entitles_nobody_to_anything() -> None:
    bare = Answer(OVERRIDE, "alice", "Known.", "seal")
    assert (bare.accepts, bare.name) == ((), "")
    nobody = Entitled()
    assert (nobody.release_managers, nobody.hotfix, nobody.never, nobody.silence_halts) == ((), (), (), False)
    assert "alice is not among" in (nobody.refuse(bare) or "")


def test_silence_has_one_name_where_it_is_stored_and_where_it_is_refused() -> None:
    assert asking.SILENCE == SILENCE == "silence"


def test_an_override_names_everything_that_stands_against_the_release() -> None:
    partly = replace(OVERRIDDEN, answer=answer(OVERRIDE, accepts=("key_pages",)))
    assert refusal_to_override(partly) == "alice accepted key_pages, but not redirects."
    blindly = replace(OVERRIDDEN, answer=answer(OVERRIDE, accepts=()))
    assert "accepted nothing, but not key_pages, redirects" in (refusal_to_override(blindly) or "")
    more = replace(OVERRIDDEN, not_passed=("key_pages", "plan", "redirects"))
    assert "but not plan" in (refusal_to_override(more) or "")


def test_nobody_overrides_a_verdict_that_nobody_is_asked_about() -> None:
    for action in (Action.HALT, Action.HOLD):
        unasked = replace(OVERRIDDEN, policy=Policy(failed=action))
        assert "asks nobody about failed" in (refusal_to_override(unasked) or "")
    assert "Nobody has answered" in (refusal_to_override(replace(OVERRIDDEN, answer=None)) or "")


def test_whoever_started_the_execution_may_only_halt_it() -> None:
    own = {"by": "bob"}
    for refusal, proof in (
        (refusal_to_approve, replace(APPROVED, answer=answer(APPROVE, **own))),
        (refusal_to_override, replace(OVERRIDDEN, answer=answer(OVERRIDE, **own))),
    ):
        assert "bob started this execution" in (refusal(proof) or "")
    assert refusal_to_halt(replace(HALTED, answer=answer(HALT, **own))) is None


@pytest.mark.parametrize(
    ("starter", "own"),
    [
        ("Bob@Example.com", {"by": "bob", "name": "bob@example.com"}),
        (" bob@example.com ", {"by": "bob", "name": "bob@example.com\t"}),
        (" bob", {"by": "bob", "name": ""}),
    ],
)
def test_whoever_started_it_is_known_by_id_and_by_name(starter: str, own: dict[str, object]) -> None:
    entitled = replace(ENTITLED, never=(starter,))
    for refusal, proof in (
        (refusal_to_approve, replace(APPROVED, entitled=entitled, answer=answer(APPROVE, **own))),
        (refusal_to_override, replace(OVERRIDDEN, entitled=entitled, answer=answer(OVERRIDE, **own))),
    ):
        assert "bob started this execution" in (refusal(proof) or "")
        someone_else = replace(proof, answer=replace(proof.answer, by="alice", name="Alice"))  # type: ignore[type-var]
        assert refusal(someone_else) is None


def test_an_execution_that_names_nobody_is_nobodys_own() -> None:
    for nobody in ((), ("",), (" ",)):
        assert refusal_to_approve(replace(APPROVED, entitled=replace(ENTITLED, never=nobody))) is None


def test_silence_halts_only_where_the_gate_says_so_and_approves_nowhere() -> None:
    silent = replace(HALTED, answer=answer(HALT, by=SILENCE))
    assert "silence is no consent" in (refusal_to_halt(silent) or "")
    halting = replace(ENTITLED, silence_halts=True)
    assert refusal_to_halt(replace(silent, entitled=halting)) is None
    for refusal, proof in ((refusal_to_approve, APPROVED), (refusal_to_override, OVERRIDDEN)):
        assert proof.answer is not None
        quiet = replace(proof.answer, by=SILENCE)
        assert "silence is no consent" in (refusal(replace(proof, entitled=halting, answer=quiet)) or "")


def test_a_halt_without_an_answer_follows_the_policy_alone() -> None:
    assert "does not halt on passed" in (refusal_to_halt(PROOF) or "")
    for action in (Action.HOLD, Action.ASK):
        kept = replace(FAILED, policy=Policy(failed=action))
        assert "does not halt on failed" in (refusal_to_halt(kept) or "")
