"""One act, only with proof, only once: the acting road against the simulator of Cloud Manager."""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
from aem_checks.outcomes import Outcome
from simulator import Fault, Simulator
from stage_gate.acting import Act, Held
from stage_gate.claims import ClaimUnsupported
from stage_gate.decision import APPROVE, HALT, OVERRIDE, Decision
from stage_gate.evidence import Evidence
from stage_gate.gate import Gate
from stage_gate.gate_file import load_gate
from stage_gate.observe import read_candidate
from stage_gate.pin import Pin, run_id_of
from stage_gate.plan import RecordedResult
from stage_gate.record import StoredAnswer, write_answer, write_decision
from stage_gate.tasks.stage import plan_of
from stage_gate.verdict import judge
from unit.stage_gate.samples import result


class Release:
    """A simulated release whose approval waits, and its gate's evidence."""

    def __init__(self, simulator: Simulator, folder: Path, release: str = "good", **gate: object) -> None:
        self.simulator = simulator
        self.hook = CloudManagerHook()
        self.execution_id = simulator.start_execution(release)
        self.wait_for("WAITING")
        self.gate = self._gate(folder, gate)
        self.evidence = Evidence(folder / "evidence", self.gate.name, self.execution_id)
        self.pin = Pin(
            gate=self.gate.name,
            gate_digest=self.gate.digest,
            gate_content=self.gate.content,
            program_id=simulator.program_id,
            pipeline_id=simulator.pipeline_id,
            execution_id=self.execution_id,
            trigger="MANUAL",
            pinned_at=datetime.now(UTC),
        )
        self.evidence.write_pin(self.pin)

    def wait_for(self, status: str) -> None:
        for _ in range(400):
            if self.approval_status == status:
                return
            threading.Event().wait(0.02)
        raise AssertionError(f"the approval is {self.approval_status}, not {status}")

    @property
    def approval_status(self) -> str:
        steps = self.simulator.execution(self.execution_id)["_embedded"]["stepStates"]
        return str(next(step["status"] for step in steps if step["action"] == "approval"))

    def _gate(self, folder: Path, changes: dict[str, object]) -> Gate:
        stage = self.hook.get_execution(
            self.simulator.program_id, self.simulator.pipeline_id, self.execution_id
        ).stage_deployment
        assert stage is not None
        publish = next(url.url for url in stage.environment_urls if url.instance_type == "publish")
        content = {
            "pipeline": {"program": self.simulator.program_id, "pipeline": self.simulator.pipeline_id},
            "sites": [{"name": "larkfell", "stage": publish, "pages": ["/"]}],
            "mode": "guard",
            "waits": {"read_back": "2s", "poll": "1s"},
            **changes,
        }
        path = folder / "larkfell.yaml"
        path.write_text(yaml.safe_dump(content))
        return load_gate(path)

    def seal(self, outcome: Outcome = Outcome.PASSED) -> str:
        """Test it, so to speak: every check with the same outcome, sealed. Returns the seal's digest."""
        execution = self.hook.get_execution(
            self.simulator.program_id, self.simulator.pipeline_id, self.execution_id
        )
        candidate = read_candidate(self.hook, execution)
        plan = plan_of(self.gate, self.pin)
        attempt = self.evidence.begin_attempt(plan, candidate)
        for check in plan.stage_checks:
            entry = RecordedResult(
                candidate_digest=candidate.digest,
                attempt=attempt,
                settings_digest=check.settings_digest,
                result=result(check.key, outcome, kind=check.kind, site=check.site, severity=check.severity),
            )
            self.evidence.write_result(attempt, entry)
        verdict = judge(plan, candidate, self.evidence.read_results(attempt))
        return self.evidence.seal(attempt, verdict).digest

    def answer(
        self, option: str, seal_digest: str, by: str = "alice", reason: str = "Known, accepted."
    ) -> None:
        answer = StoredAnswer(
            option=option, by=by, reason=reason, at=datetime.now(UTC), seal_digest=seal_digest
        )
        write_answer(self.evidence, answer)

    def act(self) -> Act:
        run_id = run_id_of(self.execution_id)
        return Act(
            self.gate,
            self.gate.mode,
            self.pin,
            self.evidence,
            self.hook,
            self.hook,
            "stage_gate.larkfell",
            run_id,
        )

    @property
    def puts(self) -> list[str]:
        return [r.path for r in self.simulator.requests if r.method == "PUT" and "/step/" in r.path]


