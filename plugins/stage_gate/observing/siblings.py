"""What have pipelines done to the stage environment: this one again, others, AEM updates?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from adobe_cloud_manager.exceptions import CloudManagerError, UnexpectedAnswer
from adobe_cloud_manager.models import Action, Execution, Pipeline, StepState
from adobe_cloud_manager.vocabulary import CHANGES_NO_ENVIRONMENT, STAGE
from stage_gate.observing.side_by_side import ask_all
from stage_gate.rules.surroundings import ELSEWHERE, NONE, Fact, StageEvent, Unread, Way

if TYPE_CHECKING:
    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook

_PAGE = 20
_MOST = 200
"""How many executions of one pipeline are looked at, at most, back to the stage deployment."""
_BUILD_IMAGE = "buildImage"
_BUILDS_FROM_ITS_BRANCH = frozenset({"MANUAL", "ON_COMMIT"})
_A_RELEASE_OR_UPDATE = _BUILDS_FROM_ITS_BRANCH | {"PUSH_UPGRADES", "RE_EXECUTE"}


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """The stage deployment that is tested."""

    execution: Execution
    step: StepState
    released_by: Execution | None = None
    """What takes the build of ``execution`` to production, where that is another execution. Newer runs of the stage-only
    pipeline that have ended without touching stage are none then: it goes on building meanwhile."""

    @property
    def own(self) -> frozenset[str]:
        """Ids of executions that are this very release."""
        return frozenset({self.execution.id} | ({self.released_by.id} if self.released_by else set()))


@dataclass(kw_only=True)
class Siblings:
    """What was found, in the words of ``surroundings.Surroundings``."""

    other_pipelines: dict[str, str] = field(default_factory=dict)
    events: list[StageEvent] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)


def read_siblings(hook: CloudManagerHook, deployed: Deployed) -> Siblings:
    """Everything that pipelines of this program have done to stage besides its deployment, and what can't be read of it."""
    seen = Siblings()
    own = Pipeline(deployed.execution.pipeline_id, deployed.execution.program_id, "")
    others = []
    try:
        listed = hook.list_pipelines(own.program_id)
        others = [each for each in listed if each.id != own.id]
        own = next((each for each in listed if each.id == own.id), own)
        if own not in listed:
            raise UnexpectedAnswer(
                f"The list does not name pipeline {own.id} itself, so it is not the whole one."
            )
    except CloudManagerError as error:
        call = f"GET /api/program/{own.program_id}/pipelines"
        seen.unread.append(Unread.because(error, Fact.OTHER_PIPELINES, call))
    seen.other_pipelines = {each.id: ELSEWHERE for each in others}
    asked = [each for each in others if _may_have_led_to_stage(each, deployed)]
    since = deployed.step.finished_at
    histories = ask_all(partial(_history, hook, each, since) for each in (own, *asked))
    _look_at_own(own, histories[0], deployed, seen)
    for pipeline, history in zip(asked, histories[1:], strict=True):
        _look_at_other(pipeline, history, deployed, seen)
    return seen


History = Sequence[Execution] | CloudManagerError
"""The executions of a pipeline, newest first, or why they can't be read."""


def _look_at_own(pipeline: Pipeline, history: History, deployed: Deployed, seen: Siblings) -> None:
    if not isinstance(history, CloudManagerError) and deployed.execution.id not in [h.id for h in history]:
        history = UnexpectedAnswer(f"The list does not name execution {deployed.execution.id} itself.")
    if isinstance(history, CloudManagerError):
        seen.unread.append(Unread.because(history, Fact.OWN_EXECUTIONS, _call(pipeline)))
        return
    newer = _newer_than(deployed.execution, history)
    if deployed.released_by is not None:
        newer = [each for each in newer if not each.is_terminal or _reached(each, deployed.step)]
    seen.events += [_event(Way.OWN_RELEASE, each, pipeline) for each in newer]
    seen.events += _updates(pipeline, history, deployed)


def _look_at_other(pipeline: Pipeline, history: History, deployed: Deployed, seen: Siblings) -> None:
    if isinstance(history, CloudManagerError):
        unread = Unread.because(history, Fact.OTHER_PIPELINES, _call(pipeline), subject=pipeline.id)
        seen.unread.append(unread)
        del seen.other_pipelines[pipeline.id]
        return
    may_target = _may_target(pipeline, deployed.step.environment_id)
    if not may_target:
        history = [each for each in history if _may_name(each, deployed.step, pipeline.updated_at)]
    releases = [each for each in history if not each.is_aem_update and each.id not in deployed.own]
    reached = [each for each in releases if each.is_terminal and _reached(each, deployed.step)]
    untouched = NONE if may_target else ELSEWHERE
    seen.other_pipelines[pipeline.id] = reached[0].id if reached else untouched
    for each in releases:
        if not each.is_terminal or _reached_after(each, deployed.step):
            way = Way.DEPLOYMENT if _brings_no_image(each) else Way.OTHER_RELEASE
            seen.events.append(_event(way, each, pipeline))
    seen.events += _updates(pipeline, history, deployed)


def _updates(pipeline: Pipeline, history: Sequence[Execution], deployed: Deployed) -> Iterator[StageEvent]:
    for each in history:
        is_another = each.is_aem_update and each.id not in deployed.own
        if is_another and (not each.is_terminal or _reached_after(each, deployed.step)):
            yield _event(Way.AEM_UPDATE, each, pipeline)


def _event(way: Way, execution: Execution, pipeline: Pipeline) -> StageEvent:
    return StageEvent(
        way=way,
        id=execution.id,
        pipeline=pipeline.id,
        runs=not execution.is_terminal,
        told=_in_words(execution, pipeline),
    )


