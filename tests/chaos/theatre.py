"""Where is it played? One Airflow on PostgreSQL, the simulator, and a gate for each part."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from airflow_api import AirflowApi
from chaos.phases import Part
from chaos.settings import detection
from chaos.store import Store
from integration.cases import Case
from integration.house import House
from integration.play import Play, Run
from local_postgres import LocalPostgres

if TYPE_CHECKING:
    from chaos.player import Player

_LOCAL_SETTINGS = """\
from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook

CloudManagerHook.__init__.__kwdefaults__ |= {"request_timeout": 600.0, "deadline": 1200.0}
"""
"""Who is held in its moment waits there until all others are in theirs, however long that takes."""
PARALLEL = "16"
"""Tasks at once: every part that is held occupies a process."""
_GLANCE = 0.3


@dataclass(frozen=True)
class TaskNow:
    """A task instance in Airflow's database."""

    state: str | None
    pid: int | None
    attempt: int


class Theatre(House):
    """Everything is up inside the block, and every part has its gate, its pipeline and its sites."""

    def __init__(self, folder: Path, parts: Sequence[Part], *, patient: bool = False) -> None:
        """`patient`: give up less soon what does not answer, on a busy machine."""
        cases = [Case(part.name, _nothing, release=part.release, gate=part.gate) for part in parts]
        super().__init__(folder, cases)
        self.parts = tuple(parts)
        self.patient = patient
        self.players: list[Player] = []
        """Everyone who has played here: late acts are looked for among all of them."""
        self._around = ExitStack()
        self._tasks: dict[tuple[str, str], dict[str, TaskNow]] = {}
        self._states: dict[tuple[str, str], str] = {}
        self._glanced = 0.0

    def __enter__(self) -> Self:
        with ExitStack() as around:
            self.store = around.enter_context(Store(self.folder))
            self.evidence = self.store.evidence
            for part in self.parts:
                if part.starved:
                    self.store.give_own(part.slug)
            self.database = around.enter_context(LocalPostgres())
            super().__enter__()
            self._around = around.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        try:
            super().__exit__(*error)
        finally:
            self._around.close()

    def mend(self) -> None:
        """Undo what was done to the evidence and to the clock."""
        self.store.restore()
        self.simulator.clear_faults()

    def stage_manager(self) -> AirflowApi:
        """A REST client that does not mind dead components."""
        return AirflowApi(self.airflow.url, "admin", self.airflow.passwords["admin"])

    def tasks(self, dag_id: str, run_id: str) -> dict[str, TaskNow]:
        """The tasks of a run, read from the database: that answers whatever has died."""
        self._glance()
        return self._tasks.get((dag_id, run_id), {})

    def run_state(self, dag_id: str, run_id: str) -> str:
        self._glance()
        return self._states.get((dag_id, run_id), "")

    def log(self, dag_id: str, run_id: str, task: str) -> str:
        """The last try's log of a task as it is on disk, what its trigger said after it, an event a line."""
        folder = self.airflow.home / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task}"
        tries: dict[int, list[Path]] = {}
        for path in sorted(folder.glob("attempt=*.log")):
            tries.setdefault(int(path.name.removeprefix("attempt=").partition(".")[0]), []).append(path)
        lines = [
            line for path in tries.get(max(tries, default=0), []) for line in path.read_text().splitlines()
        ]
        return "\n".join(_event(line) for line in lines)

    def forget(self) -> None:
        """Look at the database anew next time."""
        self._glanced = 0.0

    def _glance(self) -> None:
        if time.monotonic() - self._glanced < _GLANCE:
            return
        rows = self.database.query(
            "select dag_id, run_id, task_id, state, pid, try_number from task_instance"
        )
        tasks: dict[tuple[str, str], dict[str, TaskNow]] = {}
        for dag_id, run_id, task, state, pid, attempt in rows:
            tasks.setdefault((dag_id, run_id), {})[task] = TaskNow(state, pid, attempt)
        states = self.database.query("select dag_id, run_id, state from dag_run")
        self._tasks, self._states = tasks, {(dag, run): str(state) for dag, run, state in states}
        self._glanced = time.monotonic()

    def _write_gates(self) -> None:
        super()._write_gates()
        settings = self.folder / "airflow" / "config"
        settings.mkdir(parents=True)
        (settings / "airflow_local_settings.py").write_text(_LOCAL_SETTINGS)

    def _begin(self, stack: ExitStack) -> None:
        self.open_doors()

    def _database(self, stack: ExitStack) -> dict[str, str]:
        return {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self.database.url}

    def _environment(self) -> dict[str, str]:
        return (
            super()._environment()
            | detection(patient=self.patient)
            | {
                "AIRFLOW__CORE__PARALLELISM": PARALLEL,
                "AIRFLOW__STAGE_GATE__EVIDENCE": str(self.evidence),
                "AIRFLOW__ADOBE_CLOUD_MANAGER__REQUESTS_PER_MINUTE": "60000",
            }
        )


def _nothing(play: Play) -> Run:
    raise NotImplementedError("scenes have no scripts")


def _event(line: str) -> str:
    try:
        entry: Any = json.loads(line)
    except ValueError:
        return line
    if not isinstance(entry, dict):
        return line
    errors = [f"{each.get('exc_type')}: {each.get('exc_value')}" for each in entry.get("error_detail") or []]
    return " ".join([str(entry.get("event", "")), *errors])
