"""Would today's gate decide this recorded release differently, and why? Evidence is read, never written."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from adobe_cloud_manager.questions import Approval
from aem_checks.config import GATE_KEYS
from stage_gate.commands.rejudging import Rejudged
from stage_gate.configuration.calendar import read_calendar
from stage_gate.configuration.gate import GateSettings
from stage_gate.configuration.planning import plan_of
from stage_gate.evidence.baseline import OpenedBaseline, open_baseline
from stage_gate.evidence.files import EvidenceError
from stage_gate.evidence.kept_decisions import read_decision
from stage_gate.evidence.pin import Pin
from stage_gate.evidence.store import Evidence, executions_of
from stage_gate.rules.decision import GoLive, Mode, Step, Timing, next_step
from stage_gate.rules.verdict import Verdict, judge

if TYPE_CHECKING:
    from stage_gate.configuration.gate import Gate
    from stage_gate.configuration.policy import PolicySettings
    from stage_gate.evidence.seal import Sealed
    from stage_gate.rules.demands import Demands
    from stage_gate.rules.own_tests import OwnTest
    from stage_gate.rules.plan import Plan

_MANY = 40
"""Releases from which on it pays to start processes."""
_WAITING = GoLive(Approval.WAITING, "It waits.")
WORDS = {
    Step.APPROVE: "approve",
    Step.HALT: "halt",
    Step.HOLD: "hold",
    Step.ASK: "ask",
    Step.WAIT_FOR_WINDOW: "approve in window",
    Step.ASK_FOR_HOTFIX: "ask for hotfix",
}


@dataclass(frozen=True)
class Decided:
    """A verdict and what follows from it in guard mode, when the approval waits."""

    outcome: str
    follows: str

    def __str__(self) -> str:
        return f"{self.outcome} → {self.follows}"


@dataclass(frozen=True)
class Compared:
    """One recorded release, then and now."""

    gate: str
    execution: str
    sealed_at: datetime | None = None
    then: Decided | None = None
    now: Decided | None = None
    recorded: str = ""
    """The decision on record, with who took it."""
    gone: tuple[str, ...] = ()
    """Reasons of then that are none any more."""
    new: tuple[str, ...] = ()
    """Reasons of now that were none then."""
    notes: tuple[str, ...] = ()
    """What could not be judged again."""
    trouble: str = ""
    """Why it can't be replayed at all."""

    @property
    def differs(self) -> bool:
        return self.then != self.now

    def as_json(self) -> dict[str, Any]:
        sealed_at = self.sealed_at.isoformat() if self.sealed_at else None
        return {**asdict(self), "sealed_at": sealed_at, "differs": self.differs}


@dataclass(frozen=True)
class Today:
    """The gate as it is now, and the moment for which its excuses count."""

    gate: Gate
    folder: Path
    """Where its file and its calendar are."""
    demands: Demands
    now: datetime
    recorded_as: str
    """The name that it had in the evidence store."""

    @cached_property
    def plan(self) -> Plan:
        """What it would promise to check today, but for Airflow tasks of a team."""
        return self.plan_with(())

    def plan_with(self, own_tests: Iterable[OwnTest]) -> Plan:
        """The same with those tests that its Dag file had then: no Dag file is read for a replay."""
        sites = {site.name for site in self.gate.sites}
        pin = Pin(
            gate=self.gate.name,
            gate_digest=self.gate.digest,
            gate_content=self.gate.content,
            program_id=self.gate.pipeline.program,
            pipeline_id=self.gate.pipeline.pipeline,
            execution_id="",
            trigger="",
            pinned_at=self.now,
            own_tests=tuple(each for each in own_tests if each.site in sites),
        )
        return plan_of(self.gate, pin, self.now, self.demands)


def compare(today: Today, store: Path, execution: str, since: date | None = None) -> Compared | None:
    """Judge one recorded release again; ``None`` where nothing was sealed since that day. Never raises."""
    evidence = Evidence(store, today.recorded_as, execution)
    try:
        attempt = _newest_sealed(evidence)
        if attempt == 0:
            return None
        sealed = evidence.load_seal(attempt)
        if since and sealed.sealed_at.date() < since:
            return None
        return _compare(today, evidence, sealed)
    except (EvidenceError, ValidationError, OSError) as error:
        return Compared(today.recorded_as, execution, trouble=str(error))


