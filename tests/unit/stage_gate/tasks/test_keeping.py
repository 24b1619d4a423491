"""What a task has kept stands for its next try; what somebody else put there keeps it from nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from structlog.testing import capture_logs

from aem_checks.outcomes import CheckResult, Outcome
from aem_checks.recording import INDEX, Recording
from simulator import Simulator
from stage_gate.acting.run import GateRun
from stage_gate.evidence.files import EvidenceError
from stage_gate.evidence.store import RESULTS
from stage_gate.rules.cloud_manager_results import SEEN
from stage_gate.rules.plan import RecordedResult
from stage_gate.rules.verdict import judge
from stage_gate.tasks import recording, testing
from stage_gate.tasks.keeping import Keeper
from stage_gate.tasks.read_cloud_manager_results import ReadCloudManagerResults
from stage_gate.tasks.recording import record_stage
from stage_gate.tasks.red import Red
from stage_gate.tasks.stage import SettleStage
from unit.stage_gate.airflow_store import StateStore
from unit.stage_gate.release import Release, chapter_with
from unit.stage_gate.samples import result
from unit.stage_gate.tasks.test_read_cloud_manager_results import settle
from unit.stage_gate.tasks.test_waits import context, signing

__all__ = ["signing"]

KEY = "key_pages"
PASSED, FAILED, INCONCLUSIVE = Outcome.PASSED, Outcome.FAILED, Outcome.INCONCLUSIVE


class Worker:
    """Tries of one task; Airflow keeps its store through all of them."""

    def __init__(self, release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
        self.release = release
        self.store = StateStore()
        self.runs = 0
        self.finds = PASSED
        self.before_it_keeps: Callable[[], None] = lambda: None
        monkeypatch.setattr(testing, "visit_site", self._visit)

    async def _visit(
        self, run: object, check: Any, folder: object, keep: Callable[[CheckResult], None], *shared: object
    ) -> Any:
        self.runs += 1
        found = result(check.key, self.finds, kind=check.kind, site=check.site, severity=check.severity)
        self.before_it_keeps()  # may let another try run meanwhile, in a thread of its own
        keep(found)
        return found

    @property
    def context(self) -> Any:
        return context(self.release) | {"task_state_store": self.store}

    def run(self) -> None:
        chapter_with(self.release, KEY).execute(self.context)

    @property
    def kept(self) -> list[Outcome]:
        evidence = self.release.evidence
        entries = map(
            RecordedResult.model_validate_json,
            map(Path.read_bytes, evidence.kept(evidence.attempts(), KEY, RESULTS)),
        )
        return [entry.result.outcome for entry in entries]


@pytest.fixture
def release(simulator: Simulator, tmp_path: Path, signing: None) -> Release:
    """Of a gate with one check besides those that settle stage."""
    return Release(simulator, tmp_path, checks={"others": False, "settled": {}, KEY: {}})


@pytest.fixture
def worker(release: Release, monkeypatch: pytest.MonkeyPatch) -> Worker:
    settle(release)
    return Worker(release, monkeypatch)


def die() -> None:
    raise SystemExit


def test_a_try_that_was_killed_before_it_kept_anything_leaves_the_result_to_the_next(worker: Worker) -> None:
    worker.before_it_keeps = die
    with pytest.raises(SystemExit):
        worker.run()
    worker.before_it_keeps = lambda: None
    worker.run()
    assert (worker.runs, worker.kept) == (2, [PASSED])


@pytest.mark.parametrize("first", [PASSED, FAILED, INCONCLUSIVE])
def test_what_a_try_kept_stands_and_the_next_one_ends_as_it_did(
    worker: Worker, first: Outcome, caplog: pytest.LogCaptureFixture
) -> None:
    """Retried after its worker died over the log, or cleared by a person: the site is better by now, and that is no matter."""
    worker.finds = first
    for _ in range(2):
        with nullcontext() if first is PASSED else pytest.raises(Red):
            worker.run()
        worker.finds = PASSED
    assert (worker.runs, worker.kept) == (1, [first])
    assert (
        f"{first}. That stands, and nothing is measured again. To test again, clear settle_stage"
        in caplog.text
    )
    assert "Re-test" in caplog.text


def test_a_new_attempt_measures_again(worker: Worker) -> None:
    worker.finds = FAILED
    with pytest.raises(Red):
        worker.run()
    worker.finds = PASSED
    settle(worker.release)
    worker.run()
    assert (worker.release.evidence.attempts(), worker.runs, worker.kept) == (2, 2, [PASSED])


def test_a_result_that_somebody_put_there_in_advance_keeps_no_check_from_running(worker: Worker) -> None:
    evidence = worker.release.evidence
    plan, candidate = evidence.read_plan(1), evidence.read_candidate(1)
    check = next(each for each in plan.stage_checks if each.key == KEY)
    forged = RecordedResult(
        candidate_digest=candidate.digest,
        attempt=1,
        settings_digest=check.settings_digest,
        result=result(KEY, kind=check.kind, site=check.site, severity=check.severity),
    )
    evidence.write_result(1, forged)
    worker.finds = FAILED
    with pytest.raises(Red):
        worker.run()
    assert (worker.runs, worker.kept) == (1, [PASSED, FAILED])
    assert KEY in judge(plan, candidate, evidence.read_results(1)).not_passed
    with pytest.raises(Red):
        worker.run()
    assert worker.runs == 1, "its own is the second one"


def test_two_tries_that_run_at_once_make_the_check_inconclusive(worker: Worker) -> None:
    """A task that Airflow took for dead goes on, and finds the site worse than its next try did."""

    def the_next_try_ends_first() -> None:
        worker.before_it_keeps, worker.finds = lambda: None, PASSED
        next_try = threading.Thread(target=worker.run)
        next_try.start()
        next_try.join()

    worker.before_it_keeps, worker.finds = the_next_try_ends_first, FAILED
    with pytest.raises(Red):
        worker.run()
    assert worker.kept == [PASSED, FAILED]
    evidence = worker.release.evidence
    verdict = judge(evidence.read_plan(1), evidence.read_candidate(1), evidence.read_results(1))
    assert any(f"{KEY} gave 2 results where one was planned" in reason for reason in verdict.reasons)


def test_where_airflow_can_not_remember_it_the_result_is_kept_all_the_same(
    worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    worker.store.is_down = True
    worker.run()
    assert worker.kept == [PASSED]
    assert "Airflow can't remember what this task keeps" in caplog.text


@pytest.mark.parametrize("found", [FAILED, INCONCLUSIVE])
def test_a_try_that_airflow_gave_up_keeps_what_speaks_against_the_release(
    worker: Worker, found: Outcome
) -> None:
    worker.store.is_given_up, worker.finds = True, found
    with pytest.raises(Red):
        worker.run()
    worker.store.is_given_up, worker.finds = False, PASSED
    worker.run()
    assert worker.kept == [found, PASSED]


def test_a_try_that_airflow_gave_up_leaves_it_to_the_next_to_pass(worker: Worker) -> None:
    """It stood still for longer than Airflow waits, and ends while its supervisor is told that it is over."""
    worker.store.is_given_up = True
    with pytest.raises(AirflowFailException, match=f"{KEY} is not kept: Airflow took this try for dead"):
        worker.run()
    assert worker.kept == []
    worker.store.is_given_up = False
    worker.run()
    assert worker.kept == [PASSED]


def test_a_try_that_airflow_gave_up_says_nothing_for_cloud_manager(worker: Worker) -> None:
    worker.store.is_given_up = True
    with pytest.raises(AirflowFailException, match=f"{SEEN} is not kept"):
        read_results(worker)
    worker.store.is_given_up = False
    read_results(worker)
    assert len(worker.release.evidence.read_results(1)) == 5


def test_after_the_seal_a_cleared_check_says_that_its_result_stands(
    worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    worker.run()
    sealed = worker.release.evidence.seal(1, judge)
    worker.run()
    assert worker.runs == 1
    assert "That stands" in caplog.text
    assert worker.release.evidence.load_seal(1) == sealed


def test_after_the_seal_a_check_without_a_result_is_not_run(worker: Worker) -> None:
    sealed = worker.release.evidence.seal(1, judge)
    with pytest.raises(AirflowFailException, match=r"Attempt 1 is sealed.*To test again"):
        worker.run()
    assert worker.runs == 0
    assert worker.release.evidence.load_seal(1) == sealed


def settle_stage(worker: Worker) -> str:
    """Run the task; what it logs."""
    task = SettleStage(task_id="settle_stage", gate_file=str(worker.release.gate_file))
    with capture_logs() as entries:
        task.execute(worker.context)
    return " ".join(str(entry["event"]) for entry in entries)


def test_settling_again_after_it_ended_is_another_attempt(worker: Worker) -> None:
    settle_stage(worker)
    assert worker.release.evidence.attempts() == 1
    settle_stage(worker)
    assert worker.release.evidence.attempts() == 2
    assert worker.runs == 2


@pytest.fixture
def half_done(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """Its first try saw stage settle, and died while it recorded."""
    with monkeypatch.context() as patched:
        patched.setattr("stage_gate.tasks.stage.record_stage", lambda *_: die())
        with pytest.raises(SystemExit):
            settle_stage(worker)
    return worker


def recorded(worker: Worker) -> list[int]:
    evidence = worker.release.evidence
    return [
        number
        for number in evidence.attempt_numbers()
        if (evidence.attempt_folder(number) / "sites" / "larkfell" / "recording" / INDEX).exists()
    ]


def test_a_try_that_died_while_it_recorded_is_gone_on_with(half_done: Worker) -> None:
    told = settle_stage(half_done)
    assert "Stage settled for attempt 1 in an earlier try, and that stands." in told
    assert (half_done.release.evidence.attempts(), half_done.runs, recorded(half_done)) == (1, 1, [1])
    settle_stage(half_done)
    assert (half_done.release.evidence.attempts(), recorded(half_done)) == (2, [1, 2]), "it had ended"


def test_what_another_task_left_half_done_is_not_gone_on_with(half_done: Worker) -> None:
    half_done.store = StateStore()
    settle_stage(half_done)
    assert (half_done.release.evidence.attempts(), half_done.runs, recorded(half_done)) == (2, 2, [2])


def test_what_was_sealed_half_done_is_not_gone_on_with(half_done: Worker) -> None:
    sealed = half_done.release.evidence.seal(1, judge)
    settle_stage(half_done)
    assert (half_done.release.evidence.attempts(), half_done.runs, recorded(half_done)) == (2, 2, [2])
    assert half_done.release.evidence.load_seal(1) == sealed


def test_an_attempt_whose_candidate_can_not_be_read_is_not_gone_on_with(half_done: Worker) -> None:
    (half_done.release.evidence.attempt_folder(1) / "candidate.json").write_text("{")
    settle_stage(half_done)
    assert (half_done.release.evidence.attempts(), half_done.runs) == (2, 2)


def test_a_stage_that_changed_since_it_settled_is_not_gone_on_with(
    half_done: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its task was cleared a day later, and somebody deployed to stage meanwhile."""
    read = GateRun.read_candidate
    monkeypatch.setattr(
        GateRun, "read_candidate", lambda run: read(run).model_copy(update={"commit_id": "another"})
    )
    told = settle_stage(half_done)
    assert "Stage is not what settled for attempt 1, so it is looked at anew." in told
    evidence = half_done.release.evidence
    assert (evidence.attempts(), half_done.runs, recorded(half_done)) == (2, 2, [2])
    assert evidence.read_candidate(2).commit_id == "another"


