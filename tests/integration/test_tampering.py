"""Can anybody make the gate approve by what Airflow lets its users do: clear, mark, edit XComs?"""

from __future__ import annotations

from integration.cases import case, plays
from integration.play import Play, Run

_BROKEN = {"stage": {"defects": ["page_500"]}}
_PATIENT = {"waits_for_a_file": {"file": "of the case"}}


@case(acts=("approve",))
def an_approval_that_is_cleared(play: Play) -> Run:
    first = play.end(play.begin())
    play.clear(first.run_id, "approve_production", downstream=True)
    play.until(first.run_id, "approve_production", "success", "failed")
    return play.end(
        first.run_id, first=first.state, tries=play.task(first.run_id, "approve_production")["try_number"]
    )


@plays(an_approval_that_is_cleared)
def test_clearing_a_sent_approval_sends_nothing_again(run: Run) -> None:
    assert run.notes == {"first": "success", "tries": 2}
    assert run.acts == ["approve"]
    assert run.state == "success"
    assert run.tasks["approve_production"] == "success"
    assert run.decision["decision"] == "approved"
    assert run.decision["by"] == "Stage Gate"
    assert "nothing was sent again" in run.log("approve_production")


@case(release=_BROKEN, gate={"checks": _PATIENT, "policy": {"failed": "hold"}})
def tasks_that_are_marked_success(play: Play) -> Run:
    run_id = play.begin()
    play.until(run_id, "stage_tests.availability", "failed")
    play.until(run_id, "wait_for_approval_step")
    play.until(run_id, "stage_tests.waits_for_a_file", "running")
    for task in ("stage_tests.availability", "judge", "decide"):
        play.mark(run_id, task, "success")
    play.until(run_id, "approve_production", "failed", "success")
    play.until(run_id, "halt_production", "failed", "success")
    play.until(run_id, "hold_production", "deferred")
    waits = play.approval(run_id)
    play.file.touch()
    play.person("reject", run_id)
    return play.end(run_id, approval=waits)


@plays(tasks_that_are_marked_success)
def test_marking_checks_judge_and_decide_success_approves_nothing(run: Run) -> None:
    assert run.notes["approval"] == "WAITING"
    assert run.acts == []
    assert run.tasks["approve_production"] == "failed"
    assert run.tasks["halt_production"] == "failed"
    assert "there is no sealed verdict of the newest attempt, so nothing is proven" in run.log(
        "approve_production"
    )


@case(release=_BROKEN, gate={"policy": {"failed": "hold"}})
def a_signpost_that_is_turned_round(play: Play) -> Run:
    run_id = play.begin()
    play.until(run_id, "hold_production", "deferred")
    play.mark(run_id, "stage_tests.availability", "success")
    play.set_xcom(run_id, "decide", "skipmixin_key", {"followed": ["approve_production", "hold_production"]})
    play.clear(run_id, "approve_production")
    play.until(run_id, "approve_production", "failed", "success")
    waits = play.approval(run_id)
    play.person("reject", run_id)
    return play.end(run_id, approval=waits)


@plays(a_signpost_that_is_turned_round)
def test_an_edited_xcom_and_a_cleared_task_do_not_approve_a_failed_verdict(run: Run) -> None:
    assert run.notes["approval"] == "WAITING"
    assert run.acts == []
    assert run.tasks["approve_production"] == "failed"
    assert "The verdict is failed; only passed can be approved." in run.log("approve_production")


@case(gate={"checks": {**_PATIENT, "key_pages": False}})
def a_run_that_is_marked_failed(play: Play) -> Run:
    run_id = play.begin()
    play.until(run_id, "stage_tests.waits_for_a_file", "running")
    play.until(run_id, "wait_for_approval_step")
    play.mark_run(run_id, "failed")
    play.until(run_id, "publish_report", "failed", "success")
    play.file.touch()
    return play.end(run_id)


@plays(a_run_that_is_marked_failed)
def test_a_run_that_is_marked_failed_still_reports_and_approves_nothing(run: Run) -> None:
    assert run.state == "failed"
    assert run.acts == []
    assert run.play.approval(run.run_id) == "WAITING"
    assert run.decision == {}
    assert run.tasks["approve_production"] == "skipped"
    assert "the gate reached no decision; production was not touched by it" in run.last_words
    assert (run.folder / "report.html").exists()
