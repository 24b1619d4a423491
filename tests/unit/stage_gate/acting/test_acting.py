"""One act, only with proof, only once: the acting road against the simulator of Cloud Manager."""

from __future__ import annotations

import contextlib
import errno
import json
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

from adobe_cloud_manager.auth import SCOPES
from adobe_cloud_manager.golive import read_back
from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
from aem_checks.outcomes import Outcome
from simulator import Fault, Simulator
from simulator.faults import clock
from stage_gate.acting import road
from stage_gate.acting.act import Act
from stage_gate.acting.right import Right
from stage_gate.acting.wanting import Held, Want
from stage_gate.evidence.claims import Claim, ClaimUnsupported, Rights, Ticket
from stage_gate.evidence.kept_decisions import DecisionRecord, read_decision, write_decision
from stage_gate.evidence.signing import NO_KEYS, Keys, new_private_key, read_key
from stage_gate.rules.decision import APPROVE, HALT, KEEP_WAITING, OVERRIDE, RETEST, Decision, Mode
from stage_gate.rules.demands import NO_DEMANDS, Demands
from stage_gate.rules.proof import SILENCE
from stage_gate.rules.verdict import judge
from unit.stage_gate.release import BRIEFLY, KEYS, Release, down
from unit.stage_gate.samples import freeze
from unit.stage_gate.waiting import until


@pytest.fixture
def release(simulator: Simulator, tmp_path: Path) -> Release:
    return Release(simulator, tmp_path)


@pytest.fixture
def unseen(simulator: Simulator, tmp_path: Path) -> Release:
    """A release whose act will have no effect that could be seen."""
    return Release(simulator, tmp_path, waits=BRIEFLY)


def test_a_passed_release_is_approved_with_one_put(release: Release) -> None:
    release.seal()
    record = release.act().perform(Decision.APPROVED)
    assert (record.decision, record.by, record.production_reached) == (Decision.APPROVED, "Stage Gate", True)
    assert release.approval_status == "FINISHED"
    assert len(release.puts) == 1
    assert release.puts[0].endswith("/advance")


