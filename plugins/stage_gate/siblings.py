"""What else has changed the stage environment: other pipelines, AEM updates, newer runs of the guarded pipeline?"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from adobe_cloud_manager.exceptions import CloudManagerError
from adobe_cloud_manager.models import Action, Execution, Pipeline, StepState
from adobe_cloud_manager.vocabulary import STAGE
from stage_gate.candidate import NONE, RUNNING, UNKNOWN

if TYPE_CHECKING:
    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook

log = logging.getLogger(__name__)

_PAGE = 20
_MOST = 200
"""How many executions of one pipeline are looked at, at most, back to the stage deployment."""
_BUILD_IMAGE = "buildImage"
_A_RELEASE_OR_UPDATE = frozenset({"MANUAL", "ON_COMMIT", "PUSH_UPGRADES", "RE_EXECUTE"})


@dataclass(kw_only=True)
class Siblings:
    """What was found, in the words of ``candidate.Surroundings``."""

    other_pipelines: dict[str, str] = field(default_factory=dict)
    newer_releases: tuple[str, ...] = ()
    replaced_by: tuple[str, ...] = ()
    aem_updates: tuple[str, ...] = ()
    told: dict[str, str] = field(default_factory=dict)

    def add_updates(self, *updates: str) -> None:
        self.aem_updates = tuple(sorted({*self.aem_updates, *updates}))


def read_siblings(
    hook: CloudManagerHook, execution: Execution, step: StepState, *, released_by: Execution | None = None
) -> Siblings:
    """Everything of this program that has reached the environment of ``step``, the stage deployment, besides it.

    ``released_by`` takes the build of ``execution`` to production, where that is another execution. Newer runs of the
    stage-only pipeline that have ended without touching stage are none then: it goes on building meanwhile.
    Never raises ``CloudManagerError``: what can't be read is ``unknown``.
    """
    try:
        pipelines = hook.list_pipelines(execution.program_id)
    except CloudManagerError as error:
        log.warning("The pipelines of program %s can't be read: %s", execution.program_id, error)
        return Siblings(
            other_pipelines={"others": UNKNOWN}, newer_releases=(UNKNOWN,), aem_updates=(UNKNOWN,)
        )
    seen = Siblings()
    if all(pipeline.id != execution.pipeline_id for pipeline in pipelines):
        pipelines = (Pipeline(execution.pipeline_id, execution.program_id, "guarded pipeline"), *pipelines)
    for pipeline in pipelines:
        if pipeline.id == execution.pipeline_id or _may_target(pipeline, step.environment_id):
            _look_at(hook, pipeline, execution, step, seen, released_by)
    return seen


def _look_at(
    hook: CloudManagerHook,
    pipeline: Pipeline,
    execution: Execution,
    step: StepState,
    seen: Siblings,
    released_by: Execution | None,
) -> None:
    is_guarded = pipeline.id == execution.pipeline_id
    history = _history(hook, pipeline, step.finished_at)
    if history is None:
        seen.add_updates(UNKNOWN)
        if is_guarded:
            seen.newer_releases = (UNKNOWN,)
        else:
            seen.other_pipelines[pipeline.id] = UNKNOWN
        return
    own = {execution.id, released_by.id if released_by else execution.id}
    updates = [each for each in history if each.is_aem_update and each.id not in own]
    later = [each for each in updates if not each.is_terminal or _reached_after(each, step)]
    seen.add_updates(*map(_mark, later))
    told = list(later)
    releases = [each for each in history if not each.is_aem_update and each.id not in own]
    if is_guarded:
        newer = _newer_than(execution, history, releases)
        if released_by is not None:
            newer = [each for each in newer if not each.is_terminal or _reached(each, step)]
        seen.newer_releases = tuple(sorted(map(_mark, newer)))
        told += newer
    else:
        latest = next((each for each in releases if not each.is_terminal or _reached(each, step)), None)
        seen.other_pipelines[pipeline.id] = _mark(latest) if latest else NONE
        replacing = [each for each in releases if _builds_an_image(each) and _reached_after(each, step)]
        seen.replaced_by = tuple(sorted({*seen.replaced_by, *(each.id for each in replacing)}))
        told += [latest, *replacing] if latest else replacing
    seen.told |= {each.id: _in_words(each, pipeline) for each in told}


def _history(
    hook: CloudManagerHook, pipeline: Pipeline, since: datetime | None
) -> Sequence[Execution] | None:
    """The executions of a pipeline, newest first, back to one begun before ``since``; ``None`` where unknown."""
    try:
        found = hook.list_executions(pipeline.program_id, pipeline.id, limit=_PAGE)
        if len(found) >= _PAGE and not _goes_back_to(found, since):
            found = hook.list_executions(pipeline.program_id, pipeline.id, limit=_MOST)
            if len(found) >= _MOST and not _goes_back_to(found, since):
                log.warning(
                    "Pipeline %s has run %d times since the stage deployment; what came before is unknown.",
                    pipeline.id,
                    len(found),
                )
                return None
    except CloudManagerError as error:
        log.warning("The executions of pipeline %s can't be read: %s", pipeline.id, error)
        return None
    if not _is_newest_first(found):
        log.warning(
            "The executions of pipeline %s are not listed newest first, so which are newer is unknown.",
            pipeline.id,
        )
        return None
    return found


def _is_newest_first(history: Sequence[Execution]) -> bool:
    """Whether the times of creation say so; one that is missing among several leaves it open."""
    begun = [each.created_at for each in history]
    return all(newer is not None and older is not None and newer >= older for newer, older in pairwise(begun))


def _goes_back_to(history: Sequence[Execution], since: datetime | None) -> bool:
    begun = history[-1].created_at
    return since is not None and begun is not None and begun < since


def _newer_than(
    execution: Execution, history: Sequence[Execution], releases: Sequence[Execution]
) -> list[Execution]:
    """Runs of the guarded pipeline that were begun after the pinned one, or still go on beside it."""
    ids = [each.id for each in history]
    own = ids.index(execution.id) if execution.id in ids else len(ids)
    return [each for each in releases if ids.index(each.id) < own or not each.is_terminal]


def _may_target(pipeline: Pipeline, environment_id: str | None) -> bool:
    """Whether it deploys to the environment as far as its phases say; a list may leave out phases and ids."""
    deploys = [phase for phase in pipeline.phases if phase.type == "DEPLOY" or phase.environment_id]
    return not pipeline.phases or any(
        phase.environment_id == environment_id
        or (phase.environment_id is None and phase.environment_type in (None, STAGE))
        for phase in deploys
    )


def _deployments(execution: Execution, step: StepState) -> list[StepState]:
    """Its deploy steps that lead to the environment of ``step``, or don't say where they lead."""
    return [
        each
        for each in execution.steps
        if each.action == Action.DEPLOY
        and (each.environment_id == step.environment_id or (not each.environment_id and _may_be_stage(each)))
    ]


