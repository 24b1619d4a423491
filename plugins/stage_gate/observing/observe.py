"""What does Cloud Manager say of a release just now? Reads a candidate, its surroundings and its go-live step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adobe_cloud_manager.exceptions import Unavailable
from adobe_cloud_manager.models import Execution, ExecutionStatus, StepState
from adobe_cloud_manager.questions import Approval, approval_state
from stage_gate.observing.siblings import Deployed, Siblings, read_siblings
from stage_gate.observing.stage_environment import read_stage
from stage_gate.rules.candidate import Candidate, host_of
from stage_gate.rules.decision import GoLive
from stage_gate.rules.source import NoSource, NotDeployed, source_of
from stage_gate.rules.surroundings import Fact, Source, Surroundings, Way

if TYPE_CHECKING:
    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook

_NEWEST, _MOST = 20, 200
"""How many executions of a stage-only pipeline are looked at for a source, first and at most."""


__all__ = [
    "NoSource",
    "NotDeployed",
    "candidate_of",
    "go_live",
    "read_candidate",
    "read_surroundings",
]


def read_candidate(
    hook: CloudManagerHook, execution: Execution, source_pipeline: str | None = None
) -> Candidate:
    """Pin what this execution releases and what was put on stage for it, with everything around it that can be read.

    ``source_pipeline`` is the stage-only pipeline that built and deployed it to stage; ``None`` where the execution did
    so itself. Raises ``NotDeployed`` before the stage deployment is FINISHED, ``NoSource`` where nobody can tell what
    was tested, and ``CloudManagerError`` where the source can't be read; what else can't be read is ``unread``.
    """
    return candidate_of(execution, read_surroundings(hook, execution, source_pipeline))


def candidate_of(execution: Execution, surroundings: Surroundings) -> Candidate:
    """The candidate in this snapshot of its execution. Raises ``NotDeployed``."""
    deployed = surroundings.source or _own_deployment(execution)
    return Candidate(
        program_id=execution.program_id,
        pipeline_id=execution.pipeline_id,
        execution_id=execution.id,
        trigger=execution.trigger,
        stage_step_id=deployed.stage_step_id,
        stage_deployed_at=deployed.stage_deployed_at,
        commit_id=execution.commit_id or deployed.commit_id,
        artifacts_version=execution.artifacts_version or None,
        stage=surroundings,
    )


def _own_deployment(execution: Execution) -> Source:
    """An execution that deploys to stage is its own source."""
    step = _stage_deployment(execution)
    return Source(
        pipeline_id=execution.pipeline_id,
        execution_id=execution.id,
        trigger=execution.trigger,
        stage_step_id=step.step_id,
        stage_deployed_at=step.finished_at,
        commit_id=execution.commit_id or None,
        artifacts_version=execution.artifacts_version,
    )


def _stage_deployment(execution: Execution) -> StepState:
    step = execution.stage_deployment
    if step is None or not step.is_finished:
        raise NotDeployed(f"The stage deployment of execution {execution.id} is not finished.")
    return step


def go_live(execution: Execution) -> GoLive:
    """What the snapshot of an execution says of production."""
    state = approval_state(execution)
    deployment = execution.production_deployment
    begun = deployment is not None and deployment.has_begun
    if state.state is Approval.ENDED and execution.status == ExecutionStatus.FINISHED:
        begun = (
            True  # it went to its end, whatever steps it still shows: nothing says that production was spared
        )
    return GoLive(approval=state.state, sentence=state.sentence, production_begun=begun)


def read_surroundings(
    hook: CloudManagerHook, execution: Execution, source_pipeline: str | None = None
) -> Surroundings:
    """What stands around the stage deployment that this execution releases. Raises as ``read_candidate``."""
    tested = execution if source_pipeline is None else _read_source(hook, execution, source_pipeline)
    step = _stage_deployment(tested)
    hook.log_in()  # threads ask for no connections
    released_by = execution if source_pipeline else None
    seen = read_siblings(hook, Deployed(execution=tested, step=step, released_by=released_by))
    if source_pipeline is not None:
        _require_still_on_stage(tested, seen)
    stage = read_stage(hook, execution.program_id, step)
    hosts = {*map(host_of, stage.urls), *stage.domains} - {""}
    return Surroundings(
        environment_id=step.environment_id or "",
        hosts=tuple(sorted(hosts)),
        unsettled_domains=stage.unsettled_domains,
        status=stage.status,
        other_pipelines=seen.other_pipelines,
        events=tuple(sorted((*seen.events, *stage.events), key=lambda each: (each.way, each.id))),
        variables=stage.variables,
        unread=(*seen.unread, *stage.unread),
        source=_own_deployment(tested) if source_pipeline is not None else None,
    )


def _read_source(hook: CloudManagerHook, execution: Execution, source_pipeline: str) -> Execution:
    """The source among the newest executions, else among more of them. Raises ``NoSource``, ``CloudManagerError``."""
    newest = hook.list_executions(execution.program_id, source_pipeline, limit=_NEWEST)
    try:
        return source_of(execution, newest, source_pipeline)
    except NoSource:
        if len(newest) < _NEWEST or not execution.artifacts_version:
            raise
    more = hook.list_executions(execution.program_id, source_pipeline, limit=_MOST)
    return source_of(execution, more, source_pipeline)


def _require_still_on_stage(source: Execution, seen: Siblings) -> None:
    """Raise ``NoSource`` where the stage-only pipeline has put another build on stage since, or nobody can tell.

    Raise ``Unavailable`` where it may be told in a moment.
    """
    unread = next((each for each in seen.unread if each.fact is Fact.OWN_EXECUTIONS), None)
    if unread is not None and unread.passing:
        raise Unavailable(unread.sentence)
    if unread is not None:
        raise NoSource(
            f"Whether pipeline {source.pipeline_id} has put another build on stage since execution {source.id} can't be "
            f"told. {unread.sentence}"
        )
    newer = [each.id for each in seen.events if each.way is Way.OWN_RELEASE and not each.runs]
    if newer:
        raise NoSource(
            f"Execution {source.id} of pipeline {source.pipeline_id} is not the last one that reached stage: execution "
            f"{', '.join(sorted(newer))} did after it, so stage does not show what goes to production. Promote that one, or "
            "run the stage-only pipeline again from the same commit and promote it then."
        )
