"""Whoever can write to the evidence store and holds no key: what he plants there counts for nothing."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from aem_checks.outcomes import Outcome
from simulator import Simulator
from stage_gate import record
from stage_gate.claims import Claim, Ticket
from stage_gate.decision import HALT, KEEP_WAITING, OVERRIDE, Decision
from stage_gate.ending import run_succeeded
from stage_gate.evidence import Evidence
from stage_gate.files import EvidenceError
from stage_gate.notify import Event
from stage_gate.pin import Pin, run_id_of
from stage_gate.record import DecisionRecord, StoredAnswer, read_answer, read_decision, write_decision
from stage_gate.run import GateRun
from stage_gate.signing import NO_KEYS, Keys, new_private_key, public_key, read_key
from stage_gate.story import read_story
from stage_gate.tasks.acts import RecordBypass
from stage_gate.tasks.judging import newest_sentences, sealed_outcome
from stage_gate.tasks.pin import PinCandidate
from stage_gate.wanting import Held
from unit.stage_gate.listeners import Heard
from unit.stage_gate.release import KEYS, Release
from unit.stage_gate.test_waits import context, release, signing, slack, told

__all__ = ["release", "signing", "slack"]

STRANGER = Keys(read_key(new_private_key()))
assert KEYS.private is not None
WITHOUT_PRIVATE_KEY = Keys(trusted=(public_key(KEYS.private),))


def run_of(release: Release, keys: Keys = KEYS) -> GateRun:
    """A task's view of the run on a worker with these keys."""
    evidence = Evidence(release.evidence.store, release.gate.name, release.execution_id, keys)
    run_id = run_id_of(release.execution_id)
    return GateRun(release.gate_file, "stage_gate.larkfell", run_id, release.execution_id, evidence)


def strangers(release: Release, keys: Keys = NO_KEYS) -> Evidence:
    """The evidence as somebody writes it who has no key that is trusted."""
    return Evidence(release.evidence.store, release.gate.name, release.execution_id, keys)


def decided(decision: Decision, outcome: Outcome = Outcome.FAILED, **more: object) -> DecisionRecord:
    values: dict[str, object] = {"sentence": "So it is.", "by": "Stage Gate", "at": datetime.now(UTC)}
    return DecisionRecord.model_validate(values | {"decision": decision, "outcome": outcome} | more)


def replace_pin(evidence: Evidence, pin: Pin) -> None:
    """Put another pin in the place of the one that is there."""
    (evidence.folder / "pin.json").unlink()
    evidence.write_pin(pin)


def ends_well(release: Release) -> tuple[bool, str]:
    return run_succeeded(read_story(run_of(release)).end)


@pytest.mark.parametrize("keys", [NO_KEYS, STRANGER], ids=["unsigned", "by a stranger"])
def test_a_pin_is_believed_only_if_the_gate_signed_it(release: Release, keys: Keys) -> None:
    assert run_of(release).pin.is_trusted
    assert run_of(release, WITHOUT_PRIVATE_KEY).gate.digest == release.gate.digest
    forged = release.pin.model_copy(update={"report_only": "an AEM update."})
    replace_pin(strangers(release, keys), forged)
    for ours in (KEYS, WITHOUT_PRIVATE_KEY, NO_KEYS):
        with pytest.raises(AirflowFailException, match="trusted_keys"):
            _ = run_of(release, ours).pin


def test_a_pin_of_another_run_is_no_pin_of_this_one(release: Release) -> None:
    other = release.pin.model_copy(update={"execution_id": "7"})
    replace_pin(release.evidence, other)
    with pytest.raises(EvidenceError, match="written for gate larkfell and execution 7"):
        _ = run_of(release).pin
    replace_pin(release.evidence, release.pin.model_copy(update={"gate": "another"}))
    with pytest.raises(EvidenceError, match="written for gate another"):
        _ = run_of(release).pin
    replace_pin(release.evidence, release.pin.model_copy(update={"pipeline_id": "7"}))
    with pytest.raises(AirflowFailException, match="its pipeline"):
        _ = run_of(release).gate


def test_shadow_mode_without_any_key_believes_what_nobody_signed(
    simulator: Simulator, tmp_path: Path
) -> None:
    release = Release(simulator, tmp_path, mode="shadow")
    release.evidence.keys = NO_KEYS
    replace_pin(release.evidence, release.pin)
    release.seal(Outcome.FAILED)
    run = run_of(release, NO_KEYS)
    assert run.pin.report_only == ""
    assert sealed_outcome(run) is Outcome.FAILED
    assert run_succeeded(read_story(run).end) == (True, "Shadow: the verdict is failed and nothing was done.")
    with pytest.raises(AirflowFailException, match="The pin of execution"):
        _ = run_of(release, KEYS).pin


