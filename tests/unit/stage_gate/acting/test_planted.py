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
from stage_gate.acting.right import Basis
from stage_gate.acting.run import GateRun
from stage_gate.acting.sent_before import refusal_of_ticket
from stage_gate.acting.wanting import Held
from stage_gate.evidence import kept_decisions as record
from stage_gate.evidence.claims import Claim, Ticket
from stage_gate.evidence.files import EvidenceError, write
from stage_gate.evidence.kept_decisions import (
    DecisionRecord,
    RetestRecord,
    StoredAnswer,
    halt_sentence,
    keep_retest,
    read_answer,
    read_answers,
    read_decision,
    read_retest,
    standing_halt,
    write_answer,
    write_decision,
)
from stage_gate.evidence.pin import Pin, run_id_of
from stage_gate.evidence.seal import Sealed
from stage_gate.evidence.signing import (
    NO_KEYS,
    Keys,
    Signature,
    new_private_key,
    public_key,
    read_key,
    signed_file,
)
from stage_gate.evidence.store import Evidence
from stage_gate.rules.decision import APPROVE, HALT, HOTFIX, KEEP_WAITING, OVERRIDE, RETEST, Decision, Policy
from stage_gate.rules.ending import run_succeeded
from stage_gate.rules.proof import SILENCE, Answer
from stage_gate.rules.verdict import judge
from stage_gate.tasks.acts import RecordBypass
from stage_gate.tasks.judging import newest_sentences, sealed_outcome
from stage_gate.tasks.pin import PinCandidate
from stage_gate.telling.notify import Event
from stage_gate.telling.story import read_story
from unit.stage_gate.listeners import Heard
from unit.stage_gate.release import KEYS, Release
from unit.stage_gate.samples import CANDIDATE, plan, planned, recorded, result
from unit.stage_gate.tasks.test_waits import context, release, signing, slack, told

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
    assert story.release.sealed is None
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


AT = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    return Evidence(tmp_path, "wknd", "7", KEYS)


def said(option: str, hours: int = 0, by: str = "alice", **more: object) -> StoredAnswer:
    values = {"option": option, "by": by, "reason": "Known.", "at": AT + hours * HOUR, "seal_digest": "seal"}
    return StoredAnswer.model_validate(values | more)


def test_what_a_record_of_an_older_version_does_not_say_has_a_value_that_grants_nothing() -> None:
    record = DecisionRecord(decision=Decision.HELD, sentence="So it is.", by="Stage Gate", at=AT)
    assert record.model_dump() == {
        "decision": Decision.HELD,
        "sentence": "So it is.",
        "by": "Stage Gate",
        "at": AT,
        "outcome": None,
        "seal_digest": "",
        "production_reached": False,
        "request_id": "",
    }
    assert (said(HALT).accepts, said(HALT).name) == ((), "")


@pytest.mark.parametrize(
    ("option", "decision", "seal", "is_for_it"),
    [
        (OVERRIDE, Decision.OVERRIDDEN, "seal", True),
        (OVERRIDE, Decision.OVERRIDDEN, "another seal", False),
        (OVERRIDE, Decision.APPROVED, "seal", False),
        (HALT, Decision.OVERRIDDEN, "another seal", False),
    ],
)
def test_an_answer_is_for_one_act_on_one_verdict(
    option: str, decision: Decision, seal: str, is_for_it: bool
) -> None:
    assert said(option).is_for(decision, seal) is is_for_it


def test_an_answer_is_weighed_with_all_that_it_says() -> None:
    given = said(OVERRIDE, accepts=("key_pages",), name="alice@wknd.site").given
    assert given == Answer(OVERRIDE, "alice", "Known.", "seal", ("key_pages",), "alice@wknd.site")


@pytest.mark.parametrize("decision", Decision)
def test_what_was_carried_out_and_what_was_found_lie_in_files_of_their_own(
    evidence: Evidence, decision: Decision
) -> None:
    write_decision(evidence, decided(decision))
    name = "decision.json" if decision in ("approved", "overridden", "halted") else "noted.json"
    assert [path.name for path in evidence.folder.iterdir()] == [name]
    known = read_decision(evidence)
    assert known is not None
    assert known.decision is decision


def test_the_ticket_lies_beside_the_decision_that_rests_on_it(
    release: Release, caplog: pytest.LogCaptureFixture
) -> None:
    plant(release, Ticket, Decision.HALTED, release.seal(Outcome.FAILED), KEYS)
    write_decision(release.evidence, decided(Decision.HALTED))
    copy = release.evidence.folder / "ticket.json"
    assert copy.read_bytes() == release.rights.place(Ticket).read_bytes()
    assert "could not be copied" not in caplog.text


def test_a_decision_goes_on_record_even_where_its_ticket_can_not_be_copied(
    evidence: Evidence, caplog: pytest.LogCaptureFixture
) -> None:
    write_decision(evidence, decided(Decision.HALTED))
    assert "The ticket could not be copied to its decision, which goes on record all the same" in caplog.text
    assert "pin.json can't be read" in caplog.text
    assert read_decision(evidence) is not None


