"""What is the result of an Airflow task that is a test, whatever it does, and does it write it itself?"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowSkipException,
    AirflowTaskTimeout,
    TaskDeferralTimeout,
    TaskDeferred,
)

from aem_checks.outcomes import Outcome, Severity
from simulator import Simulator
from stage_gate.commands.comparing import Today, compare
from stage_gate.own_tests.trial import Progress
from stage_gate.rules.demands import NO_DEMANDS
from stage_gate.rules.plan import RecordedResult
from stage_gate.rules.verdict import judge
from stage_gate.tasks.keeping import GivenUpError
from stage_gate.tasks.red import Red
from unit.stage_gate.own_tests.trying import GREEN, RED, Trying
from unit.stage_gate.samples import result
from unit.stage_gate.tasks.test_waits import signing

__all__ = ["signing"]

PASSED, FAILED, INCONCLUSIVE = Outcome.PASSED, Outcome.FAILED, Outcome.INCONCLUSIVE
Make = Callable[..., Trying]


@pytest.fixture
def trying(simulator: Simulator, tmp_path: Path, signing: None) -> Make:
    return lambda **test: Trying(simulator, tmp_path, **test)


def raising(*errors: BaseException) -> Callable[..., Any]:
    """Something that ends so, once each; then it ends well."""
    left = list(errors)

    def does(*args: Any) -> list[str]:
        if left:
            raise left.pop(0)
        return ["basket"]

    return does


def writing(file: Path, *texts: str) -> Callable[..., None]:
    """A test that leaves a report, each time that it runs the next one."""
    left = list(texts)

    def does(*args: Any) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_text(left.pop(0))

    return does


def names(value: Any) -> Any:
    return value


# Without reports


def test_one_that_says_what_it_examined_passes_and_the_names_are_in_its_result(trying: Make) -> None:
    tried = trying()
    assert tried.run(lambda: ["/basket", "/checkout"], names) == ["/basket", "/checkout"]
    assert (tried.result.outcome, tried.result.examined) == (PASSED, 2)
    assert "'/checkout'" in tried.result.findings[0].sentence
    assert tried.verdict().outcome is PASSED


@pytest.mark.parametrize("returned", [None, False, 0, [], ()])
def test_one_that_examined_nothing_is_inconclusive(trying: Make, returned: object) -> None:
    tried = trying()
    with pytest.raises(Red):
        tried.run(lambda: returned, names)
    assert (tried.result.outcome, tried.codes) == (INCONCLUSIVE, ["unexamined"])
    assert tried.verdict().outcome is INCONCLUSIVE


def test_to_end_well_proves_nothing_unless_its_author_writes_what_it_examines(trying: Make) -> None:
    tried = trying()
    with pytest.raises(Red):
        tried.run(lambda: "a return value of some operator")
    assert tried.codes == ["unexamined"]


def test_its_author_can_write_it(trying: Make) -> None:
    tried = trying(examines=3)
    tried.run()
    assert (tried.result.outcome, tried.result.examined) == (PASSED, 3)


@pytest.mark.parametrize("returned", [True, "basket", b"basket", 3.5, object()])
def test_what_is_no_number_and_no_names_says_nothing(trying: Make, returned: object) -> None:
    tried = trying()
    with pytest.raises(Red):
        tried.run(lambda: returned, names)
    assert tried.codes == ["ended"]
    assert "write what it examined as a number or as a list of names" in tried.result.findings[0].sentence


def test_an_assertion_that_fails_is_a_finding_and_is_confirmed_by_a_second_run(trying: Make) -> None:
    tried = trying()
    with pytest.raises(Red):
        tried.run(
            raising(AssertionError("the basket is empty"), AssertionError("the basket is empty")), names
        )
    assert (tried.result.outcome, tried.result.attempts, tried.codes) == (FAILED, 2, ["assertion"])
    assert "'the basket is empty'" in tried.result.findings[0].sentence
    assert tried.verdict().outcome is FAILED


def test_an_assertion_without_words_is_told_by_its_line(trying: Make) -> None:
    def does() -> None:
        raise AssertionError

    tried = trying(severity="warn")
    tried.run(does, names)
    assert tried.result.findings[0].actual == "raise AssertionError"


def test_one_that_passes_only_on_its_second_run_is_flaky(trying: Make) -> None:
    tried = trying()
    tried.run(raising(AssertionError("the basket is empty")), names)
    assert (tried.result.outcome, tried.result.flaky, tried.result.attempts) == (PASSED, True, 2)
    assert tried.codes == ["examined", "rerun"]


def test_without_a_re_run_left_the_failure_stands(trying: Make) -> None:
    tried = trying(gate={"policy": {"flakes": {"reruns": 0}}})
    with pytest.raises(Red):
        tried.run(raising(AssertionError("the basket is empty")), names)
    assert (tried.result.outcome, tried.result.attempts) == (FAILED, 1)
    assert "budget of re-runs of this release is spent" in tried.result.findings[-1].sentence


def test_a_second_run_that_breaks_off_takes_nothing_back(trying: Make) -> None:
    tried = trying()
    tried.tries = (1, 3)
    with pytest.raises(Red):
        tried.run(raising(AssertionError("the basket is empty"), OSError("the grid is away")), names)
    assert (tried.result.outcome, tried.codes) == (FAILED, ["assertion", "rerun"])


def test_one_that_only_warns_is_no_red_task(trying: Make) -> None:
    tried = trying(severity="warn")
    tried.run(raising(AssertionError("the basket is empty")), names)
    assert (tried.result.outcome, tried.result.severity) == (FAILED, Severity.WARN)
    assert tried.verdict().outcome is PASSED


@pytest.mark.parametrize(
    "error",
    [
        OSError("the grid is away"),
        AirflowException("x"),
        AirflowFailException("x"),
        AirflowSkipException("x"),
        SystemExit(1),
    ],
    ids=lambda error: type(error).__name__,
)
def test_any_other_end_is_no_answer(trying: Make, error: BaseException) -> None:
    tried = trying(examines=1)
    with pytest.raises(Red):
        tried.run(raising(error))
    assert (tried.result.outcome, tried.codes, tried.result.examined) == (INCONCLUSIVE, ["ended"], 0)
    assert type(error).__name__ in tried.result.findings[0].sentence


def test_airflow_tries_again_what_broke_off_while_it_has_tries(trying: Make) -> None:
    tried = trying(examines=1)
    tried.tries = (1, 1)
    with pytest.raises(OSError, match="the grid is away"):
        tried.run(raising(OSError("the grid is away")))
    assert tried.results == []
    tried.tries = (2, 1)
    tried.run()
    assert (tried.result.outcome, tried.result.attempts) == (PASSED, 1)


def test_an_assertion_is_tried_by_nobody_but_the_budget(trying: Make) -> None:
    tried = trying()
    tried.tries = (1, 5)
    with pytest.raises(Red):
        tried.run(raising(AssertionError("empty"), AssertionError("empty")), names)
    assert tried.result.attempts == 2


def test_one_whose_time_is_over_is_ended_and_inconclusive(trying: Make) -> None:
    tried = trying(within="1s", examines=1)
    late = tried.task(raising(AirflowTaskTimeout("Timeout")))
    with pytest.raises(Red):
        late.execute(tried.context())
    assert (tried.result.outcome, tried.codes, late.killed) == (INCONCLUSIVE, ["time_limit"], 1)
    assert "did not end within 1s" in tried.result.findings[0].sentence


def test_its_time_is_limited(trying: Make) -> None:
    tried = trying(within="1s", examines=1)

    def forever() -> None:
        while True:
            pass

    with pytest.raises(Red):
        tried.run(forever)
    assert tried.codes == ["time_limit"]


# With reports


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "reports" / "shop.xml"


@pytest.fixture
def reporting(trying: Make, file: Path) -> Make:
    return lambda **test: trying(**{"reports": f"{file.parent}/*.xml"} | test)


def test_the_cases_of_its_reports_are_counted_and_kept(reporting: Make, file: Path) -> None:
    tried = reporting()
    tried.run(writing(file, GREEN))
    assert (tried.result.outcome, tried.result.examined) == (PASSED, 2)
    kept = tried.evidence.attempt_folder(1) / "sites/larkfell/tasks/cypress/reports/shop.xml"
    assert kept.read_text() == GREEN
    assert tried.verdict().outcome is PASSED


def test_with_reports_what_it_returns_says_nothing(reporting: Make, file: Path) -> None:
    tried = reporting()

    def does() -> str:
        writing(file, GREEN)()
        return "some value"

    assert tried.run(does, names) == "some value"
    assert (tried.result.outcome, tried.result.examined) == (PASSED, 2)


def test_a_case_that_failed_fails_it_however_it_ended(reporting: Make, file: Path) -> None:
    tried = reporting()
    with pytest.raises(Red):
        tried.run(writing(file, RED, RED))
    assert (tried.result.outcome, tried.codes, tried.result.attempts) == (FAILED, ["case_failed"], 2)
    assert "'shop: basket' failed: 'is empty'" in tried.result.findings[0].sentence


def test_a_bad_end_with_green_reports_is_no_answer(reporting: Make, file: Path) -> None:
    tried = reporting()

    def does() -> None:
        writing(file, GREEN)()
        raise AirflowException("the pod returned a failure")

    with pytest.raises(Red):
        tried.run(does)
    assert (tried.result.outcome, tried.codes) == (INCONCLUSIVE, ["ended"])
    assert "its reports hold no failed case among 2" in tried.result.findings[0].sentence


def test_reports_that_never_come_are_no_answer(reporting: Make) -> None:
    tried = reporting()
    with pytest.raises(Red):
        tried.run()
    assert (tried.result.outcome, tried.codes) == (INCONCLUSIVE, ["no_report"])


def test_a_report_that_was_there_before_is_none_of_this_run(reporting: Make, file: Path) -> None:
    writing(file, GREEN)()
    tried = reporting()
    with pytest.raises(Red):
        tried.run()
    assert (tried.result.outcome, tried.codes) == (INCONCLUSIVE, ["left_out", "no_report"])


def test_the_reports_of_its_first_run_are_none_of_the_second(reporting: Make, file: Path) -> None:
    tried, left = reporting(), [RED]

    def does() -> None:
        if left:
            writing(file, left.pop())()

    with pytest.raises(Red):
        tried.run(does)
    assert (tried.result.outcome, tried.result.attempts) == (FAILED, 2)
    assert "case_failed" in tried.codes


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<testsuite><testcase", "unreadable"),
        ("<testsuite/>", "no_case"),
        ('<testsuite><testcase name="a"><skipped/></testcase></testsuite>', "no_case"),
        ('<testsuite><testcase name="a" status="wobbly"/></testsuite>', "unknown_word"),
        ("<coverage/>", "no_report"),
    ],
)
def test_reports_that_say_nothing_are_no_answer(reporting: Make, file: Path, text: str, code: str) -> None:
    tried = reporting()
    with pytest.raises(Red):
        tried.run(writing(file, text))
    assert tried.result.outcome is INCONCLUSIVE
    assert code in tried.codes


def test_ten_thousand_reports_are_beyond_the_limit_and_no_answer(reporting: Make, file: Path) -> None:
    tried = reporting()

    def does() -> None:
        file.parent.mkdir(parents=True)
        for number in range(10_000):
            (file.parent / f"{number}.xml").write_text("<testsuite/>" if number else GREEN)

    with pytest.raises(Red):
        tried.run(does)
    assert tried.result.outcome is INCONCLUSIVE
    assert tried.codes.count("unreadable") == 5
    assert "8000 reports that could not be used" in next(
        f.sentence for f in tried.result.findings if f.code == "tasks.more"
    )


def test_a_link_is_no_report(reporting: Make, file: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.xml"
    secret.write_text(GREEN)
    tried = reporting()

    def does() -> None:
        file.parent.mkdir(parents=True)
        file.symlink_to(secret)

    with pytest.raises(Red):
        tried.run(does)
    assert (tried.result.outcome, tried.codes) == (INCONCLUSIVE, ["unreadable"])


def test_the_place_of_reports_may_name_the_candidate(trying: Make, tmp_path: Path) -> None:
    tried = trying(reports=f"{tmp_path}/{{execution_id}}/{{attempt}}/**/*.xml")
    tried.run(writing(tmp_path / tried.release.execution_id / "1" / "deep" / "a.xml", GREEN))
    assert tried.result.outcome is PASSED


# Waiting


class Trigger:
    """Stands for one of Airflow's."""


