"""How is a whole release played in seconds? Each task of the gate's own Dag, one after another, without Airflow.

Every task begins with a driver that remembers nothing, as a worker's process does. What Airflow would do is left out: its
database, its retries, the processes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow.sdk.exceptions import TaskDeferred

from simulator import Simulator
from simulator.world import Busy
from stage_gate.configuration.gate_file import load_gate
from stage_gate.dag import build_gate_dag
from stage_gate.evidence.pin import run_id_of
from unit.stage_gate.waiting import until

_LEFT_OUT = frozenset({"start_execution_run"})
_AFTER_A_DECISION = frozenset(
    {"approve_production", "halt_production", "hold_production", "record_bypass", "retest_stage"}
)
_OVER = frozenset({"FINISHED", "CANCELLED", "FAILED", "ERROR"})


class _Kept(dict[str, Any]):
    """What Airflow keeps for a task."""

    set = dict.__setitem__


class Player:
    """Plays releases of one gate."""

    def __init__(self, simulator: Simulator, gate_file: Path, begin: Callable[[str], None]) -> None:
        """``begin`` is told the name of each task before it runs."""
        self.simulator = simulator
        self.gate_file = gate_file
        self.begin = begin
        self.execution_id = ""
        self.errors: dict[str, Exception] = {}
        """What a task of this release failed with."""
        self._kept: defaultdict[str, _Kept] = defaultdict(_Kept)

    def start(self, release: str) -> str:
        """Start an execution and wait until its approval waits; returns its id."""
        until(lambda: self._started(release), f"{release} has begun")
        self.errors.clear()
        self._kept.clear()
        until(lambda: self.approval == "WAITING", "the approval waits")
        return self.execution_id

    def _started(self, release: str) -> bool:
        try:
            self.execution_id = self.simulator.start_execution(release)
        except Busy:
            return False
        return True

    @property
    def approval(self) -> str:
        """The status of the step that asks for production."""
        steps = self.simulator.execution(self.execution_id)["_embedded"]["stepStates"]
        return next((str(step["status"]) for step in steps if step["action"] == "approval"), "")

    def play(self, *, only: Callable[[str], bool] = lambda task: True) -> list[str]:
        """Run the tasks of the gate's Dag in their order; returns where ``decide`` led. What fails is in ``errors``."""
        self.dag = build_gate_dag(load_gate(self.gate_file), self.gate_file, "")
        self.chosen: list[str] = []
        for task in self._in_order():
            if not only(task.task_id):
                continue
            if task.task_id == "wait_for_production_deployment":
                until(
                    lambda: self.simulator.execution(self.execution_id)["status"] in _OVER,
                    "production is there",
                )
            led = self.run(task)
            if task.task_id == "decide" and isinstance(led, list):
                self.chosen = led
        return self.chosen

    def _in_order(self) -> Iterator[Any]:
        for task in self.dag.topological_sort():
            name = task.task_id
            to_production = "production_tests" in name or name.endswith(
                ("production_deployment", "production_pages")
            )
            if name in _LEFT_OUT or (name in _AFTER_A_DECISION and name not in self.chosen):
                continue
            if to_production and (
                "approve_production" not in self.chosen or "approve_production" in self.errors
            ):
                continue
            yield task

    def run(self, task: Any) -> Any:
        """Run one task; what it fails with is in ``errors``."""
        self.begin(task.task_id)
        if hasattr(task, "execution_id"):
            task.execution_id = self.execution_id
        context: Any = {
            "run_id": run_id_of(self.execution_id),
            "dag": self.dag,
            "ti": SimpleNamespace(task_id=task.task_id, try_number=1, max_tries=0),
            "task_state_store": self._kept[task.task_id],
            "outlet_events": defaultdict(SimpleNamespace),
        }
        try:
            work = getattr(task, "choose_branch", task.execute)
            return work(context)
        except TaskDeferred:
            return None
        except Exception as error:  # noqa: BLE001 - a task that fails ends, and the others go on
            self.errors[task.task_id] = error
            return None
        finally:
            self.begin("nobody")