def test_whoever_carries_something_out_second_is_told_what_is_on_record(
    evidence: Evidence, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "stage_gate.evidence.kept_decisions")
    first = decided(Decision.HALTED, sentence="It failed.", at=AT)
    write_decision(evidence, first)
    write_decision(evidence, first)
    assert "The record stays" not in caplog.text
    write_decision(evidence, decided(Decision.OVERRIDDEN))
    assert "The record stays: halted by Stage Gate: It failed." in caplog.text


def test_a_note_in_the_place_of_a_decision_hides_no_later_one(evidence: Evidence) -> None:
    write_decision(evidence, decided(Decision.HELD))
    (evidence.folder / "noted.json").rename(evidence.folder / "decision.json")
    write_decision(evidence, decided(Decision.SUPERSEDED))
    known = read_decision(evidence)
    assert known is not None
    assert known.decision is Decision.SUPERSEDED


def test_a_decision_of_another_gate_about_the_same_execution_is_none_of_this_one(evidence: Evidence) -> None:
    other = Evidence(evidence.store, "us", "7", KEYS)
    write_decision(other, decided(Decision.HALTED))
    evidence.folder.mkdir(parents=True)
    shutil.copy(other.folder / "decision.json", evidence.folder)
    with pytest.raises(EvidenceError, match="was written for gate us and execution 7, not for gate wknd"):
        read_decision(evidence)


def test_an_answer_that_was_brought_back_is_told_with_the_one_that_replaced_it(evidence: Evidence) -> None:
    for answer in (said(OVERRIDE), said(KEEP_WAITING, 1, by="bob")):
        write_answer(evidence, answer)
    shutil.copy(evidence.folder / "answer-20261102T100000000000.json", evidence.folder / "answer.json")
    later = evidence.folder / "answer-20261102T110000000000.json"
    with pytest.raises(EvidenceError) as told:
        read_answer(evidence)
    assert str(told.value) == (
        "answer.json is of 2026-11-02 10:00:00 UTC (Override), and bob answered Keep waiting later, in "
        f"{later}: somebody brought back an answer that was replaced. Ask again."
    )


def options(evidence: Evidence) -> list[str]:
    return [answer.option for answer in read_answers(evidence)]


def test_all_answers_are_told_once_each_and_oldest_first(evidence: Evidence) -> None:
    assert (options(evidence), read_answer(evidence)) == ([], None)
    for answer in (said(KEEP_WAITING), said(HALT, 1)):
        write_answer(evidence, answer)
    assert options(evidence) == [KEEP_WAITING, HALT]
    first = evidence.folder / "answer-20261102T100000000000.json"
    first.rename(evidence.folder / "answer.json")
    assert options(evidence) == [KEEP_WAITING, HALT], "one that has no file of its own is told as well"


def signed(option: str, hours: int = 0, by: str = "alice") -> StoredAnswer:
    return said(option, hours, by).model_copy(update={"signature": Signature.TRUSTED})


HALTED_FIRST = signed(HALT)


@pytest.mark.parametrize(
    ("answers", "stands"),
    [
        ([], False),
        ([HALTED_FIRST], True),
        ([said(HALT)], False),
        ([signed(HALT, by=SILENCE)], False),
        ([HALTED_FIRST, signed(KEEP_WAITING, 1)], True),
        ([HALTED_FIRST, signed(RETEST, 1, by=SILENCE)], True),
        ([HALTED_FIRST, said(RETEST, 1)], True),
        *(([HALTED_FIRST, signed(each, 1)], False) for each in (RETEST, OVERRIDE, APPROVE, HOTFIX)),
        ([signed(OVERRIDE, 1), HALTED_FIRST], False),
        ([signed(OVERRIDE, -1), HALTED_FIRST], True),
        ([HALTED_FIRST, signed(OVERRIDE, -1)], True),
    ],
)
def test_a_halt_stands_until_a_person_says_otherwise(answers: list[StoredAnswer], stands: bool) -> None:
    assert standing_halt(answers) == (HALTED_FIRST if stands else None)


def test_a_halt_that_stands_says_whose_it_is_and_what_to_do() -> None:
    assert halt_sentence(HALTED_FIRST) == (
        "alice answered Halt at 2026-11-02 10:00:00 UTC (Known.), and no person has answered otherwise since, so the "
        "gate does not let production through, whatever was tested later: approve or reject it in Cloud Manager. "
        "Where Airflow asks about a later verdict, the answer given there counts instead."
    )


def wanted(attempt: int = 2, seal: str = "seal", reason: str = "cold") -> RetestRecord:
    return RetestRecord(
        attempt=attempt,
        by="alice",
        reason=reason,
        at=AT,
        seal_digest=seal,
        outcome=Outcome.FAILED,
        summary="Failed.",
    )


