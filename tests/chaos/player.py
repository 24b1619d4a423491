"""How is one release brought to the moment in which something is struck, let go, and looked at afterwards?"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chaos.phases import Part, Phase
from simulator import Simulator
from simulator.acts import ActRefused
from simulator.holds import Hold
from simulator.request_log import RecordedRequest

if TYPE_CHECKING:
    from chaos.theatre import TaskNow, Theatre

Json = dict[str, Any]
_OVER = frozenset({"success", "failed"})
_PRODUCTION_WAITS = re.compile(
    r"production (is|was) (held|untouched|not touched)|production waits|un-approved|^Held\b|^Unclear\b|^Undecided\b"
    r"|decide (there|in Cloud Manager)",
    re.IGNORECASE | re.MULTILINE,
)


class Player:
    """One release of one part, in one scene."""

    def __init__(self, part: Part, theatre: Theatre, *, in_task: bool) -> None:
        """`in_task`: a task of it shall be running in its moment, also where a trigger waits otherwise."""
        self.part = part
        self.theatre = theatre
        self.simulator: Simulator = theatre.simulator
        self.in_task = in_task
        self.dag_id = f"stage_gate.{part.slug}"
        self.pipeline = theatre.pipelines[part.name]
        self.go = theatre.folder / f"{part.slug}.go"
        self.execution = self.run_id = ""
        self.began = 0.0
        self._pipe: Pipe | None = None
        self._hold: Hold | None = None

    def begin(self) -> None:
        """Cloud Manager starts an execution, the gate its run."""
        self.go.unlink(missing_ok=True)
        self._pipe = None
        self.began = time.monotonic()
        self.execution = self.simulator.start_execution(self.part.name, pipeline=self.pipeline)
        self.run_id = f"execution-{self.execution}"
        wanted = self._wanted()
        self._hold = self.simulator.hold(wanted) if wanted is not None else None
        self.theatre.stage_manager().trigger(self.dag_id, run_id=self.run_id)

    @property
    def folder(self) -> Path:
        return self.theatre.evidence / self.part.slug / self.run_id

    @property
    def tasks(self) -> dict[str, TaskNow]:
        return self.theatre.tasks(self.dag_id, self.run_id)

    @property
    def is_over(self) -> bool:
        return self.theatre.run_state(self.dag_id, self.run_id) in _OVER

    @property
    def has_failed(self) -> bool:
        return self.theatre.run_state(self.dag_id, self.run_id) == "failed"

    @property
    def running(self) -> dict[str, int]:
        """The tasks that run now, with the ids of their processes."""
        return {
            name: task.pid
            for name, task in self.tasks.items()
            if task.state == "running" and task.pid is not None
        }

    def state(self, task: str) -> str | None:
        found = self.tasks.get(task)
        return found.state if found is not None else None

    @property
    def is_tested(self) -> bool:
        """Its test waits for a word; from the verdict on nothing but the gate's own tasks asks about the execution."""
        if self.part.phase.is_deferred:
            return True
        testing = self.state("stage_tests.waits_for_a_file") == "running"
        return testing and self.state("wait_for_approval_step") == "success"

    def go_to_its_moment(self) -> None:
        """Give that word, except to the part whose moment is the test. `is_tested` before."""
        if self.part.phase is Phase.JUDGING:
            self._lay_pipe()
        if self.part.phase is not Phase.TESTING:
            self.go.touch()

    @property
    def is_in_its_moment(self) -> bool:
        phase = self.part.phase
        if phase is Phase.WAITING:
            both = {self.state("wait_for_stage_deployment"), self.state("wait_for_approval_step")}
            return bool(self._hold and self._hold.caught > 1) if self.in_task else both == {"deferred"}
        if phase is Phase.HOLDING:
            return bool(self._hold and self._hold.caught) if self.in_task else self.is_holding
        if phase is Phase.TESTING:
            return self.is_tested
        if phase is Phase.JUDGING:
            return self._pipe is not None and self._pipe.is_read_by(self.running.get("judge"))
        return self._hold is not None and self._hold.caught > 0

    @property
    def is_holding(self) -> bool:
        return self.state("hold_production") == "deferred"

    @property
    def is_at_rest(self) -> bool:
        """Nothing more becomes of it by itself: a hold whose production is decided notices that in a moment."""
        return self.is_over or (self.is_holding and self.approval["status"] == "WAITING")

    def let_go(self) -> None:
        """Let the release go on from its moment."""
        self.go.touch()
        if self._pipe is not None:
            self._pipe.open()
            self._pipe = None
        if self._hold is not None:
            self.simulator.let_go(self._hold)
        if self.part.phase is Phase.WAITING:
            with contextlib.suppress(ActRefused):
                self.simulator.person("approve", self.execution)

    def reject(self) -> None:
        """Somebody ends what still waits, so that the pipeline is free."""
        with contextlib.suppress(ActRefused, KeyError):
            self.simulator.person("reject", self.execution)
        if self.simulator.execution(self.execution)["status"] == "RUNNING":
            self.simulator.person("cancel", self.execution)

    @property
    def approval(self) -> Json:
        """The approval step as Cloud Manager shows it."""
        steps = self.simulator.execution(self.execution)["_embedded"]["stepStates"]
        return dict(next(step for step in steps if step["action"] == "approval"))

    @property
    def puts(self) -> list[RecordedRequest]:
        """Everything that was sent to change something of this execution."""
        return [
            each
            for each in self.simulator.requests
            if _changes(each) and f"/execution/{self.execution}/" in each.path
        ]

    @property
    def decision(self) -> Json:
        """What is on record, wherever the evidence is now; empty where nothing is."""
        folders = [root / self.part.slug / self.run_id for root in self.theatre.store.roots]
        places = [folder / name for name in ("decision.json", "noted.json") for folder in folders]
        return next((found for found in map(_read, places) if found), {})

    @property
    def sealed_outcome(self) -> str:
        """What the newest seal says, read without any of the code that wrote it; empty where there is none."""
        of = f"{self.part.slug}/{self.run_id}/attempt-*/manifest.json"
        sealed = [path.parent for root in self.theatre.store.roots for path in root.glob(of)]
        newest = max(sealed, default=self.folder, key=lambda path: path.name)
        return str(_read(newest / "manifest.json").get("verdict", {}).get("outcome", ""))

    def says_that_production_waits(self) -> str:
        """The sentence that tells so, the last of its log: of the hold, of the report, of a failed act, on record."""
        logs = [self.log(task) for task in ("hold_production", "publish_report", *self._failed_tasks())]
        for text in (*logs, str(self.decision.get("sentence", ""))):
            for line in reversed(text.splitlines()):
                if _PRODUCTION_WAITS.search(line):
                    return line
        return ""

    def log(self, task: str) -> str:
        return self.theatre.log(self.dag_id, self.run_id, task)

    def _failed_tasks(self) -> list[str]:
        return [name for name, task in self.tasks.items() if task.state == "failed"]

    def _lay_pipe(self) -> None:
        """Whoever digests the evidence stands still at this pipe until it is opened: `judge`, before it seals."""
        newest = max(self.folder.glob("attempt-*"), key=lambda path: path.name)
        one_file_system = self.folder.parent if self.part.starved else self.theatre.store.mount
        outside = one_file_system / f"{self.execution}.pipe"
        self._pipe = Pipe(outside, newest / "sites" / self.part.slug / "pipe")

    def _wanted(self) -> Hold | None:
        """What is held for this part: a request that it sends in its moment and in no other."""
        of = f"/execution/{self.execution}"
        conditions: dict[Phase, Callable[[], bool]] = {
            Phase.SEALED: lambda: self._has("attempt-*/manifest.json"),
            Phase.CLAIMED: lambda: self._is_taken("claims") and not self._is_taken("tickets"),
            Phase.READ_BACK: lambda: self._acts(),
        }
        if self.in_task:
            conditions[Phase.WAITING] = lambda: self._has("pin.json")
            conditions[Phase.HOLDING] = lambda: self._has("noted.json")
        phase = self.part.phase
        if phase in (Phase.SENT, Phase.ANSWERED):
            return Hold(
                lambda request: _changes(request) and of in request.path, answered=phase is Phase.ANSWERED
            )
        holds = conditions.get(phase)
        if holds is None:
            return None
        return Hold(lambda request: request.method == "GET" and request.path.endswith(of) and holds())

    def _has(self, pattern: str) -> bool:
        return any(self.folder.glob(pattern))

    def _is_taken(self, what: str) -> bool:
        return any(self.theatre.evidence.glob(f"{what}/*execution-{self.execution}.json"))

    def _acts(self) -> bool:
        return any(act.execution == self.execution for act in self.simulator.acts)


