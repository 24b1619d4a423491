"""The reconciler starts what is missing, complains of what ended undecided, and what it can't start is red."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.execution_time.comms import AssetEventDagRunReferenceResult
from airflow.sdk.execution_time.context import TriggeringAssetEventsAccessor

from adobe_cloud_manager.budget import RequestBudget
from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
from adobe_cloud_manager.models import Execution
from simulator import Fault, Simulator
from stage_gate.observing.looking import (
    FEW,
    PATIENCE,
    Asked,
    all_are_due,
    load_gates,
    look,
    note_all_asked,
    pipelines_of,
)
from stage_gate.rules.decision import Decision
from stage_gate.starting import FindExecutions, build_start_dag, subjects_of
from stage_gate.tasks.red import SayWhatIsWrong
from unit.stage_gate.airflow_store import StateStore
from unit.stage_gate.looked_for import PAUSED, Ended, find, write_gate
from unit.stage_gate.release import down
from unit.stage_gate.runs_of_airflow import RunsOfAirflow


def test_a_missing_run_is_started_and_one_that_is_there_is_left_alone(
    gates: Path, airflow: RunsOfAirflow, simulator: Simulator
) -> None:
    write_gate(gates, "larkfell")
    execution = simulator.start_execution("quality-waits")
    assert find(gates, airflow) == find(gates, airflow) == []
    assert airflow.states == {("stage_gate.larkfell", f"execution-{execution}"): "queued"}
    assert airflow.begun_again == []


def test_a_pipeline_with_two_gates_is_asked_once(
    gates: Path, airflow: RunsOfAirflow, simulator: Simulator
) -> None:
    write_gate(gates, "larkfell")
    write_gate(gates, "larkfell-shadow")
    simulator.start_execution("quality-waits")
    find(gates, airflow)
    assert len(airflow.states) == 2
    assert [each.path for each in simulator.requests if each.path.endswith("/execution")] == [
        f"/api/program/12345/pipeline/{PAUSED}/execution"
    ]


def test_a_pipeline_that_cannot_be_asked_is_red_and_keeps_no_other_waiting(
    gates: Path, airflow: RunsOfAirflow, simulator: Simulator
) -> None:
    write_gate(gates, "larkfell")
    write_gate(gates, "nowhere", "999")
    write_gate(gates, "locked", modus="guard")
    write_gate(gates, "stranger", "678902", connection="nobody")
    simulator.start_execution("quality-waits")
    wrong = {each["gate"]: each["problem"] for each in find(gates, airflow)}
    assert sorted(wrong) == ["locked", "nowhere", "stranger"]
    assert "knows no pipeline 999 in program 12345" in wrong["nowhere"]
    assert "modus" in wrong["locked"]
    assert "'nobody' does not exist" in wrong["stranger"]
    assert len(airflow.states) == 1
    with pytest.raises(AirflowFailException, match="'nobody' does not exist"):
        SayWhatIsWrong(task_id="say", gate="stranger", problem=wrong["stranger"]).execute({})


def requests_a_minute(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """All share a budget of so many, by a clock that moves only while somebody waits for it."""
    clock = [0.0]
    budget = RequestBudget(most, lambda: clock[0])

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    monkeypatch.setattr("adobe_cloud_manager.budget.MINUTE", 1.5 * PATIENCE)
    monkeypatch.setattr("adobe_cloud_manager.hooks.account.budget_of", lambda *_: budget)
    monkeypatch.setattr("adobe_cloud_manager.hooks.reading.time", SimpleNamespace(sleep=sleep))


def test_more_pipelines_than_the_budget_of_a_minute_are_asked_all_the_same(
    gates: Path, airflow: RunsOfAirflow, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests_a_minute(2, monkeypatch)
    for number in range(5):
        write_gate(gates, f"gate-{number}", str(990 + number))
    assert [each for each in find(gates, airflow) if "budget" in each["problem"]] == []
    asked = {each.path for each in simulator.requests if each.path.endswith("/execution")}
    assert asked == {f"/api/program/12345/pipeline/{990 + number}/execution" for number in range(5)}


def test_whether_a_silent_pipeline_is_there_at_all_is_said_when_it_can_be_read(
    gates: Path, airflow: RunsOfAirflow, simulator: Simulator
) -> None:
    write_gate(gates, "nowhere", "999")
    simulator.inject(down("/pipelines$"))
    assert find(gates, airflow) == []
    simulator.clear_faults()
    assert [each["gate"] for each in find(gates, airflow)] == ["nowhere"]


def test_a_dag_that_airflow_does_not_know_yet_is_said_and_tried_again(
    gates: Path, airflow: RunsOfAirflow, simulator: Simulator
) -> None:
    write_gate(gates, "larkfell")
    simulator.start_execution("quality-waits")
    airflow.unknown_dags.add("stage_gate.larkfell")
    (wrong,) = find(gates, airflow)
    assert "Is the gate's Dag there yet?" in wrong["problem"]
    airflow.unknown_dags.clear()
    assert find(gates, airflow) == []
    assert len(airflow.states) == 1


def test_no_gate_file_at_all_is_said(tmp_path: Path, airflow: RunsOfAirflow) -> None:
    with pytest.raises(AirflowFailException, match="nothing is guarded"):
        find(tmp_path / "not-mounted", airflow)


@pytest.mark.parametrize("state", ["success", "failed"])
def test_a_run_that_ended_undecided_while_its_approval_waits_is_an_alarm_once_a_day(
    simulator: Simulator,
    gates: Path,
    airflow: RunsOfAirflow,
    state: str,
    monkeypatch: pytest.MonkeyPatch,
    remembered: StateStore,
) -> None:
    told: list[Any] = []

    def tell(run: Any, event: str, sentences: list[str]) -> bool:
        told.append((event, sentences))
        return True

    monkeypatch.setattr("stage_gate.telling.notify.tell", tell)
    ended = Ended(simulator, gates, airflow, state)
    (trouble,) = ended.look()
    assert f"has ended ({state}) and production still waits" in trouble
    assert "clear settle_stage" in trouble
    assert "Cloud Manager" in trouble
    assert [event for event, _ in told] == ["alarm"]
    assert ended.look() == [], "told today already"
    assert len(told) == 1
    assert airflow.begun_again == []
    remembered.values.clear()
    monkeypatch.setattr("stage_gate.telling.notify._TELLING_TAKES", 0.1)
    assert len(ended.look()) == 1, "told rather twice than not at all"


def test_an_alarm_that_reaches_nobody_is_red_and_tried_again_at_each_look(
    simulator: Simulator, gates: Path, airflow: RunsOfAirflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, tries = [False, False, True], []

    def tell(run: Any, event: str, sentences: list[str]) -> bool:
        tries.append(event)
        return answers[len(tries) - 1]

    monkeypatch.setattr("stage_gate.telling.notify.tell", tell)
    ended = Ended(simulator, gates, airflow)
    for _ in answers:
        assert len(ended.look()) == 1
    assert ended.look() == [], "now it is told"
    assert tries == ["alarm"] * 3


@pytest.mark.parametrize("state", ["queued", "running", "failed"])
def test_a_paused_dag_while_its_approval_waits_is_an_alarm_whatever_its_run_does(
    simulator: Simulator, gates: Path, airflow: RunsOfAirflow, state: str
) -> None:
    ended = Ended(simulator, gates, airflow, state)
    airflow.paused.add(ended.run[0])
    (trouble,) = ended.look()
    assert "stage_gate.larkfell is paused" in trouble
    assert "Unpause" in trouble
    assert ended.look() == [], "once a day"
    assert airflow.begun_again == []
    airflow.paused.clear()
    assert bool(ended.look()) is (state == "failed"), "what else is wrong is seen when it is not paused"


def test_a_dag_that_is_paused_while_nothing_waits_for_it_is_no_alarm(
    simulator: Simulator, gates: Path, airflow: RunsOfAirflow
) -> None:
    ended = Ended(simulator, gates, airflow, "running")
    airflow.paused.add(ended.run[0])
    file = gates / "larkfell.yaml"
    file.write_text(file.read_text().replace("guard", "shadow"))
    assert ended.look() == []


def test_a_run_that_is_going_on_is_no_alarm(
    simulator: Simulator, gates: Path, airflow: RunsOfAirflow
) -> None:
    assert Ended(simulator, gates, airflow, "running").look() == []


def test_a_run_that_stays_queued_while_its_approval_waits_is_said(
    simulator: Simulator, gates: Path, airflow: RunsOfAirflow, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Ended(simulator, gates, airflow, "queued").look() == []
    assert "is queued while its approval waits: is the Dag paused" in capsys.readouterr().out


def test_a_run_that_stays_queued_for_long_while_its_approval_waits_is_an_alarm_once_a_day(
    simulator: Simulator, gates: Path, airflow: RunsOfAirflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stage_gate.starting._QUEUED_LONG", timedelta(0))
    queued = Ended(simulator, gates, airflow, "queued")
    (trouble,) = queued.look()
    assert "is queued and does not begin" in trouble
    assert "run_after" in trouble
    assert queued.look() == []
    queued.airflow.states[queued.run] = "running"
    assert queued.look() == []


def test_a_gate_in_shadow_mode_leaves_the_approval_waiting_without_alarm(
    simulator: Simulator, gates: Path, airflow: RunsOfAirflow
) -> None:
    ended = Ended(simulator, gates, airflow, "success")
    file = gates / "larkfell.yaml"
    file.write_text(file.read_text().replace("guard", "shadow"))
    assert ended.look() == []


def test_a_hold_that_was_ended_is_an_alarm_that_says_how_to_hold_on(
    simulator: Simulator, gates: Path, airflow: RunsOfAirflow
) -> None:
    ended = Ended(simulator, gates, airflow)
    ended.decide(Decision.HELD)
    (trouble,) = ended.look()
    assert "It is held." in trouble
    assert "clear hold_production" in trouble


def test_an_execution_that_is_only_reported_is_no_alarm(
    simulator: Simulator, gates: Path, airflow: RunsOfAirflow
) -> None:
    ended = Ended(simulator, gates, airflow, "success")
    evidence = ended.release.evidence
    (ended.folder / "pin.json").unlink()
    evidence.write_pin(ended.release.pin.model_copy(update={"report_only": "Adobe started it."}))
    assert ended.look() == []
    unsigned = type(evidence)(evidence.store, "larkfell", ended.release.execution_id)
    (ended.folder / "pin.json").unlink()
    unsigned.write_pin(ended.release.pin.model_copy(update={"report_only": "Somebody says so."}))
    assert len(ended.look()) == 1, "a pin that nobody signed excuses nothing"


def test_a_run_that_failed_before_its_pin_begins_again_once_an_hour_and_is_an_alarm_between(
    simulator: Simulator, gates: Path, airflow: RunsOfAirflow
) -> None:
    ended = Ended(simulator, gates, airflow)
    (ended.folder / "pin.json").unlink()
    airflow.tasks[ended.run] = {"pin_candidate": "failed"}
    assert ended.look() == []
    assert airflow.begun_again == [ended.run[1]]
    assert airflow.states[ended.run] == "queued"
    airflow.states[ended.run] = "failed"
    (trouble,) = ended.look()
    assert "never was pinned: read the log of pin_candidate" in trouble
    assert len(airflow.begun_again) == 1


def test_a_run_without_pin_that_somebody_ended_does_not_begin_again(
    simulator: Simulator, gates: Path, airflow: RunsOfAirflow
) -> None:
    ended = Ended(simulator, gates, airflow)
    (ended.folder / "pin.json").unlink()
    airflow.tasks[ended.run] = {"pin_candidate": "skipped"}
    assert len(ended.look()) == 1
    assert airflow.begun_again == []


def test_a_run_whose_request_may_have_left_never_begins_again(
    simulator: Simulator, gates: Path, airflow: RunsOfAirflow
) -> None:
    ended = Ended(simulator, gates, airflow)
    (ended.folder / "pin.json").unlink()
    airflow.tasks[ended.run] = {"pin_candidate": "failed"}
    tickets = gates.parent / "evidence" / "tickets"
    tickets.mkdir()
    (tickets / f"program-12345-pipeline-{PAUSED}-execution-{ended.release.execution_id}.json").touch()
    (trouble,) = ended.look()
    assert "is never sent twice" in trouble
    assert airflow.begun_again == []


def test_an_event_has_its_own_pipeline_asked_and_the_timer_all(gates: Path) -> None:
    for number in range(3):
        write_gate(gates, f"gate-{number}", str(number))
    loaded, _ = load_gates(sorted(gates.iterdir()))
    hinted = pipelines_of(loaded, {"12345/2/77", "rubbish", "12345/99/1"})
    assert [asked.pipeline_id for asked in hinted] == ["2"]
    assert [asked.pipeline_id for asked in pipelines_of(loaded)] == ["0", "1", "2"]


def test_events_that_keep_coming_do_not_keep_the_other_pipelines_from_being_asked(
    gates: Path, airflow: RunsOfAirflow, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stage_gate.observing.looking.FEW", 0)
    write_gate(gates, "larkfell")
    about_another = TriggeringAssetEventsAccessor.build([asset_event({"subjects": ["12345/1/1"]})])
    by_event = airflow.context | {"triggering_asset_events": about_another}
    task = FindExecutions(task_id="find", gates_folder=str(gates))
    task.execute(by_event)
    execution = simulator.start_execution("quality-waits")
    task.execute(by_event)
    assert not airflow.states, "all were asked a moment ago"
    noted = gates.parent / "evidence" / "starts" / "all-asked.txt"
    for written in ("2026-01-01T00:00:00+00:00", "2099-01-01T00:00:00+00:00", "2026-01-01T00:00:00", "?"):
        airflow.states.clear()
        noted.write_text(written)
        task.execute(by_event)
        assert list(airflow.states) == [("stage_gate.larkfell", f"execution-{execution}")], written


def test_events_have_all_of_many_pipelines_asked_once_a_minute(tmp_path: Path) -> None:
    now = datetime(2026, 11, 2, 10, tzinfo=UTC)
    assert all_are_due(FEW + 1, tmp_path, now)
    note_all_asked(tmp_path, now)
    assert not all_are_due(FEW + 1, tmp_path, now)
    assert not all_are_due(FEW + 1, tmp_path, now + timedelta(seconds=59))
    assert all_are_due(FEW + 1, tmp_path, now + timedelta(seconds=60))
    assert all_are_due(FEW, tmp_path, now)


def test_each_pipeline_is_answered_for_whatever_is_wrong_with_another(
    simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    execution = simulator.start_execution("quality-waits")
    runs, idle, refused, unknown, elsewhere, nowhere = (
        Asked("cloud_manager_default", program, pipeline)
        for program, pipeline in (
            ("12345", PAUSED),
            ("12345", "678902"),
            ("12345", "678903"),
            ("12345", "999"),
            ("98", "1"),
            ("99", "1"),
        )
    )
    simulator.inject(Fault(effect="answer", status=403, path="/pipeline/678903/execution$", times=None))
    asked = (runs, idle, refused, unknown, elsewhere, nowhere)
    seen = {each.asked: each for each in look(asked)}
    assert seen.keys() == set(asked)
    assert {each: found.execution.id for each, found in seen.items() if found.execution} == {runs: execution}
    assert (seen[runs].trouble, seen[idle].trouble) == ("", "")
    assert "403" in seen[refused].trouble
    assert "knows no pipeline 999 in program 12345, or the connection cloud_manager_default may not see" in (
        seen[unknown].trouble
    )
    assert "compare the ids in the gate file" in seen[unknown].trouble
    for each in (elsewhere, nowhere):
        assert "404" in seen[each].trouble
        assert f"Program {each.program_id}: {seen[each].trouble}" in caplog.messages
    assert {each.levelname for each in caplog.records if each.name == "stage_gate.observing.looking"} == {
        "ERROR"
    }


def test_a_program_that_cannot_be_read_for_the_moment_is_only_a_warning(
    simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.inject(down("/pipelines$"))
    (seen,) = look([Asked("cloud_manager_default", "12345", "678902")])
    assert (seen.execution, seen.trouble) == (None, "")
    (said,) = [each for each in caplog.records if each.name == "stage_gate.observing.looking"]
    assert said.levelname == "WARNING"
    assert "503" in said.getMessage()


def test_what_a_pipeline_runs_is_seen_although_the_budget_was_used_up(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests_a_minute(1, monkeypatch)
    running = {
        Asked("cloud_manager_default", "12345", pipeline): simulator.start_execution(
            "quality-waits", pipeline=pipeline
        )
        for pipeline in (PAUSED, "678902")
    }
    assert {each.asked: each.execution and each.execution.id for each in look(running)} == running


def test_a_look_reads_each_credential_once_and_leaves_time_for_a_second_try(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_by: list[tuple[str, float, float, bool]] = []
    real = CloudManagerHook.get_current_execution

    def watched(hook: CloudManagerHook, program_id: str, pipeline_id: str) -> Execution | None:
        knows_its_credential = "account" in vars(hook)
        asked_by.append((pipeline_id, hook.deadline, hook.request_timeout, knows_its_credential))
        return real(hook, program_id, pipeline_id)

    monkeypatch.setattr(CloudManagerHook, "get_current_execution", watched)
    list(look(Asked("cloud_manager_default", "12345", pipeline) for pipeline in (PAUSED, "678902")))
    assert sorted(asked_by) == [
        (pipeline, PATIENCE, PATIENCE / 2, True) for pipeline in (PAUSED, "678902")
    ], "threads don't ask Airflow for connections"


def test_that_all_were_asked_and_it_could_not_be_noted_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "starts").write_text("a file where a folder should be")
    note_all_asked(tmp_path, datetime(2026, 11, 2, 10, tzinfo=UTC))
    (said,) = caplog.messages
    assert "It could not be noted that all pipelines were asked" in said
    assert str(tmp_path / "starts" / "all-asked.txt") in said


def test_a_look_that_hangs_does_not_end_all_looks(gates: Path) -> None:
    write_gate(gates, "larkfell")
    assert build_start_dag(gates).dagrun_timeout == timedelta(minutes=30)


def asset_event(extra: dict[str, Any]) -> AssetEventDagRunReferenceResult:
    return AssetEventDagRunReferenceResult.model_validate(
        {
            "asset": {"name": "adobe_io_events", "uri": "adobe_io_events", "extra": {}},
            "extra": extra,
            "source_task_id": None,
            "source_dag_id": None,
            "source_run_id": None,
            "source_map_index": None,
            "source_aliases": [],
            "timestamp": "2026-11-02T10:00:00Z",
        }
    )


def found_subjects(*extras: dict[str, Any]) -> set[str] | None:
    events = TriggeringAssetEventsAccessor.build([asset_event(extra) for extra in extras])
    return subjects_of({"triggering_asset_events": events})


def test_the_subjects_of_the_events_that_led_to_a_run_are_found() -> None:
    watched = {"from_trigger": True, "payload": {"subjects": ["12345/4/79"]}}

    assert found_subjects({"subjects": ["12345/2/77", 5]}, watched) == {"12345/2/77", "12345/4/79"}
    assert found_subjects({"subjects": []}) == set()


def test_a_run_that_no_event_explains_asks_every_pipeline() -> None:
    assert found_subjects({"subjects": ["12345/2/77"]}, {}) is None
    assert found_subjects({"subjects": "12345/3/78"}) is None
    assert subjects_of({}) is None


@pytest.mark.parametrize(("written", "every"), [("", timedelta(minutes=5)), ("90s", timedelta(seconds=90))])
def test_the_timer_is_a_setting(
    gates: Path, monkeypatch: pytest.MonkeyPatch, written: str, every: timedelta
) -> None:
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__START_EVERY", written)
    dag = build_start_dag(gates)
    schedule: Any = dag.schedule
    assert schedule.timetable.delta == every
    assert schedule.asset_condition == Asset("adobe_io_events")


@pytest.mark.parametrize("written", ["5", "1s", "soon"])
def test_a_timer_that_is_none_is_refused(gates: Path, monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__START_EVERY", written)
    with pytest.raises(ValueError, match="start_every"):
        build_start_dag(gates)


JOURNAL = "https://events-va6.adobe.io/events/organizations/1/integrations/2/5f0a"


def test_each_journal_that_is_named_has_one_watcher(gates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__JOURNALS", f"adobe_io={JOURNAL}, other={JOURNAL}b")
    schedule: Any = build_start_dag(gates).schedule
    watchers = schedule.asset_condition.watchers
    assert [each.trigger.serialize()[1] for each in watchers] == [
        {"journal_url": JOURNAL, "cloud_manager_conn_id": "adobe_io"},
        {"journal_url": f"{JOURNAL}b", "cloud_manager_conn_id": "other"},
    ]


@pytest.mark.parametrize("written", [JOURNAL, "adobe_io=", "adobe_io=ftp://x", f"a={JOURNAL} b={JOURNAL}"])
def test_a_journal_that_is_no_pair_or_named_twice_is_refused(
    gates: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__JOURNALS", written)
    with pytest.raises(ValueError, match="journals"):
        build_start_dag(gates)


def test_that_a_run_was_queued_for_long_does_not_hide_that_it_has_ended_undecided(
    simulator: Simulator, gates: Path, airflow: RunsOfAirflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stage_gate.starting._QUEUED_LONG", timedelta(0))
    run = Ended(simulator, gates, airflow, "queued")
    assert "does not begin" in run.look()[0]
    airflow.states[run.run] = "failed"
    (trouble,) = run.look()
    assert "has ended (failed) and production still waits" in trouble
