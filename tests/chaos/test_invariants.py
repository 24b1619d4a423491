"""Would the table show it? Each invariant, broken on purpose against the simulator, is a violation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chaos.invariants import broken_rules, end_of, stray_requests
from chaos.phases import Part, Phase
from chaos.player import Player
from chaos.theatre import TaskNow
from simulator import Simulator
from unit.simulator.caller import Caller, slow_scenario, step_of

GOOD, BAD = Part(Phase.CLAIMED), Part(Phase.CLAIMED, good=False)


class Bench(SimpleNamespace):
    """What a player needs of a theatre, without an Airflow."""

    run = "failed"
    states: dict[str, TaskNow] = {}  # noqa: RUF012
    logs: dict[str, str] = {}  # noqa: RUF012

    def tasks(self, dag_id: str, run_id: str) -> dict[str, TaskNow]:
        return self.states

    def run_state(self, dag_id: str, run_id: str) -> str:
        return self.run

    def log(self, dag_id: str, run_id: str, task: str) -> str:
        return self.logs.get(task, "")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Simulator.start(slow_scenario()) as simulator:
        yield Bench(
            simulator=simulator,
            folder=tmp_path,
            evidence=tmp_path,
            pipelines={GOOD.name: simulator.pipeline_id, BAD.name: simulator.pipeline_id},
            store=SimpleNamespace(roots=[tmp_path]),
        )


def player_of(part: Part, bench: Bench, *, sealed: str) -> Player:
    """A player whose release waits for its approval, with evidence that says `sealed`."""
    player = Player(part, cast(Any, bench), in_task=False)
    player.execution = bench.simulator.start_execution()
    player.run_id = f"execution-{player.execution}"
    bench.simulator.skip(2000)
    attempt = player.folder / "attempt-1"
    attempt.mkdir(parents=True)
    (attempt / "manifest.json").write_text(json.dumps({"signed": {"verdict": {"outcome": sealed}}}))
    return player


def send(player: Player, verb: str, *, times: int = 1) -> None:
    caller = Caller(player.simulator)
    href = step_of(caller.execution(player.execution), "approval")["_links"]["self"]["href"]
    for _ in range(times):
        caller.put(f"{href}/{verb}", {"approved": verb == "advance"})


def test_one_act_that_the_seal_allows_breaks_nothing(bench: Bench) -> None:
    player = player_of(GOOD, bench, sealed="passed")
    send(player, "advance")
    assert broken_rules(player) == []
    assert stray_requests(bench.simulator, {player.execution}) == []


def test_a_second_act_is_seen(bench: Bench) -> None:
    player = player_of(GOOD, bench, sealed="passed")
    send(player, "advance", times=2)
    assert broken_rules(player) == ["2 requests changed one execution: ['advance', 'advance']"]


def test_both_acts_on_one_execution_are_seen(bench: Bench) -> None:
    player = player_of(GOOD, bench, sealed="passed")
    send(player, "advance")
    send(player, "cancel")
    assert "both advance and cancel were sent" in broken_rules(player)


def test_an_approval_of_a_bad_release_is_seen(bench: Bench) -> None:
    player = player_of(BAD, bench, sealed="passed")
    send(player, "advance")
    assert broken_rules(player) == ["advance was sent for a release whose verdict is failed"]


@pytest.mark.parametrize("sealed", ["failed", "inconclusive"])
def test_an_approval_against_the_seal_is_seen(bench: Bench, sealed: str) -> None:
    player = player_of(GOOD, bench, sealed=sealed)
    send(player, "advance")
    assert broken_rules(player) == [f"advance was sent and the sealed verdict is '{sealed}'"]


def test_an_act_on_another_step_or_execution_is_seen(bench: Bench) -> None:
    player = player_of(GOOD, bench, sealed="passed")
    href = player.approval["_links"]["self"]["href"]
    Caller(bench.simulator).put(f"{href}9/advance", {"approved": True})
    assert "is not the pinned step" in " ".join(broken_rules(player))
    assert len(stray_requests(bench.simulator, set())) == 1


def test_waiting_without_a_word_is_seen(bench: Bench) -> None:
    player = player_of(GOOD, bench, sealed="passed")
    assert end_of(player).violations == ("production waits and nothing says so",)
    bench.logs = {
        "publish_report": "Undecided: the gate reached no decision; production was not touched by it."
    }
    assert end_of(player).violations == ()


def test_a_report_that_denies_an_approval_is_seen(bench: Bench) -> None:
    player = player_of(GOOD, bench, sealed="passed")
    send(player, "advance")
    bench.simulator.skip(100)
    bench.logs = {"publish_report": "Held: the gate did not decide and production was not touched by it."}
    assert "production was approved, and the report says" in " ".join(end_of(player).violations)


@pytest.mark.parametrize("record", ["held", "halted", "none"])
def test_a_record_that_contradicts_what_production_is_is_seen(bench: Bench, record: str) -> None:
    player = player_of(GOOD, bench, sealed="passed")
    send(player, "advance")
    bench.simulator.skip(100)
    if record != "none":
        (player.folder / "decision.json").write_text(json.dumps({"signed": {"record": {"decision": record}}}))
    assert f"production is approved, and on record is: {record}" in end_of(player).violations


UNCLEAR = "Unclear: the gate began to act and what came of it is not proven. Production was approved: it is FINISHED."


@pytest.mark.parametrize(
    ("told", "run", "can_write", "is_seen"),
    [
        (UNCLEAR, "failed", False, False),
        (UNCLEAR, "failed", True, True),
        (UNCLEAR, "success", False, True),
        (UNCLEAR.replace("was approved", "was not approved"), "failed", False, True),
        ("Held: the gate did not decide.", "failed", False, True),
        ("", "failed", False, True),
    ],
)
def test_only_where_nothing_can_be_written_a_red_run_that_says_what_production_is_replaces_the_record(
    bench: Bench, told: str, run: str, can_write: bool, is_seen: bool
) -> None:
    player = player_of(GOOD, bench, sealed="passed")
    send(player, "advance")
    bench.simulator.skip(100)
    bench.run, bench.logs = run, {"publish_report": told}
    found = end_of(player, can_write=can_write).violations
    assert ("production is approved, and on record is: none" in found) == is_seen


def test_a_hold_whose_production_is_decided_is_not_at_rest(bench: Bench) -> None:
    player = player_of(GOOD, bench, sealed="passed")
    bench.run, bench.states = "running", {"hold_production": TaskNow("deferred", None, 1)}
    assert player.is_at_rest
    send(player, "advance")
    bench.simulator.skip(100)
    assert not player.is_at_rest


def test_a_run_that_neither_ends_nor_holds_is_seen(bench: Bench) -> None:
    player = player_of(GOOD, bench, sealed="passed")
    bench.run = "running"
    bench.states = {"judge": TaskNow("running", 1, 1)}
    assert "stuck" in " ".join(end_of(player).violations)
