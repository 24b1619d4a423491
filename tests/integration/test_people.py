"""What when people decide: in Cloud Manager before the gate does, or in Airflow because the gate asks?"""

from __future__ import annotations

import time

from integration.cases import case, plays
from integration.play import BEFORE_ANSWERING, PATIENCE, Play, Run

_PATIENT = {"waits_for_a_file": {"file": "of the case"}}
"""A check that is not over before somebody has decided in Cloud Manager."""


def _decided_first(play: Play, verb: str) -> Run:
    """Somebody decides while the gate still tests."""
    run_id = play.begin()
    play.until(run_id, "stage_tests.waits_for_a_file", "running")
    play.until_approval_waits(run_id)
    play.person(verb, run_id)
    play.file.touch()
    return play.end(run_id)


@case(gate={"checks": _PATIENT, "production_tests": ["key_pages"]})
def a_person_approves_a_good_release_first(play: Play) -> Run:
    return _decided_first(play, "approve")


@plays(a_person_approves_a_good_release_first)
def test_a_person_s_approval_of_a_release_that_passes_is_a_success(run: Run) -> None:
    assert run.state == "success"
    assert run.acts == []
    assert run.verdict["outcome"] == "passed"
    assert run.decision["decision"] == "bypassed"
    assert run.tasks["approve_production"] == "skipped"
    assert run.tasks["production_tests.availability"] == "success"


@case(release={"stage": {"defects": ["page_500"]}}, gate={"checks": _PATIENT})
def a_person_approves_a_broken_release_first(play: Play) -> Run:
    return _decided_first(play, "approve")


@plays(a_person_approves_a_broken_release_first)
def test_a_person_s_approval_of_a_release_that_fails_is_an_alarm(run: Run) -> None:
    assert run.state == "failed"
    assert run.acts == []
    assert run.decision["decision"] == "bypassed"
    assert "a release that is not proven is on its way to production" in run.log("record_bypass")
    assert "production was approved elsewhere although the verdict is failed" in run.last_words
    assert run.tasks["wait_for_production_deployment"] == "success"


@case(gate={"checks": {**_PATIENT, "key_pages": False}})
def a_person_rejects_first(play: Play) -> Run:
    return _decided_first(play, "reject")


@plays(a_person_rejects_first)
def test_a_person_s_rejection_is_recorded_and_nothing_is_sent(run: Run) -> None:
    assert run.state == "success"
    assert run.acts == []
    assert run.decision["decision"] == "bypassed"
    assert run.decision["production_reached"] is False
    assert run.tasks["wait_for_production_deployment"] == "skipped"


_ASKS = {"policy": {"inconclusive": {"ask": ["admin"], "within": "2h", "silence": "hold"}}}
_RAISES = {"raises": {}, "key_pages": False}
_UNSURE = {"checks": _RAISES, **_ASKS}
ASK = "ask_release_manager[0]"


def _asked(play: Play) -> str:
    run_id = play.begin()
    play.until(run_id, ASK, "awaiting_input")
    time.sleep(BEFORE_ANSWERING)
    return run_id


@case(
    gate={**_UNSURE, "checks": {"raises": {}}, "production_tests": ["key_pages"]},
    acts=("approve",),
)
def the_release_manager_overrides(play: Play) -> Run:
    run_id = _asked(play)
    stranger = play.answer(run_id, "Override", "I know better", user="mallory")
    play.decide(run_id, "Override", "the check is broken, the pages were looked at by hand")
    return play.end(run_id, stranger=stranger)


@plays(the_release_manager_overrides)
def test_an_override_with_a_reason_approves_in_the_name_of_the_person(run: Run) -> None:
    assert run.state == "success"
    assert run.acts == ["approve"]
    assert run.verdict["outcome"] == "inconclusive"
    assert run.decision["decision"] == "overridden"
    assert run.decision["by"] == "admin"
    assert "looked at by hand" in run.decision["sentence"]
    assert run.tasks["record_bypass"] == run.tasks["halt_production"] == "skipped"
    assert run.tasks["wait_for_production_deployment"] == "success"
    assert run.tasks["production_tests.availability"] == "success"


@plays(the_release_manager_overrides)
def test_somebody_who_was_not_asked_cannot_answer(run: Run) -> None:
    assert run.notes["stranger"] == 403


@plays(the_release_manager_overrides)
def test_the_question_names_the_execution_and_quotes_the_reasons(run: Run) -> None:
    told = run.log(ASK)
    assert run.run_id.removeprefix("execution-") in told
    assert "ZeroDivisionError" in told
    assert "means Keep waiting" in told


def _refused(play: Play, run_id: str, option: str, reason: str, **form: str) -> str:
    """Give an answer until it is refused, since Airflow can lose one; the log of that try, once the question waits again."""
    told = ""
    while "The answer is refused" not in told:
        tries = play.task(run_id, ASK)["try_number"]
        assert play.answer(run_id, option, reason, **form) == 200
        play.airflow.wait_until(
            lambda tries=tries: True if play.task(run_id, ASK)["try_number"] > tries else None,
            PATIENCE,
            lambda: f"the question is not asked anew: {play.tasks(run_id)}",
        )
        play.until(run_id, ASK, "awaiting_input")
        time.sleep(BEFORE_ANSWERING)
        told = play.log(run_id, ASK, tries)
    return told


