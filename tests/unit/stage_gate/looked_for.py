"""What does the reconciler look for? Gate files, runs, and a release whose run has ended."""

from __future__ import annotations

from pathlib import Path

import yaml

from aem_checks.outcomes import Outcome
from simulator import Simulator
from stage_gate.evidence.kept_decisions import DecisionRecord, write_decision
from stage_gate.evidence.store import Evidence
from stage_gate.rules.decision import Decision
from stage_gate.starting import FindExecutions
from unit.stage_gate.release import KEYS, Release
from unit.stage_gate.runs_of_airflow import RunsOfAirflow

PAUSED = "678901"
"""The simulator's pipeline that pauses before production."""


def write_gate(
    folder: Path,
    name: str,
    pipeline: str = PAUSED,
    connection: str = "cloud_manager_default",
    **changes: object,
) -> None:
    content = {
        "pipeline": {"program": "12345", "pipeline": pipeline, "connection": connection},
        "sites": [{"name": name, "stage": "https://stage.simulated.invalid", "pages": ["/"]}],
        "mode": "shadow",
        **changes,
    }
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))


def find(folder: Path, airflow: RunsOfAirflow) -> list[dict[str, str]]:
    return FindExecutions(task_id="find", gates_folder=str(folder)).execute(airflow.context)


class Ended:
    """A release in guard mode whose approval waits, and whose run has ended."""

    def __init__(
        self, simulator: Simulator, gates: Path, airflow: RunsOfAirflow, state: str = "failed"
    ) -> None:
        self.gates, self.airflow = gates, airflow
        self.release = Release(simulator, gates)
        written = self.release.evidence
        self.release.evidence = Evidence(gates.parent / "evidence", written.gate, written.execution_id, KEYS)
        self.folder = Path(str(self.release.evidence.folder))
        self.folder.parent.mkdir(parents=True)
        Path(str(written.folder)).rename(self.folder)
        self.run = ("stage_gate.larkfell", f"execution-{self.release.execution_id}")
        airflow.states[self.run] = state
        airflow.tasks[self.run] = {"pin_candidate": "success"}

    def look(self) -> list[str]:
        return [each["problem"] for each in find(self.gates, self.airflow)]

    def decide(self, decision: Decision) -> None:
        record = DecisionRecord(
            decision=decision,
            sentence="",
            by="Stage Gate",
            at=self.release.pin.pinned_at,
            outcome=Outcome.PASSED,
        )
        write_decision(self.release.evidence, record)