def _call(pipeline: Pipeline) -> str:
    return f"GET /api/program/{pipeline.program_id}/pipeline/{pipeline.id}/executions"


def _history(hook: CloudManagerHook, pipeline: Pipeline, since: datetime | None) -> History:
    """The executions of a pipeline, newest first, back to one begun before ``since``, or why they can't be read."""
    try:
        found = hook.list_executions(pipeline.program_id, pipeline.id, limit=_PAGE)
        if len(found) >= _PAGE and not _goes_back_to(found, since):
            found = hook.list_executions(pipeline.program_id, pipeline.id, limit=_MOST)
    except CloudManagerError as error:
        return error
    if len(found) >= _MOST and not _goes_back_to(found, since):
        return UnexpectedAnswer(
            f"It has run {len(found)} times since the stage deployment, and what came before is not looked at."
        )
    if not _is_newest_first(found):
        return UnexpectedAnswer("They are not listed newest first, so nobody can tell which are newer.")
    return found


def _is_newest_first(history: Sequence[Execution]) -> bool:
    """Whether the times of creation say so; one that is missing among several leaves it open."""
    begun = [each.created_at for each in history]
    return all(newer is not None and older is not None and newer >= older for newer, older in pairwise(begun))


def _goes_back_to(history: Sequence[Execution], since: datetime | None) -> bool:
    begun = history[-1].created_at
    return since is not None and begun is not None and begun < since


def _newer_than(execution: Execution, history: Sequence[Execution]) -> list[Execution]:
    """Releases of the guarded pipeline that were begun after the pinned one, or still go on beside it."""
    own = [each.id for each in history].index(execution.id)
    return [
        each
        for place, each in enumerate(history)
        if place != own and not each.is_aem_update and (place < own or not each.is_terminal)
    ]


def _may_have_led_to_stage(pipeline: Pipeline, deployed: Deployed) -> bool:
    """Whether it leads to stage, or may have led there since the release began: each pipeline costs a request a look."""
    began, updated = deployed.execution.created_at, pipeline.updated_at
    untouched = began is not None and updated is not None and updated < began
    return not untouched or _may_target(pipeline, deployed.step.environment_id)


def _may_target(pipeline: Pipeline, environment_id: str | None) -> bool:
    """Whether it deploys to the environment as far as its phases say; a list may leave out phases and ids."""
    deploys = [phase for phase in pipeline.phases if phase.type == "DEPLOY" or phase.environment_id]
    return not pipeline.phases or any(
        phase.environment_id == environment_id
        or (phase.environment_id is None and phase.environment_type in (None, STAGE))
        for phase in deploys
    )


def _may_name(execution: Execution, step: StepState, edited: datetime | None) -> bool:
    """Whether it says that it leads to the environment of ``step``, or says nothing and is older than the last edit."""
    if execution.steps:
        return any(each.environment_id or each.environment_type for each in _changing(execution, step))
    begun = execution.created_at
    return begun is None or edited is None or begun <= edited


def _changing(execution: Execution, step: StepState) -> list[StepState]:
    """Its steps that lead to the environment of ``step`` and may change it, whatever Adobe calls them."""
    return [
        each
        for each in execution.steps
        if each.action not in CHANGES_NO_ENVIRONMENT and _leads_to(each, step.environment_id)
    ]


def _leads_to(step: StepState, environment_id: str | None) -> bool:
    """Whether it says so by id, or by the type alone: there is one stage. A deployment need say neither, nor what has no name."""
    if step.environment_id or step.environment_type:
        return step.environment_id == environment_id or (
            not step.environment_id and step.environment_type == STAGE
        )
    return step.action in (Action.DEPLOY, "")


def _reached(execution: Execution, step: StepState) -> bool:
    """Whether it has touched the environment; one without steps, or of an unknown kind, may have."""
    if not execution.steps or execution.trigger not in _A_RELEASE_OR_UPDATE:
        return True
    return any(each.has_begun or not each.is_known_status for each in _changing(execution, step))


def _reached_after(execution: Execution, step: StepState) -> bool:
    """Whether it touched the environment after the stage deployment, as far as its times say."""
    if not _reached(execution, step):
        return False
    touched = [each for each in _changing(execution, step) if each.has_begun or not each.is_known_status]
    ends = [each.finished_at or each.updated_at for each in touched] or [execution.finished_at]
    deployed = step.finished_at
    return deployed is None or any(end is None or end > deployed for end in ends)


def _brings_no_image(execution: Execution) -> bool:
    """Whether its steps show that it brings no code of its own, as those of front-end, web-tier and config pipelines do.

    What an execution of another trigger brings was built by another one, as that of a re-execution or a rollback.
    """
    builds = any(step.action == _BUILD_IMAGE for step in execution.steps)
    return bool(execution.steps) and not builds and execution.trigger in _BUILDS_FROM_ITS_BRANCH


def _in_words(execution: Execution, pipeline: Pipeline) -> str:
    name = f"{pipeline.name!r} {pipeline.id}" if pipeline.name else f"pipeline {pipeline.id}"
    parts = [name, pipeline.kind, execution.trigger or "trigger unknown"]
    if execution.created_at:
        parts.append(f"begun {execution.created_at:%Y-%m-%d %H:%M:%S} UTC")
    ended = f" {execution.finished_at:%Y-%m-%d %H:%M:%S} UTC" if execution.finished_at else ""
    parts.append(f"{execution.status}{ended}")
    return f"execution {execution.id} ({', '.join(parts)})"
