"""Does a release that may go wait for the window in which it may, and what if somebody decides before?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from airflow.sdk.exceptions import TaskDeferred

from adobe_cloud_manager.ending import Ending, Kind
from adobe_cloud_manager.pinned import PinnedExecution
from adobe_cloud_manager.questions import Goal
from aem_checks.outcomes import Outcome
from simulator import Simulator
from stage_gate.evidence.pin import run_id_of
from stage_gate.rules.decision import APPROVE, KEEP_WAITING, OVERRIDE
from stage_gate.tasks.windows import WaitForWindow
from unit.stage_gate.release import Release
from unit.stage_gate.tasks.test_waits import signing  # noqa: F401 - a fixture

WAYS = ("approve_production", "override_production", "retest_stage", "hold_production", "record_bypass")
FROZEN = {"windows": {"timezone": "UTC", "frozen": [{"days": "2020-01-01", "why": "long ago"}]}}


def frozen_today() -> dict[str, Any]:
    today = datetime.now(UTC)
    days = f"{today - timedelta(days=1):%Y-%m-%d} to {today + timedelta(days=1):%Y-%m-%d}"
    return {"windows": {"timezone": "UTC", "frozen": [{"days": days, "why": "Christmas"}]}}


class Waiting:
    """A release whose ``wait_for_window`` can be run, and the way that it chooses."""

    def __init__(self, simulator: Simulator, folder: Path, policy: dict[str, Any]) -> None:
        self.release = Release(simulator, folder, policy=policy)
        self.chosen: list[str] = []
        self.task = WaitForWindow(
            task_id="wait_for_window",
            gate_file=str(folder / "larkfell.yaml"),
            program_id=self.release.pin.program_id,
            pipeline_id=self.release.pin.pipeline_id,
            execution_id=self.release.execution_id,
            timeout=3600.0,
        )
        self.context: Any = {
            "run_id": run_id_of(self.release.execution_id),
            "dag": SimpleNamespace(dag_id="stage_gate.larkfell"),
        }
        self.task.downstream_task_ids = set(WAYS)
        object.__setattr__(self.task, "do_branch", self._note)

    def _note(self, context: Any, way: str) -> str:
        self.chosen.append(way)
        return way

    def run(self) -> str | None:
        """The way that was chosen, ``None`` while it waits."""
        try:
            self.task.execute(self.context)
        except TaskDeferred as deferred:
            self.is_ended_by_trigger = deferred.trigger.ends_task  # type: ignore[attr-defined]
            self.wakes_at = deferred.trigger.wake_at  # type: ignore[attr-defined]
            return None
        return self.chosen[-1]

    def rewrite(self, policy: dict[str, Any]) -> None:
        content = yaml.safe_load(self.release.gate_file.read_text())
        self.release.gate_file.write_text(yaml.safe_dump(content | {"policy": policy}))


@pytest.mark.usefixtures("signing")
def test_an_open_window_leads_to_the_approval_at_once(simulator: Simulator, tmp_path: Path) -> None:
    waiting = Waiting(simulator, tmp_path, FROZEN)
    waiting.release.seal()
    assert waiting.run() == "approve_production"


@pytest.mark.usefixtures("signing")
def test_a_closed_window_is_waited_for_and_looked_at_every_hour(simulator: Simulator, tmp_path: Path) -> None:
    waiting = Waiting(simulator, tmp_path, frozen_today())
    waiting.release.seal()
    assert waiting.run() is None
    assert 3500 < waiting.wakes_at - datetime.now(UTC).timestamp() < 3700


@pytest.mark.usefixtures("signing")
def test_a_freeze_that_only_the_pinned_gate_knows_still_closes(simulator: Simulator, tmp_path: Path) -> None:
    waiting = Waiting(simulator, tmp_path, frozen_today())
    waiting.release.seal()
    waiting.rewrite(FROZEN)
    assert waiting.run() is None


@pytest.mark.usefixtures("signing")
def test_when_it_is_woken_and_the_window_is_open_the_wait_is_over(
    simulator: Simulator, tmp_path: Path
) -> None:
    waiting = Waiting(simulator, tmp_path, FROZEN)
    waiting.release.seal()
    waiting.rewrite(frozen_today())
    assert waiting.run() is None
    waiting.rewrite(FROZEN)
    with pytest.raises(Exception, match=r"^$"):
        waiting.task.on_wake(waiting.context)
    assert waiting.run() == "approve_production"


@pytest.mark.usefixtures("signing")
def test_the_end_of_the_wait_in_the_triggerer_chooses_the_way_on(
    simulator: Simulator, tmp_path: Path
) -> None:
    waiting = Waiting(simulator, tmp_path, frozen_today())
    waiting.release.seal()
    assert waiting.run() is None
    assert not waiting.is_ended_by_trigger, "then nobody would choose"
    simulator.person("approve", waiting.release.execution_id)
    waiting.release.wait_for("FINISHED")
    pinned = PinnedExecution.of(
        waiting.release.pin.program_id, waiting.release.pin.pipeline_id, waiting.release.execution_id
    )
    value = {"execution_id": pinned.execution_id, "state": "approved", "sentence": "Somebody did."}
    ending = Ending(Kind.DONE, "Somebody did.", value)
    waiting.task.resume(waiting.context, ending.to_event(Goal.DECISION, pinned))
    assert waiting.chosen == ["record_bypass"]


@pytest.mark.usefixtures("signing")
def test_somebody_who_decides_in_cloud_manager_ends_the_wait(simulator: Simulator, tmp_path: Path) -> None:
    waiting = Waiting(simulator, tmp_path, frozen_today())
    waiting.release.seal()
    simulator.person("reject", waiting.release.execution_id)
    waiting.release.wait_for("CANCELLED")
    assert waiting.run() == "record_bypass"


@pytest.mark.usefixtures("signing")
@pytest.mark.parametrize(
    ("option", "way"),
    [(APPROVE, "hold_production"), (OVERRIDE, "override_production"), (KEEP_WAITING, "hold_production")],
)
def test_an_answer_leads_on_only_where_it_is_about_the_newest_verdict(
    simulator: Simulator, tmp_path: Path, option: str, way: str
) -> None:
    policy = {"failed": {"ask": ["alice"]}, **FROZEN}
    waiting = Waiting(simulator, tmp_path, policy)
    seal = waiting.release.seal(Outcome.FAILED)
    waiting.release.answer(option, seal if option == OVERRIDE else "an older one")
    assert waiting.run() == way