def deferring(timeout: timedelta | None = None) -> TaskDeferred:
    return TaskDeferred(trigger=Trigger(), method_name="goes_on", timeout=timeout)


def test_one_that_waits_has_no_result_before_it_ends(reporting: Make, file: Path) -> None:
    tried = reporting(within="20m")
    with pytest.raises(TaskDeferred) as wait:
        tried.run(raising(deferring()))
    assert tried.results == []
    assert timedelta(minutes=19) < wait.value.timeout <= timedelta(minutes=20), (
        "no wait is longer than its time"
    )
    tried.resume(writing(file, GREEN))
    assert tried.result.outcome is PASSED


def test_a_wait_that_is_shorter_stays_so(trying: Make) -> None:
    with pytest.raises(TaskDeferred) as wait:
        trying(within="20m").run(raising(deferring(timedelta(seconds=5))))
    assert wait.value.timeout == timedelta(seconds=5)


def test_a_wait_that_is_too_long_is_no_answer(trying: Make) -> None:
    tried = trying(examines=1)
    with pytest.raises(TaskDeferred):
        tried.run(raising(deferring()))
    with pytest.raises(Red):
        tried.resume(raising(TaskDeferralTimeout("late")))
    assert tried.codes == ["ended"]


def test_a_trigger_that_failed_is_no_answer(trying: Make) -> None:
    tried = trying(examines=1)
    with pytest.raises(TaskDeferred):
        tried.run(raising(deferring()))
    with pytest.raises(Red):
        tried.task().resume_execution("__fail__", {"error": "Trigger failure"}, tried.context())
    assert (tried.result.outcome, tried.codes) == (INCONCLUSIVE, ["ended"])


