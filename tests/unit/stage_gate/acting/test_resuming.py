"""What failed for want of something goes on when that is back: counted, with its cause, and never over anybody's head."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from adobe_cloud_manager.exceptions import CloudManagerError, NotFound, PermissionDenied, Unavailable
from aem_checks.outcomes import Outcome
from simulator import Simulator, clock
from stage_gate.acting import resuming
from stage_gate.acting.resuming import MOST
from stage_gate.acting.wanting import Held, Want, note, noted, notes_want
from stage_gate.evidence.claims import Ticket
from stage_gate.evidence.files import EvidenceError
from stage_gate.evidence.kept_decisions import read_retest
from stage_gate.evidence.store import Evidence
from stage_gate.observing.memory import Memory
from stage_gate.rules.decision import HALT, RETEST, Decision
from stage_gate.rules.surroundings import Fact, Unread
from stage_gate.tasks.pin import PinCandidate
from stage_gate.tasks.stage import SettleStage
from unit.stage_gate.airflow_store import StateStore
from unit.stage_gate.looked_for import Ended
from unit.stage_gate.release import BRIEFLY, Release, down
from unit.stage_gate.runs_of_airflow import RunsOfAirflow
from unit.stage_gate.samples import around
from unit.stage_gate.tasks.test_waits import context

SURROUNDINGS = "/environment/.*/variables$"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """What people are told."""
    sent: list[tuple[str, list[str]]] = []

    def tell(run: Any, event: str, sentences: list[str]) -> bool:
        sent.append((str(event), list(sentences)))
        return True

    monkeypatch.setattr("stage_gate.telling.notify.tell", tell)
    return sent


@pytest.fixture
def ended(simulator: Simulator, gates: Path, airflow: RunsOfAirflow, told: list[Any]) -> Ended:
    """A run that failed, since Cloud Manager could not be read, on a verdict that nobody could tell."""
    run = Ended(simulator, gates, airflow)
    run.release.seal(Outcome.INCONCLUSIVE)
    wants(run)
    return run


def wants(run: Ended, want: Want | None = Want.CLOUD_MANAGER) -> None:
    note(str(run.release.gate_file), context(run.release), want)


def pin_again(run: Ended) -> None:
    """The first task of the run that begins again."""
    task = PinCandidate(
        task_id="pin_candidate", gate_file=str(run.release.gate_file), waits=["wait"], fold="f"
    )
    assert task.choose_branch(context(run.release)) == ["wait"]


def test_it_goes_on_and_says_why(ended: Ended, told: list[tuple[str, list[str]]]) -> None:
    assert ended.look() == []
    assert ended.airflow.begun_again == [ended.run[1]]
    why = "Cloud Manager could not be read, and now it can, so stage is tested again by itself (1 of 3)."
    assert told == [("goes on by itself", [why])]
    pin_again(ended)
    record = read_retest(ended.release.evidence, 2)
    assert record is not None
    assert (record.by, record.reason, record.outcome) == ("Stage Gate", why, Outcome.INCONCLUSIVE)
    assert record.signature == "trusted"


def test_it_goes_on_three_times_and_then_it_is_an_alarm(ended: Ended) -> None:
    for number in range(1, MOST + 1):
        assert ended.look() == []
        pin_again(ended)
        record = read_retest(ended.release.evidence, number + 1)
        assert record is not None
        assert f"({number} of 3)" in record.reason
        ended.release.seal(Outcome.INCONCLUSIVE)
        ended.airflow.states[ended.run] = "failed"
        wants(ended)
    (trouble,) = ended.look()
    assert "has ended (failed) and production still waits" in trouble
    assert len(ended.airflow.begun_again) == MOST


def test_once_begun_it_wants_nothing_any_more(ended: Ended) -> None:
    ended.look()
    ended.airflow.states[ended.run] = "failed"
    assert len(ended.look()) == 1
    assert len(ended.airflow.begun_again) == 1


def test_without_a_sealed_attempt_the_same_one_goes_on(
    simulator: Simulator, gates: Path, airflow: RunsOfAirflow, told: list[Any]
) -> None:
    run = Ended(simulator, gates, airflow)
    wants(run, Want.STORE)
    assert run.look() == []
    pin_again(run)
    assert read_retest(run.release.evidence, 1) is None
    assert told[0][1][0].startswith("The evidence could not be read or written, and now")


def store_refuses(run: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(store: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("stage_gate.acting.resuming.probe", full)


MISSING: dict[str, Callable[[Ended, pytest.MonkeyPatch], None]] = {
    "503": lambda run, patch: run.release.simulator.inject(down(SURROUNDINGS)),
    "No space left": store_refuses,
    "clock": lambda run, patch: run.release.simulator.inject(clock(300.0)),
}


@pytest.mark.parametrize("missing", MISSING)
def test_while_it_is_missing_it_is_an_alarm_and_when_it_is_back_it_goes_on(
    ended: Ended, missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        MISSING[missing](ended, patch)
        (trouble,) = ended.look()
    assert "production still waits" in trouble
    assert ended.airflow.begun_again == []
    logged = capsys.readouterr().out
    assert "goes on when what is missing is back" in logged
    assert missing in logged
    ended.release.simulator.clear_faults()
    assert ended.look() == []
    assert ended.airflow.begun_again == [ended.run[1]]


def took_the_ticket(run: Ended) -> None:
    folder = run.release.rights.place(Ticket).parent
    folder.mkdir(parents=True)
    run.release.rights.place(Ticket).touch()


def answered(run: Ended) -> None:
    evidence = run.release.evidence
    run.release.answer("Hold", evidence.load_seal(evidence.latest_sealed()).digest)


def is_in_shadow(run: Ended) -> None:
    file = run.release.gate_file
    file.write_text(file.read_text().replace("guard", "shadow"))


def is_reported_only(run: Ended) -> None:
    (run.folder / "pin.json").unlink()
    run.release.evidence.write_pin(run.release.pin.model_copy(update={"report_only": "Adobe started it."}))


@pytest.mark.parametrize(
    "happened",
    [
        took_the_ticket,
        answered,
        is_in_shadow,
        is_reported_only,
        lambda run: run.decide(Decision.APPROVED),
        lambda run: run.decide(Decision.BYPASSED),
        lambda run: wants(run, None),
    ],
)
def test_it_never_goes_on_over_what_was_done_or_said(ended: Ended, happened: Callable[[Ended], None]) -> None:
    happened(ended)
    ended.look()
    assert ended.airflow.begun_again == []


def test_what_the_gate_holds_itself_goes_on(ended: Ended) -> None:
    ended.decide(Decision.HELD)
    assert ended.look() == []
    assert len(ended.airflow.begun_again) == 1


def test_an_answer_to_an_earlier_verdict_keeps_nothing_from_going_on(ended: Ended) -> None:
    answered(ended)
    ended.release.seal(Outcome.INCONCLUSIVE)
    assert ended.look() == []
    assert len(ended.airflow.begun_again) == 1


def test_without_a_memory_it_does_not_go_on(ended: Ended, remembered: StateStore) -> None:
    remembered.is_down = True
    assert len(ended.look()) == 1
    assert ended.airflow.begun_again == []


@pytest.mark.parametrize("waits", ["hold_production", "ask_release_manager_0"])
def test_a_run_that_only_waits_with_a_verdict_that_nobody_could_tell_goes_on(
    ended: Ended, waits: str
) -> None:
    ended.airflow.states[ended.run] = "running"
    ended.airflow.tasks[ended.run] = {waits: "deferred"}
    assert ended.look() == []
    assert len(ended.airflow.begun_again) == 1


@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.FAILED])
def test_a_run_that_only_waits_with_a_verdict_that_holds_is_left_alone(
    ended: Ended, outcome: Outcome
) -> None:
    ended.release.seal(outcome)
    ended.airflow.states[ended.run] = "running"
    ended.airflow.tasks[ended.run] = {"hold_production": "deferred"}
    assert ended.look() == []
    assert ended.airflow.begun_again == []


@pytest.mark.parametrize("state", ["running", "scheduled", "failed"])
def test_a_run_in_which_a_task_goes_on_is_left_alone(ended: Ended, state: str) -> None:
    ended.airflow.states[ended.run] = "running"
    ended.airflow.tasks[ended.run] = {"hold_production": state}
    assert ended.look() == []
    assert ended.airflow.begun_again == []


class Task:
    """A task of a gate that fails with whatever it is given."""

    gate_file = "gates/larkfell.yaml"

    def __init__(self, error: Exception, cause: Exception | None = None) -> None:
        self.error, self.cause = error, cause

    @notes_want
    def execute(self, context: Any) -> None:
        raise self.error from self.cause


def context_of(try_number: int) -> Any:
    return {"run_id": "execution-77", "ti": SimpleNamespace(try_number=try_number, max_tries=3)}


def wanted_after(error: Exception, cause: Exception | None = None, *, try_number: int = 4) -> Want | None:
    with pytest.raises(type(error)):
        Task(error, cause).execute(context_of(try_number))
    return noted(Memory("larkfell", "77"))


@pytest.mark.parametrize(
    ("error", "cause", "want"),
    [
        (Unavailable("503"), None, Want.CLOUD_MANAGER),
        (OSError(28, "full"), None, Want.STORE),
        (EvidenceError("can't be read", passing=True), None, Want.STORE),
        (EvidenceError("was changed"), None, None),
        (AirflowFailException("the gate file is gone"), OSError(2, "no such file"), None),
        (AirflowFailException("held"), Held("held", want=Want.CLOCK), Want.CLOCK),
        (AirflowFailException("held"), Held("held"), None),
        (AirflowException("again"), Unavailable("503"), Want.CLOUD_MANAGER),
        (CloudManagerError("what is this"), None, None),
        (NotFound("404"), None, None),
        (PermissionDenied("403"), None, None),
        (ValueError("a defect"), None, None),
    ],
)
def test_what_a_task_failed_for_want_of_is_noted(
    error: Exception, cause: Exception | None, want: Want | None
) -> None:
    assert wanted_after(error, cause) is want


def test_while_there_is_another_try_nothing_is_wanted() -> None:
    assert wanted_after(Unavailable("503"), try_number=3) is None
    assert wanted_after(AirflowFailException("no"), Unavailable("503"), try_number=1) is Want.CLOUD_MANAGER


def test_not_to_be_able_to_note_it_hides_no_error(remembered: StateStore) -> None:
    remembered.is_down = True
    with pytest.raises(Unavailable):
        Task(Unavailable("503")).execute(context_of(4))


HOLDING: dict[Want, Callable[[Release], None]] = {
    Want.CLOUD_MANAGER: lambda release: release.simulator.inject(down(SURROUNDINGS)),
    Want.CLOCK: lambda release: release.simulator.inject(clock(300.0)),
}


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("want", HOLDING)
def test_an_act_that_is_held_says_what_it_wants_where_that_alone_holds_it(
    simulator: Simulator, tmp_path: Path, want: Want, alone: bool
) -> None:
    release = Release(simulator, tmp_path, waits=BRIEFLY)
    release.seal(Outcome.PASSED if alone else Outcome.FAILED)
    HOLDING[want](release)
    with pytest.raises(Held) as held:
        release.act().perform(Decision.APPROVED)
    assert held.value.want is (want if alone else None)
    assert release.puts == []


def test_what_the_gate_file_accepts_not_to_know_keeps_nothing_from_going_on(ended: Ended) -> None:
    file = ended.release.gate_file
    accepting = {**yaml.safe_load(file.read_text()), "policy": {"accept_unread": ["environment_variables"]}}
    file.write_text(yaml.safe_dump(accepting))
    ended.release.simulator.inject(down(SURROUNDINGS))
    assert ended.look() == []
    assert len(ended.airflow.begun_again) == 1


def test_where_airflow_refuses_to_begin_it_is_tried_again(ended: Ended) -> None:
    ended.airflow.unknown_dags.add(ended.run[0])
    assert len(ended.look()) == 1
    pin_again(ended)
    assert read_retest(ended.release.evidence, 2) is None, "it did not begin, so there is nothing to explain"
    ended.airflow.unknown_dags.clear()
    assert ended.look() == []
    assert ended.airflow.begun_again == [ended.run[1]]


def test_files_that_somebody_put_there_bring_the_alarm_sooner(ended: Ended) -> None:
    (ended.folder / "went-on").mkdir()
    for number in range(1, MOST + 1):
        (ended.folder / "went-on" / f"{number}.txt").write_text("by a stranger")
    assert len(ended.look()) == 1
    assert ended.airflow.begun_again == []


def fail_again(run: Ended) -> None:
    run.release.seal(Outcome.INCONCLUSIVE)
    run.airflow.states[run.run] = "failed"
    wants(run)


def test_what_airflow_forgets_gives_it_no_fourth_time(ended: Ended, remembered: StateStore) -> None:
    for _ in range(MOST + 2):
        ended.look()
        pin_again(ended)
        remembered.values.clear()  # newer notes push one out, a task writes back what it read, another Airflow has none
        fail_again(ended)
    assert len(ended.airflow.begun_again) == MOST


def test_of_two_who_look_at_once_one_begins(ended: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    look = resuming.still_missing

    def other_airflow_is_faster(guarded: Any, hook: Any) -> str:
        taken = resuming.resumption_of(guarded, is_over=True)
        assert taken is not None
        monkeypatch.setattr(resuming, "resumption_of", lambda *_, **__: taken)
        resuming._take_turn(guarded.evidence, taken)
        return look(guarded, hook)

    monkeypatch.setattr(resuming, "still_missing", other_airflow_is_faster)
    ended.look()
    assert ended.airflow.begun_again == []


@pytest.mark.parametrize(
    "forged", ["alice accepted this in CHG-4711.", "STORE 4", "STORE", "store 1", "STORE 1 "]
)
def test_nothing_that_is_noted_in_airflow_is_signed_as_it_stands(ended: Ended, forged: str) -> None:
    memory = Memory("larkfell", ended.release.execution_id)
    memory.remember("why it goes on", forged)
    pin_again(ended)
    assert read_retest(ended.release.evidence, 2) is None
    noted_now = memory.recall("why it goes on")
    assert noted_now is not None
    assert noted_now.text == ""


def while_it_looks(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Something happens between the first question whether a run may go on and its beginning."""
    look = resuming.still_missing

    def slow(guarded: Any, hook: Any) -> str:
        found = look(guarded, hook)
        happens()
        return found

    monkeypatch.setattr(resuming, "still_missing", slow)