def test_a_failed_release_is_halted_with_one_put(release: Release) -> None:
    release.seal(Outcome.FAILED)
    record = release.act().perform(Decision.HALTED)
    assert (record.decision, record.production_reached) == (Decision.HALTED, False)
    assert len(release.puts) == 1
    assert release.puts[0].endswith("/cancel")


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.INCONCLUSIVE])
def test_nothing_but_passed_is_approved(release: Release, outcome: Outcome) -> None:
    release.seal(outcome)
    with pytest.raises(Held, match="only passed"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_without_a_seal_nothing_is_sent(release: Release) -> None:
    with pytest.raises(Held, match="no sealed verdict"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_a_forged_verdict_is_not_believed(release: Release) -> None:
    release.seal(Outcome.FAILED)
    path = release.evidence.attempt_folder(1) / "manifest.json"
    seal = json.loads(path.read_text())
    seal["signed"]["verdict"] |= {"outcome": "passed", "not_passed": []}
    path.write_text(json.dumps(seal))
    with pytest.raises(Held, match="was changed after it was signed"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_a_verdict_that_its_own_results_contradict_is_not_believed(release: Release) -> None:
    """Even resealed: the acting task recomputes the verdict from the results."""
    release.seal(Outcome.FAILED)
    folder = release.evidence.attempt_folder(1)
    forged = release.evidence.load_seal(1).verdict.model_copy(update={"outcome": Outcome.PASSED})
    (folder / "manifest.json").unlink()
    release.evidence.seal(1, lambda *_: forged)
    with pytest.raises(Held, match="amount to failed"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_the_seal_of_another_execution_proves_nothing(release: Release) -> None:
    release.seal()
    release.simulator.person("reject", release.execution_id)
    release.wait_for_end()
    second = Release(release.simulator, release.evidence.store.parent)
    shutil.copytree(release.evidence.attempt_folder(1), second.evidence.attempt_folder(1))
    with pytest.raises(
        Held, match=rf"not what was tested.* The seal is of execution {release.execution_id}\."
    ):
        second.act().perform(Decision.APPROVED)
    assert second.puts == []


def test_a_new_attempt_takes_the_old_proof_away(release: Release) -> None:
    release.seal()
    sealed = release.evidence.load_seal(1)
    release.evidence.begin_attempt(sealed.plan, sealed.candidate)
    with pytest.raises(Held, match="no sealed verdict of the newest attempt"):
        release.act().perform(Decision.APPROVED)


def test_a_sibling_pipeline_that_touched_stage_voids_the_tests(release: Release) -> None:
    release.seal()
    release.simulator.start_execution("good", pipeline="678904")
    with pytest.raises(Held, match=r"Pipeline 678904 (has run|runs) execution"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_a_second_act_is_never_sent(release: Release) -> None:
    release.seal()
    release.act().perform(Decision.APPROVED)
    record = release.act().perform(Decision.APPROVED)
    assert (record.decision, record.by, record.production_reached) == (
        Decision.APPROVED,
        "unattributed",
        True,
    )
    assert "before this one may have sent it" in record.sentence
    assert len(release.puts) == 1


def test_two_runs_at_once_send_one_act(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__ADOBE_CLOUD_MANAGER__REQUESTS_PER_MINUTE", "100000")
    release = Release(simulator, tmp_path)
    release.seal()
    start = threading.Barrier(4)

    def race() -> None:
        start.wait()
        with contextlib.suppress(Held):
            release.act().perform(Decision.APPROVED)

    threads = [threading.Thread(target=race) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(release.puts) == 1


def test_an_act_that_was_recorded_keeps_its_record_when_the_task_is_cleared(release: Release) -> None:
    release.seal()
    record = release.act().perform(Decision.APPROVED)
    write_decision(release.evidence, record)
    assert release.act().perform(Decision.APPROVED).model_dump() == record.model_dump()
    assert len(release.puts) == 1


def test_a_lost_answer_is_resolved_by_reading_back_and_never_sent_again(release: Release) -> None:
    release.seal()
    release.simulator.inject(Fault(effect="lose_answer", method="PUT", path="/advance"))
    record = release.act().perform(Decision.APPROVED)
    assert record.decision is Decision.APPROVED
    assert record.by == "unattributed"
    assert len(release.puts) == 1


def test_an_answer_that_was_lost_on_the_way_there_holds(unseen: Release) -> None:
    unseen.seal()
    unseen.simulator.inject(Fault(effect="drop", method="PUT", path="/advance"))
    with pytest.raises(Held, match=r"within 1 s .* It is not sent again") as held:
        unseen.act().perform(Decision.APPROVED)
    assert held.value.may_have_left
    assert "ticket" not in str(held.value)
    assert unseen.approval_status == "WAITING"
    with pytest.raises(Held):
        unseen.act().perform(Decision.APPROVED)
    assert len(unseen.puts) == 1


@pytest.mark.parametrize("status", [401, 403, 409, 429, 500, 503])
def test_a_refused_act_is_held_and_not_repeated(unseen: Release, status: int) -> None:
    unseen.seal()
    unseen.simulator.inject(Fault(effect="answer", method="PUT", path="/advance", status=status, times=None))
    with pytest.raises(Held):
        unseen.act().perform(Decision.APPROVED)
    assert len(unseen.puts) == 1


def test_a_redirect_is_not_followed(unseen: Release) -> None:
    unseen.seal()
    elsewhere = {"Location": f"{unseen.simulator.api_url}/api/elsewhere"}
    unseen.simulator.inject(
        Fault(effect="answer", method="PUT", path="/advance", status=307, headers=elsewhere)
    )
    with pytest.raises(Held):
        unseen.act().perform(Decision.APPROVED)
    assert [r.path for r in unseen.simulator.requests if r.method == "PUT"] == unseen.puts
    assert len(unseen.puts) == 1


@pytest.mark.parametrize("changed", ["id", "stepId"])
def test_an_approval_that_is_another_step_than_the_one_that_was_claimed_is_left_alone(
    release: Release, changed: str
) -> None:
    """It looks like the one that waited a moment ago, but for its id."""
    release.seal()
    steps = release.simulator.execution(release.execution_id)["_embedded"]["stepStates"]
    at = next(place for place, step in enumerate(steps) if step["action"] == "approval")

    def another() -> float:
        body = {"_embedded": {"stepStates": {str(at): {changed: "4711"}}}}
        path = f"/execution/{release.execution_id}$"
        release.simulator.inject(Fault(effect="merge", method="GET", path=path, body=body, times=None))
        return 0.0

    with pytest.raises(Held, match="The approval is another step than the one that was claimed"):
        replace(release.act(), monotonic=another).perform(Decision.APPROVED)
    assert release.puts == []


def test_somebody_who_decided_first_is_respected(release: Release) -> None:
    release.seal()
    release.simulator.person("reject", release.execution_id)
    release.wait_for("CANCELLED")
    with pytest.raises(Held, match="does not wait"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_shadow_mode_sends_nothing(simulator: Simulator, tmp_path: Path) -> None:
    release = Release(simulator, tmp_path, mode="shadow")
    release.seal()
    for decision in (Decision.APPROVED, Decision.OVERRIDDEN, Decision.HALTED):
        with pytest.raises(Held):
            release.act().perform(decision)
    assert release.puts == []


def test_an_override_needs_an_answer_to_this_very_verdict(simulator: Simulator, tmp_path: Path) -> None:
    release = Release(simulator, tmp_path, policy={"failed": {"ask": ["alice"]}})
    seal = release.seal(Outcome.FAILED)
    nobody = "Nobody has answered Override to this verdict"
    with pytest.raises(Held, match=nobody):
        release.act().perform(Decision.OVERRIDDEN)
    release.answer(OVERRIDE, "an older seal")
    with pytest.raises(Held, match=nobody):
        release.act().perform(Decision.OVERRIDDEN)
    release.answer(HALT, seal)
    with pytest.raises(Held, match=nobody):
        release.act().perform(Decision.OVERRIDDEN)
    release.answer(OVERRIDE, seal)
    with pytest.raises(Held, match="alice accepted nothing, but not "):
        release.act().perform(Decision.OVERRIDDEN)
    release.answer(OVERRIDE, seal, by="mallory", accepts=release.not_passed)
    with pytest.raises(Held, match="mallory is not among those who are asked"):
        release.act().perform(Decision.OVERRIDDEN)
    assert release.puts == []
    release.answer(OVERRIDE, seal, accepts=release.not_passed)
    record = release.act().perform(Decision.OVERRIDDEN)
    assert (record.decision, record.by) == (Decision.OVERRIDDEN, "alice")
    accepted = ", ".join(release.not_passed)
    assert record.sentence.endswith(f" alice answered Override: Known, accepted. Accepted: {accepted}.")


ASKING: dict[str, Any] = {
    "policy": {"failed": {"ask": ["alice", "bob"]}, "inconclusive": {"ask": ["alice", "bob"]}}
}


@pytest.mark.parametrize("since", [(), (KEEP_WAITING, "bob"), (RETEST, SILENCE)])
def test_over_a_persons_halt_nothing_is_approved_whatever_passes_later(
    release: Release, since: tuple[str, ...]
) -> None:
    digest = release.seal(Outcome.INCONCLUSIVE)
    release.answer(HALT, digest, reason="checkout is broken")
    if since:
        release.answer(since[0], digest, by=since[1])
    release.seal(Outcome.PASSED)
    with pytest.raises(
        Held, match=r"alice answered Halt at .* \(checkout is broken\).*approve or reject it in Cloud"
    ) as held:
        release.act().perform(Decision.APPROVED)
    assert held.value.want is None
    assert release.puts == []


def test_a_persons_later_word_takes_a_halt_back(simulator: Simulator, tmp_path: Path) -> None:
    release = Release(simulator, tmp_path, **ASKING)
    release.answer(HALT, release.seal(Outcome.INCONCLUSIVE))
    release.answer(RETEST, release.seal(Outcome.INCONCLUSIVE), by="bob")
    release.seal(Outcome.PASSED)
    assert release.act().perform(Decision.APPROVED).decision is Decision.APPROVED


def test_an_override_after_a_halt_is_followed(simulator: Simulator, tmp_path: Path) -> None:
    release = Release(simulator, tmp_path, **ASKING)
    release.answer(HALT, release.seal(Outcome.FAILED))
    digest = release.seal(Outcome.FAILED)
    with pytest.raises(Held):
        release.act().perform(Decision.OVERRIDDEN)
    release.answer(OVERRIDE, digest, by="bob", accepts=release.not_passed)
    assert release.act().perform(Decision.OVERRIDDEN).decision is Decision.OVERRIDDEN


def test_a_halt_that_stands_keeps_the_policy_from_no_halt(release: Release) -> None:
    release.answer(HALT, release.seal(Outcome.INCONCLUSIVE))
    release.seal(Outcome.FAILED)
    assert release.act().perform(Decision.HALTED).decision is Decision.HALTED


def test_a_halt_that_nobody_signed_stands_in_no_ones_way(release: Release) -> None:
    digest, keys = release.seal(), release.evidence.keys
    release.evidence.keys = NO_KEYS
    release.answer(HALT, digest)
    release.evidence.keys = keys
    assert release.act().perform(Decision.APPROVED).decision is Decision.APPROVED


def test_a_halt_that_comes_after_the_proof_stops_the_request(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = release.seal(Outcome.INCONCLUSIVE)
    release.seal()
    take = Rights.take

    def halted_meanwhile(rights: Rights, record: Any) -> Any:
        if isinstance(record, Claim) and not isinstance(record, Ticket):
            release.answer(HALT, earlier)
        return take(rights, record)

    monkeypatch.setattr(Rights, "take", halted_meanwhile)
    with pytest.raises(Held, match="not those any more"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_an_override_never_becomes_an_approval(release: Release) -> None:
    seal = release.seal(Outcome.FAILED)
    release.answer(OVERRIDE, seal)
    with pytest.raises(Held, match="only passed"):
        release.act().perform(Decision.APPROVED)


def test_a_policy_that_asks_for_passed_too_waits_for_a_person(simulator: Simulator, tmp_path: Path) -> None:
    release = Release(simulator, tmp_path, policy={"passed": {"ask": ["alice"]}})
    seal = release.seal()
    with pytest.raises(Held, match="nobody has approved"):
        release.act().perform(Decision.APPROVED)
    release.answer(APPROVE, seal)
    assert release.act().perform(Decision.APPROVED).by == "alice"


def test_an_approval_for_stage_is_never_touched(simulator: Simulator, tmp_path: Path) -> None:
    """A pipeline may also ask for an approval of stage; with both waiting, only production's is acted on."""
    release = Release.__new__(Release)
    release.simulator, release.hook = simulator, CloudManagerHook()
    execution_id = simulator.start_execution("two-approvals")

    def waiting() -> list[str]:
        steps = simulator.execution(execution_id)["_embedded"]["stepStates"]
        return [step["environmentType"] for step in steps if step["status"] == "WAITING"]

    until(waiting, "an approval waits")
    assert waiting() == ["stage"]


def test_evidence_that_cannot_be_claimed_in_is_refused(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    release.seal()

    def refuse(*_: object) -> None:
        raise ClaimUnsupported("This store can't create exclusively.")

    monkeypatch.setattr(Rights, "take", refuse)
    with pytest.raises(Held, match="can't create exclusively"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_a_sibling_that_cannot_be_read_any_more_voids_the_tests(release: Release) -> None:
    release.seal()
    gone = Fault(effect="answer", method="GET", path="/pipeline/678904/executions", status=403, times=None)
    release.simulator.inject(gone)
    with pytest.raises(Held, match=r"other_pipelines can't be read \(GET .*/pipeline/678904/executions\)"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_one_claim_holds_whatever_the_api_is_called(unseen: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    unseen.seal()
    unseen.simulator.inject(Fault(effect="drop", method="PUT", path="/advance"))
    with pytest.raises(Held):
        unseen.act().perform(Decision.APPROVED)
    other_name = unseen.simulator.api_url.replace("127.0.0.1", "localhost")
    monkeypatch.setenv("AIRFLOW__ADOBE_CLOUD_MANAGER__API_URL", other_name)
    unseen.hook = CloudManagerHook()
    with pytest.raises(Held):
        unseen.act().perform(Decision.APPROVED)
    assert len(unseen.puts) == 1


def test_another_gates_act_is_not_taken_for_ones_own(simulator: Simulator, tmp_path: Path) -> None:
    """Two gates, one pipeline, one store: what the other one approved stays no approval of a failed verdict."""
    release = Release(simulator, tmp_path, policy={"failed": {"ask": ["alice"]}})
    seal = release.seal(Outcome.FAILED)
    release.answer(OVERRIDE, seal, accepts=release.not_passed)
    release.act().perform(Decision.OVERRIDDEN)
    (release.evidence.folder / "answer.json").unlink()
    for decision in (Decision.APPROVED, Decision.OVERRIDDEN):
        with pytest.raises(Held):
            release.act().perform(decision)
    assert len(release.puts) == 1


def test_a_seal_that_nobody_signed_proves_nothing(release: Release) -> None:
    release.evidence.keys = NO_KEYS
    release.seal()
    release.evidence.keys = KEYS
    with pytest.raises(Held, match="The seal is not signed; guard mode needs a signing key"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_a_seal_by_a_stranger_proves_nothing(release: Release) -> None:
    release.evidence.keys = Keys(private=read_key(new_private_key()))
    release.seal()
    release.evidence.keys = KEYS
    with pytest.raises(Held, match="by a key that is not trusted here"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_an_answer_that_somebody_wrote_into_the_evidence_is_no_answer(
    simulator: Simulator, tmp_path: Path
) -> None:
    release = Release(simulator, tmp_path, policy={"failed": {"ask": ["alice"]}})
    seal = release.seal(Outcome.FAILED)
    release.evidence.keys = NO_KEYS
    release.answer(OVERRIDE, seal, accepts=release.not_passed)
    release.evidence.keys = KEYS
    with pytest.raises(Held, match="The answer of alice is not signed"):
        release.act().perform(Decision.OVERRIDDEN)
    assert release.puts == []


def test_evidence_that_is_too_old_is_not_acted_on(release: Release) -> None:
    release.seal()
    with pytest.raises(Held, match=r"The evidence is 25\.0 h old"):
        release.act(now=lambda: datetime.now(UTC) + timedelta(hours=25)).perform(Decision.APPROVED)
    assert release.puts == []


def test_a_verdict_that_was_sealed_late_is_no_younger_than_its_tests(release: Release) -> None:
    tested_at = datetime.now(UTC) - timedelta(days=13)
    release.pin = release.pin.model_copy(update={"pinned_at": tested_at})
    release.seal(tested_at=tested_at)
    with pytest.raises(Held, match=r"The evidence is 312\.0 h old"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_a_freeze_that_was_added_while_the_release_was_tested_holds_it(release: Release) -> None:
    release.seal()
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    content = yaml.safe_load(release.gate_file.read_text())
    frozen = [{"days": f"{today} to {datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}", "why": "Black Friday"}]
    content["policy"] = {"windows": {"timezone": "UTC", "frozen": frozen}}
    release.gate_file.write_text(yaml.safe_dump(content))
    with pytest.raises(Held, match="Black Friday"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_what_the_deployment_wants_to_block_has_to_have_blocked(release: Release) -> None:
    release.seal()
    with pytest.raises(Held, match="The deployment wants redirects to block"):
        release.act(demands=Demands(checks=("key_pages", "redirects"))).perform(Decision.APPROVED)
    assert release.puts == []


def test_nothing_is_approved_that_ran_un_isolated_where_the_deployment_forbids_that(
    simulator: Simulator, tmp_path: Path
) -> None:
    suite = {"name": "e2e", "folder": "ui.tests", "run": "npm test", "isolation": "accepted"}
    release = Release(simulator, tmp_path, checks={"suites": [suite]})
    release.seal()
    with pytest.raises(
        Held, match=r"wants a team's code isolated, and in this plan suites\.e2e could run un-isolated"
    ):
        release.act(demands=Demands(isolation=True)).perform(Decision.APPROVED)
    assert release.puts == []
    release.act().perform(Decision.APPROVED)
    assert len(release.puts) == 1


@pytest.mark.parametrize("seconds", [3600, -3600])
def test_a_clock_that_is_an_hour_off_holds(release: Release, seconds: int) -> None:
    release.seal()
    release.simulator.inject(clock(seconds))
    with pytest.raises(Held, match=r"clock is 3[56][0-9][0-9] s (ahead of|behind) Cloud Manager's"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_a_look_that_is_too_long_ago_is_taken_again(
    release: Release, caplog: pytest.LogCaptureFixture
) -> None:
    release.seal()
    ticks = iter([0.0, 0.0, 2.5, 10.0, 10.0, 10.1, 10.1, 10.1])
    act = replace(release.act(), monotonic=lambda: next(ticks))
    assert act.perform(Decision.APPROVED).decision is Decision.APPROVED
    assert len(release.puts) == 1
    [late] = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert late == "2.5 s passed since the look at the step and 2.5 s since that at stage; again."


def test_a_look_is_good_for_two_seconds_and_one_at_stage_for_ten(release: Release) -> None:
    release.seal()
    ticks = [100.0, 108.0, 110.0, 110.0, 110.0]
    act = replace(release.act(), monotonic=lambda: ticks.pop(0))
    assert act.perform(Decision.APPROVED).decision is Decision.APPROVED
    assert ticks == []


def test_a_look_at_stage_that_is_too_long_ago_is_taken_again(release: Release) -> None:
    release.seal()
    ticks = iter([0.0, 10.5, 10.6, 20.0, 20.5, 20.6, 20.6, 20.6])
    act = replace(release.act(), monotonic=lambda: next(ticks))
    assert act.perform(Decision.APPROVED).decision is Decision.APPROVED
    assert len(release.puts) == 1


def test_looks_that_are_always_too_long_ago_end_without_a_request(release: Release) -> None:
    release.seal()
    ticks = count(step=3.0)
    act = replace(release.act(), monotonic=lambda: next(ticks))
    with pytest.raises(Held) as held:
        act.perform(Decision.APPROVED)
    assert str(held.value) == (
        "Production is held: Cloud Manager answers too slowly: 5 times in a row more than 2 s passed between the last look "
        "at the step and the request, or 10 s since the look at stage. It was not sent. Decide in Cloud Manager."
    )
    assert next(ticks) == 5 * 3 * 3.0, "five looks, and the clock was read three times at each"
    assert release.puts == []


def test_a_sibling_that_touches_stage_after_the_claim_stops_the_request(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    release.seal()

    take = Rights.take

    def take_and_disturb(rights: Rights, record: Claim) -> Claim | None:
        taken = take(rights, record)
        release.simulator.start_execution("good", pipeline="678904")
        return taken

    monkeypatch.setattr(Rights, "take", take_and_disturb)
    with pytest.raises(Held, match="678904"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_a_full_disk_holds_before_anything_is_sent(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    release.seal()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("stage_gate.evidence.exclusive.os.link", full)
    with pytest.raises(Held, match="No space left on device"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_the_last_look_comes_after_the_login_of_the_deciding_credential(
    release: Release, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = {"org_id": simulator.org_id, "scopes": list(reversed(SCOPES))}  # so it has a token of its own
    fields = {"conn_type": "http", "login": simulator.client_id, "password": simulator.client_secret}
    monkeypatch.setenv("AIRFLOW_CONN_DECIDING", json.dumps({**fields, "extra": extra}))
    release.seal()
    before = len(simulator.requests)
    replace(release.act(), deciding=CloudManagerHook("deciding")).perform(Decision.APPROVED)
    seen = [each for each in simulator.requests[before:] if each.service in ("ims", "api")]
    put = next(number for number, each in enumerate(seen) if each.method == "PUT")
    assert seen[put - 1].path.endswith(f"/execution/{release.execution_id}")
    assert "ims" in [each.service for each in seen[:put]]


def test_a_try_that_died_after_sending_is_not_forgotten_when_its_seal_breaks(unseen: Release) -> None:
    unseen.seal()
    unseen.simulator.inject(Fault(effect="drop", method="PUT", path="/advance"))
    with pytest.raises(Held):
        unseen.act().perform(Decision.APPROVED)
    (unseen.evidence.attempt_folder(1) / "plan.json").write_text("{}")
    with pytest.raises(
        Held, match=r"this run took the ticket to approve at .* look at the execution"
    ) as held:
        unseen.act().perform(Decision.APPROVED)
    assert held.value.may_have_left
    assert len(unseen.puts) == 1


def test_what_was_never_sent_raises_no_alarm(release: Release) -> None:
    release.seal(Outcome.FAILED)
    with pytest.raises(Held) as held:
        release.act().perform(Decision.APPROVED)
    assert not held.value.may_have_left
    assert str(held.value) == "Production is held: The verdict is failed; only passed can be approved."


def test_a_request_that_cloud_manager_refused_was_not_carried_out_and_its_ticket_is_spent(
    release: Release,
) -> None:
    release.seal()
    release.simulator.inject(Fault(effect="answer", method="PUT", path="/advance", status=403))
    with pytest.raises(
        Held,
        match=r"The request had no effect\. .*403.* Decide in Cloud Manager\. Its ticket is spent, so the gate",
    ) as held:
        release.act().perform(Decision.APPROVED)
    assert not held.value.may_have_left
    assert len(release.puts) == 1


def test_a_ticket_that_can_t_be_read_may_have_been_sent(release: Release) -> None:
    release.seal()
    release.rights.place(Ticket).parent.mkdir()
    release.rights.place(Ticket).write_text("{")
    with pytest.raises(Held, match=r"Whether it was sent before can't be told: .*tickets") as held:
        release.act().perform(Decision.APPROVED)
    assert held.value.may_have_left
    assert release.puts == []


@pytest.mark.parametrize("other", [{"dag_id": "stage_gate.another"}, {"run_id": "execution-1"}], ids=str)
def test_a_ticket_that_another_run_was_faster_to_take_is_respected(
    release: Release, monkeypatch: pytest.MonkeyPatch, other: dict[str, str]
) -> None:
    """It was there a moment before this task wanted it; that it may have sent something is for that run to tell."""
    release.seal()
    take = Rights.take

    def slower(rights: Rights, record: Any) -> Any:
        if isinstance(record, Ticket):
            take(rights, record.model_copy(update={**other, "decision": "halted", "act": "reject"}))
        return take(rights, record)

    monkeypatch.setattr(Rights, "take", slower)
    with pytest.raises(
        Held, match=r"held: reject was sent, or about to be, at .* by run .* Decide in Cloud Manager\.$"
    ) as held:
        release.act().perform(Decision.APPROVED)
    assert not held.value.may_have_left
    assert release.puts == []
    monkeypatch.undo()
    with pytest.raises(Held, match=r"reject was sent, or about to be, .* Decide in Cloud Manager\.$"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_a_ticket_that_another_try_of_this_task_was_faster_to_take_is_only_read_back(
    unseen: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    unseen.seal()
    take = Rights.take

    def slower(rights: Rights, record: Any) -> Any:
        if isinstance(record, Ticket):
            take(rights, record.model_copy(update={"word": "another"}))
        return take(rights, record)

    monkeypatch.setattr(Rights, "take", slower)
    with pytest.raises(Held, match="a try of this task before this one may have sent it") as held:
        unseen.act().perform(Decision.APPROVED)
    assert held.value.may_have_left
    assert unseen.puts == []


def test_a_record_says_all_that_is_known_of_an_act(release: Release) -> None:
    digest, at = release.seal(), datetime.now(UTC)
    act = Act(release.right(now=lambda: at), release.hook, "stage_gate.larkfell", "execution-1")
    record = act.perform(Decision.APPROVED)
    summary = release.evidence.load_seal(1).verdict.summary
    assert record.sentence.startswith("Cloud Manager acknowledged the request to approve. ")
    assert record.sentence.endswith(f" {summary}")
    assert record.request_id.startswith("simulated-")
    assert record.model_dump(exclude={"sentence", "request_id"}) == {
        "decision": Decision.APPROVED,
        "by": "Stage Gate",
        "at": at,
        "outcome": Outcome.PASSED,
        "seal_digest": digest,
        "production_reached": True,
    }
    for kind, held in ((Claim, release.rights.held(Claim)), (Ticket, release.rights.held(Ticket))):
        assert held is not None, kind
        pin = release.pin
        assert held.model_dump(exclude={"word", "step_id"}) == {
            "act": "approve",
            "decision": "approved",
            "program_id": pin.program_id,
            "pipeline_id": pin.pipeline_id,
            "execution_id": pin.execution_id,
            "seal_digest": digest,
            "dag_id": "stage_gate.larkfell",
            "run_id": "execution-1",
            "at": at,
            "sends_with_ticket": True,
        }


@pytest.mark.parametrize(("poll", "every"), [("1s", 1.0), ("5m", 5.0)])
def test_an_effect_is_looked_for_as_often_as_the_gate_polls_and_every_five_seconds_at_least(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, poll: str, every: float
) -> None:
    release = Release(simulator, tmp_path, waits={"read_back": "2m", "poll": poll})
    release.seal()
    looked = list[tuple[float, float]]()

    def noting(*what: Any, seconds: float, every: float) -> Any:
        looked.append((seconds, every))
        return read_back(*what, seconds=seconds, every=1.0)

    monkeypatch.setattr(road, "read_back", noting)
    release.act().perform(Decision.APPROVED)
    assert looked == [(120.0, every)]


def test_an_act_that_was_acknowledged_and_never_shows_may_have_left(unseen: Release) -> None:
    unseen.seal()
    unseen.simulator.inject(Fault(effect="answer", method="PUT", path="/advance", status=202))
    with pytest.raises(Held, match=r"acknowledged the request to approve, .* and decide there\.$") as held:
        unseen.act().perform(Decision.APPROVED)
    assert held.value.may_have_left
    assert len(unseen.puts) == 1


def test_an_act_that_was_sent_just_now_is_recorded_whatever_is_on_record(release: Release) -> None:
    release.seal()
    at = datetime.now(UTC)
    write_decision(
        release.evidence,
        DecisionRecord(decision=Decision.APPROVED, sentence="It was so.", by="mallory", at=at),
    )
    record = release.act().perform(Decision.APPROVED)
    assert (record.by, record.sentence == "It was so.") == ("Stage Gate", False)


def test_an_execution_that_shows_no_stage_deployment_any_more_is_held(release: Release) -> None:
    release.seal()
    steps = release.simulator.execution(release.execution_id)["_embedded"]["stepStates"]
    elsewhere = {
        str(place): {"environmentType": "dev"}
        for place, step in enumerate(steps)
        if step["action"] == "deploy" and step["environmentType"] == "stage"
    }
    body = {"_embedded": {"stepStates": elsewhere}}
    path = f"/execution/{release.execution_id}$"
    release.simulator.inject(Fault(effect="merge", method="GET", path=path, body=body, times=None))
    with pytest.raises(Held, match=r"Production is held: .*stage"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_what_was_only_found_before_is_no_record_of_an_act(release: Release) -> None:
    release.seal()
    record = release.act().perform(Decision.APPROVED)
    write_decision(release.evidence, record.model_copy(update={"decision": Decision.HELD}))
    again = release.act().perform(Decision.APPROVED)
    assert (again.decision, again.by) == (Decision.APPROVED, "unattributed")


def test_a_record_that_can_t_be_read_is_written_anew_and_that_is_said(
    release: Release, caplog: pytest.LogCaptureFixture
) -> None:
    release.seal()
    write_decision(release.evidence, release.act().perform(Decision.APPROVED))
    (release.evidence.folder / "decision.json").write_text("{")
    assert release.act().perform(Decision.APPROVED).by == "unattributed"
    assert "What is on record can't be read, so it is recorded anew: " in caplog.text


@pytest.mark.parametrize("changed", [False, True])
def test_that_the_code_was_changed_since_it_judged_is_said(
    release: Release, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, changed: bool
) -> None:
    release.seal()
    if changed:
        monkeypatch.setattr(road, "code_digests", dict[str, str])
    release.act().perform(Decision.APPROVED)
    assert ("The code is not the one that judged" in caplog.text) is changed


@pytest.mark.parametrize(
    ("pinned", "now", "mode"),
    [("guard", "guard", Mode.GUARD), ("guard", "shadow", Mode.SHADOW), ("shadow", "guard", Mode.SHADOW)],
)
def test_a_gate_acts_only_while_its_pinned_file_and_the_one_of_now_both_say_so(
    simulator: Simulator, tmp_path: Path, pinned: str, now: str, mode: Mode
) -> None:
    release = Release(simulator, tmp_path, mode=pinned)
    release.seal()
    content = yaml.safe_load(release.gate_file.read_text())
    release.gate_file.write_text(yaml.safe_dump({**content, "mode": now}))
    assert release.right().mode is mode
    if mode is Mode.SHADOW:
        with pytest.raises(Held, match="The gate is in shadow mode"):
            release.act().perform(Decision.APPROVED)
        assert release.puts == []


DOWN, FORBIDDEN = down("/contentFlows"), Fault(effect="answer", status=403, path="/restoreEx", times=None)


@pytest.mark.parametrize(
    ("faults", "outcome", "keys", "want"),
    [
        ([clock(3600)], Outcome.PASSED, KEYS, Want.CLOCK),
        ([DOWN], Outcome.PASSED, KEYS, Want.CLOUD_MANAGER),
        ([DOWN, clock(3600)], Outcome.PASSED, KEYS, Want.CLOUD_MANAGER),
        ([FORBIDDEN], Outcome.PASSED, KEYS, None),
        ([DOWN, FORBIDDEN], Outcome.PASSED, KEYS, None),
        ([clock(3600)], Outcome.FAILED, KEYS, None),
        ([clock(3600)], Outcome.PASSED, NO_KEYS, None),
    ],
    ids=["clock", "down", "both", "forbidden", "down and forbidden", "failed besides", "unsigned besides"],
)
def test_what_may_come_back_by_itself_is_wanted_only_where_nothing_else_is_missing(
    release: Release, faults: list[Fault], outcome: Outcome, keys: Keys, want: Want | None
) -> None:
    release.evidence.keys = keys
    release.seal(outcome)
    release.evidence.keys = KEYS
    for fault in faults:
        release.simulator.inject(fault)
    with pytest.raises(Held) as held:
        release.act().perform(Decision.APPROVED)
    assert held.value.want is want
    assert release.puts == []


def test_a_right_is_read_with_the_clock_of_the_world_and_without_demands_unless_it_is_told_else(
    release: Release,
) -> None:
    told = release.right()
    right = Right(told.gate, told.gate_now, told.gates_folder, told.pin, told.evidence, told.reading)
    assert abs(right.now() - datetime.now(UTC)) < timedelta(minutes=1)
    assert right.demands == NO_DEMANDS


def test_cloud_manager_is_wanted_where_the_execution_itself_can_t_be_read(release: Release) -> None:
    release.seal()
    release.simulator.inject(down(f"/execution/{release.execution_id}"))
    with pytest.raises(Held) as held:
        release.act().perform(Decision.APPROVED)
    assert held.value.want is Want.CLOUD_MANAGER


@pytest.mark.parametrize("other", [{"gate": "another"}, {"gate_digest": "0" * 64}], ids=str)
def test_the_seal_of_another_gate_file_proves_nothing(release: Release, other: dict[str, Any]) -> None:
    attempt = release.begin(**other)
    for check in release.evidence.read_plan(attempt).stage_checks:
        release.keep(attempt, check)
    release.evidence.seal(attempt, judge)
    with pytest.raises(
        Held, match=r"The seal is of another gate file than the one pinned when this run began\.$"
    ):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_a_calendar_is_read_beside_the_gate_file_when_it_is_decided(release: Release) -> None:
    release.seal()
    (release.gate_file.parent / "freezes.ics").write_text(freeze())
    content = yaml.safe_load(release.gate_file.read_text())
    content["policy"] = {"windows": {"timezone": "UTC", "calendar": "freezes.ics"}}
    release.gate_file.write_text(yaml.safe_dump(content))
    with pytest.raises(Held, match="Black Friday"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_a_freeze_of_the_deployment_holds_a_gate_without_windows(release: Release, tmp_path: Path) -> None:
    release.seal()
    company = tmp_path / "company.ics"
    with pytest.raises(Held, match=r"company\.ics can't be read: No such file"):
        release.act(freezes=company).perform(Decision.APPROVED)
    company.write_text(freeze())
    with pytest.raises(Held, match="Black Friday"):
        release.act(freezes=company).perform(Decision.APPROVED)
    assert release.puts == []


def test_a_freeze_that_was_taken_out_while_the_release_was_tested_holds_it_all_the_same(
    simulator: Simulator, tmp_path: Path
) -> None:
    today, tomorrow = (f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}" for days in (0, 1))
    frozen = [{"days": f"{today} to {tomorrow}", "why": "Black Friday"}]
    release = Release(simulator, tmp_path, policy={"windows": {"timezone": "UTC", "frozen": frozen}})
    release.seal()
    content = yaml.safe_load(release.gate_file.read_text())
    release.gate_file.write_text(yaml.safe_dump({**content, "policy": {}}))
    with pytest.raises(Held, match="Black Friday"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_whoever_started_the_execution_overrides_nothing(simulator: Simulator, tmp_path: Path) -> None:
    release = Release(simulator, tmp_path, **ASKING)
    digest = release.seal(Outcome.FAILED)
    release.answer(OVERRIDE, digest, accepts=release.not_passed)
    by_her = Fault(
        effect="merge", path=f"/execution/{release.execution_id}$", body={"user": "alice"}, times=None
    )
    release.simulator.inject(by_her)
    with pytest.raises(Held, match="alice started this execution and can't let it through as well"):
        release.act().perform(Decision.OVERRIDDEN)
    assert release.puts == []


def test_a_check_that_only_warns_is_none_that_the_deployment_wants_to_block(
    simulator: Simulator, tmp_path: Path
) -> None:
    release = Release(simulator, tmp_path, checks={"robots": {"severity": "warn"}})
    release.seal()
    with pytest.raises(
        Held, match=r"The deployment wants no_such_kind, robots to block, and in this plan it did not"
    ):
        release.act(demands=Demands(checks=("robots", "key_pages", "no_such_kind"))).perform(
            Decision.APPROVED
        )
    assert release.puts == []


def test_the_reads_of_one_hook_share_one_connection(release: Release) -> None:
    """A look at stage's surroundings is a dozen requests, and each handshake would make it older."""
    hook = CloudManagerHook()
    for _ in range(3):
        hook.get_execution(release.pin.program_id, release.pin.pipeline_id, release.execution_id)
    pools = hook.keep_alive_adapter.poolmanager.pools  # type: ignore[union-attr]
    assert [(pools[key].num_connections, pools[key].num_requests) for key in pools.keys()] == [(1, 3)]  # noqa: SIM118


def test_rubbish_beside_the_record_keeps_no_approval_from_being_recorded(release: Release) -> None:
    release.seal()
    (release.evidence.folder / "noted.json").write_text("{")
    record = release.act().perform(Decision.APPROVED)
    write_decision(release.evidence, record)
    known = read_decision(release.evidence)
    assert known is not None
    assert known.decision is Decision.APPROVED
    again = release.act().perform(Decision.APPROVED)
    assert (again.decision, again.at) == (Decision.APPROVED, record.at)
    assert len(release.puts) == 1


def test_a_store_that_does_not_say_whether_a_ticket_was_taken_holds(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    release.seal()

    def broken(real: Callable[[Path], Any]) -> Callable[[Path], Any]:
        def ask(path: Path) -> Any:
            if path.parent.name == "tickets":
                raise OSError(5, "Input/output error")
            return real(path)

        return ask

    for asks in ("exists", "read_bytes"):
        monkeypatch.setattr(Path, asks, broken(getattr(Path, asks)))
    assert release.rights.may_have_sent, "who can't tell takes it for sent"
    with pytest.raises(Held, match=r"tickets.* can't be read: .*Input/output error") as held:
        release.act().perform(Decision.APPROVED)
    assert held.value.want is Want.STORE
    assert release.puts == []


def test_the_log_of_an_act_shows_each_step_with_its_place_and_time(
    release: Release, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "stage_gate.acting.road")
    release.seal()
    ticks = count(step=0.25)
    act = replace(release.act(), monotonic=lambda: next(ticks))
    act.perform(Decision.APPROVED)
    rights = Rights(
        release.evidence.store,
        release.pin.program_id,
        release.pin.pipeline_id,
        release.pin.execution_id,
        release.evidence.keys,
    )
    lines = [(each.levelname, each.getMessage()) for each in caplog.records]
    told = [text for level, text in lines if level == "INFO"]
    assert told == [
        f"Claimed the right to act: {rights.place(Claim)}",
        f"Took the ticket to approve: {rights.place(Ticket)}",
        "Sending the one request to approve, 750 ms after the last look.",
    ]
    assert [text for level, text in lines if level == "DEBUG"] == [
        "prove: allowed, so it is sealed.",
        "claim: won, so it is claimed.",
        "confirm: allowed, so it is confirmed.",
        "take the ticket: won, so it is ticketed.",
        "send: accepted, so it is acknowledged.",
        "read back: seen, so it is recorded.",
    ]


def test_a_task_that_is_cleared_says_that_all_was_done(
    release: Release, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "stage_gate.acting.road")
    release.seal()
    write_decision(release.evidence, release.act().perform(Decision.APPROVED))
    caplog.clear()
    release.act().perform(Decision.APPROVED)
    assert [each.getMessage() for each in caplog.records if each.name == "stage_gate.acting.road"] == [
        "This was done and recorded already; nothing was sent again."
    ]


def test_a_record_that_can_t_be_read_is_named(release: Release, caplog: pytest.LogCaptureFixture) -> None:
    release.seal()
    write_decision(release.evidence, release.act().perform(Decision.APPROVED))
    path = release.evidence.folder / "decision.json"
    path.write_text("{")
    release.act().perform(Decision.APPROVED)
    assert f"it is recorded anew: {path}" in caplog.text


def test_what_another_try_of_this_task_has_put_on_record_stands(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It took the ticket, sent and recorded while this one was about to take it."""
    release.seal()
    take = Rights.take
    records = []

    def slower(rights: Rights, record: Any) -> Any:
        if isinstance(record, Ticket):
            monkeypatch.setattr(Rights, "take", take)
            records.append(release.act().perform(Decision.APPROVED))
            write_decision(release.evidence, records[0])
        return take(rights, record)

    monkeypatch.setattr(Rights, "take", slower)
    assert release.act().perform(Decision.APPROVED).model_dump() == records[0].model_dump()
    assert len(release.puts) == 1


def test_a_look_at_stage_alone_may_be_too_long_ago(release: Release) -> None:
    """The look at the step is fresh, that at stage is not."""
    release.seal()
    ticks = iter([0.0, 9.0, 10.5, 20.0, 20.5, 20.6, 20.6, 20.6])
    act = replace(release.act(), monotonic=lambda: next(ticks))
    assert act.perform(Decision.APPROVED).decision is Decision.APPROVED
    assert len(release.puts) == 1
    assert list(ticks) == [], "both looks were taken again"


def test_where_nothing_ran_un_isolated_the_deployment_that_forbids_it_holds_nothing(release: Release) -> None:
    release.seal()
    release.act(demands=Demands(isolation=True)).perform(Decision.APPROVED)
    assert len(release.puts) == 1


def test_what_a_person_or_cloud_manager_says_is_no_check_that_the_deployment_wants(
    simulator: Simulator, tmp_path: Path
) -> None:
    blocking = {"cloud_manager": {"ui_tests": {"severity": "block"}}}
    release = Release(simulator, tmp_path, policy=blocking)
    release.seal()
    plan = release.evidence.read_plan(1)
    assert "cloud_manager" in {each.kind for each in plan.stage_checks if each.blocks}
    with pytest.raises(Held, match="The deployment wants cloud_manager to block"):
        release.act(demands=Demands(checks=("cloud_manager",))).perform(Decision.APPROVED)
    assert release.puts == []
