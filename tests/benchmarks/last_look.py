"""How old is the last look at the step when the request reaches Cloud Manager, and what does all the reading before it take?"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
from adobe_cloud_manager.tokens import TOKENS
from benchmarks.figures import Figure, say
from benchmarks.gate_overhead import SCENARIO
from simulator import Simulator
from stage_gate.acting.road import MOST_BETWEEN
from stage_gate.rules.decision import Decision
from unit.stage_gate.release import Release

ACTS = 40
_DECIDER = {"client_id": "simulated-decider", "client_secrets": ["simulated-secret-deciding"]}
_READER = {"client_id": "simulated-reader", "client_secrets": ["simulated-secret-reading"]}
_AS_A_READER = {**_READER, "profile": "developer", "content_copy_manage": True}
TITLE = "5. Last look: from the last look at the step to the request's arrival at Cloud Manager"
NOTES = (
    f"{ACTS} approvals by the code of the acting task, each with a deciding credential of its own that is not logged in yet.",
    "From the moment before the last look is begun to the moment at which the request is there: the look's own answer, the",
    "proof, and a fresh connection for the request. The simulator is in the same process and answers at once, so what",
    f"the network to Adobe takes comes on top; beyond {MOST_BETWEEN:g} s between look and request the gate looks again.",
)


@dataclass
class Watch:
    """A clock for an act that remembers when it was asked, by the wall clock."""

    asked: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        self.asked.append(time.time())
        return time.monotonic()

    @property
    def looked_at(self) -> float:
        """The last look but for the question how old it is, which is asked last."""
        return self.asked[-2]


@dataclass(frozen=True)
class Acted:
    """One approval, in milliseconds."""

    gap: float
    surroundings: float
    """One reading of everything around the stage deployment."""
    reads: int
    """Requests of that one reading."""


def measure() -> list[Figure]:
    """Approve one release after the other, each sealed as passed."""
    logging.getLogger("stage_gate.acting.act").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="stage-gate-bench-") as folder, _simulator() as simulator:
        acted = [_approve(simulator, Path(folder) / str(number)) for number in range(ACTS + 1)][1:]
    gaps = [each.gap for each in acted]
    say(f"  {ACTS} approvals: {min(gaps):.0f} to {max(gaps):.0f} ms")
    reads = f"{acted[-1].reads} requests in all"
    most = MOST_BETWEEN * 1000
    return [
        Figure("last look to request, median", median(gaps), "ms", None, f"of {ACTS} approvals"),
        Figure("last look to request, maximum", max(gaps), "ms", most, "the gate's own limit"),
        Figure(
            "one reading of all around stage", median(each.surroundings for each in acted), "ms", None, reads
        ),
    ]


def _approve(simulator: Simulator, folder: Path) -> Acted:
    folder.mkdir()
    release = Release(simulator, folder)
    release.seal()
    surroundings, reads = _timed_reading(release, simulator)
    watch = Watch()
    TOKENS.__init__()  # type: ignore[misc]  # as in the process of a task, which is a new one
    act = replace(release.act(), deciding=CloudManagerHook("deciding"), monotonic=watch)
    record = act.perform(Decision.APPROVED)
    if record.decision is not Decision.APPROVED or record.by != "Stage Gate":
        raise RuntimeError(f"the release was not approved: {record.sentence}")
    sent = next(each.at for each in reversed(simulator.requests) if each.method == "PUT")
    _wait_for_the_end(simulator, release.execution_id)
    return Acted((sent - watch.looked_at) * 1000, surroundings, reads)


def _timed_reading(release: Release, simulator: Simulator) -> tuple[float, int]:
    right = release.right()
    execution = right.read_execution()
    before, began = len(simulator.requests), time.monotonic()
    right.read_surroundings(execution)
    return (time.monotonic() - began) * 1000, len(simulator.requests) - before


def _wait_for_the_end(simulator: Simulator, execution: str) -> None:
    """A pipeline runs one execution at a time."""
    until = time.monotonic() + 30
    while simulator.execution(execution)["status"] == "RUNNING":
        if time.monotonic() > until:
            raise RuntimeError(f"execution {execution} does not end")
        time.sleep(0.02)


@contextmanager
def _simulator() -> Iterator[Simulator]:
    """A simulator that the settings of this process point at, as long as it is there."""
    scenario: dict[str, Any] = {**SCENARIO, "credentials": [_AS_A_READER, _DECIDER]}
    with Simulator.start(scenario) as simulator:
        connection = {
            "conn_type": "adobe_cloud_manager",
            "login": _DECIDER["client_id"],
            "password": _DECIDER["client_secrets"][0],
            "extra": {"org_id": simulator.org_id},
        }
        settings = simulator.environment() | {"AIRFLOW_CONN_DECIDING": json.dumps(connection)}
        known = {name: os.environ.get(name) for name in settings}
        os.environ.update(settings | {"AIRFLOW__ADOBE_CLOUD_MANAGER__REQUESTS_PER_MINUTE": "60000"})
        try:
            yield simulator
        finally:
            for name, value in known.items():
                _set(name, value)


def _set(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value
