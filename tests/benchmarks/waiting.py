"""What do a thousand waiting gates cost a triggerer and Cloud Manager, and how soon do they see what happens?

``python -m benchmarks.waiting --quick`` measures fifty gates in three or four minutes, to try the measurement.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from adobe_cloud_manager.events.hint import HINT_VARIABLE, merged
from adobe_cloud_manager.questions import Goal
from airflow_api import AirflowApiError
from benchmarks import waiting_gates
from benchmarks.figures import Figure, say, table
from benchmarks.waiting_airflow import CAPACITY, PER_MINUTE, Bench, Size, Usage, serve
from benchmarks.waiting_gates import PROGRAM, Wait
from waiting_model import STATED, percentile, play

_OURS = "adobe_cloud_manager.triggers.execution_wait.ExecutionTrigger"
_HTTP = "airflow.providers.http.triggers.http.HttpSensorTrigger"
TITLE = (
    "9. Waiting: 1,000 gates in one triggerer, beside 1,000 waits of the HTTP provider that poll every 10 s"
)
NOTES = (
    *STATED,
    "The gates are drawn as an ordinary moment finds them, each somewhere in its release, and run in real time; nothing is",
    "compressed. A gate that waits for its stage deployment waits for the approval too: two triggers, so there are more than",
    "1,000. The calls and delays of whole releases are those of the real waits on a clock of their own (waiting_model).",
    f"Configured: [triggerer] capacity {CAPACITY} (default 1,000), [adobe_cloud_manager] requests_per_minute {PER_MINUTE} (120),",
    "and at least 4,096 open files (ulimit -n), since each wait that says something keeps a log file open. Memory and CPU are",
    "those of the triggerer's two processes; a new triggerer for each measurement. The first wait that reads a connection or a",
    "Variable makes the triggerer build Airflow's in-process API: what one wait costs, all waits of any provider share.",
    "Delays run from the step's end at Cloud Manager to the task's row in Airflow's database. Events arrive 0.5–2 s after it.",
)


FULL = Size()
QUICK = Size(gates=50, idle=8, settle=15, quiet=30, events=20, http=12, hops=1, modelled=40)


def measure(size: Size = FULL) -> list[Figure]:
    """Start a server and an Airflow, and let the gates and the HTTP provider's triggers wait there in turn."""
    home = Path(tempfile.mkdtemp(prefix="stage-gate-bench-"))
    try:
        with ExitStack() as stack:
            return _measure(size, home, stack)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _measure(size: Size, home: Path, stack: ExitStack) -> list[Figure]:
    waits = waiting_gates.draw(size.gates, seed=2026)
    server = stack.enter_context(serve(waits, home))
    bench = Bench(size, home, server, stack, {"one": 1, "ours": len(waits), "http": size.gates})
    idle, idle_hop = bench.usage(size.idle), bench.hop()
    bench.defer("one", [(_OURS, waits[0].kwargs)])
    bench.settle("one", size.idle)
    one = bench.usage(5)
    bench.clear("one")
    bench.defer("ours", [(_OURS, wait.kwargs) for wait in waits])
    bench.restart_triggerer()
    taken = bench.settle("ours")
    watch = Watch(
        bench, [wait for wait in waits if wait.goal is not Goal.DECISION], since=taken + size.settle / 3
    )
    quiet = bench.usage(size.quiet, watch.look)
    quiet_late = watch.late(60.0)
    watch = Watch(bench, waits, events=True)
    told = bench.usage(size.events, watch.look)
    told_late = watch.late(15.0)
    hop = bench.hop()
    bench.clear("ours")
    endpoints = [
        {"endpoint": f"waits/{n}", "http_conn_id": "waits", "poke_interval": 10.0} for n in range(size.gates)
    ]
    bench.defer("http", [(_HTTP, arguments) for arguments in endpoints])
    bench.restart_triggerer()
    bench.settle("http")
    http, http_hop = bench.usage(size.http), bench.hop()
    costs = _costs(size, len(waits), Usages(idle, one, quiet, told, http))
    return [*costs, *_delays(quiet_late, told_late), *_modelled(size), *_hops(idle_hop, hop, http_hop)]