def test_the_second_run_of_one_that_waits_waits_too(trying: Make) -> None:
    tried = trying(examines=1)
    with pytest.raises(TaskDeferred):
        tried.run(raising(deferring()))
    again = raising(AssertionError("empty"), deferring())
    with pytest.raises(TaskDeferred):
        tried.resume(again)
    assert tried.results == []
    tried.resume(raising())
    assert (tried.result.outcome, tried.result.flaky, tried.result.attempts) == (PASSED, True, 2)


def test_to_clear_a_failure_that_is_being_confirmed_takes_it_not_back(trying: Make) -> None:
    tried = trying(examines=1)
    with pytest.raises(TaskDeferred):
        tried.run(raising(AssertionError("empty"), deferring()))
    tried.run()
    assert (tried.result.outcome, tried.result.flaky, tried.result.attempts) == (PASSED, True, 2)


# Its result is its own


def test_one_that_is_cleared_is_not_run_again(trying: Make) -> None:
    tried = trying()
    with pytest.raises(Red):
        tried.run(raising(AssertionError("a"), AssertionError("b")), names)
    with pytest.raises(Red):
        tried.run(lambda: ["basket"], names)
    assert tried.result.outcome is FAILED


def test_a_result_that_lies_there_keeps_it_from_nothing_and_then_there_are_two(trying: Make) -> None:
    tried = trying(examines=1)
    planned = next(c for c in tried.evidence.read_plan(1).stage_checks if c.key == tried.test.key)
    tried.release.keep(1, planned)
    tried.run()
    assert len(tried.results) == 2
    verdict = tried.verdict()
    assert verdict.outcome is INCONCLUSIVE
    assert "tasks.cypress gave 2 results where one was planned" in verdict.reasons[0]