@pytest.mark.parametrize("state", ["failed", "running"])
@pytest.mark.parametrize("happened", [took_the_ticket, answered])
def test_it_does_not_go_on_over_what_happens_while_it_looks(
    ended: Ended, monkeypatch: pytest.MonkeyPatch, state: str, happened: Callable[[Ended], None]
) -> None:
    ended.airflow.states[ended.run] = state
    ended.airflow.tasks[ended.run] = {"ask_release_manager_0": "deferred"}
    while_it_looks(monkeypatch, lambda: happened(ended))
    ended.look()
    assert ended.airflow.begun_again == []


@pytest.mark.parametrize("state", ["failed", "running"])
def test_a_run_that_somebody_clears_while_it_looks_is_left_alone(
    ended: Ended, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    ended.airflow.states[ended.run] = state
    ended.airflow.tasks[ended.run] = {"hold_production": "deferred"}

    def cleared() -> None:
        ended.airflow.states[ended.run] = "running"
        ended.airflow.tasks[ended.run] = {"settle_stage": "running"}

    while_it_looks(monkeypatch, cleared)
    ended.look()
    assert ended.airflow.begun_again == []


def test_an_empty_folder_of_a_newer_attempt_hides_no_answer(ended: Ended) -> None:
    answered(ended)
    (ended.folder / "attempt-2").mkdir()
    assert len(ended.look()) == 1
    assert ended.airflow.begun_again == []


def test_over_an_empty_folder_of_a_newer_attempt_it_says_why_it_goes_on(ended: Ended) -> None:
    (ended.folder / "attempt-2").mkdir()
    assert ended.look() == []
    pin_again(ended)
    assert read_retest(ended.release.evidence, 2) is not None


def test_an_answer_stands_also_where_its_verdict_is_gone(ended: Ended) -> None:
    answered(ended)
    (ended.folder / "attempt-1" / "manifest.json").unlink()
    ended.look()
    assert ended.airflow.begun_again == []


def test_a_seal_that_nobody_signed_takes_no_verdict_away(ended: Ended) -> None:
    ended.release.seal(Outcome.FAILED)
    stranger = Evidence(ended.gates.parent / "evidence", "larkfell", ended.release.execution_id)
    ended.release.evidence = stranger
    ended.release.seal(Outcome.INCONCLUSIVE)
    assert len(ended.look()) == 1
    assert ended.airflow.begun_again == []


@pytest.mark.parametrize("folder", [False, True])
def test_a_verdict_that_failed_is_not_tested_again_by_itself(ended: Ended, folder: bool) -> None:
    ended.release.seal(Outcome.FAILED)
    if folder:
        (ended.folder / "attempt-3").mkdir()
    (trouble,) = ended.look()
    assert "clear halt_production" in trouble
    assert ended.airflow.begun_again == []


def test_an_attempt_that_a_person_wanted_after_a_failed_one_goes_on(ended: Ended) -> None:
    digest = ended.release.seal(Outcome.FAILED)
    ended.release.answer(RETEST, digest)
    (ended.folder / "attempt-3").mkdir()
    assert ended.look() == []
    assert len(ended.airflow.begun_again) == 1


def test_a_halt_to_an_earlier_verdict_keeps_it_from_going_on(ended: Ended) -> None:
    ended.release.answer(HALT, ended.release.seal(Outcome.INCONCLUSIVE))
    ended.release.seal(Outcome.INCONCLUSIVE)
    (trouble,) = ended.look()
    assert "alice answered Halt" in trouble
    assert ended.airflow.begun_again == []


def test_an_act_that_is_held_for_another_reason_takes_an_earlier_want_back() -> None:
    assert wanted_after(Unavailable("503")) is Want.CLOUD_MANAGER
    assert wanted_after(AirflowFailException("held"), Held("content was copied")) is None


@pytest.mark.parametrize(("accepted", "settles"), [((), False), ((Fact.RESTORES,), True)])
def test_settling_waits_only_for_facts_that_have_to_be_read(
    accepted: tuple[Fact, ...], settles: bool
) -> None:
    error = Unavailable("503")
    stage = around(unread=(Unread.because(error, Fact.RESTORES, "GET /restores"),)).stage
    task = SettleStage(task_id="settle_stage", gate_file="gates/larkfell.yaml")
    with nullcontext() if settles else pytest.raises(AirflowException, match="Looking again"):
        task._wait_for_what_passes(stage, accepted, context_of(1))