def test_a_recorder_that_airflow_took_for_dead_leaves_the_recording_that_was_judged(
    half_done: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes back when the next try has recorded, and Airflow does not say that it was given up."""
    record, index = recording._record, index_of(half_done)

    def stands_still(*given: Any) -> None:
        monkeypatch.setattr(recording, "_record", record)
        record(*given)
        settle_stage(half_done)
        judged.append(files_of(half_done))

    judged: list[dict[str, bytes]] = []
    monkeypatch.setattr(recording, "_record", stands_still)
    with pytest.raises(AirflowFailException, match="is not kept: another try kept its own meanwhile"):
        settle_stage(half_done)
    assert index.name in judged[0]
    assert files_of(half_done) == judged[0]


def test_a_recorder_whose_attempt_was_sealed_meanwhile_adds_nothing_to_it(
    half_done: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, evidence = recording._record, half_done.release.evidence

    def stands_still(*given: Any) -> None:
        record(*given)
        evidence.seal(1, judge)

    monkeypatch.setattr(recording, "_record", stands_still)
    with pytest.raises(EvidenceError, match="Attempt 1 is sealed"):
        settle_stage(half_done)
    assert not index_of(half_done).exists()
    evidence.load_seal(1)


def test_a_recording_that_somebody_put_there_in_advance_is_not_the_one_that_is_judged(
    half_done: Worker,
) -> None:
    index = index_of(half_done)
    index.parent.mkdir(parents=True)
    index.write_text("forged")
    settle_stage(half_done)
    assert Recording.load(index.parent).pages
    assert half_done.release.evidence.attempts() == 1


def index_of(worker: Worker) -> Path:
    evidence = worker.release.evidence
    return evidence.attempt_folder(evidence.attempts()) / "sites" / "larkfell" / "recording" / INDEX


def files_of(worker: Worker) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in index_of(worker).parent.rglob("*") if path.is_file()}


def test_a_try_that_airflow_gave_up_records_nothing_more(half_done: Worker) -> None:
    """It saw stage settle, and another try has begun in its place."""
    half_done.store.is_given_up = True
    with pytest.raises(AirflowFailException, match="is not kept: Airflow took this try for dead"):
        settle_stage(half_done)
    assert half_done.kept == []


def test_nothing_is_recorded_into_a_sealed_attempt_or_beside_a_newer_one(worker: Worker) -> None:
    run, evidence = GateRun.of(str(worker.release.gate_file), worker.context), worker.release.evidence
    keeper = Keeper(worker.context, evidence, 1)
    sealed = evidence.seal(1, judge)
    with pytest.raises(EvidenceError, match="Attempt 1 is sealed"):
        record_stage(run, keeper)
    assert evidence.load_seal(1) == sealed
    settle(worker.release)
    with pytest.raises(AirflowFailException, match="Nothing is recorded: attempt 2 was begun meanwhile"):
        record_stage(run, keeper)
    assert evidence.load_seal(1) == sealed


def record(worker: Worker) -> None:
    """Record stage in the first attempt, as the task does."""
    run = GateRun.of(str(worker.release.gate_file), worker.context)
    record_stage(run, Keeper(worker.context, worker.release.evidence, 1))


def test_a_recording_stands_for_the_next_try_and_a_planted_one_does_not(
    worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    index = worker.release.evidence.attempt_folder(1) / "sites" / "larkfell" / "recording" / INDEX
    index.parent.mkdir(parents=True)
    index.write_text('{"format": 1}')
    record(worker)
    recorded = index.read_bytes()
    assert b"hops" in recorded
    asked = len(worker.release.simulator.requests)
    record(worker)
    assert "were recorded by an earlier try, and that stands." in caplog.text
    assert index.read_bytes() == recorded
    assert len(worker.release.simulator.requests) == asked, "nothing was fetched again"


def read_results(worker: Worker) -> None:
    task = ReadCloudManagerResults(task_id="read", gate_file=str(worker.release.gate_file))
    task.execute(worker.context)


def test_a_second_try_goes_on_with_what_cloud_manager_said_at_the_first(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    evidence = worker.release.evidence
    read_results(worker)
    folder = evidence.attempt_folder(1)
    (folder / "results" / "cloud_manager.ui_tests.json").unlink()  # as if it had died before that
    before = {path.name: path.read_bytes() for path in (folder / "results").iterdir()}
    seen = (folder / SEEN).read_bytes()
    monkeypatch.setattr(
        "stage_gate.observing.own_results.read_own_results", lambda *_: pytest.fail("read again")
    )
    read_results(worker)
    assert (folder / SEEN).read_bytes() == seen
    assert before.items() <= {path.name: path.read_bytes() for path in (folder / "results").iterdir()}.items()
    assert len(evidence.read_results(1)) == 5


def test_what_somebody_else_says_of_cloud_manager_is_not_judged(worker: Worker) -> None:
    folder = worker.release.evidence.attempt_folder(1)
    (folder / SEEN).write_text("{}")
    with pytest.raises(AirflowFailException, match=r"this task has not written it.*To test again"):
        read_results(worker)
    assert worker.release.evidence.read_results(1) == ()
