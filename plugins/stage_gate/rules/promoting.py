"""Which build, tested by Cloud Manager on stage, is a production-only pipeline to be started from, if from any?

Starting is not approving: the started execution stops at its approval, and the gate tests before it decides. That it
stops there is seen before it is started; a pipeline that may not stop is never started.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from adobe_cloud_manager.models import Action, Execution, ExecutionStatus, Pipeline
from adobe_cloud_manager.vocabulary import PRODUCTION

NEW = timedelta(hours=24)
"""How long after its end a source execution is new; an older one is promoted by a person."""
_SETTLES = timedelta(minutes=5)
"""How long after an execution Cloud Manager may still write to its pipeline without anybody having changed that."""


@dataclass(frozen=True)
class Promotion:
    """What to do, and why. Without ``source_execution_id`` nothing is started."""

    sentence: str
    source_execution_id: str = ""
    is_trouble: bool = False
    """It would be started, and may not: somebody has to see to it."""


def promotion(
    pipeline: Pipeline, history: Sequence[Execution], sources: Sequence[Execution], now: datetime
) -> Promotion:
    """Whether the production-only ``pipeline`` is to be started.

    ``history`` are its executions, ``sources`` those of the stage-only pipeline, both newest first.
    """
    if any(not each.is_terminal for each in (*history, *sources)):
        return Promotion("One of the two pipelines runs just now.")
    source = next((each for each in sources if _reached_stage(each)), None)
    if source is None:
        return Promotion("Nothing has reached stage yet.")
    refused = _not_releasable(source, now)
    if refused:
        return Promotion(f"Execution {source.id}, the last that reached stage, {refused}")
    if any(_may_have_taken(each, source) for each in history):
        return Promotion(f"Execution {source.id} was taken towards production already, or may have been.")
    danger = why_it_may_not_pause(pipeline, history)
    if danger:
        return Promotion(
            f"Pipeline {pipeline.id} is not started from execution {source.id}: {danger} Start it in Cloud Manager.",
            is_trouble=True,
        )
    return Promotion(f"Execution {source.id} has FINISHED and is new.", source.id)


def why_it_may_not_pause(pipeline: Pipeline, history: Sequence[Execution]) -> str:
    """Why nobody can be sure that the pipeline waits for an approval before production; empty where it is seen to.

    Its phases may list their steps; else its newest execution has to show one, and nobody may have changed the
    pipeline since.
    """
    listed = [
        step for phase in pipeline.phases if phase.environment_type == PRODUCTION for step in phase.steps
    ]
    if listed:
        return "" if Action.APPROVAL in listed else "its steps do not pause before production."
    newest = next((each for each in history if each.steps and not each.is_aem_update), None)
    if newest is None:
        return "it has never run, so nobody can tell whether it pauses before production."
    if newest.production_approval is None:
        return f"its execution {newest.id} did not pause before production."
    begun, ended, changed = newest.created_at, newest.finished_at or newest.updated_at, pipeline.updated_at
    if (
        changed is None
        or begun is None
        or ended is None
        or changed > ended + _SETTLES
        or begun + _SETTLES < changed < ended - _SETTLES  # its steps are fixed when it begins
    ):
        return (
            f"it was changed after its execution {newest.id} had begun, or nobody can tell, so it may not pause before "
            "production any more."
        )
    return ""


def _may_have_taken(execution: Execution, source: Execution) -> bool:
    """Whether this execution took that build towards production, as far as its version and its time say."""
    if execution.artifacts_version:
        return execution.artifacts_version == source.artifacts_version
    begun, built = execution.created_at, source.finished_at
    return begun is None or built is None or begun >= built


def _reached_stage(execution: Execution) -> bool:
    step = execution.stage_deployment
    return step is not None and (step.has_begun or not step.is_known_status)


def _not_releasable(source: Execution, now: datetime) -> str:
    step = source.stage_deployment
    if source.status != ExecutionStatus.FINISHED or step is None or not step.is_finished:
        return f"is {source.status}."
    if source.is_aem_update or not source.artifacts_version:
        return "is an AEM update, or does not say what it built."
    if source.finished_at is None or now - source.finished_at > NEW:
        hours = NEW.total_seconds() / 3600
        return f"ended more than {hours:.0f} h ago, or nobody can tell; promote it in Cloud Manager if it is wanted."
    return ""
