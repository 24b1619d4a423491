"""Does an answer Re-test begin exactly one more attempt in the same run, and what follows from it?"""

from __future__ import annotations

from integration.cases import case, plays
from integration.play import PATIENCE, Play, Run

_ASKS = {"policy": {"inconclusive": {"ask": ["admin"], "within": "2h", "silence": "hold"}}}
_SLOW = {"checks": {"waits_for_a_file": {"file": "of the case", "within": "8s"}, "key_pages": False}}


def _answer(play: Play, run_id: str, attempt: int, option: str, reason: str) -> str:
    """Answer the question about an attempt, and return what was asked."""
    play.until(run_id, f"ask_release_manager[{attempt - 1}]", "awaiting_input")
    told = str(play.question(run_id, attempt)["body"])
    play.decide(run_id, option, reason, attempt=attempt)
    return told


@case(gate={**_SLOW, **_ASKS}, acts=("approve",))
def a_re_test_that_passes(play: Play) -> Run:
    run_id = play.begin()
    play.until(run_id, "ask_release_manager[0]", "awaiting_input")
    play.file.touch()
    _answer(play, run_id, 1, "Re-test", "the file had not arrived")
    play.until(run_id, "approve_production", "success")
    return play.end(run_id)


@plays(a_re_test_that_passes)
def test_an_answer_re_test_leads_to_attempt_2_and_a_passed_one_is_approved(run: Run) -> None:
    assert sorted(folder.name for folder in run.folder.glob("attempt-*")) == ["attempt-1", "attempt-2"]
    assert run.verdict["outcome"] == "passed"
    assert run.acts == ["approve"]
    assert run.state == "success"


@plays(a_re_test_that_passes)
def test_the_policy_approves_on_the_new_seal_and_not_the_person_on_the_old_one(run: Run) -> None:
    assert run.decision["decision"] == "approved"
    assert run.decision["by"] == "Stage Gate"
    assert "the file had not arrived" not in run.decision["sentence"]
    assert run.tasks["ask_release_manager[0]"] == "skipped"
    assert run.tasks["retest_stage"] == "skipped"


@plays(a_re_test_that_passes)
def test_the_report_tells_who_wanted_the_re_test_and_why(run: Run) -> None:
    page = (run.folder / "report.html").read_text()
    for told in (run.last_words, page):
        assert "Attempt 1 was inconclusive" in told
        assert "admin wanted attempt 2" in told
        assert "the file had not arrived" in told


@case(gate={**_SLOW, **_ASKS}, acts=("reject",))
def a_re_test_that_changes_nothing(play: Play) -> Run:
    run_id = play.begin()
    first = _answer(play, run_id, 1, "Re-test", "once more")
    second = _answer(play, run_id, 2, "Halt", "that is enough")
    return play.end(run_id, first=first, second=second)


@plays(a_re_test_that_changes_nothing)
def test_a_re_test_that_changes_nothing_is_asked_about_anew(run: Run) -> None:
    assert "attempt 1, seal" in run.notes["first"]
    assert "attempt 2, seal" in run.notes["second"]
    assert "record_bypass" not in [name for name, state in run.tasks.items() if state == "success"]
    assert run.acts == ["reject"]
    assert run.state == "success"
    assert "that is enough" in run.log("halt_production")


@plays(a_re_test_that_changes_nothing)
def test_the_old_answer_did_not_count_twice(run: Run) -> None:
    assert sorted(folder.name for folder in run.folder.glob("attempt-*")) == ["attempt-1", "attempt-2"]
    assert run.tasks["ask_release_manager[0]"] == run.tasks["retest_stage"] == "skipped"


@case(gate=_SLOW, acts=("approve",))
def evidence_that_grew_too_old(play: Play) -> Run:
    """Its gate file says for a while that evidence of a second ago is too old."""
    run_id = play.begin()
    play.until(run_id, "hold_production", "deferred")
    play.file.touch()
    with play.gate_file_says(policy={"evidence_lives": "1s"}):
        play.clear(run_id, "decide", downstream=True)
        renewed = play.evidence / run_id / "retest-2.json"
        play.airflow.wait_until(lambda: renewed.exists() or None, PATIENCE, lambda: "no attempt 2 is begun")
    play.until(run_id, "approve_production", "success")
    return play.end(run_id)


@plays(evidence_that_grew_too_old)
def test_evidence_that_is_too_old_is_renewed_without_a_person(run: Run) -> None:
    assert "Stage Gate wanted attempt 2" in run.last_words
    assert "believes it for 1s only" in run.last_words
    assert run.verdict["outcome"] == "passed"
    assert run.acts == ["approve"]
    assert run.state == "success"
