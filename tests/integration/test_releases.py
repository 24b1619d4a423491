"""Does each way that a release can take end in `publish_report` with the right state of the run?"""

from __future__ import annotations

import json

import requests

from integration.cases import case, plays
from integration.house import BROKEN_GATES
from integration.play import PATIENCE, Play, Run

BROKEN = {"stage": {"defects": ["page_500"]}}


@case(
    stage={"access": "basic"},
    gate={"production_tests": ["key_pages"]},
    acts=("approve",),
)
def a_good_release(play: Play) -> Run:
    return play.end(play.begin())


@plays(a_good_release)
def test_a_good_release_is_approved_and_followed_through_production(run: Run) -> None:
    assert run.state == "success"
    assert run.acts == ["approve"]
    assert run.verdict["outcome"] == "passed"
    assert run.decision["decision"] == "approved"
    assert run.decision["by"] == "Stage Gate"
    assert run.tasks["wait_for_production_deployment"] == "success"
    assert run.tasks["production_tests.availability"] == "success"
    assert run.tasks["halt_production"] == run.tasks["hold_production"] == "skipped"
    assert "Approved, and the production tests passed." in run.last_words
    assert (run.folder / "report.html").stat().st_size > 1000


@plays(a_good_release)
def test_a_healthy_gate_starts_and_finishes_beside_three_broken_files(run: Run) -> None:
    assert set(BROKEN_GATES) < {path.stem for path in run.play.house.gates.iterdir()}
    assert len(BROKEN_GATES) == 3
    assert run.state == "success"
    assert set(run.play.airflow.import_errors()) == {"own-syntax.py"}, "the Dag file that is no Python"


@plays(a_good_release)
def test_only_the_deciding_credential_sends_the_approval(run: Run) -> None:
    sent = [
        each
        for each in run.play.simulator.requests
        if each.method == "PUT" and run.play.pipeline in each.path
    ]
    deciders = {each.header("x-api-key") for each in sent}
    assert deciders == {"simulated-decider"}
    assert "simulated-reader" in {each.header("x-api-key") for each in run.play.simulator.requests}


@plays(a_good_release)
def test_its_report_opens_in_airflow_for_those_who_are_logged_in_and_its_ledger_is_kept(run: Run) -> None:
    assert run.report_address in run.last_words
    browser = requests.Session()
    browser.trust_env = False
    assert browser.get(run.report_address, timeout=30).status_code == 401
    house = run.play.house
    login = {"username": "admin", "password": house.airflow.passwords["admin"]}
    token = browser.post(f"{house.airflow.url}/auth/token", json=login, timeout=30).json()["access_token"]
    report = browser.get(run.report_address, cookies={"_token": token}, timeout=30)
    assert report.url.endswith("/release.html")
    assert "Approved, and the production tests passed." in report.text
    assert report.headers["Content-Security-Policy"].startswith("sandbox")
    [entry] = (run.play.evidence / "ledger").iterdir()
    assert entry.name == f"{run.run_id}-attempt-1.json"


@case(release=BROKEN, acts=("reject",))
def a_broken_release(play: Play) -> Run:
    return play.end(play.begin())


@plays(a_broken_release)
def test_a_release_that_is_broken_on_stage_is_halted(run: Run) -> None:
    assert run.state == "success"
    assert run.acts == ["reject"]
    assert run.verdict["outcome"] == "failed"
    assert any("/us/en/magazine.html" in reason and "500" in reason for reason in run.verdict["reasons"])
    assert run.decision["decision"] == "halted"
    assert run.tasks["stage_tests.availability"] == "failed"
    assert run.tasks["approve_production"] == run.tasks["wait_for_production_deployment"] == "skipped"
    assert "/us/en/magazine.html" in run.last_words
    assert "free for the fix" in run.log("halt_production")


@case(release={"stage": {"access": "ip-blocked"}})
def a_held_release_that_a_person_lets_through(play: Play) -> Run:
    run_id = play.begin()
    play.until(run_id, "hold_production", "deferred")
    waited = play.approval(run_id)
    play.person("approve", run_id)
    return play.end(run_id, approval_while_held=waited)


@plays(a_held_release_that_a_person_lets_through)
def test_an_inconclusive_release_is_held_and_a_person_s_approval_is_an_alarm(run: Run) -> None:
    assert run.notes["approval_while_held"] == "WAITING"
    assert run.state == "failed"
    assert run.acts == []
    assert run.verdict["outcome"] == "inconclusive"
    assert run.decision["decision"] == "bypassed"
    assert run.tasks["record_bypass"] == "success"
    assert run.tasks["wait_for_production_deployment"] == "success"
    assert "production was approved elsewhere although the verdict is inconclusive" in run.last_words
    assert "Restore previous code" in run.last_words


