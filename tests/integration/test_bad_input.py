"""What when a run is about an execution that this gate can't or must not decide?"""

from __future__ import annotations

from typing import Any

from integration.cases import case, plays
from integration.house import STRANGERS
from integration.play import Play, Run


def _past_execution(play: Play, pipeline: str) -> str:
    """The execution of a pipeline that was over before the test began."""
    executions: list[dict[str, Any]] = play.simulator.state()["executions"]
    return str(next(each["id"] for each in executions if each["pipeline"] == pipeline))


def _tested_nothing(run: Run) -> bool:
    return not (run.folder / "attempt-1").exists() and run.tasks["settle_stage"] in (
        "skipped",
        "upstream_failed",
    )


@case()
def an_aem_update(play: Play) -> Run:
    return play.end(play.begin(trigger="PUSH_UPGRADES"))


@plays(an_aem_update)
def test_an_aem_update_is_reported_and_never_decided(run: Run) -> None:
    assert run.state == "success"
    assert run.acts == []
    assert run.decision == {}
    assert _tested_nothing(run)
    assert "PUSH_UPGRADES" in run.last_words
    assert "PUSH_UPGRADES" in run.log("pin_candidate")


@case()
def a_re_execution(play: Play) -> Run:
    return play.end(play.begin(trigger="RE_EXECUTE"))


@plays(a_re_execution)
def test_a_re_execution_is_reported_and_never_decided(run: Run) -> None:
    assert run.state == "success"
    assert run.acts == []
    assert _tested_nothing(run)
    assert "RE_EXECUTE" in run.last_words


@case()
def an_execution_of_another_pipeline(play: Play) -> Run:
    return play.end(play.guard(_past_execution(play, STRANGERS)))


@plays(an_execution_of_another_pipeline)
def test_an_execution_of_another_pipeline_is_refused_with_both_named(run: Run) -> None:
    assert run.state == "failed"
    assert _tested_nothing(run)
    told = run.log("pin_candidate")
    assert run.run_id.removeprefix("execution-") in told
    assert run.play.pipeline in told
    assert "is it an execution of another pipeline?" in told
    assert "Nothing was pinned" in run.last_words


@case(pipeline={"history": 1})
def an_execution_past_its_approval(play: Play) -> Run:
    return play.end(play.guard(_past_execution(play, play.pipeline)))


@plays(an_execution_past_its_approval)
def test_an_execution_past_its_approval_is_reported_and_never_decided(run: Run) -> None:
    assert run.state == "success"
    assert _tested_nothing(run)
    assert "nothing is left to decide" in run.log("pin_candidate")
    assert "nothing is left to decide" in run.last_words


@case(
    release={"steps": {"codeQuality": "waiting"}},
    pipeline={"pause": False},
    gate={"production_tests": ["key_pages"]},
)
def a_pipeline_that_does_not_pause(play: Play) -> Run:
    return play.end(play.begin_and_let_go())


@plays(a_pipeline_that_does_not_pause)
def test_a_gate_says_at_once_that_it_cannot_hold_a_pipeline_that_does_not_pause(run: Run) -> None:
    told = run.log("pin_candidate")
    assert "This gate cannot hold production" in told
    assert "Pause before deploying to Production" in told


@plays(a_pipeline_that_does_not_pause)
def test_a_release_that_nothing_holds_is_tested_all_the_same(run: Run) -> None:
    assert run.acts == []
    assert run.verdict["outcome"] == "passed"
    assert run.decision["decision"] == "bypassed"
    assert run.tasks["production_tests.availability"] == "success"
    assert run.state == "success"