def compare_all(today: Today, store: Path, since: date | None = None) -> list[Compared]:
    """Judge all recorded releases of a gate again, on all processors where there are many."""
    executions = executions_of(store, today.recorded_as)
    processors = os.cpu_count() or 1
    if len(executions) < _MANY or processors == 1 or type(store) is not type(Path()):
        rows = [compare(today, store, execution, since) for execution in executions]
    else:
        shared = (today, store, since)
        context = multiprocessing.get_context("fork")  # so that a team's own kinds are known there too
        with ProcessPoolExecutor(processors, context, _share, shared) as pool:
            rows = list(pool.map(_compare_shared, executions, chunksize=8))
    return [row for row in rows if row is not None]


_shared: list[tuple[Today, Path, date | None]] = []
"""In a process of the pool: what all its comparisons start from."""


def _share(*shared: Any) -> None:
    _shared.append(shared)


def _compare_shared(execution: str) -> Compared | None:
    today, store, since = _shared[0]
    return compare(today, store, execution, since)


def _newest_sealed(evidence: Evidence) -> int:
    return next((n for n in range(evidence.attempts(), 0, -1) if evidence.is_sealed(n)), 0)


def _compare(today: Today, evidence: Evidence, sealed: Sealed) -> Compared:
    pin = evidence.read_pin()
    gate, plan = today.gate, today.plan_with(pin.own_tests) if pin.own_tests else today.plan
    folder = evidence.attempt_folder(sealed.attempt)
    rejudged = Rejudged(gate, plan, sealed, folder, _compared_with(evidence, sealed))
    verdict = judge(plan, sealed.candidate, rejudged.entries)
    before = sealed.verdict
    return Compared(
        gate=today.recorded_as,
        execution=sealed.candidate.execution_id,
        sealed_at=sealed.sealed_at,
        then=_decided(before, _policy_of(pin.gate_content), today.folder, sealed.sealed_at),
        now=_decided(verdict, gate.policy, today.folder, sealed.sealed_at),
        recorded=_recorded(evidence),
        gone=tuple(reason for reason in before.reasons if reason not in verdict.reasons),
        new=tuple(reason for reason in verdict.reasons if reason not in before.reasons),
        notes=tuple(rejudged.notes),
    )


def _compared_with(evidence: Evidence, sealed: Sealed) -> OpenedBaseline | None:
    """The release that was compared with then, if it is here and still the one that was pinned."""
    try:
        return open_baseline(evidence, sealed.plan)
    except EvidenceError:
        return None


def _policy_of(content: Mapping[str, Any]) -> PolicySettings:
    settings = {key: value for key, value in content.items() if key in GATE_KEYS}
    return GateSettings.model_validate(settings).policy


def _decided(verdict: Verdict, policy: PolicySettings, folder: Path, at: datetime) -> Decided:
    """What follows from a verdict at the time it was sealed; the calendar file is read as it is now."""
    opening = read_calendar(policy.windows, folder).at(at)
    timing = Timing(opening.is_open, opening.sentence)
    step, _ = next_step(verdict.outcome, _WAITING, policy.rules, Mode.GUARD, timing)
    return Decided(str(verdict.outcome), WORDS[step])


def _recorded(evidence: Evidence) -> str:
    record = read_decision(evidence)
    return f"{record.decision} by {record.by}" if record else "no decision"


def totals(rows: list[Compared]) -> Iterator[str]:
    """What all rows come to, as sentences."""
    broken = [row for row in rows if row.trouble]
    differing = [row for row in rows if row.differs]
    yield (
        f"{len(rows)} releases: {len(differing)} would be decided differently, "
        f"{len(rows) - len(differing) - len(broken)} the same, {len(broken)} can't be replayed."
    )
    kinds: dict[str, int] = {}
    for row in differing:
        kind = f"{row.then} would be {row.now}"
        kinds[kind] = kinds.get(kind, 0) + 1
    yield from (f"  {count:5} × {kind}" for kind, count in sorted(kinds.items(), key=lambda each: -each[1]))
    noted: dict[str, int] = {}
    for row in rows:
        for note in row.notes:
            noted[note] = noted.get(note, 0) + 1
    yield from (
        f"  {count:5} × {note}" for note, count in sorted(noted.items(), key=lambda each: -each[1])[:20]
    )
