"""What did the attacks win? Counted from what Cloud Manager was sent, never from what the gate says of itself."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from simulator.request_log import RecordedRequest
from tampering.battle import Fought
from tampering.matrix import Action, Phase

_ACT = re.compile(r"/execution/([^/]+)/.*/(advance|cancel)$")


@dataclass(frozen=True)
class Sent:
    """One request that acted on a step, or tried to."""

    execution: str
    verb: str
    at: float
    """Seconds since 1970."""

    @staticmethod
    def is_act(request: RecordedRequest) -> bool:
        return request.service == "api" and request.method not in ("GET", "HEAD")

    @classmethod
    def of(cls, request: RecordedRequest) -> Sent:
        """Whatever changes something and is no act on a step counts as an approval nobody can explain."""
        found = _ACT.search(request.path)
        return cls(found[1], found[2], request.at) if found else cls(request.path, "advance", request.at)


@dataclass(frozen=True)
class Won:
    """What the gate sent for one execution that it must not send."""

    unproven: int = 0
    """Approvals of a release that is broken, foreign, frozen, or had no sealed verdict of passed at that time."""
    second: int = 0
    """Requests after the first one."""
    both: int = 0
    """1 where the same release was approved and rejected."""

    def __add__(self, other: Won) -> Won:
        return Won(self.unproven + other.unproven, self.second + other.second, self.both + other.both)

    def __bool__(self) -> bool:
        return bool(self.unproven or self.second or self.both)


class Report:
    """All raids of a campaign and what each of them won."""

    def __init__(self, fought: Sequence[Fought], sent: Iterable[Sent], evidence: Path) -> None:
        self.fought = fought
        self._evidence = evidence
        self._sent: dict[str, list[Sent]] = defaultdict(list)
        for each in sent:
            self._sent[each.execution].append(each)
        self._won = {each.execution: self._judge(each) for each in fought}

    @property
    def attacks(self) -> list[Fought]:
        """Those on real gates."""
        return [each for each in self.fought if not each.raid.weak]

    @property
    def controls(self) -> list[Fought]:
        """Those on gates that are weak on purpose."""
        return [each for each in self.fought if each.raid.weak]

    @property
    def problems(self) -> list[str]:
        return [
            f"{each.raid} (execution {each.execution}): {each.problem}"
            for each in self.fought
            if each.problem
        ]

    def won_by(self, fought: Fought) -> Won:
        """What was sent for the execution of a raid and should not have been."""
        return self._won[fought.execution]

    def _judge(self, fought: Fought) -> Won:
        acts = self._sent.get(fought.execution, [])
        verbs = Counter(act.verb for act in acts)
        proven = self._proven_at(fought) if fought.raid.may_be_approved else float("inf")
        return Won(
            unproven=sum(act.verb == "advance" and act.at < proven for act in acts),
            second=max(0, len(acts) - 1),
            both=int(len(verbs) > 1),
        )

    @property
    def won_elsewhere(self) -> Won:
        """What was sent for executions that no raid was about."""
        own = {each.execution for each in self.fought}
        return Won(unproven=sum(len(acts) for execution, acts in self._sent.items() if execution not in own))

    @property
    def won(self) -> Won:
        """What all attacks on real gates won."""
        return sum((self.won_by(each) for each in self.attacks), self.won_elsewhere)

    def _proven_at(self, fought: Fought) -> float:
        """When a verdict of passed had been sealed for an execution, in seconds since 1970; never: infinity."""
        folder = self._evidence / fought.dag_id.removeprefix("stage_gate.") / f"execution-{fought.execution}"
        sealed = [
            manifest.stat().st_mtime
            for manifest in folder.glob("attempt-*/manifest.json")
            if _outcome_of(manifest) == "passed"
        ]
        return min(sealed, default=float("inf"))

    def table(self) -> str:
        """Cells, answers and what was won, one line per action; the number of cells for each phase."""
        phases = [phase for phase in Phase if any(each.raid.phase is phase for each in self.attacks)]
        head = ["action", *phases, "cells", "accepted", "refused", "unproven", "second acts", "both"]
        lines = [_cells_of(action, phases, self) for action in Action]
        rows = [line for line in lines if line is not None]
        total = [sum(int(row[column]) for row in rows) for column in range(1, len(head))]
        return _as_text([head, *rows, ["all", *map(str, total)]])

    def summary(self) -> str:
        """The sentences below the table."""
        cells, runs = sum(each.cells.total() for each in self.attacks), len(self.attacks)
        cashed = sum(sum(each.cashed.values()) for each in self.attacks)
        ran = sum(each.cashed["failed"] + each.cashed["success"] for each in self.attacks)
        won, weak = self.won, sum((self.won_by(each) for each in self.controls), Won())
        return (
            f"{cells} cells in {runs} runs; at the end of each its acting tasks were made to look due and cleared once "
            f"more ({cashed} times, {ran} of them ran to an end of their own).\n"
            f"Approvals without proof: {won.unproven}; second acts: {won.second}; approved and rejected: {won.both}.\n"
            f"Control: {len(self.controls)} of the attacks on a gate whose approval trusts XComs won "
            f"{weak.unproven} approvals without proof and {weak.second} second acts."
        )


def _outcome_of(manifest: Path) -> str:
    return str(json.loads(manifest.read_text())["signed"]["verdict"]["outcome"])


def _cells_of(action: Action, phases: Sequence[Phase], report: Report) -> list[str] | None:
    raids = [each for each in report.attacks if action in each.raid.actions]
    if not raids:
        return None
    won = sum((report.won_by(each) for each in raids), Won())
    per_phase = [sum(each.cells[action] for each in raids if each.raid.phase is phase) for phase in phases]
    numbers = [
        *per_phase,
        sum(per_phase),
        sum(each.accepted(action) for each in raids),
        sum(each.refused(action) for each in raids),
        won.unproven,
        won.second,
        won.both,
    ]
    return [str(action), *map(str, numbers)]


def _as_text(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if not number else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join([lines[0], "─" * len(lines[0]), *lines[1:-1], "─" * len(lines[0]), lines[-1]])
