"""Who is told what when the gate decides, holds, halts, or finds that somebody else decided?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.execution_time.context import OutletEventAccessors
from structlog.testing import capture_logs

from aem_checks.outcomes import Outcome
from simulator import Fault, Simulator
from stage_gate.acting.wanting import Want, noted
from stage_gate.evidence.files import EvidenceError
from stage_gate.observing.memory import Memory
from stage_gate.tasks.acts import ApproveProduction, HaltProduction, RecordBypass
from stage_gate.tasks.judging import Decide
from stage_gate.telling.notify import AFTER_A_HALT, Event
from unit.stage_gate.listeners import Heard
from unit.stage_gate.release import BRIEFLY, Release
from unit.stage_gate.tasks.test_waits import context, release, signing, slack, told

__all__ = ["release", "signing", "slack"]


@pytest.fixture
def said() -> Iterator[list[Any]]:
    with capture_logs() as entries:
        yield entries


def act_of(kind: Any, release: Release, folder: Path) -> Any:
    return kind(
        task_id="act",
        gate_file=str(folder / "larkfell.yaml"),
        program_id=release.pin.program_id,
        pipeline_id=release.pin.pipeline_id,
        execution_id=release.execution_id,
    )


def test_a_halt_says_what_happens_next_in_the_log_and_to_everybody(
    release: Release, tmp_path: Path, slack: Heard, said: list[Any]
) -> None:
    release.seal(Outcome.FAILED)
    for _ in range(2):
        act_of(HaltProduction, release, tmp_path).execute(context(release))
    [(event, text)] = told(slack)
    assert event == Event.HALTED
    logged = [entry["event"] for entry in said]
    for sentence in AFTER_A_HALT:
        assert sentence in text
        assert sentence in logged
    assert "Failed: of" in text


def test_other_dags_find_the_release_in_the_event_of_the_asset_that_they_follow(
    release: Release, tmp_path: Path
) -> None:
    seal, asset, events = release.seal(), Asset("stage_gate://larkfell/approved"), OutletEventAccessors()
    task = act_of(ApproveProduction, release, tmp_path)
    task.outlets = [asset]
    task.execute({**context(release), "outlet_events": events})
    extra = events[asset].extra
    assert extra["decision"] == "approved"
    assert extra["execution_id"] == release.execution_id
    assert extra["seal"] == seal


def test_an_act_that_is_done_does_not_fail_because_no_event_can_be_published(
    release: Release, tmp_path: Path
) -> None:
    release.seal()
    task = act_of(ApproveProduction, release, tmp_path)
    task.outlets = [Asset("stage_gate://larkfell/approved")]
    task.execute({**context(release), "outlet_events": {}})
    assert len(release.puts) == 1


def test_an_act_that_was_not_sent_is_told_as_held(release: Release, tmp_path: Path, slack: Heard) -> None:
    release.seal(Outcome.FAILED)
    with pytest.raises(AirflowFailException):
        act_of(ApproveProduction, release, tmp_path).execute(context(release))
    [(event, text)] = told(slack)
    assert event == Event.HELD
    assert "only passed can be approved" in text


def test_an_act_that_may_have_been_sent_is_an_alarm(
    simulator: Simulator, signing: None, tmp_path: Path, slack: Heard
) -> None:
    told_to = {"slack": {"connection": "slack", "channel": "#releases"}}
    release = Release(simulator, tmp_path, notify=told_to, waits=BRIEFLY)
    release.seal()
    release.simulator.inject(Fault(effect="drop", method="PUT", path="/advance"))
    with pytest.raises(AirflowFailException):
        act_of(ApproveProduction, release, tmp_path).execute(context(release))
    [(event, text)] = told(slack)
    assert event == Event.ALARM
    assert "not sent again" in text


@pytest.mark.parametrize(("outcome", "alarms"), [(Outcome.PASSED, False), (Outcome.FAILED, True)])
def test_a_bypass_is_told_and_is_an_alarm_each_time_unless_it_passed(
    release: Release, tmp_path: Path, slack: Heard, outcome: Outcome, alarms: bool
) -> None:
    release.seal(outcome)
    release.simulator.person("approve", release.execution_id)
    release.wait_for("FINISHED")
    bypass = RecordBypass(task_id="bypass", gate_file=str(tmp_path / "larkfell.yaml"), production="next")
    for _ in range(2):
        bypass.execute(context(release))
    heard = told(slack)
    assert len(heard) == (2 if alarms else 1)
    event, text = heard[0]
    assert event == Event.BYPASSED
    assert ("Alarm: " in text) is alarms
    assert ("a release that is not proven is on its way to production" in text) is alarms


def test_an_inconclusive_verdict_is_told_once(release: Release, tmp_path: Path, slack: Heard) -> None:
    release.seal(Outcome.INCONCLUSIVE)
    decide = Decide(task_id="decide", gate_file=str(tmp_path / "larkfell.yaml"))
    dag = SimpleNamespace(dag_id="stage_gate.larkfell", task_ids=["hold_production"])
    for _ in range(2):
        assert decide.choose_branch(context(release) | {"dag": dag}) == ["hold_production"]
    [(event, text)] = told(slack)
    assert event == Event.INCONCLUSIVE
    assert "Inconclusive: of" in text


def test_a_passed_verdict_tells_nobody(release: Release, tmp_path: Path, slack: Heard) -> None:
    release.seal()
    decide = Decide(task_id="decide", gate_file=str(tmp_path / "larkfell.yaml"))
    dag = SimpleNamespace(dag_id="stage_gate.larkfell", task_ids=["approve_production"])
    assert decide.choose_branch(context(release) | {"dag": dag}) == ["approve_production"]
    assert told(slack) == []


def test_without_a_seal_nobody_is_asked_and_the_gate_holds(
    simulator: Simulator, tmp_path: Path, slack: Heard, signing: None
) -> None:
    asks = Release(simulator, tmp_path, policy={"inconclusive": {"ask": ["alice"]}})
    decide = Decide(task_id="decide", gate_file=str(tmp_path / "larkfell.yaml"))
    dag = SimpleNamespace(dag_id="stage_gate.larkfell", task_ids=["hold_production", "ask_release_manager"])
    assert decide.choose_branch(context(asks) | {"dag": dag}) == ["hold_production"]


@pytest.mark.parametrize("fails", ["record", "everything"])
def test_that_an_act_is_held_is_told_also_where_it_can_t_be_put_on_record(
    release: Release, tmp_path: Path, slack: Heard, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    release.seal(Outcome.FAILED)

    def is_away(*_: object) -> None:
        raise EvidenceError("the store is away", passing=True)

    monkeypatch.setattr("stage_gate.evidence.kept_decisions.write", is_away)
    if fails == "everything":
        monkeypatch.setattr("stage_gate.evidence.store.Evidence.latest_sealed", is_away)
    with pytest.raises(AirflowFailException, match="Production is held"):
        act_of(ApproveProduction, release, tmp_path).execute(context(release))
    [(event, _)] = told(slack)
    assert event == Event.HELD


def test_a_bypass_is_told_also_where_it_can_t_be_put_on_record(
    release: Release, tmp_path: Path, slack: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    release.seal(Outcome.FAILED)
    release.simulator.person("approve", release.execution_id)
    release.wait_for("FINISHED")

    def is_away(*_: object) -> None:
        raise EvidenceError("the store is away", passing=True)

    monkeypatch.setattr("stage_gate.evidence.kept_decisions.write", is_away)
    bypass = RecordBypass(
        task_id="bypass", gate_file=str(tmp_path / "larkfell.yaml"), production="production"
    )
    last_try: Any = {"ti": SimpleNamespace(try_number=2, max_tries=1)}
    with pytest.raises(EvidenceError):
        bypass.execute(context(release) | last_try)
    [(event, _)] = told(slack)
    assert event == Event.BYPASSED
    assert noted(Memory("larkfell", release.execution_id)) is Want.STORE, "so that it goes on by itself"