def _may_be_stage(step: StepState) -> bool:
    return step.environment_type in (None, STAGE)


def _reached(execution: Execution, step: StepState) -> bool:
    """Whether it has touched the environment; one without steps, or of an unknown kind, may have."""
    if not execution.steps or execution.trigger not in _A_RELEASE_OR_UPDATE:
        return True
    return any(each.has_begun or not each.is_known_status for each in _deployments(execution, step))


def _reached_after(execution: Execution, step: StepState) -> bool:
    """Whether it touched the environment after the stage deployment, as far as its times say."""
    if not _reached(execution, step):
        return False
    touched = [each for each in _deployments(execution, step) if each.has_begun or not each.is_known_status]
    ends = [each.finished_at or each.updated_at for each in touched] or [execution.finished_at]
    deployed = step.finished_at
    return deployed is None or any(end is None or end > deployed for end in ends)


def _builds_an_image(execution: Execution) -> bool:
    """Whether it brings code of its own; front-end, web-tier and config pipelines build no image."""
    return any(step.action == _BUILD_IMAGE for step in execution.steps)


def _mark(execution: Execution) -> str:
    return execution.id if execution.is_terminal else f"{execution.id}{RUNNING}"


def _in_words(execution: Execution, pipeline: Pipeline) -> str:
    name = f"{pipeline.name!r} {pipeline.id}" if pipeline.name else f"pipeline {pipeline.id}"
    parts = [name, pipeline.kind, execution.trigger or "trigger unknown"]
    if execution.created_at:
        parts.append(f"begun {execution.created_at:%Y-%m-%d %H:%M:%S} UTC")
    ended = f" {execution.finished_at:%Y-%m-%d %H:%M:%S} UTC" if execution.finished_at else ""
    parts.append(f"{execution.status}{ended}")
    return f"execution {execution.id} ({', '.join(parts)})"