def test_one_that_writes_into_the_result_of_another_spoils_that(trying: Make) -> None:
    tried = trying(examines=1)

    def does() -> None:
        forged = result("key_pages", site="larkfell", examined=99)
        entry = RecordedResult(candidate_digest="", attempt=1, settings_digest="", result=forged)
        tried.evidence.write_result(1, entry)

    tried.run(does)
    verdict = tried.verdict()
    assert verdict.outcome is INCONCLUSIVE
    assert any("key_pages gave 2 results where one was planned" in each for each in verdict.reasons)


def test_without_a_result_the_verdict_says_what_may_have_happened(trying: Make) -> None:
    verdict = trying().verdict()
    assert verdict.outcome is INCONCLUSIVE
    assert "a state of Airflow is no result" in verdict.reasons[0]


def test_one_that_outlives_the_verdict_counts_for_nothing_and_says_so(trying: Make) -> None:
    tried = trying(examines=1)
    with pytest.raises(AirflowFailException, match="that counts for nothing: Attempt 1 is sealed"):
        tried.run(lambda: tried.evidence.seal(1, judge))
    assert tried.results == []


def test_a_sealed_attempt_begins_none(trying: Make) -> None:
    tried = trying(examines=1)
    tried.evidence.seal(1, judge)
    with pytest.raises(AirflowFailException, match=r"tasks\.cypress was not run. Attempt 1 is sealed"):
        tried.run()


