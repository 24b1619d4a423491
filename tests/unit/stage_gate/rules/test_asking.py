"""Which answers are taken? Only those of somebody who was asked, about this verdict, with a reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from airflow.api_fastapi.execution_api.datamodels.hitl import HITLUser

from aem_checks.outcomes import Outcome
from stage_gate.rules.asking import About, Asked, Given, accepted, all_of, may_be_asked, not_entitled, refusal
from stage_gate.rules.decision import APPROVE, HALT, KEEP_WAITING, OVERRIDE, RETEST

SEAL = "0123456789abcdef" * 4
ASKED = Asked(("alice", "bob"), timedelta(hours=8))
FAILED = About(Outcome.FAILED, SEAL, ("wknd.key_pages", "wknd.redirects"), "carol@example.com")
PASSED = About(Outcome.PASSED, SEAL, ())
GOOD = Given(OVERRIDE, "alice", "Alice", "Known.", "wknd.key_pages, wknd.redirects", SEAL[:12])


def test_a_complete_answer_is_taken() -> None:
    assert refusal(GOOD, ASKED, FAILED) is None
    assert accepted(GOOD, FAILED) == ("wknd.key_pages", "wknd.redirects")


@pytest.mark.parametrize("option", [HALT, RETEST, KEEP_WAITING])
def test_what_approves_nothing_has_to_accept_nothing(option: str) -> None:
    for accepts in ("", GOOD.accepts, all_of(FAILED)):
        given = replace(GOOD, option=option, accepts=accepts)
        assert refusal(given, ASKED, FAILED) is None
        assert accepted(given, FAILED) == ()


def test_silence_keeps_waiting_unless_the_gate_file_says_else() -> None:
    assert ASKED.silence == KEEP_WAITING


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"user_id": ""}, "does not say who answered"),
        ({"user_id": "mallory"}, "mallory is not among those who are asked: alice, bob"),
        ({"user_id": "Alice"}, "not among"),
        ({"reason": ""}, "no reason"),
        ({"seal": ""}, "seal unknown"),
        ({"seal": SEAL[:11]}, "the newest one has 0123456789ab"),
        ({"seal": "f" * 12}, "seal ffffffffffff"),
        ({"option": ""}, "does not choose one option"),
        ({"option": APPROVE}, "is for a passed verdict, and this one is failed"),
        ({"accepts": ""}, "wknd.key_pages, wknd.redirects is missing"),
        ({"accepts": "wknd.key_pages"}, "wknd.redirects is missing"),
        ({"accepts": "all"}, "write 'all 2 named above'"),
        ({"accepts": "all 3 named above"}, "is missing"),
        ({"accepts": "wknd.key_pages_and_more wknd.redirects"}, "wknd.key_pages is missing"),
    ],
    ids=str,
)
def test_an_answer_that_lacks_something_is_refused(change: dict[str, str], why: str) -> None:
    sentence = refusal(replace(GOOD, **change), ASKED, FAILED)
    assert sentence is not None
    assert why in sentence


def test_all_of_it_can_be_accepted_in_words_that_count() -> None:
    given = replace(GOOD, accepts=all_of(FAILED).upper())
    assert refusal(given, ASKED, FAILED) is None
    assert accepted(given, FAILED) == FAILED.not_passed


@pytest.mark.parametrize("starter", ["alice", "ALICE ", "Alice Smith"])
def test_whoever_started_the_execution_can_t_answer(starter: str) -> None:
    given = replace(GOOD, user_name="alice smith")
    sentence = refusal(given, ASKED, replace(FAILED, started_by=starter))
    assert sentence is not None
    assert "started this execution" in sentence


@pytest.mark.parametrize(
    ("user_id", "user_name", "asked", "started_by", "sentence"),
    [
        ("alice", "Alice", ("alice",), ("bob", ""), None),
        (" ", "alice", ("alice", " "), (), "Airflow does not say who answered."),
        ("mallory", "", ("alice", "bob"), (), "mallory is not among those who are asked: alice, bob."),
        ("alice", "", (), (), "alice is not among those who are asked: nobody is."),
        (
            "alice",
            "al@example.com",
            ("alice",),
            ("carol", " AL@example.com "),
            "alice started this execution and can't let it through as well; somebody else has to.",
        ),
    ],
)
def test_who_may_answer_is_one_rule_for_every_question(
    user_id: str, user_name: str, asked: tuple[str, ...], started_by: tuple[str, ...], sentence: str | None
) -> None:
    assert not_entitled(user_id, user_name, asked, started_by) == sentence


def test_whoever_started_the_execution_is_not_even_asked() -> None:
    assert may_be_asked(("alice", "bob"), "Bob") == ("alice",)
    assert may_be_asked(("alice", "bob"), "") == ("alice", "bob")
    assert may_be_asked(("bob@example.com",), "BOB@example.com") == ()


def test_where_nobody_is_named_as_having_started_it_nobody_is_kept_from_answering() -> None:
    """Not even a login without a user name, which is as empty as what Cloud Manager says then."""
    given = replace(GOOD, option=APPROVE, accepts="", user_name="")
    assert refusal(given, ASKED, PASSED) is None
    assert refusal(given, ASKED, replace(PASSED, started_by="  ")) is None
    assert PASSED.started_by == ""


def test_a_passed_verdict_is_approved_and_not_overridden() -> None:
    assert refusal(replace(GOOD, option=APPROVE, accepts=""), ASKED, PASSED) is None
    sentence = refusal(GOOD, ASKED, PASSED)
    assert sentence is not None
    assert "nothing to override" in sentence


EVENT = {
    "chosen_options": [OVERRIDE],
    "params_input": {"reason": " Known.\nReally. ", "accepts": None, "seal": SEAL[:12]},
    "responded_by_user": {"id": "alice", "name": "Alice"},
}


@pytest.mark.parametrize("user", [{"id": "alice", "name": "Alice"}, HITLUser(id=" alice ", name="Alice")])
def test_an_answer_is_read_as_airflow_hands_it_over(user: object) -> None:
    """A user comes as a mapping from the trigger, and as a value of Airflow's own from its API."""
    given = Given.of(EVENT | {"responded_by_user": user})
    assert given == Given(OVERRIDE, "alice", "Alice", "Known. Really.", "", SEAL[:12])