@plays(a_held_release_that_a_person_lets_through)
def test_the_hold_says_why_and_what_to_do(run: Run) -> None:
    told = run.log("hold_production")
    assert "Production is held" in told
    assert "405" in told
    assert "clear settle_stage" in told
    assert "14 days" in told


@case(
    gate={"checks": {"waits_for_a_file": {"file": "of the case", "within": "8s"}, "key_pages": False}},
    acts=("approve",),
)
def a_held_release_that_is_tested_again(play: Play) -> Run:
    run_id = play.begin()
    play.until(run_id, "hold_production", "deferred")
    play.file.touch()
    cleared = _clear_one_check(play, run_id, "stage_tests.waits_for_a_file")
    play.clear(run_id, "settle_stage", downstream=True)
    play.until(run_id, "approve_production", "success")
    return play.end(run_id, cleared=cleared)


def _clear_one_check(play: Play, run_id: str, task: str) -> str:
    """Have one check run again, as anybody may who thinks that this helps; what it then says."""
    play.clear(run_id, task)

    def has_failed_again() -> bool | None:
        found = play.task(run_id, task)
        return True if (found["state"], found["try_number"]) == ("failed", 2) else None

    play.airflow.wait_until(
        has_failed_again, PATIENCE, lambda: f"{task} was not tried again: {play.tasks(run_id)}"
    )
    return play.log(run_id, task)


@plays(a_held_release_that_is_tested_again)
def test_a_re_test_is_a_numbered_attempt_of_the_same_run(run: Run) -> None:
    seals = (
        json.loads((run.folder / f"attempt-{number}" / "manifest.json").read_text()) for number in (1, 2)
    )
    assert [seal["signed"]["verdict"]["outcome"] for seal in seals] == ["inconclusive", "passed"]
    assert run.acts == ["approve"]
    assert run.decision["decision"] == "approved"
    assert run.state == "success"


@plays(a_held_release_that_is_tested_again)
def test_a_check_that_is_cleared_alone_measures_nothing_again_and_says_how_to(run: Run) -> None:
    said = run.notes["cleared"]
    assert "That stands, and nothing is measured again. To test again, clear settle_stage" in said
    folder = run.folder / "attempt-1" / "results"
    assert [path.name for path in folder.glob("waits_for_a_file*")] == ["waits_for_a_file.json"]


def _held_then_rejected(play: Play) -> Run:
    run_id = play.begin()
    play.until(run_id, "hold_production", "deferred")
    play.person("reject", run_id)
    return play.end(run_id)


@case(gate={"checks": {"ends_its_process": {"how": "killed"}, "key_pages": False}})
def a_check_that_is_killed(play: Play) -> Run:
    return _held_then_rejected(play)


@plays(a_check_that_is_killed)
def test_a_check_whose_process_is_killed_gives_no_result_and_is_never_passed(run: Run) -> None:
    assert run.tasks["stage_tests.ends_its_process"] == "failed"
    assert run.verdict["outcome"] == "inconclusive"
    assert len(run.verdict["reasons"]) == 1
    assert "ends_its_process broke off (exit code -9)" in run.verdict["reasons"][0]
    assert run.tasks["approve_production"] == "skipped"
    assert run.acts == []


@plays(a_check_that_is_killed)
def test_an_inconclusive_release_is_held_until_a_person_rejects_it(run: Run) -> None:
    assert run.state == "success"
    assert run.tasks["hold_production"] == "success"
    assert run.decision["decision"] == "bypassed"
    assert run.decision["production_reached"] is False
    assert run.tasks["wait_for_production_deployment"] == "skipped"
    assert "production was rejected in Cloud Manager" in run.last_words


@case(gate={"checks": {"ends_its_process": {"how": "exit 0"}, "key_pages": False}})
def a_check_that_leaves_with_exit_code_0(play: Play) -> Run:
    return _held_then_rejected(play)


@plays(a_check_that_leaves_with_exit_code_0)
def test_a_check_whose_process_ends_well_without_a_result_is_never_passed(run: Run) -> None:
    assert run.verdict["outcome"] == "inconclusive"
    assert len(run.verdict["reasons"]) == 1
    assert "ends_its_process left no judgement" in run.verdict["reasons"][0]
    assert run.tasks["approve_production"] == "skipped"
    assert run.acts == []


@case(gate={"checks": {"tells_what_opens": {"isolation": None}}})
def a_teams_check_that_nobody_accepted(play: Play) -> Run:
    return _held_then_rejected(play)


@plays(a_teams_check_that_nobody_accepted)
def test_a_teams_code_is_not_run_beside_the_signing_key_unless_the_gate_file_accepts_that(run: Run) -> None:
    assert run.tasks["stage_tests.availability"] == "success"
    assert run.tasks["stage_tests.tells_what_opens"] == "failed"
    assert len(run.verdict["reasons"]) == 1
    why = run.verdict["reasons"][0]
    assert "tells_what_opens was not run: in guard mode a team's code runs isolated from the gate" in why
    assert "set AEM_CHECKS_SUITE_USER to a user that has no other task, or write 'isolation: accepted'" in why
    assert not list(run.folder.glob("**/own")), "the check left no output"
    assert "will not run on a worker like this one: tells_what_opens" in run.log("settle_stage")
    assert run.acts == []