def test_a_try_that_airflow_gave_up_keeps_no_good_result(trying: Make) -> None:
    tried = trying(examines=1)

    def does() -> None:
        tried.store.is_given_up = True

    with pytest.raises(GivenUpError):
        tried.run(does)
    assert tried.results == []


def test_one_that_was_not_planned_is_not_run_and_says_so(trying: Make) -> None:
    tried, begun = trying(examines=1), []
    task = tried.task(lambda: begun.append(1))
    stranger = tried.test.model_copy(update={"name": "other"})
    task.declared = task.declared.__class__(stranger, task.declared.gate_file)
    with pytest.raises(AirflowSkipException, match=r"tasks\.other was not planned"):
        task.execute(tried.context())
    assert begun == []


def test_what_was_pinned_of_it_counts_and_not_what_the_file_says_now(trying: Make) -> None:
    tried = trying()
    task = tried.task()
    weaker = tried.test.model_copy(update={"severity": Severity.WARN, "examines": 5})
    task.declared = task.declared.__class__(weaker, task.declared.gate_file)
    with pytest.raises(Red):
        task.execute(tried.context())
    assert (tried.result.severity, tried.codes) == (Severity.BLOCK, ["unexamined"])
    assert tried.verdict().outcome is INCONCLUSIVE


def test_a_replay_takes_what_it_found_then_and_runs_nothing(trying: Make) -> None:
    tried = trying(examines=1)
    tried.run()
    tried.verdict()
    tried.evidence.seal(1, judge)
    gate, store = tried.release.gate, tried.evidence.store
    today = Today(gate, tried.release.gate_file.parent, NO_DEMANDS, datetime.now(UTC), gate.name)
    compared = compare(today, store, tried.release.execution_id)
    assert compared is not None
    assert (compared.trouble, str(compared.then), str(compared.now)) == (
        "",
        "passed → approve",
        "passed → approve",
    )


# What it is handed, and what it is kept from


def test_a_template_may_name_candidate_and_site(trying: Make) -> None:
    tried = trying()
    task = tried.task(told="{{ candidate.execution_id }} {{ candidate.commit_id }} {{ site.stage }}")
    task.render_template_fields(tried.context())
    commit = tried.evidence.read_candidate(1).commit_id
    assert task.told == f"{tried.release.execution_id} {commit} {tried.release.gate.sites[0].stage.url}"


def test_the_candidate_is_told_whole_and_without_anything_secret(trying: Make) -> None:
    tried, seen = trying(), []
    task = tried.task(lambda: None)
    context = tried.context()
    with pytest.raises(Red):
        task.execute(context)
    candidate = context["candidate"]
    seen = json.loads(candidate.as_json)
    assert seen["execution_id"] == tried.release.execution_id
    assert seen["stage_hosts"] == list(candidate.stage_hosts) != []
    assert seen["folder"].endswith("attempt-1/sites/larkfell/tasks/cypress")
    assert set(seen) == {
        *(
            "gate",
            "program_id",
            "pipeline_id",
            "execution_id",
            "attempt",
            "commit_id",
            "artifacts_version",
            "part",
        ),
        *("environment_id", "site", "stage_hosts", "folder"),
    }


def test_in_guard_mode_none_runs_beside_the_key(trying: Make) -> None:
    tried, begun = trying(unisolated=False, examines=1), []
    with pytest.raises(Red):
        tried.run(lambda: begun.append(1))
    assert begun == []
    assert (tried.result.outcome, tried.codes) == (INCONCLUSIVE, ["not_isolated"])
    assert "the signing key" in tried.result.findings[0].sentence


