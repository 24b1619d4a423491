"""How does one simulated release go through the gate, and did it end as it should?"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_api import AirflowApi
from demo.telling import wrapped
from simulator import Simulator
from simulator.world import Busy

GATE = "larkfell"
DAG_ID = f"stage_gate.{GATE}"
HELD = "hold_production"
_LONGEST = 900.0
"""Seconds without anything new after which a release is given up: a slow machine makes the demo slow, not red."""
_ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})

Say = Callable[[str], None]


@dataclass(frozen=True)
class Expectation:
    """What has to come of a release of the scenario."""

    release: str
    story: str
    verdict: str
    decision: str
    acts: tuple[str, ...]
    """What Cloud Manager accepts from the gate; nobody else decides in the demo."""
    words: tuple[str, ...] = ()
    """What the reasons have to name."""


EXPECTED = (
    Expectation("good", "every check passes", "passed", "approved", ("advance",)),
    Expectation(
        "broken",
        "passes Cloud Manager's own tests, broken on stage",
        "failed",
        "halted",
        ("cancel",),
        ("/bin/querybuilder.json", "404", "$[env:"),
    ),
    Expectation("unreachable", "stage answers 405 to the checks", "inconclusive", "held", (), ("405",)),
)


@dataclass(frozen=True)
class Result:
    """What came of a release."""

    expected: Expectation
    execution_id: str
    verdict: str
    reasons: tuple[str, ...]
    decision: str
    sentence: str
    run_state: str
    acts: tuple[str, ...]
    seconds: float
    silent: tuple[str, ...] = ()
    """Checks that gave no answer for want of a Chromium."""

    @property
    def run_id(self) -> str:
        return f"execution-{self.execution_id}"

    @property
    def troubles(self) -> list[str]:
        """How it differs from what should have come of it."""
        wanted = self.expected
        told = " ".join(self.reasons)
        pairs = (("verdict", self.verdict, wanted.verdict), ("decision", self.decision, wanted.decision))
        wrong = [f"{name} is {got}, not {want}" for name, got, want in pairs if got != want]
        if self.acts != wanted.acts:
            wrong.append(f"the gate sent {list(self.acts)}, not {list(wanted.acts)}")
        wrong += [f"no reason names {word}" for word in wanted.words if word not in told]
        if self.decision != "held" and self.run_state != "success":
            wrong.append(f"the run is {self.run_state}")
        return wrong


def take_through(
    expected: Expectation, simulator: Simulator, airflow: AirflowApi, evidence: Path, say: Say
) -> Result:
    """Start an execution of this release, let ``stage_gate.start`` find it, and follow its run to the end."""
    began = time.monotonic()
    acts_before = len(simulator.acts)
    execution_id = _start(simulator, expected.release)
    run_id = f"execution-{execution_id}"
    say(f"Cloud Manager runs execution {execution_id}: {expected.release} ({expected.story}).")
    airflow.trigger("stage_gate.start")
    folder = evidence / GATE / run_id

    def tell(line: str) -> None:
        say(f"{time.monotonic() - began:5.1f} s  {line}")

    state = _follow(airflow, run_id, tell, Herald(folder, tell))
    seal = _read(max(folder.glob("attempt-*/manifest.json"), default=folder / "none"))
    verdict = seal.get("signed", {}).get("verdict", {})
    record = _read(folder / "decision.json") or _read(folder / "noted.json")
    decision = record.get("signed", {}).get("record", {})
    held = state == HELD
    return Result(
        expected=expected,
        execution_id=execution_id,
        verdict=verdict.get("outcome", "none"),
        reasons=tuple(verdict.get("reasons", ())),
        decision="held" if held else decision.get("decision", "none"),
        sentence=verdict.get("summary", "") if held else decision.get("sentence", ""),
        run_state="running" if held else state,
        acts=tuple(act.verb for act in simulator.acts[acts_before:] if act.status == 202),
        seconds=time.monotonic() - began,
        silent=_without_chromium(folder),
    )


def _without_chromium(folder: Path) -> tuple[str, ...]:
    """The checks of a release whose findings say that there is no Chromium."""
    results = sorted(folder.glob("attempt-*/results/*.json"))
    return tuple(path.stem for path in results if ".no_browser" in path.read_text())


def _start(simulator: Simulator, release: str) -> str:
    """Start an execution as soon as the pipeline is free: one that was just decided takes a moment to end."""
    until = time.monotonic() + _LONGEST
    while True:
        try:
            return simulator.start_execution(release)
        except Busy:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


class Herald:
    """Announces the verdict and the decision of a release as they fall, each once, with the first reason."""

    def __init__(self, folder: Path, say: Say) -> None:
        self._folder, self._say = folder, say
        self._said: set[str] = set()

    def look(self) -> None:
        """Say what is new."""
        seal = _read(max(self._folder.glob("attempt-*/manifest.json"), default=self._folder / "none"))
        verdict = seal.get("signed", {}).get("verdict", {})
        if verdict:
            first = next(iter(verdict["reasons"]), "")
            self._once("verdict", f"VERDICT {verdict['summary']}", first)
        record = _read(self._folder / "decision.json").get("signed", {}).get("record", {})
        if record:
            self._once("decision", f"DECISION {record['decision']} by {record['by']}", "")

    def hold(self) -> None:
        """Say that the gate holds production."""
        self._once("decision", "DECISION held: production waits for a person", "")

    def _once(self, what: str, line: str, more: str) -> None:
        if what in self._said:
            return
        self._said.add(what)
        for each in wrapped(f"{line} {more}".strip(), 88):
            self._say(each)


def _follow(airflow: AirflowApi, run_id: str, say: Say, herald: Herald) -> str:
    """Print what happens in a run until it ends or holds; returns the state of the run, or ``HELD``."""
    seen: dict[str, str | None] = {}
    until = time.monotonic() + _LONGEST
    while time.monotonic() < until:
        run = _run(airflow, run_id)
        if run is None:
            time.sleep(0.3)
            continue
        states = airflow.task_states(DAG_ID, run_id)
        herald.look()
        _tell_changes(seen, states, say)
        if states != seen:
            until = time.monotonic() + _LONGEST
        seen = states
        if run["state"] in ("success", "failed"):
            return str(run["state"])
        if states.get(HELD) == "deferred":
            herald.hold()
            return HELD
        time.sleep(0.5)
    return "given up"


def _run(airflow: AirflowApi, run_id: str) -> dict[str, Any] | None:
    from airflow_api import AirflowApiError

    try:
        return airflow.run(DAG_ID, run_id)
    except AirflowApiError as error:
        if error.status == 404:
            return None
        raise


_SIGNS = {"success": "✔", "failed": "✘", "deferred": "…", "upstream_failed": "–"}


def _tell_changes(before: dict[str, str | None], now: dict[str, str | None], say: Say) -> None:
    for task, state in now.items():
        if state in _SIGNS and before.get(task) != state:
            say(f"{_SIGNS[state]} {task}{' waits' if state == 'deferred' else ''}")


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found
