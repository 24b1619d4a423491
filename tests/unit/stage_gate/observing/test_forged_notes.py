"""Whoever can write to the evidence store and holds no key: no file of his silences anybody, or speaks for anybody."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, DagRunTriggerException

from adobe_cloud_manager.events.hint import EVENTS_ASSET
from aem_checks.outcomes import Outcome
from simulator import Simulator
from stage_gate.evidence.files import EvidenceError
from stage_gate.evidence.kept_decisions import (
    DecisionRecord,
    QuestionAsked,
    RetestRecord,
    StoredAnswer,
    asked_at,
    read_retest,
    write_answer,
    write_decision,
)
from stage_gate.evidence.pin import Pin
from stage_gate.evidence.signing import NO_KEYS, Keys, new_private_key, read_key, signed_file
from stage_gate.evidence.store import Evidence
from stage_gate.observing import memory as memory_module
from stage_gate.observing.memory import MOST, Memory, NotRemembered
from stage_gate.observing.undecided import Guarded, may_begin_again
from stage_gate.rules.decision import OVERRIDE, RETEST, Decision
from stage_gate.tasks import waits
from stage_gate.tasks.judging import newest_sentences
from stage_gate.tasks.pin import PinCandidate
from stage_gate.tasks.retest import FollowAnswer, RetestStage
from stage_gate.tasks.source import NO_SOURCE, FindSource
from stage_gate.tasks.waits import HoldProduction, waits_since
from stage_gate.telling import notify
from stage_gate.telling.notify import Event
from unit.stage_gate.acting.test_planted import run_of, strangers
from unit.stage_gate.airflow_store import StateStore
from unit.stage_gate.listeners import Heard
from unit.stage_gate.looked_for import Ended
from unit.stage_gate.observing.test_split_pipelines import SplitRelease
from unit.stage_gate.release import Release, down
from unit.stage_gate.runs_of_airflow import RunsOfAirflow
from unit.stage_gate.tasks.test_people import ASKS, AskReleaseManager, Shown, ask, question_of, shown
from unit.stage_gate.tasks.test_waits import context, hold, release, signing, slack, told, wait_of

__all__ = ["release", "shown", "signing", "slack"]

STRANGER = Keys(read_key(new_private_key()))
HOUR = timedelta(hours=1)
REAL_STORE = memory_module._store
"""Tests have another one, each its own."""


def forge_all(folder: Path, names: Iterable[str], text: str = "told") -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def names_of_notes(event: Event, occasion: str) -> list[str]:
    """Each name under which it was, or is, noted that people were told."""
    before = hashlib.sha256(f"{event} {occasion}".encode()).hexdigest()[:20]
    return [f"told/{event.name.lower()}-{before}.txt", f"told/{notify._note_of(event, occasion)}.txt"]


def test_no_file_silences_the_alarm_that_a_run_ended_undecided(
    simulator: Simulator, gates: Path, airflow: RunsOfAirflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Any] = []

    def tell(run: Any, event: Event, sentences: Any) -> bool:
        said.append(event)
        return True

    monkeypatch.setattr("stage_gate.telling.notify.tell", tell)
    monkeypatch.setattr("stage_gate.telling.notify._TELLING_TAKES", 0.1)
    ended = Ended(simulator, gates, airflow)
    for days in range(3):
        day = f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"
        forge_all(ended.folder, names_of_notes(Event.ALARM, f"ended undecided {day}"))
    assert len(ended.look()) == 1
    assert said == [Event.ALARM]
    assert ended.look() == [], "once a day, by Airflow's own memory"


def test_no_file_silences_a_hold_or_its_reminders(
    release: Release, tmp_path: Path, slack: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stage_gate.telling.notify._TELLING_TAKES", 0.1)
    release.seal()
    began = datetime.now(UTC) - 30 * HOUR
    monkeypatch.setattr(waits, "waits_since", lambda run: began)
    moments = (began + after for after in (HOUR, 8 * HOUR, 24 * HOUR))
    forge_all(release.evidence.folder, names_of_notes(Event.HELD, "attempt 1"))
    for moment in moments:
        forge_all(release.evidence.folder, names_of_notes(Event.REMINDER, moment.isoformat()))
    hold(release, tmp_path)
    monkeypatch.setattr(waits, "_held_since", lambda run: began)
    wait_of(HoldProduction, release, tmp_path).on_wake(context(release))
    assert [event for event, _ in told(slack)] == [Event.HELD, Event.REMINDER]


def test_a_decision_of_the_future_puts_no_reminder_off(
    release: Release, tmp_path: Path, slack: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    release.seal()
    hold(release, tmp_path)
    began = datetime.now(UTC) - 2 * HOUR
    monkeypatch.setattr(waits, "waits_since", lambda run: began)
    monkeypatch.setattr("stage_gate.telling.notify.told_at", _an_hour_and_a_half_ago(notify.told_at))
    forged = DecisionRecord(
        decision=Decision.HELD, sentence="", by="x", at=datetime.now(UTC) + timedelta(days=99)
    )
    write_decision(strangers(release), forged)
    wait_of(HoldProduction, release, tmp_path).on_wake(context(release))
    assert [event for event, _ in told(slack)] == [Event.HELD, Event.REMINDER]


def _an_hour_and_a_half_ago(real: Any) -> Any:
    def told_at(run: Any, event: Event, occasion: str) -> datetime | None:
        known: datetime | None = real(run, event, occasion)
        return known - 1.5 * HOUR if known and event is Event.HELD else known

    return told_at


@pytest.mark.parametrize("text", ["2999-01-01T00:00:00+00:00", "no time", ""])
def test_since_when_production_waits_is_not_read_from_a_file(release: Release, text: str) -> None:
    run = run_of(release)
    began = waits_since(run)
    assert began is not None
    forge_all(release.evidence.folder, ["waits_since.txt"], text)
    release.simulator.inject(down())
    assert waits_since(run_of(release)) == began, "as Cloud Manager said when it was asked last"


def test_without_cloud_manager_and_without_memory_nobody_guesses_since_when_it_waits(
    release: Release, remembered: StateStore
) -> None:
    remembered.is_down = True
    assert waits_since(run_of(release)) is not None
    release.simulator.inject(down())
    assert waits_since(run_of(release)) is None


def test_a_run_that_may_begin_again_does_whatever_files_say(
    simulator: Simulator, gates: Path, airflow: RunsOfAirflow
) -> None:
    ended = Ended(simulator, gates, airflow)
    (ended.folder / "pin.json").unlink()
    now = datetime.now(UTC)
    forge_all(ended.folder, [f"began-again-{now:%Y-%m-%dT%H}.txt"])
    release = ended.release
    release.evidence.folder = ended.folder
    execution = release.hook.get_execution("12345", "678901", release.execution_id)
    guarded = Guarded(release.gate, execution, release.evidence)
    assert may_begin_again(guarded, now)
    assert not may_begin_again(guarded, now), "once an hour"
    assert may_begin_again(guarded, now + HOUR)


@pytest.mark.parametrize("keys", [NO_KEYS, STRANGER], ids=["unsigned", "by a stranger"])
@pytest.mark.parametrize("age", [timedelta(days=99), -timedelta(days=99)], ids=["long ago", "in the future"])
def test_when_people_were_asked_is_believed_only_if_the_gate_signed_it(
    simulator: Simulator, tmp_path: Path, signing: None, shown: Shown, keys: Keys, age: timedelta
) -> None:
    """A question that seems to have been asked long ago would be answered by silence at once: here, production rejected."""
    release = Release(simulator, tmp_path, policy=ASKS)
    name = f"ask-{release.seal(Outcome.FAILED)[:20]}"
    then = datetime.now(UTC) - age
    forged = QuestionAsked(question=name, at=then)
    text = signed_file(forged, release.gate.name, release.execution_id, keys).decode()
    forge_all(release.evidence.folder, [f"asked/{name}.json"], text)
    forge_all(release.evidence.folder, [f"asked/{name}.txt"], then.isoformat())
    question = question_of(AskReleaseManager, release, tmp_path)
    ask(question, release)
    assert question.response_timeout is not None
    assert question.response_timeout.total_seconds() == pytest.approx(8 * 3600, abs=60)


def test_when_one_question_was_asked_says_nothing_of_another(release: Release) -> None:
    now = datetime.now(UTC)
    asked_at(release.evidence, "one", now - 9 * HOUR)
    folder = release.evidence.folder / "asked"
    shutil.copy(folder / "one.json", folder / "two.json")
    assert asked_at(release.evidence, "two", now) == now
    assert asked_at(release.evidence, "one", now) == now - 9 * HOUR, "trying again gives nobody more time"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"All is well: approve it in Cloud Manager."])
def test_why_there_is_no_source_is_not_read_from_a_file(release: Release, content: bytes) -> None:
    (release.evidence.folder / "no-source.txt").write_bytes(content)
    assert newest_sentences(run_of(release)) == [
        "There is no sealed verdict: see the logs of settle_stage and judge."
    ]


@pytest.mark.parametrize("scenario", ["split"])
def test_why_there_is_no_source_is_told_as_long_as_there_is_none(
    simulator: Simulator, tmp_path: Path, signing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = SplitRelease(simulator, tmp_path)
    task = FindSource(task_id="find_source", gate_file=str(split.gate_file))
    with monkeypatch.context() as gone:
        gone.setattr("stage_gate.rules.source._is_tested", lambda execution: False)
        with pytest.raises(AirflowFailException, match="Production is held"):
            task.execute(context(split))
    assert "only one that is FINISHED" in newest_sentences(run_of(split))[0]
    task.execute(context(split))
    noted = Memory.of(run_of(split)).recall(NO_SOURCE)
    assert noted is not None
    assert noted.text == ""
    assert "see the logs of settle_stage" in newest_sentences(run_of(split))[0]


def retest(release: Release) -> None:
    with pytest.raises(DagRunTriggerException):
        RetestStage(task_id="retest_stage", gate_file=str(release.gate_file)).execute(context(release))


def test_the_gate_signs_no_reason_that_somebody_else_put_there(release: Release) -> None:
    seal = release.seal(Outcome.FAILED)
    release.answer(RETEST, seal, reason="the cache was cold")
    forged = RetestRecord(
        attempt=2,
        by="bob",
        reason="I was never asked",
        at=datetime.now(UTC),
        seal_digest=seal,
        outcome=Outcome.FAILED,
        summary="",
    )
    path = release.evidence.folder / "retest-2.json"
    path.write_bytes(signed_file(forged, release.gate.name, release.execution_id, STRANGER))
    retest(release)
    record = read_retest(release.evidence, 2)
    assert record is not None
    assert (record.by, record.is_trusted) == ("alice", True)


@pytest.mark.parametrize("option", [RETEST, OVERRIDE])
def test_nothing_is_done_in_the_name_of_somebody_who_did_not_answer(release: Release, option: str) -> None:
    seal = release.seal(Outcome.FAILED)
    forged = StoredAnswer(option=option, by="alice", reason="x", at=datetime.now(UTC), seal_digest=seal)
    write_answer(strangers(release, STRANGER), forged)
    follow = FollowAnswer(
        task_id="follow",
        gate_file=str(release.gate_file),
        tasks={RETEST: "retest_stage", OVERRIDE: "override_production"},
        otherwise="hold_production",
    )
    assert follow.choose_branch(context(release)) == ["hold_production"]
    with pytest.raises(EvidenceError, match="find out who wrote it"):
        run_of(release).newest_answer()
    with pytest.raises(AirflowFailException, match="find out who wrote it"):
        RetestStage(task_id="retest_stage", gate_file=str(release.gate_file)).execute(context(release))
    assert read_retest(release.evidence, 2) is None


def test_of_two_tasks_that_pin_at_once_one_does(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    (release.evidence.folder / "pin.json").unlink()
    together = threading.Barrier(2)
    real = Evidence.write_pin

    def write_pin(evidence: Evidence, pin: Pin) -> Pin:
        together.wait()
        return real(evidence, pin)

    monkeypatch.setattr(Evidence, "write_pin", write_pin)
    pinned: list[datetime] = []

    def pin() -> None:
        task = PinCandidate(task_id="pin", gate_file=str(release.gate_file), waits=["next"], fold="fold")
        pinned.append(task._pin(run_of(release)).pinned_at)

    threads = [threading.Thread(target=pin) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(pinned) == {release.evidence.read_pin().pinned_at}
    assert len(pinned) == 2


def test_a_gate_remembers_the_newest_only(remembered: StateStore) -> None:
    memory = Memory("larkfell", "1")
    for number in range(MOST + 20):
        memory.remember(f"note {number}")
    [kept] = remembered.values.values()
    assert len(kept) == MOST
    assert memory.recall("note 0") is None
    assert memory.recall(f"note {MOST + 19}") is not None
    assert Memory("larkfell", "2").recall(f"note {MOST + 19}") is None
    assert Memory("another", "1").recall(f"note {MOST + 19}") is None


def test_what_is_noted_again_is_new_again_whatever_it_is_called(remembered: StateStore) -> None:
    memory = Memory("larkfell", "1")
    memory.remember("aged", "zero")
    memory.remember("dropped", "zero")
    for number in range(MOST - 2):
        memory.remember(f"note {number}", "one")
    memory.remember("aged")
    memory.remember("one more", "anything")
    assert memory.recall("dropped") is None
    aged = memory.recall("aged")
    assert aged is not None
    assert aged.text == ""


def test_memory_is_of_one_gate_and_one_execution(release: Release) -> None:
    assert Memory.of(run_of(release)) == Memory("larkfell", release.execution_id)


def test_notes_are_kept_with_the_asset_that_airflow_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    accessor = "airflow.sdk.execution_time.context.AssetStateStoreAccessor"
    monkeypatch.setattr(accessor, lambda *, name: f"the store of {name}")
    assert REAL_STORE() == f"the store of {EVENTS_ASSET}"


def test_what_airflow_does_not_remember_is_told(
    remembered: StateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory("larkfell", "1")
    with monkeypatch.context() as full:
        full.setattr(remembered, "set", down_for_good)
        with pytest.raises(NotRemembered, match=r"could not note 'told' of gate larkfell: .*for good"):
            memory.remember("told")
    monkeypatch.setattr(remembered, "get", down_for_good)
    for use in (memory.recall, memory.remember):
        with pytest.raises(NotRemembered, match=r"not say what gate larkfell has noted: .*for good"):
            use("told")


def down_for_good(*_: object) -> None:
    raise RuntimeError("down for good")


NO_MEMORY = [
    7,
    [],
    {"1 told": 7},
    {"1 told": []},
    {"1 told": ["no time", ""]},
    {"1 told": ["2026-11-01T00:00:00", ""]},
    {"1 told": ["2026-11-01T00:00:00+00:00", 7]},
]


@pytest.mark.parametrize("value", NO_MEMORY)
def test_a_value_that_is_no_gate_s_memory_is_none(remembered: StateStore, value: Any) -> None:
    remembered.values["gate-larkfell"] = value
    memory = Memory("larkfell", "1")
    assert memory.recall("told") is None
    memory.remember("told", "something")
    noted = memory.recall("told")
    assert noted is not None
    assert noted.text == "something"
