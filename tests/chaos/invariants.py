"""What must be true whatever died? Read from what the simulator received and from what the gate sealed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chaos.player import Player
    from simulator import Simulator

_UNTOUCHED = re.compile(r"production (is|was) (not touched|untouched)|did not decide", re.IGNORECASE)


@dataclass(frozen=True)
class End:
    """How a release ended: one word, the sentence that says so, and what is wrong with it."""

    word: str
    sentence: str
    violations: tuple[str, ...]


def end_of(player: Player) -> End:
    """Judge a release that has come to rest; `word` is what production is, the decision on record beside it."""
    status = str(player.approval["status"])
    broken = broken_rules(player)
    sentence = (
        player.says_that_production_waits()
        if status == "WAITING"
        else str(player.decision.get("sentence", ""))
    )
    if not (player.is_over or player.is_holding):
        stuck = {
            name: task.state
            for name, task in player.tasks.items()
            if task.state not in ("success", "skipped")
        }
        broken.append(f"stuck: the run neither ended nor holds: {stuck}")
    if status == "WAITING":
        if not sentence:
            broken.append("production waits and nothing says so")
        return End("waits, held" if player.is_holding else "waits, run failed", sentence, tuple(broken))
    told = player.log("publish_report")
    denial = next((line for line in told.splitlines() if _UNTOUCHED.search(line)), "")
    if denial and player.puts and player.part.verb == "advance":
        broken.append(f"production was approved, and the report says: {denial}")
    return End(_decided(player), sentence or _last_line(told), tuple(broken))


def broken_rules(player: Player) -> list[str]:
    """The invariants that this release broke, a sentence each."""
    puts = [request.path.rsplit("/", 1) for request in player.puts]
    found: list[str] = []
    if len(puts) > 1:
        found.append(f"{len(puts)} requests changed one execution: {[verb for _, verb in puts]}")
    if len({verb for _, verb in puts}) > 1:
        found.append("both advance and cancel were sent")
    approval = player.approval
    step = str(approval["_links"]["self"]["href"])
    for path, verb in puts:
        if path != step:
            found.append(f"{verb} was sent to {path}, which is not the pinned step {step}")
        if verb != player.part.verb:
            found.append(f"{verb} was sent for a release whose verdict is {player.part.verdict}")
        if verb == "advance" and player.sealed_outcome != "passed":
            found.append(f"advance was sent and the sealed verdict is '{player.sealed_outcome}'")
    return found


def stray_requests(simulator: Simulator, known: set[str]) -> list[str]:
    """Requests that change something and belong to no release of this theatre."""
    changes = [
        each for each in simulator.requests if each.service == "api" and each.method not in ("GET", "HEAD")
    ]
    return [
        f"{each.method} {each.path}"
        for each in changes
        if not any(f"/execution/{execution}/" in each.path for execution in known)
    ]


def _decided(player: Player) -> str:
    record = player.decision
    if not player.puts:
        return f"decided by others, {record.get('decision', 'no record')}"
    word = "approved" if player.puts[0].path.endswith("advance") else "halted"
    noted = str(record.get("decision", "none"))
    return word if noted == word else f"{word}, record: {noted}"


def _last_line(text: str) -> str:
    said = [line for line in text.splitlines() if not line.startswith("::")]
    return said[-1] if said else ""
