"""What becomes of a release that passes while the gate's calendar is closed, in a real scheduler?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from integration.cases import case, plays
from integration.play import Play, Run

_NOW = datetime.now(UTC)
_FROZEN = {
    "timezone": "UTC",
    "frozen": [
        {
            "days": f"{_NOW - timedelta(days=2):%Y-%m-%d} to {_NOW + timedelta(days=2):%Y-%m-%d}",
            "why": "Christmas",
        }
    ],
}


@case(
    gate={"policy": {"windows": {**_FROZEN, "hotfix": {"ask": ["admin"], "within": "2h"}}}},
    acts=("approve",),
)
def a_hotfix_outside_the_window(play: Play) -> Run:
    run_id = play.begin()
    play.decide(run_id, "Release now", "the shop is down", task="ask_for_hotfix")
    return play.end(run_id)


@plays(a_hotfix_outside_the_window)
def test_whom_the_gate_names_may_release_outside_the_window_with_a_reason(run: Run) -> None:
    assert run.acts == ["approve"]
    assert run.state == "success"
    assert run.decision["decision"] == "approved"
    assert run.decision["by"] == "admin"
    assert "the shop is down" in run.decision["sentence"]
    assert "Production is frozen" in run.log("decide")


@case(gate={"policy": {"windows": _FROZEN}})
def a_release_that_waits_for_its_window(play: Play) -> Run:
    run_id = play.begin()
    play.until(run_id, "wait_for_window", "deferred")
    waiting = play.log(run_id, "wait_for_window")
    play.person("reject", run_id)
    return play.end(run_id, waiting=waiting)


@plays(a_release_that_waits_for_its_window)
def test_a_release_that_passed_waits_for_the_window_and_its_log_says_why(run: Run) -> None:
    assert "Production is frozen" in run.notes["waiting"]
    assert "Christmas" in run.notes["waiting"]
    assert run.acts == []


@plays(a_release_that_waits_for_its_window)
def test_somebody_who_decides_meanwhile_is_recorded(run: Run) -> None:
    assert run.decision["decision"] == "bypassed"
    assert run.tasks["record_bypass"] == "success"
    assert run.tasks["approve_production"] == run.tasks["hold_production"] == "skipped"
    assert run.state == "success"