def _changes(request: RecordedRequest) -> bool:
    return request.service == "api" and request.method not in ("GET", "HEAD", "OPTIONS")


class Pipe:
    """A file whose reader stands still until it is opened. `outside`: where it is besides, on the same file system."""

    def __init__(self, outside: Path, inside: Path) -> None:
        self._outside, self._inside = outside, inside
        os.mkfifo(outside)
        self._writing = os.open(
            outside, os.O_RDWR
        )  # so that a reader gets in, and waits there for a first byte
        os.link(outside, inside)

    def is_read_by(self, pid: int | None) -> bool:
        """Whether a process has it open."""
        ours = os.fstat(self._writing)
        with contextlib.suppress(OSError):  # it has ended
            for file in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
                    found = file.stat()
                    if (found.st_dev, found.st_ino) == (ours.st_dev, ours.st_ino):
                        return True
        return False

    def open(self) -> None:
        """Put an empty file in its place, and let whoever waits at the pipe find it empty, too."""
        try:
            empty = self._inside.with_name(f".{self._inside.name}.partial")
            empty.touch()
            empty.replace(self._inside)
        except OSError:  # no room, or no folder any more
            self._inside.unlink(missing_ok=True)
        os.close(self._writing)
        self._outside.unlink(missing_ok=True)


def _read(path: Path) -> Json:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    for wrapping in ("signed", "record"):
        found = found.get(wrapping, found)
    return found if isinstance(found, dict) else {}