COMPLETE = EVENT | {"params_input": {"reason": "Known.", "accepts": all_of(FAILED), "seal": SEAL[:12]}}


def test_an_answer_that_is_complete_is_taken() -> None:
    assert refusal(Given.of(COMPLETE), ASKED, FAILED) is None


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ({}, "Airflow does not say who answered."),
        (COMPLETE | {"chosen_options": [OVERRIDE, HALT]}, "The answer does not choose one option."),
        (COMPLETE | {"chosen_options": [HALT, OVERRIDE]}, "The answer does not choose one option."),
        (COMPLETE | {"chosen_options": []}, "The answer does not choose one option."),
        (COMPLETE | {"chosen_options": None}, "The answer does not choose one option."),
        (COMPLETE | {"params_input": None}, "seal unknown"),
        (COMPLETE | {"params_input": "reason"}, "seal unknown"),
        (COMPLETE | {"responded_by_user": None}, "Airflow does not say who answered."),
        (COMPLETE | {"responded_by_user": {"name": "alice"}}, "Airflow does not say who answered."),
    ],
    ids=[
        "nothing",
        "two options",
        "two options, the other first",
        "no option",
        "options unknown",
        "no form",
        "no form but text",
        "nobody",
        "a name without an id",
    ],
)
def test_an_answer_that_is_incomplete_is_refused_for_what_it_lacks(event: dict[str, Any], why: str) -> None:
    """However many options were chosen but one, none of them counts."""
    sentence = refusal(Given.of(event), ASKED, FAILED)
    assert sentence is not None
    assert why in sentence