def test_the_first_reason_for_an_attempt_stands_and_one_about_something_else_does_not(
    evidence: Evidence,
) -> None:
    assert read_retest(evidence, 2) is None
    assert keep_retest(evidence, wanted()).reason == "cold"
    assert keep_retest(evidence, wanted(reason="again")).reason == "cold"
    assert keep_retest(evidence, wanted(seal="another seal", reason="back")).reason == "back"
    shutil.copy(evidence.folder / "retest-2.json", evidence.folder / "retest-3.json")
    assert keep_retest(evidence, wanted(3, "another seal", reason="third")).reason == "third"
    known = read_retest(evidence, 3)
    assert known is not None
    assert (known.attempt, known.reason, known.is_trusted) == (3, "third", True)


@pytest.mark.parametrize("changed", [{"gate": "us"}, {"execution_id": "8"}], ids=["gate", "execution"])
def test_a_pin_is_about_what_it_is_signed_for(
    evidence: Evidence, release: Release, changed: dict[str, str]
) -> None:
    right = release.pin.model_copy(update={"gate": "wknd", "execution_id": "7"})
    write(evidence.folder / "pin.json", signed_file(right.model_copy(update=changed), "wknd", "7", KEYS))
    about = {"gate": "wknd", "execution_id": "7"} | changed
    told = f"/pin.json pins execution {about['execution_id']} under gate {about['gate']}, not this one"
    with pytest.raises(EvidenceError, match=told):
        evidence.read_pin()
    write(evidence.folder / "pin.json", signed_file(right, "wknd", "7", KEYS))
    assert evidence.read_pin().is_trusted
    evidence.gate = evidence.execution_id = None  # as in a bundle that somebody was sent
    assert evidence.read_pin().execution_id == "7"


UNSIGNED, SIGNED = (
    StoredAnswer(option=HALT, by="alice", reason="x", at=AT, seal_digest="", signature=signature)
    for signature in (Signature.ABSENT, Signature.TRUSTED)
)
PASSED, FAILED, INCONCLUSIVE = Outcome.PASSED, Outcome.FAILED, Outcome.INCONCLUSIVE
NO_HALT = "The policy does not halt on {}, whatever ticket lies there."
ONLY_PASSED = "The verdict is {}; only passed can be approved, whatever ticket lies there."


@pytest.mark.parametrize(
    ("decision", "outcome", "answer", "refusal"),
    [
        (Decision.APPROVED, PASSED, None, None),
        (Decision.APPROVED, PASSED, SIGNED, None),
        (Decision.APPROVED, PASSED, UNSIGNED, "The answer of alice is not signed."),
        (Decision.APPROVED, FAILED, None, ONLY_PASSED.format("failed")),
        (Decision.APPROVED, INCONCLUSIVE, SIGNED, ONLY_PASSED.format("inconclusive")),
        (Decision.OVERRIDDEN, FAILED, SIGNED, None),
        (Decision.OVERRIDDEN, INCONCLUSIVE, None, None),
        (Decision.HALTED, FAILED, None, None),
        (Decision.HALTED, PASSED, None, NO_HALT.format("passed")),
        (Decision.HALTED, INCONCLUSIVE, None, NO_HALT.format("inconclusive")),
        (Decision.HALTED, PASSED, SIGNED, None),
        (Decision.HALTED, FAILED, UNSIGNED, "The answer of alice is not signed."),
    ],
)
def test_whether_a_ticket_that_lies_there_can_be_this_act_s(
    tmp_path: Path, decision: Decision, outcome: Outcome, answer: StoredAnswer | None, refusal: str | None
) -> None:
    assert refusal_of_ticket(decision, Basis(sealed_as(tmp_path, outcome), answer), Policy()) == refusal


def sealed_as(store: Path, outcome: Outcome, verdict: Outcome | None = None, keys: Keys = KEYS) -> Sealed:
    """A seal on a result with this outcome, and on a verdict that says so or something else."""
    evidence = Evidence(store, "wknd", "2345678", keys)
    attempt = evidence.begin_attempt(plan(planned()), CANDIDATE)
    evidence.write_result(attempt, recorded(result("key_pages", outcome)))
    said = verdict or outcome
    return evidence.seal(
        attempt, lambda *given: judge(*given).model_copy(update={"outcome": said, "not_passed": ()})
    )


def test_no_ticket_is_believed_on_a_seal_that_is_not_or_that_its_own_results_contradict(
    tmp_path: Path,
) -> None:
    unsigned = Basis(sealed_as(tmp_path / "1", PASSED, keys=NO_KEYS), None)
    contradicted = Basis(sealed_as(tmp_path / "2", FAILED, PASSED), SIGNED)
    assert (
        refusal_of_ticket(Decision.APPROVED, unsigned, Policy())
        == "The seal is not signed, so nothing can have been sent on it."
    )
    assert (
        refusal_of_ticket(Decision.OVERRIDDEN, contradicted, Policy())
        == "The sealed verdict is passed, but the sealed results amount to failed."
    )
