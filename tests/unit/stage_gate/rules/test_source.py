"""Which execution was tested for what a production-only pipeline releases, and may that be started at all?"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adobe_cloud_manager.models import Execution, Phase, Pipeline, StepState
from stage_gate.rules.promoting import NEW, promotion
from stage_gate.rules.source import NoSource, source_of

NOW = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
VERSION, COMMIT = "2026.1102.090000.0000000055", "0123456789abcdef"


def step(action: str, kind: str, status: str = "FINISHED", commit: str = "") -> StepState:
    return StepState(
        id="1",
        step_id="1",
        phase_id="1",
        execution_id="",
        pipeline_id="",
        program_id="12345",
        action=action,
        status=status,
        environment_type=kind,
        commit_id=commit,
    )


def stage_only(
    number: str = "55", status: str = "FINISHED", stage: str = "FINISHED", commit: str = COMMIT, **more: Any
) -> Execution:
    values: dict[str, Any] = {
        "trigger": "ON_COMMIT",
        "artifacts_version": VERSION,
        "created_at": NOW - timedelta(hours=2),
        "finished_at": NOW - timedelta(hours=1),
        "steps": (step("deploy", "stage", stage, commit),),
    }
    return Execution(number, "12345", "5", status, **(values | more))


def production_only(number: str = "77", status: str = "RUNNING", **more: Any) -> Execution:
    values: dict[str, Any] = {
        "trigger": "MANUAL",
        "artifacts_version": VERSION,
        "created_at": NOW - timedelta(minutes=5),
        "steps": (step("approval", "prod", "WAITING", COMMIT), step("deploy", "prod", "NOT_STARTED")),
    }
    return Execution(number, "12345", "6", status, **(values | more))


def test_the_source_is_the_newest_finished_execution_with_the_same_artifacts() -> None:
    other = stage_only("58", artifacts_version="2026.1102.095900.0000000058")
    again = stage_only("57", status="CANCELLED")
    history = [other, again, stage_only("56"), stage_only("55")]
    assert source_of(production_only(), history, "5").id == "56"


@pytest.mark.parametrize(
    ("production", "history", "told"),
    [
        (production_only(artifacts_version=""), [stage_only()], "does not say which artifacts"),
        (production_only(), [], "none of the newest 0 executions"),
        (production_only(), [stage_only(artifacts_version="other")], "none of the newest 1 executions"),
        (production_only(), [stage_only(artifacts_version="")], "none of the newest 1 executions"),
        (production_only(), [stage_only(trigger="PUSH_UPGRADES")], "none of the newest 1 executions"),
        (production_only(), [stage_only(status="FAILED")], "which is FAILED"),
        (production_only(), [stage_only(status="RUNNING")], "which is RUNNING"),
        (production_only(), [stage_only(stage="FAILED")], "stage included"),
        (production_only(), [stage_only(steps=())], "stage included"),
        (production_only(), [stage_only(commit="another")], "has built another"),
        (
            production_only(steps=(step("approval", "prod", "WAITING"),)),
            [stage_only("56", commit="another"), stage_only()],
            "built from more than one commit",
        ),
        (
            production_only(),
            [stage_only("56", commit=""), stage_only(commit="another")],
            "built from more than one commit",
        ),
    ],
)
def test_where_nobody_can_tell_there_is_no_source(
    production: Execution, history: list[Execution], told: str
) -> None:
    with pytest.raises(NoSource, match=told):
        source_of(production, history, "5")


def test_a_commit_that_only_one_of_them_shows_decides_nothing() -> None:
    silent = production_only(steps=(step("approval", "prod", "WAITING"),))
    assert source_of(silent, [stage_only()], "5").id == "55"
    assert source_of(production_only(), [stage_only(commit="")], "5").id == "55"


PAUSED = production_only(
    "70",
    "FINISHED",
    artifacts_version="earlier",
    created_at=NOW - timedelta(days=2),
    finished_at=NOW - timedelta(days=1),
)
PIPELINE = Pipeline("6", "12345", "Production only", updated_at=NOW - timedelta(days=1))


def test_a_new_tested_build_is_promoted() -> None:
    found = promotion(PIPELINE, [PAUSED], [stage_only()], NOW)
    assert found.source_execution_id == "55"


def test_a_build_that_failed_before_stage_does_not_hide_the_one_on_stage() -> None:
    failed = stage_only("56", status="FAILED", artifacts_version="newer", stage="NOT_STARTED")
    assert promotion(PIPELINE, [PAUSED], [failed, stage_only()], NOW).source_execution_id == "55"


@pytest.mark.parametrize(
    ("history", "sources", "told"),
    [
        ([PAUSED], [], "Nothing has reached stage"),
        ([PAUSED], [stage_only("56", "RUNNING", "NOT_STARTED"), stage_only()], "runs just now"),
        ([production_only(), PAUSED], [stage_only()], "runs just now"),
        (
            [PAUSED],
            [stage_only("56", "FAILED", "FAILED"), stage_only()],
            "56, the last that reached stage, is FAILED",
        ),
        ([PAUSED], [stage_only("56", "ROLLED", "TELEPORTED"), stage_only()], "runs just now"),
        ([PAUSED], [stage_only(trigger="PUSH_UPGRADES")], "AEM update"),
        ([PAUSED], [stage_only(artifacts_version="")], "does not say what it built"),
        ([PAUSED], [stage_only(finished_at=NOW - NEW - timedelta(seconds=1))], "ended more than 24 h ago"),
        ([PAUSED], [stage_only(finished_at=None)], "nobody can tell"),
        ([production_only(status="CANCELLED"), PAUSED], [stage_only()], "taken towards production already"),
        (
            [production_only(status="FAILED", artifacts_version=""), PAUSED],
            [stage_only()],
            "or may have been",
        ),
    ],
)
def test_nothing_is_promoted_twice_nor_while_anything_runs_nor_what_was_not_tested(
    history: list[Execution], sources: list[Execution], told: str
) -> None:
    found = promotion(PIPELINE, history, sources, NOW)
    assert (found.source_execution_id, found.is_trouble) == ("", False)
    assert told in found.sentence


def listing(*steps: str) -> Pipeline:
    return replace(PIPELINE, phases=(Phase("DEPLOY_1", "DEPLOY", environment_type="prod", steps=steps),))


@pytest.mark.parametrize(
    ("pipeline", "history", "told"),
    [
        (PIPELINE, [], "it has never run"),
        (listing(), [], "it has never run"),
        (listing("deploy"), [PAUSED], "its steps do not pause"),
        (PIPELINE, [replace(PAUSED, steps=(step("deploy", "prod"),))], "did not pause"),
        (PIPELINE, [replace(PAUSED, steps=(step("approval", "stage"),))], "did not pause"),
        (PIPELINE, [replace(PAUSED, trigger="PUSH_UPGRADES")], "it has never run"),
        (replace(PIPELINE, updated_at=NOW), [PAUSED], "was changed after its execution 70"),
        (
            replace(PIPELINE, updated_at=NOW - timedelta(hours=30)),
            [PAUSED],
            "was changed after its execution 70",
        ),
        (PIPELINE, [replace(PAUSED, created_at=None)], "or nobody can tell"),
        (replace(PIPELINE, updated_at=None), [PAUSED], "or nobody can tell"),
        (PIPELINE, [replace(PAUSED, finished_at=None)], "or nobody can tell"),
    ],
)
def test_a_pipeline_that_may_not_pause_before_production_is_never_started(
    pipeline: Pipeline, history: list[Execution], told: str
) -> None:
    found = promotion(pipeline, history, [stage_only()], NOW)
    assert (found.source_execution_id, found.is_trouble) == ("", True)
    assert told in found.sentence


def test_a_pipeline_whose_steps_list_an_approval_is_started_the_first_time() -> None:
    assert promotion(listing("approval", "deploy"), [], [stage_only()], NOW).source_execution_id == "55"