@case(gate={**_UNSURE, "checks": {**_RAISES, "key_pages": {}}}, acts=("reject",))
def answers_that_are_refused(play: Play) -> Run:
    run_id = _asked(play)
    told = [
        _refused(play, run_id, "Override", "  "),
        _refused(play, run_id, "Override", "it is broken", accepts="key_pages"),
        _refused(play, run_id, "Override", "it is broken", seal="0123456789ab"),
        _refused(play, run_id, "Halt", ""),
    ]
    waits = play.approval(run_id)
    play.decide(run_id, "Halt", "enough")
    return play.end(run_id, told=told, approval=waits)


@plays(answers_that_are_refused)
def test_a_refused_answer_says_why_and_the_question_is_asked_anew(run: Run) -> None:
    why = ("gives no reason", "has to name all that it accepts", "0123456789ab", "gives no reason")
    for log, reason in zip(run.notes["told"], why, strict=True):
        assert "The answer is refused, and the question is asked anew." in log
        assert reason in log
    assert run.notes["approval"] == "WAITING"
    assert run.acts == ["reject"]
    assert run.tasks["override_production"] == "skipped"
    assert run.decision["by"] == "admin"


@case(gate=_UNSURE)
def the_one_who_started_it_is_the_only_one_asked(play: Play) -> Run:
    run_id = play.begin(user="Admin")
    play.until(run_id, "hold_production", "deferred")
    play.person("reject", run_id)
    return play.end(run_id)


@plays(the_one_who_started_it_is_the_only_one_asked)
def test_whoever_started_the_execution_is_not_asked_about_it(run: Run) -> None:
    assert "Admin started it, and nobody else is asked" in run.log(ASK)
    assert run.acts == []
    assert run.tasks["override_production"] == "skipped"


@case(gate=_UNSURE, acts=("reject",))
def the_release_manager_halts(play: Play) -> Run:
    run_id = _asked(play)
    play.decide(run_id, "Halt", "not on a Friday")
    return play.end(run_id)


@plays(the_release_manager_halts)
def test_a_check_that_raises_makes_the_verdict_inconclusive(run: Run) -> None:
    assert run.tasks["stage_tests.raises"] == "failed"
    assert run.verdict["outcome"] == "inconclusive"
    [reason] = run.verdict["reasons"]
    assert "ZeroDivisionError" in reason
    assert "cause: check" in reason
    assert run.tasks["approve_production"] == "skipped"


@plays(the_release_manager_halts)
def test_the_release_manager_s_halt_rejects_production(run: Run) -> None:
    assert run.state == "success"
    assert run.acts == ["reject"]
    assert run.decision["decision"] == "halted"
    assert run.decision["by"] == "admin"
    assert "not on a Friday" in run.decision["sentence"]
    assert run.tasks["record_bypass"] == run.tasks["wait_for_production_deployment"] == "skipped"
    assert run.tasks["override_production"] == "skipped"


@case(
    gate={
        "checks": _RAISES,
        "policy": {"inconclusive": {"ask": ["admin"], "within": "6s", "silence": "hold"}},
    }
)
def nobody_answers(play: Play) -> Run:
    run_id = play.begin()
    play.until(run_id, "hold_production", "deferred")
    waits = play.approval(run_id)
    play.person("reject", run_id)
    return play.end(run_id, approval=waits)


@plays(nobody_answers)
def test_silence_holds_and_approves_nothing(run: Run) -> None:
    assert run.notes["approval"] == "WAITING"
    assert run.acts == []
    assert run.tasks["override_production"] == "skipped"
    assert run.tasks["hold_production"] == run.tasks["record_bypass"] == "success"
    assert run.decision["decision"] == "bypassed"
    assert run.state == "success"


@case(
    release={"steps": {"codeQuality": "waiting"}},
    gate={"checks": _RAISES, "notify": {"slack": {"connection": "slack", "channel": "#releases"}}},
)
def a_release_that_needs_people_twice(play: Play) -> Run:
    run_id = play.begin()
    play.airflow.wait_until(
        lambda: True if play.told(run_id) else None,
        PATIENCE,
        lambda: f"nobody was told: {play.tasks(run_id)}",
    )
    play.person("approve", run_id)
    play.until(run_id, "hold_production", "deferred")
    play.person("reject", run_id)
    run = play.end(run_id)
    run.notes["told"] = play.told(run_id)
    run.notes["remembered"] = play.remembered
    return run


@plays(a_release_that_needs_people_twice)
def test_people_are_told_what_waits_for_them_once_and_what_came_of_it(run: Run) -> None:
    told = run.notes["told"]
    assert [event for event, _ in told] == ["waits for a person", "inconclusive", "held", "bypassed"]
    texts = dict(told)
    assert (
        "an important quality metric failed and has to be overridden or rejected"
        in texts["waits for a person"]
    )
    assert "(14 days)" in texts["waits for a person"]
    assert "https://experience.adobe.com/" in texts["waits for a person"]
    assert "ZeroDivisionError" in texts["inconclusive"]
    assert "Blocked meanwhile" in texts["held"]
    assert "Production was" in texts["bypassed"]
    assert run.acts == []
    notes = [name.split()[1].rpartition("-")[0] for name in run.notes["remembered"] if "-" in name]
    assert set(notes) >= {"waits", "inconclusive", "held", "bypassed"}
