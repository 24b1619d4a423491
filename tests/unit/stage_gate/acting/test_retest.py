"""One more attempt for a reason that is on record, or none and a sentence that says why."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, DagRunTriggerException

from aem_checks.outcomes import Outcome
from simulator import Simulator
from stage_gate.acting.retest import MOST_UNASKED, NoRetest, retest_of
from stage_gate.evidence.claims import Ticket
from stage_gate.evidence.files import EvidenceError
from stage_gate.evidence.kept_decisions import RetestRecord, StoredAnswer, keep_retest, read_retest
from stage_gate.evidence.pin import run_id_of
from stage_gate.rules.decision import APPROVE, KEEP_WAITING, OVERRIDE, RETEST
from stage_gate.tasks.retest import FollowAnswer, RetestStage
from stage_gate.telling.release import earlier_attempts
from unit.stage_gate.release import KEYS, Release

OLD = "The evidence is 30.0 h old, and this gate believes it for 24h only."


@pytest.fixture
def release(simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__EVIDENCE", str(tmp_path / "evidence"))
    signing = {"conn_type": "generic", "password": base64.b64encode(KEYS.private or b"").decode()}
    monkeypatch.setenv("AIRFLOW_CONN_STAGE_GATE_SIGNING", json.dumps(signing))
    return Release(simulator, tmp_path)


def context(release: Release) -> Any:
    return {
        "run_id": run_id_of(release.execution_id),
        "dag": SimpleNamespace(dag_id="stage_gate.larkfell"),
    }


def retest(release: Release) -> DagRunTriggerException:
    """Let the task run, and return what it asks Airflow for."""
    task = RetestStage(task_id="retest_stage", gate_file=str(release.gate_file))
    with pytest.raises(DagRunTriggerException) as asked:
        task.execute(context(release))
    return asked.value


def refused(release: Release, kind: type[Exception] = AirflowFailException) -> str:
    task = RetestStage(task_id="retest_stage", gate_file=str(release.gate_file))
    with pytest.raises(kind) as refusal:
        task.execute(context(release))
    return str(refusal.value)


def test_an_answer_lets_the_very_run_begin_again(release: Release) -> None:
    release.answer(RETEST, release.seal(Outcome.FAILED), reason="the cache was cold")
    asked = retest(release)
    assert (asked.trigger_dag_id, asked.dag_run_id) == (
        "stage_gate.larkfell",
        run_id_of(release.execution_id),
    )
    assert asked.reset_dag_run
    assert not asked.skip_when_already_exists
    record = read_retest(release.evidence, 2)
    assert record is not None
    assert (record.by, record.reason, record.outcome) == ("alice", "the cache was cold", Outcome.FAILED)


def test_a_try_after_one_that_died_asks_for_the_same_attempt(release: Release) -> None:
    release.answer(RETEST, release.seal(Outcome.FAILED))
    retest(release)
    first = read_retest(release.evidence, 2)
    retest(release)
    assert read_retest(release.evidence, 2) == first
    assert read_retest(release.evidence, 3) is None


def test_an_answer_begins_one_attempt_and_not_a_second(release: Release) -> None:
    release.answer(RETEST, release.seal(Outcome.FAILED))
    retest(release)
    release.seal(Outcome.INCONCLUSIVE)
    assert "no attempt was begun" in refused(release)
    assert release.evidence.attempts() == 2
    assert read_retest(release.evidence, 3) is None


def test_an_attempt_that_is_under_way_is_not_disturbed(release: Release) -> None:
    release.answer(RETEST, release.seal(Outcome.FAILED))
    sealed = release.evidence.load_seal(1)
    release.evidence.begin_attempt(sealed.plan, sealed.candidate)
    assert "Attempt 2 was begun and has no verdict yet" in refused(release, AirflowSkipException)
    assert read_retest(release.evidence, 2) is None


@pytest.mark.parametrize("option", [KEEP_WAITING, OVERRIDE, APPROVE])
def test_another_answer_is_no_request(release: Release, option: str) -> None:
    release.answer(option, release.seal(Outcome.FAILED))
    assert "Nobody has asked to test again after attempt 1 (failed)" in refused(release)


def test_without_a_seal_there_is_nothing_to_test_again(release: Release) -> None:
    assert "There is no sealed verdict" in refused(release)


def test_a_changed_seal_begins_nothing(release: Release) -> None:
    release.answer(RETEST, release.seal(Outcome.FAILED))
    (release.evidence.attempt_folder(1) / "plan.json").write_text("{}")
    assert "plan.json of attempt 1 was changed" in refused(release)


def test_once_a_request_may_have_left_no_attempt_is_begun(release: Release) -> None:
    release.answer(RETEST, release.seal(Outcome.FAILED))
    ticket = release.rights.place(Ticket)
    ticket.parent.mkdir(parents=True)
    ticket.touch()
    assert "A request was sent already, or may have been" in refused(release)


def sealed_and_answered(release: Release, **changes: object) -> tuple[Any, StoredAnswer]:
    digest = release.seal(Outcome.PASSED)
    values = {"option": RETEST, "by": "alice", "reason": "why not", "at": datetime.now(UTC)}
    answer = StoredAnswer.model_validate({**values, "seal_digest": digest, **changes})
    return release.evidence.load_seal(1), answer


@pytest.mark.parametrize("changes", [{"by": " "}, {"reason": " "}])
def test_an_answer_without_a_name_or_a_reason_is_none(release: Release, changes: dict[str, object]) -> None:
    sealed, answer = sealed_and_answered(release, **changes)
    with pytest.raises(NoRetest, match="names no person or no reason"):
        retest_of(sealed, answer, "", datetime.now(UTC))


def test_evidence_that_is_too_old_is_a_reason_by_itself(release: Release) -> None:
    sealed, _ = sealed_and_answered(release)
    record = retest_of(sealed, None, OLD, datetime.now(UTC))
    assert (record.attempt, record.by, record.reason) == (2, "Stage Gate", OLD)


def test_an_age_limit_that_no_test_can_meet_ends(release: Release) -> None:
    for _ in range(MOST_UNASKED):
        release.seal(Outcome.PASSED)
    sealed = release.evidence.load_seal(MOST_UNASKED)
    with pytest.raises(NoRetest, match="Raise evidence_lives"):
        retest_of(sealed, None, OLD, datetime.now(UTC))
    asked = StoredAnswer(
        option=RETEST, by="alice", reason="again", at=datetime.now(UTC), seal_digest=sealed.digest
    )
    assert retest_of(sealed, asked, OLD, datetime.now(UTC)).by == "alice"


def test_the_task_believes_the_clock_and_not_who_led_to_it(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    release.seal(Outcome.PASSED)
    assert "young enough" in refused(release)
    later = datetime.now(UTC) + timedelta(hours=30)
    monkeypatch.setattr("stage_gate.acting.run.datetime", SimpleNamespace(now=lambda zone: later))
    assert retest(release).reset_dag_run
    record = read_retest(release.evidence, 2)
    assert record is not None
    assert record.by == "Stage Gate"
    assert "30.0 h old" in record.reason


def follow(release: Release) -> list[str]:
    tasks = {APPROVE: "approve_production", RETEST: "retest_stage"}
    signpost = FollowAnswer(
        task_id="follow_answer",
        gate_file=str(release.gate_file),
        tasks=tasks,
        otherwise="hold_production",
    )
    return signpost.choose_branch(context(release))


def test_an_answer_leads_where_its_option_says(release: Release) -> None:
    release.answer(RETEST, release.seal(Outcome.FAILED))
    assert follow(release) == ["retest_stage"]


def test_the_old_answer_leads_nowhere_after_a_re_test(release: Release) -> None:
    release.answer(APPROVE, release.seal(Outcome.PASSED))
    release.seal(Outcome.PASSED)
    assert follow(release) == ["hold_production"]


def test_no_answer_and_an_unknown_one_hold(release: Release) -> None:
    digest = release.seal(Outcome.FAILED)
    assert follow(release) == ["hold_production"]
    release.answer("Approve everything", digest)
    assert follow(release) == ["hold_production"]


def test_an_answer_that_cannot_be_read_holds(release: Release) -> None:
    release.answer(RETEST, release.seal(Outcome.FAILED))
    (release.evidence.folder / "answer.json").write_text("{}")
    assert follow(release) == ["hold_production"]


def test_the_report_tells_every_verdict_and_who_wanted_another_one(release: Release) -> None:
    release.answer(RETEST, release.seal(Outcome.FAILED), reason="the cache was cold")
    retest(release)
    [waiting] = earlier_attempts(release.evidence)
    assert waiting.endswith("the cache was cold (attempt 2 was not begun yet)")
    release.seal(Outcome.INCONCLUSIVE)
    release.seal(Outcome.PASSED)
    first, second = earlier_attempts(release.evidence)
    assert first.startswith("Attempt 1 was failed (")
    assert "alice wanted attempt 2" in first
    assert first.endswith("the cache was cold")
    assert (
        second
        == "Attempt 3 was begun by running settle_stage again (cleared, or restarted by Airflow); nobody said why."
    )


def test_a_record_of_a_re_test_that_was_changed_is_said(release: Release) -> None:
    release.answer(RETEST, release.seal(Outcome.FAILED))
    retest(release)
    path = release.evidence.folder / "retest-2.json"
    path.write_text(path.read_text().replace("alice", "mallory"))
    release.seal(Outcome.PASSED)
    with pytest.raises(EvidenceError):
        read_retest(release.evidence, 2)
    [told] = earlier_attempts(release.evidence)
    assert told.startswith("Why attempt 2 was begun can't be read")


def test_the_record_of_another_verdict_is_replaced(release: Release) -> None:
    release.answer(RETEST, release.seal(Outcome.FAILED))
    stale = RetestRecord(
        attempt=2,
        by="bob",
        reason="another store",
        at=datetime.now(UTC),
        seal_digest="of another seal",
        outcome=Outcome.FAILED,
        summary="",
    )
    keep_retest(release.evidence, stale)
    retest(release)
    record = read_retest(release.evidence, 2)
    assert record is not None
    assert record.by == "alice"