@plays(a_check_that_is_killed)
def test_what_the_gate_file_accepts_is_told_with_the_verdict(run: Run) -> None:
    assert "ends_its_process may run un-isolated: accepted in the gate file." in run.verdict["warnings"]


@case(
    release={
        "steps": {
            "codeQuality": "waiting",
            "buildImage": {"outcome": "failed", "log": "[ERROR] COMPILATION ERROR: Teaser.java:42"},
        }
    }
)
def a_build_that_fails(play: Play) -> Run:
    return play.end(play.begin_and_let_go())


@plays(a_build_that_fails)
def test_a_dead_build_is_superseded_with_the_reason_and_the_end_of_its_log(run: Run) -> None:
    assert run.state == "success"
    assert run.decision["decision"] == "superseded"
    assert run.verdict == {}
    assert run.tasks["wait_for_stage_deployment"] == "failed"
    told = run.log("wait_for_stage_deployment")
    assert "FAILED" in told
    assert "COMPILATION ERROR: Teaser.java:42" in told
    assert "Superseded" in run.last_words


@plays(a_build_that_fails)
def test_a_step_that_waits_for_a_person_is_announced_and_left_alone(run: Run) -> None:
    assert "an important quality metric failed and has to be overridden or rejected" in run.log(
        "wait_for_stage_deployment"
    )
    assert run.acts == []


@case(release={"steps": {"build": "failed"}})
def a_build_that_failed_before_the_run(play: Play) -> Run:
    execution_id = play.start_execution()
    play.until_over(execution_id)
    return play.end(play.guard(execution_id))


@plays(a_build_that_failed_before_the_run)
def test_an_execution_that_is_dead_already_is_reported(run: Run) -> None:
    assert run.state == "success"
    assert run.tasks["wait_for_stage_deployment"] == "skipped"
    assert "FAILED" in run.last_words
    assert run.acts == []


@case(release={"steps": {"build": 3600}})
def a_cancelled_execution(play: Play) -> Run:
    run_id = play.begin()
    play.until(run_id, "wait_for_stage_deployment", "deferred")
    play.person("cancel", run_id)
    return play.end(run_id)


@plays(a_cancelled_execution)
def test_a_cancelled_execution_is_superseded(run: Run) -> None:
    assert run.state == "success"
    assert run.decision["decision"] == "superseded"
    assert run.tasks["wait_for_stage_deployment"] == "failed"
    assert run.tasks["wait_for_approval_step"] == "success"
    assert "CANCEL" in run.log("wait_for_stage_deployment")
    assert run.acts == []


@case(release={"steps": {"deploy prod": {"outcome": "failed"}}}, acts=("approve",))
def a_production_deployment_that_fails(play: Play) -> Run:
    return play.end(play.begin())


@plays(a_production_deployment_that_fails)
def test_a_production_deployment_that_fails_is_a_failed_run(run: Run) -> None:
    assert run.tasks["wait_for_production_deployment"] == "failed"
    assert run.state == "failed"
    assert run.acts == ["approve"]
    assert "FAILED" in run.log("wait_for_production_deployment")
    assert "the production deployment is not finished" in run.last_words
    assert "Restore previous code" in run.last_words


@case(
    release={"production": {"defects": ["page_500"]}},
    gate={"production_tests": ["key_pages"]},
    acts=("approve",),
)
def a_release_that_breaks_production(play: Play) -> Run:
    return play.end(play.begin())


@plays(a_release_that_breaks_production)
def test_failing_production_tests_are_a_failed_run_that_names_the_ways_back(run: Run) -> None:
    assert run.state == "failed"
    assert run.acts == ["approve"]
    assert run.decision["decision"] == "approved"
    assert run.tasks["production_tests.availability"] == "failed"
    told = run.last_words
    assert "the production tests are failed" in told
    assert "/us/en/magazine.html" in told
    assert "Restore previous code" in told
    assert "fix forward" in told


@case(release=BROKEN, gate={"mode": "shadow"})
def a_broken_release_in_shadow_mode(play: Play) -> Run:
    return play.end(play.begin())


@plays(a_broken_release_in_shadow_mode)
def test_shadow_mode_says_what_it_would_do_and_does_nothing(run: Run) -> None:
    assert run.state == "success"
    assert run.acts == []
    assert run.decision == {}
    assert run.verdict["outcome"] == "failed"
    assert "would now halt production" in run.log("decide")
    assert run.play.approval(run.run_id) == "WAITING"
    assert "Shadow: the verdict is failed and nothing was done." in run.last_words