@pytest.mark.parametrize("mode", ["guard", "shadow"])
def test_guard_mode_pins_nothing_without_a_key(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    release = Release(simulator, tmp_path, mode=mode)
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__EVIDENCE", str(tmp_path / "evidence"))
    pin = release.evidence.folder / "pin.json"
    pin.unlink()
    task = PinCandidate(task_id="pin", gate_file=str(release.gate_file), waits=["next"], fold="fold")
    if mode == "guard":
        with pytest.raises(AirflowFailException, match="needs a signing key"):
            task.choose_branch(context(release))
        assert not pin.exists()
    else:
        assert task.choose_branch(context(release)) == ["next"]


@pytest.mark.parametrize("decision", [Decision.HALTED, Decision.APPROVED, Decision.OVERRIDDEN])
def test_a_decision_that_nobody_signed_was_not_carried_out(release: Release, decision: Decision) -> None:
    release.seal(Outcome.FAILED)
    write_decision(strangers(release), decided(decision))
    assert not ends_well(release)[0]
    assert "is not signed and does not count" in read_story(run_of(release)).trouble
    write_decision(release.evidence, decided(Decision.HELD))
    known = read_decision(release.evidence)
    assert known is not None
    assert known.decision is Decision.HELD


def test_what_was_found_may_be_unsigned_and_what_was_done_stays(release: Release) -> None:
    release.seal(Outcome.FAILED)
    worker = strangers(release, WITHOUT_PRIVATE_KEY)
    write_decision(worker, decided(Decision.SUPERSEDED))
    assert ends_well(release)[0]
    write_decision(release.evidence, decided(Decision.HALTED))
    write_decision(worker, decided(Decision.HELD))
    assert ends_well(release) == (True, "Halted: production was not touched.")


def test_what_was_found_at_the_very_moment_of_an_act_does_not_take_its_place(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two tries of a task at once: one sees that nothing was carried out, then the other one carries it out."""
    release.seal(Outcome.FAILED)
    real = record.signed_file

    def slowly(noted: DecisionRecord, *more: Any) -> bytes:
        if noted.decision is Decision.HELD:
            write_decision(release.evidence, decided(Decision.HALTED))
        return real(noted, *more)

    monkeypatch.setattr(record, "signed_file", slowly)
    write_decision(strangers(release, WITHOUT_PRIVATE_KEY), decided(Decision.HELD))
    assert ends_well(release) == (True, "Halted: production was not touched.")


def test_of_two_that_carry_it_out_the_first_is_on_record(release: Release) -> None:
    release.seal(Outcome.FAILED)
    write_decision(release.evidence, decided(Decision.HALTED))
    write_decision(release.evidence, decided(Decision.OVERRIDDEN))
    known = read_decision(release.evidence)
    assert known is not None
    assert known.decision is Decision.HALTED


def test_the_decision_of_another_execution_is_none_of_this_one(release: Release) -> None:
    release.seal(Outcome.FAILED)
    other = Evidence(release.evidence.store, release.gate.name, "7", KEYS)
    write_decision(other, decided(Decision.HALTED))
    shutil.copy(other.folder / "decision.json", release.evidence.folder)
    assert not ends_well(release)[0]
    assert "execution 7" in read_story(run_of(release)).trouble
    write_decision(release.evidence, decided(Decision.HELD))
    assert read_story(run_of(release)).trouble == ""


def test_an_unsigned_seal_is_neither_shown_nor_followed(release: Release) -> None:
    release.seal(Outcome.FAILED)
    shutil.rmtree(release.evidence.attempt_folder(1))
    release.evidence.keys = NO_KEYS
    release.seal(Outcome.PASSED)
    run = run_of(release)
    assert sealed_outcome(run) is None
    assert "not signed" in newest_sentences(run)[0]
    story = read_story(run)
    assert story.sealed is None
    assert "not signed" in story.trouble


def test_a_note_that_it_was_told_silences_no_alarm(release: Release, tmp_path: Path, slack: Heard) -> None:
    release.seal(Outcome.FAILED)
    release.simulator.person("approve", release.execution_id)
    release.wait_for("FINISHED")
    bypass = RecordBypass(task_id="bypass", gate_file=str(tmp_path / "larkfell.yaml"), production="next")
    bypass.execute(context(release))
    for note in (release.evidence.folder / "told").glob("*"):
        note.write_text("told")
    bypass.execute(context(release))
    assert [event for event, _ in told(slack)] == [Event.BYPASSED, Event.BYPASSED]


def plant(release: Release, kind: type[Claim], decision: Decision, seal: str, keys: Keys) -> None:
    """Put a claim or ticket there, as if this run had taken it."""
    pin = release.pin
    record = kind(
        act="reject" if decision is Decision.HALTED else "approve",
        decision=decision,
        program_id=pin.program_id,
        pipeline_id=pin.pipeline_id,
        execution_id=pin.execution_id,
        step_id="1",
        seal_digest=seal,
        dag_id="stage_gate.larkfell",
        run_id=run_id_of(pin.execution_id),
        at=datetime.now(UTC),
        sends_with_ticket=True,
    )
    replace(release.rights, keys=keys).take(record)


@pytest.mark.parametrize("keys", [NO_KEYS, STRANGER], ids=["unsigned", "by a stranger"])
@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.FAILED])
@pytest.mark.parametrize("kind", [Claim, Ticket])
def test_a_planted_claim_or_ticket_turns_no_bypass_into_an_approval(
    release: Release, keys: Keys, outcome: Outcome, kind: type[Claim]
) -> None:
    plant(release, kind, Decision.APPROVED, release.seal(outcome), keys)
    release.simulator.person("approve", release.execution_id)
    release.wait_for("FINISHED")
    with pytest.raises(Held):
        release.act().perform(Decision.APPROVED)


@pytest.mark.parametrize("kind", [Claim, Ticket])
def test_a_planted_claim_or_ticket_blocks_and_says_that_it_is_a_stranger(
    release: Release, kind: type[Claim]
) -> None:
    plant(release, kind, Decision.APPROVED, release.seal(), NO_KEYS)
    with pytest.raises(Held, match="That file is not signed"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


@pytest.mark.parametrize(
    ("decision", "person", "outcome"),
    [
        (Decision.APPROVED, "approve", Outcome.FAILED),
        (Decision.OVERRIDDEN, "approve", Outcome.FAILED),
        (Decision.HALTED, "reject", Outcome.PASSED),
    ],
)
def test_even_a_signed_ticket_needs_what_the_act_needs(
    release: Release, decision: Decision, person: Any, outcome: Outcome
) -> None:
    plant(release, Ticket, decision, release.seal(outcome), KEYS)
    release.simulator.person(person, release.execution_id)
    with pytest.raises(Held):
        release.act().perform(decision)


def test_an_approval_on_record_of_what_did_not_pass_is_no_success(release: Release) -> None:
    release.seal(Outcome.FAILED)
    write_decision(release.evidence, decided(Decision.APPROVED, production_reached=True))
    well, sentence = ends_well(release)
    assert not well
    assert sentence.startswith("Approved although the verdict is failed")


def test_an_answer_that_was_withdrawn_can_not_be_brought_back(release: Release) -> None:
    seal = release.seal(Outcome.FAILED)
    release.answer(OVERRIDE, seal, accepts=release.not_passed)
    [first] = release.evidence.folder.glob("answer-*.json")
    release.answer(KEEP_WAITING, seal)
    shutil.copy(first, release.evidence.folder / "answer.json")
    with pytest.raises(EvidenceError, match="brought back"):
        read_answer(release.evidence)
    release.answer(HALT, seal)
    newest = read_answer(release.evidence)
    assert newest is not None
    assert newest.option == HALT


def test_an_answer_that_nobody_signed_takes_no_signed_one_away(release: Release) -> None:
    seal = release.seal(Outcome.FAILED)
    release.answer(OVERRIDE, seal)
    later = StoredAnswer(
        option=HALT, by="x", reason="x", at=datetime.now(UTC) + timedelta(days=1), seal_digest=seal
    )
    planted = release.evidence.folder / "answer-29990101T000000000000.json"
    envelope = json.loads((release.evidence.folder / "answer.json").read_text())
    envelope["signed"]["record"] = later.model_dump(mode="json")
    planted.write_text(json.dumps({"signed": envelope["signed"]}))
    known = read_answer(release.evidence)
    assert known is not None
    assert known.option == OVERRIDE