def test_in_guard_mode_none_runs_beside_the_deciding_credential(
    trying: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried, begun = trying(unisolated=False, examines=1), []
    monkeypatch.delenv("AIRFLOW_CONN_STAGE_GATE_SIGNING")
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__TRUSTED_KEYS", _public())
    with pytest.raises(Red):
        tried.run(lambda: begun.append(1))
    assert begun == []
    assert "connection cloud_manager_default, which can decide" in tried.result.findings[0].sentence


def test_away_from_both_it_runs(trying: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = trying(unisolated=False, examines=1)
    monkeypatch.delenv("AIRFLOW_CONN_STAGE_GATE_SIGNING")
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__TRUSTED_KEYS", _public())
    monkeypatch.setattr("stage_gate.own_tests.distance._opens", lambda name: False)
    tried.run()
    assert tried.result.outcome is PASSED


def test_a_deployment_that_wants_isolation_takes_no_acceptance(
    trying: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = trying(examines=1)
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__REQUIRE_ISOLATION", "True")
    with pytest.raises(Red):
        tried.run()
    assert tried.codes == ["not_isolated"]


def test_every_verdict_says_what_may_run_beside_the_key(trying: Make) -> None:
    tried = trying(examines=1)
    tried.run()
    assert "tasks.cypress may run un-isolated: accepted in the Dag file." in tried.verdict().warnings


def _public() -> str:
    import base64

    from stage_gate.evidence.signing import public_key
    from unit.stage_gate.release import KEYS

    assert KEYS.private is not None
    return base64.b64encode(public_key(KEYS.private)).decode()


# Parts


@pytest.fixture
def mapped(trying: Make) -> Trying:
    tried = trying(mapped=True, examines=1)
    tried.parts = 3
    return tried


def test_the_whole_is_judged_by_its_parts(mapped: Trying) -> None:
    for part in range(3):
        mapped.run(part=part)
    assert (mapped.result.outcome, mapped.result.examined) == (PASSED, 3)
    assert mapped.verdict().outcome is PASSED


def test_one_part_that_failed_fails_the_whole(mapped: Trying) -> None:
    mapped.run(part=0)
    with pytest.raises(Red):
        mapped.run(raising(AssertionError("empty"), AssertionError("empty")), part=1)
    mapped.run(part=2)
    assert (mapped.result.outcome, mapped.result.examined) == (FAILED, 3)


def test_a_part_that_somebody_marked_has_no_result_and_so_the_whole_has_none(mapped: Trying) -> None:
    for part in (0, 2):
        mapped.run(part=part)
    assert (mapped.result.outcome, mapped.codes) == (INCONCLUSIVE, ["parts"])
    assert "has 3 parts, and 1 gave no result" in mapped.result.findings[0].sentence


def test_one_that_is_mapped_over_nothing_has_no_result(mapped: Trying) -> None:
    assert mapped.results == []
    assert mapped.verdict().outcome is INCONCLUSIVE


def test_parts_that_were_counted_otherwise_make_no_whole(mapped: Trying) -> None:
    mapped.run(part=0)
    mapped.parts = 2
    mapped.run(part=1)
    assert mapped.codes == ["parts"]


def test_a_part_of_which_there_are_two_makes_no_whole(mapped: Trying) -> None:
    for part in range(3):
        mapped.run(part=part)
    mapped.stores.clear()
    mapped.run(part=1)
    assert mapped.codes == ["parts"]
    assert "more than one result for part 1" in mapped.result.findings[0].sentence


def test_a_part_that_is_cleared_keeps_its_result(mapped: Trying) -> None:
    for part in (0, 1, 2, 1):
        mapped.run(part=part)
    assert mapped.result.outcome is PASSED


def test_one_that_was_pinned_unmapped_and_is_mapped_now_is_not_run(trying: Make) -> None:
    tried = trying(examines=1)
    task = tried.task()
    task.declared = task.declared.__class__(
        tried.test.model_copy(update={"mapped": True}), task.declared.gate_file
    )
    with pytest.raises(AirflowFailException, match="was not mapped when this run was pinned"):
        task.execute(tried.context(0))


def test_what_a_test_has_to_know_of_its_beginning_lies_with_its_evidence(trying: Make) -> None:
    tried = trying(examines=1)
    tried.run()
    path = tried.evidence.attempt_folder(1) / "sites/larkfell/tasks/cypress/progress.json"
    assert Progress.model_validate_json(path.read_bytes()).first is None