@pytest.fixture
def release(simulator: Simulator, tmp_path: Path) -> Release:
    return Release(simulator, tmp_path)


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
    folder = release.evidence.attempt_folder(1)
    verdict = json.loads((folder / "verdict.json").read_text())
    (folder / "verdict.json").write_text(json.dumps(verdict | {"outcome": "passed"}))
    with pytest.raises(Held, match="was changed after it was sealed"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_a_verdict_that_its_own_results_contradict_is_not_believed(release: Release) -> None:
    """Even resealed: the acting task recomputes the verdict from the results."""
    release.seal(Outcome.FAILED)
    folder = release.evidence.attempt_folder(1)
    forged = release.evidence.load_seal(1).verdict.model_copy(update={"outcome": Outcome.PASSED})
    (folder / "manifest.json").unlink()
    release.evidence.seal(1, forged)
    with pytest.raises(Held, match="amount to failed"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_the_seal_of_another_execution_proves_nothing(release: Release) -> None:
    release.seal()
    release.simulator.person("reject", release.execution_id)
    release.wait_for("CANCELLED")
    threading.Event().wait(0.3)
    second = Release(release.simulator, release.evidence.store.parent)
    shutil.copytree(release.evidence.attempt_folder(1), second.evidence.attempt_folder(1))
    with pytest.raises(Held, match="not the one that was tested"):
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
    assert "claimed earlier" in record.sentence
    assert len(release.puts) == 1


def test_two_runs_at_once_send_one_act(release: Release) -> None:
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
    assert release.act().perform(Decision.APPROVED) == record
    assert len(release.puts) == 1


def test_a_lost_answer_is_resolved_by_reading_back_and_never_sent_again(release: Release) -> None:
    release.seal()
    release.simulator.inject(Fault(effect="lose_answer", method="PUT", path="/advance"))
    record = release.act().perform(Decision.APPROVED)
    assert record.decision is Decision.APPROVED
    assert record.by == "unattributed"
    assert len(release.puts) == 1


def test_an_answer_that_was_lost_on_the_way_there_holds(release: Release) -> None:
    release.seal()
    release.simulator.inject(Fault(effect="drop", method="PUT", path="/advance"))
    with pytest.raises(Held, match="not sent again"):
        release.act().perform(Decision.APPROVED)
    assert release.approval_status == "WAITING"
    with pytest.raises(Held):
        release.act().perform(Decision.APPROVED)
    assert len(release.puts) == 1


@pytest.mark.parametrize("status", [401, 403, 409, 429, 500, 503])
def test_a_refused_act_is_held_and_not_repeated(release: Release, status: int) -> None:
    release.seal()
    release.simulator.inject(Fault(effect="answer", method="PUT", path="/advance", status=status, times=None))
    with pytest.raises(Held):
        release.act().perform(Decision.APPROVED)
    assert len(release.puts) == 1


def test_a_redirect_is_not_followed(release: Release) -> None:
    release.seal()
    elsewhere = {"Location": f"{release.simulator.api_url}/api/elsewhere"}
    release.simulator.inject(
        Fault(effect="answer", method="PUT", path="/advance", status=307, headers=elsewhere)
    )
    with pytest.raises(Held):
        release.act().perform(Decision.APPROVED)
    assert [r.path for r in release.simulator.requests if r.method == "PUT"] == release.puts
    assert len(release.puts) == 1


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


def test_an_override_needs_an_answer_to_this_very_verdict(release: Release) -> None:
    seal = release.seal(Outcome.FAILED)
    with pytest.raises(Held):
        release.act().perform(Decision.OVERRIDDEN)
    release.answer(OVERRIDE, "an older seal")
    with pytest.raises(Held):
        release.act().perform(Decision.OVERRIDDEN)
    release.answer(HALT, seal)
    with pytest.raises(Held):
        release.act().perform(Decision.OVERRIDDEN)
    assert release.puts == []
    release.answer(OVERRIDE, seal)
    record = release.act().perform(Decision.OVERRIDDEN)
    assert (record.decision, record.by) == (Decision.OVERRIDDEN, "alice")
    assert "Known, accepted." in record.sentence


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
    threading.Event().wait(0.6)
    steps = simulator.execution(execution_id)["_embedded"]["stepStates"]
    waiting = [step for step in steps if step["status"] == "WAITING"]
    assert [step["environmentType"] for step in waiting] == ["stage"]


def test_evidence_that_cannot_be_claimed_in_is_refused(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    release.seal()

    def refuse(*_: object) -> None:
        raise ClaimUnsupported("This store can't create exclusively.")

    monkeypatch.setattr("stage_gate.acting.take", refuse)
    with pytest.raises(Held, match="can't create exclusively"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_a_sibling_that_cannot_be_read_any_more_voids_the_tests(release: Release) -> None:
    release.seal()
    gone = Fault(effect="answer", method="GET", path="/pipeline/678904/executions", status=403, times=None)
    release.simulator.inject(gone)
    with pytest.raises(Held, match="can't be read now"):
        release.act().perform(Decision.APPROVED)
    assert release.puts == []


def test_one_claim_holds_whatever_the_api_is_called(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    release.seal()
    release.simulator.inject(Fault(effect="drop", method="PUT", path="/advance"))
    with pytest.raises(Held):
        release.act().perform(Decision.APPROVED)
    other_name = release.simulator.api_url.replace("127.0.0.1", "localhost")
    monkeypatch.setenv("AIRFLOW__ADOBE_CLOUD_MANAGER__API_URL", other_name)
    release.hook = CloudManagerHook()
    with pytest.raises(Held):
        release.act().perform(Decision.APPROVED)
    assert len(release.puts) == 1


def test_another_gates_act_is_not_taken_for_ones_own(release: Release) -> None:
    """Two gates, one pipeline, one store: what the other one approved stays no approval of a failed verdict."""
    seal = release.seal(Outcome.FAILED)
    release.answer(OVERRIDE, seal)
    release.act().perform(Decision.OVERRIDDEN)
    (release.evidence.folder / "answer.json").unlink()
    for decision in (Decision.APPROVED, Decision.OVERRIDDEN):
        with pytest.raises(Held):
            release.act().perform(decision)
    assert len(release.puts) == 1
