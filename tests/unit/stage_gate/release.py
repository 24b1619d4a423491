"""A simulated release whose approval waits, with its gate's evidence: what tests of acting start from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import yaml

from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
from aem_checks.outcomes import Outcome
from simulator import Fault, Simulator
from stage_gate.acting.act import Act
from stage_gate.acting.right import Right
from stage_gate.configuration.chapters import chapters_of
from stage_gate.configuration.gate import Gate
from stage_gate.configuration.gate_file import load_gate
from stage_gate.configuration.planning import plan_of
from stage_gate.evidence.claims import Rights
from stage_gate.evidence.kept_decisions import StoredAnswer, write_answer
from stage_gate.evidence.pin import Pin, run_id_of
from stage_gate.evidence.signing import Keys, read_key
from stage_gate.evidence.store import Evidence
from stage_gate.observing.observe import read_candidate
from stage_gate.rules.demands import NO_DEMANDS, Demands
from stage_gate.rules.own_tests import OwnTest
from stage_gate.rules.plan import PlannedCheck, RecordedResult
from stage_gate.rules.verdict import judge
from stage_gate.tasks.chapter import RunChapter
from unit.stage_gate.samples import result
from unit.stage_gate.waiting import until

KEYS = Keys(private=read_key("c3RhZ2UgZ2F0ZSB0ZXN0cyBvbmx5LCAzMiBieXRlcyE="))
"""A key for tests alone."""
OVER = {"FINISHED", "CANCELLED", "FAILED", "ERROR"}
"""Statuses of an execution that has ended."""
BRIEFLY = {"read_back": "1s", "poll": "1s"}
"""The waits of a gate whose act will not be seen to have an effect, however long it looks."""


def down(path: str = "") -> Fault:
    """A service that can't answer, and says that it will not for longer than any read has patience."""
    return Fault(effect="answer", status=503, headers={"Retry-After": "3600"}, path=path, times=None)


def chapter_with(release: Release, key: str) -> RunChapter:
    """The task that runs this check of stage."""
    chapters = chapters_of(release.gate, "stage")
    (name,) = [each.name for each in chapters if any(check.key == key for check in each.checks)]
    return RunChapter(task_id=name, gate_file=str(release.gate_file), chapter=name, target="stage")


class Release:
    """A simulated release whose approval waits, and its gate's evidence."""

    def __init__(
        self,
        simulator: Simulator,
        folder: Path,
        release: str = "good",
        own_tests: tuple[OwnTest, ...] = (),
        **gate: object,
    ) -> None:
        self.simulator = simulator
        self.hook = CloudManagerHook()
        self.execution_id = simulator.start_execution(release)
        self.wait_for("WAITING")
        self.gate = self._gate(folder, gate)
        self.evidence = Evidence(folder / "evidence", self.gate.name, self.execution_id, KEYS)
        self.pin = Pin(
            gate=self.gate.name,
            gate_digest=self.gate.digest,
            gate_content=self.gate.content,
            program_id=simulator.program_id,
            pipeline_id=simulator.pipeline_id,
            execution_id=self.execution_id,
            trigger="MANUAL",
            pinned_at=datetime.now(UTC),
            own_tests=own_tests,
        )
        self.evidence.write_pin(self.pin)

    def wait_for(self, status: str) -> None:
        until(lambda: self.approval_status == status, f"the approval is {status}")

    def wait_for_end(self) -> None:
        """Until the execution is over."""
        until(lambda: self.simulator.execution(self.execution_id)["status"] in OVER, "the execution is over")

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
            "waits": {"read_back": "60s", "poll": "1s"},
            **changes,
        }
        self.gate_file = folder / "larkfell.yaml"
        self.gate_file.write_text(yaml.safe_dump(content))
        return load_gate(self.gate_file)

    def seal(self, outcome: Outcome = Outcome.PASSED, tested_at: datetime | None = None) -> str:
        """Test it, so to speak: every check with the same outcome, sealed. Returns the seal's digest."""
        attempt = self.begin(tested_at)
        for check in self.evidence.read_plan(attempt).stage_checks:
            self.keep(attempt, check, outcome)
        return self.evidence.seal(attempt, judge).digest

    def begin(self, tested_at: datetime | None = None, **changes: object) -> int:
        """Open an attempt, as ``settle_stage`` does; ``changes`` are what its plan says otherwise."""
        execution = self.hook.get_execution(self.pin.program_id, self.pin.pipeline_id, self.execution_id)
        candidate = read_candidate(self.hook, execution, self.gate.pipeline.source_pipeline)
        plan = plan_of(self.gate, self.pin, tested_at or datetime.now(UTC), NO_DEMANDS)
        return self.evidence.begin_attempt(plan.model_copy(update=changes), candidate)

    def keep(self, attempt: int, check: PlannedCheck, outcome: Outcome = Outcome.PASSED) -> None:
        """Keep a result of a check that was planned."""
        entry = RecordedResult(
            candidate_digest=self.evidence.read_candidate(attempt).digest,
            attempt=attempt,
            settings_digest=check.settings_digest,
            result=result(check.key, outcome, kind=check.kind, site=check.site, severity=check.severity),
        )
        self.evidence.write_result(attempt, entry)

    def answer(
        self,
        option: str,
        seal_digest: str,
        by: str = "alice",
        reason: str = "Known, accepted.",
        accepts: tuple[str, ...] = (),
    ) -> None:
        answer = StoredAnswer(
            option=option,
            by=by,
            reason=reason,
            at=datetime.now(UTC),
            seal_digest=seal_digest,
            accepts=accepts,
        )
        write_answer(self.evidence, answer)

    @property
    def not_passed(self) -> tuple[str, ...]:
        """What an override of the newest seal has to accept."""
        return self.evidence.load_seal(self.evidence.latest_sealed()).verdict.not_passed

    def right(
        self,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        demands: Demands = NO_DEMANDS,
        freezes: Path | None = None,
    ) -> Right:
        return Right(
            gate=self.gate,
            gate_now=load_gate(self.gate_file),
            gates_folder=self.gate_file.parent,
            pin=self.pin,
            evidence=self.evidence,
            reading=self.hook,
            demands=demands,
            freezes=freezes,
            now=now,
        )

    def act(self, **right: object) -> Act:
        """An act whose clock stands still, so that no look is ever too long ago."""
        run_id = run_id_of(self.execution_id)
        return Act(self.right(**right), self.hook, "stage_gate.larkfell", run_id, lambda: 0.0)  # type: ignore[arg-type]

    @property
    def rights(self) -> Rights:
        """Claim and ticket of the candidate."""
        pin = self.pin
        return Rights(self.evidence.store, pin.program_id, pin.pipeline_id, pin.execution_id, KEYS)

    @property
    def puts(self) -> list[str]:
        return [r.path for r in self.simulator.requests if r.method == "PUT" and "/step/" in r.path]