class Watch:
    """Sees which waits ended when, and tells of events."""

    def __init__(
        self, bench: Bench, waits: list[Wait], *, since: float | None = None, events: bool = False
    ) -> None:
        self.bench, self.waits = bench, waits
        self.began, self.ended = since or time.time(), 0.0
        self._over: dict[int, float] = {}
        self._events = sorted(self._heard(waits)) if events else []

    def look(self) -> None:
        """Note what ended, hand over the events that are due."""
        now = self.ended = time.time()
        due = [subject for at, subject in self._events if at <= now]
        if due:
            self._events = self._events[len(due) :]
            self._hint(due)
        query = "SELECT map_index, updated_at FROM task_instance WHERE dag_id = 'ours' AND map_index >= 0 AND state <> 'deferred'"
        for number, at in self.bench.rows(query):
            self._over.setdefault(number, _timestamp(at))

    def late(self, margin: float) -> list[float]:
        """How late the waits ended, sorted, in seconds; of those not seen yet at least how late.

        All count whose goal was reached while it was watched, up to ``margin`` seconds before the end.
        """
        found = [wait for wait in self.waits if self.began <= wait.reached_at <= self.ended - margin]
        return sorted(max(0.0, self._over.get(wait.number, self.ended) - wait.reached_at) for wait in found)

    def _heard(self, waits: list[Wait]) -> Iterator[tuple[float, str]]:
        dice = random.Random(1)
        for gate in {wait.gate.execution_id: wait.gate for wait in waits}.values():
            for change in gate.plan.changes:
                at = gate.created_at + change + dice.uniform(0.5, 2.0)
                if at > self.began:
                    yield at, f"{PROGRAM}/{gate.execution_id}/{gate.execution_id}"

    def _hint(self, subjects: list[str]) -> None:
        """Write what the webhook writes, by the REST API."""
        path = f"/variables/{HINT_VARIABLE}"
        try:
            old = self.bench.api.api("GET", path)["value"]
        except AirflowApiError as error:
            if error.status != 404:
                raise
            old = None
        body = {"key": HINT_VARIABLE, "value": merged(old, subjects, datetime.now(UTC))}
        if old is None:
            self.bench.api.api("POST", "/variables", body)
        else:
            self.bench.api.api("PATCH", path, body)


@dataclass(frozen=True)
class Usages:
    """The triggerer with nothing, with one wait, with the gates without and with events, with HTTP triggers."""

    idle: Usage
    one: Usage
    quiet: Usage
    told: Usage
    http: Usage

    def megabytes(self, used: Usage, above: Usage) -> float:
        return (used.memory - above.memory) / 1e6


def _costs(size: Size, triggers: int, used: Usages) -> list[Figure]:
    idle, one, quiet, told, http = used.idle, used.one, used.quiet, used.told, used.http
    per_hour = [each.to_cloud_manager / (each.seconds / 3600) / size.gates for each in (quiet, told)]
    polls = http.calls.get("others", 0) / (http.seconds / 3600) / size.gates
    sizes = f"idle {idle.memory / 1e6:.0f} MB; HTTP triggers {used.megabytes(http, idle):.0f} MB"
    return [
        Figure("memory above an idle triggerer", used.megabytes(told, idle), "MB", 100.0, sizes),
        Figure(
            "  of it above a triggerer with one wait", used.megabytes(told, one), "MB", None,
            f"{triggers} triggers of {size.gates} gates; HTTP triggers {used.megabytes(http, one):.0f} MB",
        ),
        Figure(
            "CPU of the triggerer, of one core", quiet.cpu * 100, "%", 15.0,
            f"with events {told.cpu:.1%}; idle {idle.cpu:.1%}; HTTP triggers {http.cpu:.1%}",
        ),
        Figure(
            "Cloud Manager calls per gate and hour", per_hour[0], "calls", 40.0,
            f"counted in {quiet.seconds:.0f} s; HTTP triggers {polls:.0f}",
        ),
        Figure("  the same with events", per_hour[1], "calls", 40.0, f"counted in {told.seconds:.0f} s"),
    ]  # fmt: skip


def _delays(quiet: list[float], told: list[float]) -> list[Figure]:
    return [
        Figure("detection with events, 95th percentile", _at(told, 0.95), "s", 10.0, _spread(told)),
        Figure("detection without events, 95th percentile", _at(quiet, 0.95), "s", None, _spread(quiet)),
    ]


def _modelled(size: Size) -> list[Figure]:
    """Whole releases of the stated distribution, by the real waits on a clock of their own."""
    quiet, told = (play(size.modelled, seed=2026, events=events) for events in (False, True))
    steps = quiet.all_late(*(goal for goal in Goal if goal is not Goal.DECISION))
    hours = f"{size.modelled} whole releases, {quiet.seconds / 3600:.0f} h of waiting"
    decision = f"a person's decision {quiet.all_late(Goal.DECISION)[-1]:.0f} s at most"
    return [
        Figure("modelled: calls per gate and hour", quiet.calls_per_hour, "calls", 40.0, hours),
        Figure("modelled: the same with events", told.calls_per_hour, "calls", 40.0),
        Figure(
            "modelled: longest detection without events",
            steps[-1],
            "s",
            60.0,
            f"{_spread(steps)}; {decision}",
        ),
        Figure("modelled: detection with events, p95", percentile(told.all_late(), 0.95), "s", 10.0),
    ]


def _hops(idle: float, ours: float, http: float) -> list[Figure]:
    beside = f"idle {idle:.2f} s, beside the HTTP triggers {http:.2f} s"
    return [Figure("a task's hop beside the waiting gates", ours, "s", None, beside)]


def _at(values: list[float], share: float) -> float:
    return percentile(values, share) if values else float("nan")


def _spread(values: list[float]) -> str:
    if not values:
        return "none was seen"
    return f"{len(values)} goals: median {median(values):.0f} s, longest {values[-1]:.0f} s"


def _timestamp(value: Any) -> float:
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


if __name__ == "__main__":
    say(table(TITLE, measure(QUICK if "--quick" in sys.argv else FULL), NOTES))
