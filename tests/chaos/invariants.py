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
    """How a release ended: what production is, the decision on record, the sentence that says so, and what is wrong."""

    word: str
    record: str
    """``none`` where there is none."""
    sentence: str
    violations: tuple[str, ...]


def end_of(player: Player, *, can_write: bool = True) -> End:
    """Judge a release that has come to rest. `can_write`: the evidence takes what is to go on record."""
    status, record = str(player.approval["status"]), str(player.decision.get("decision", "none"))
    broken = broken_rules(player)
    sentence = (
        player.says_that_production_waits()
        if status == "WAITING"
        else str(player.decision.get("sentence", ""))
    )
    if not player.is_at_rest:
        stuck = {
            name: task.state
            for name, task in player.tasks.items()
            if task.state not in ("success", "skipped")
        }
        broken.append(f"stuck: the run neither ended nor holds: {stuck}")
    if status == "WAITING":
        if not sentence:
            broken.append("production waits and nothing says so")
        word = "waits, held" if player.is_holding else "waits, run failed"
        return End(word, record, sentence, (*broken, *_disagreement("waits", record)))
    told = player.log("publish_report")
    denial = next((line for line in told.splitlines() if _UNTOUCHED.search(line)), "")
    if denial and player.puts and player.part.verb == "advance":
        broken.append(f"production was approved, and the report says: {denial}")
    word = _decided(player)
    disagreement = _disagreement(word, record)
    if disagreement and not can_write and _says_so_instead(player, word, told):
        disagreement = []
    return End(word, record, sentence or _last_line(told), (*broken, *disagreement))


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


_NO_RECORD = "(Unclear: the gate began to act and|What this gate did can't be told from here)"
_IN_CLOUD_MANAGER = {"approved": "Production was approved", "halted": "Production was not approved"}


def _says_so_instead(player: Player, word: str, told: str) -> bool:
    """What can't go on record is told: the run failed, and its report says what production is and what is unclear."""
    production = _IN_CLOUD_MANAGER.get(word)
    return player.has_failed and bool(production and re.search(f"{_NO_RECORD}.*{production}", told))


_RECORDS = {
    "approved": {"approved"},
    "halted": {"halted"},
    "waits": {"held", "none"},
    "decided by others": {"bypassed", "superseded", "held", "none"},
}
"""What may be on record beside what production is."""


def _disagreement(word: str, record: str) -> list[str]:
    return [] if record in _RECORDS[word] else [f"production is {word}, and on record is: {record}"]


def _decided(player: Player) -> str:
    if not player.puts:
        return "decided by others"
    return "approved" if player.puts[0].path.endswith("advance") else "halted"


def _last_line(text: str) -> str:
    said = [line for line in text.splitlines() if not line.startswith("::")]
    return said[-1] if said else ""
