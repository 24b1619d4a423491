"""What does Cloud Manager say of a release just now? Reads a candidate, its surroundings and its go-live step."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from adobe_cloud_manager.exceptions import CloudManagerError
from adobe_cloud_manager.models import Execution, ExecutionStatus, StepState
from adobe_cloud_manager.questions import Approval, approval_state
from stage_gate.candidate import Candidate, Surroundings, host_of
from stage_gate.decision import GoLive
from stage_gate.siblings import read_siblings

if TYPE_CHECKING:
    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook

log = logging.getLogger(__name__)


class NotDeployed(RuntimeError):
    """The execution has no finished stage deployment, so there is no candidate."""


def read_candidate(hook: CloudManagerHook, execution: Execution) -> Candidate:
    """Pin what this execution put on stage, with everything around it that can be read.

    Raises ``NotDeployed`` before the stage deployment is FINISHED, and ``CloudManagerError`` where the hosts of
    the environment can't be read; what else can't be read becomes ``unknown``.
    """
    return candidate_of(execution, read_surroundings(hook, execution))


def candidate_of(execution: Execution, surroundings: Surroundings) -> Candidate:
    """The candidate in this snapshot of its execution. Raises ``NotDeployed``."""
    step = _stage_deployment(execution)
    return Candidate(
        program_id=execution.program_id,
        pipeline_id=execution.pipeline_id,
        execution_id=execution.id,
        trigger=execution.trigger,
        stage_step_id=step.step_id,
        stage_deployed_at=step.finished_at,
        commit_id=execution.commit_id or None,
        artifacts_version=execution.artifacts_version or None,
        stage=surroundings,
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


def environment_hosts(hook: CloudManagerHook, program_id: str, step: StepState) -> tuple[str, ...]:
    """All hosts that Cloud Manager says belong to the environment of a deploy step: its own and mapped domains."""
    environment_id = step.environment_id or ""
    environment = hook.get_environment(program_id, environment_id)
    urls = [each.url for each in step.environment_urls]
    urls += [url for url in (environment.author_url, environment.publish_url, environment.preview_url) if url]
    hosts = {host_of(url) for url in urls}
    try:
        mappings = hook.list_domain_mappings(program_id, environment_id)
    except CloudManagerError as error:
        log.warning(
            "The domains of environment %s can't be read, only its own hosts are known: %s",
            environment_id,
            error,
        )
        mappings = ()
    hosts.update(
        mapping.domain_name.lower() for mapping in mappings if mapping.environment_id == environment_id
    )
    return tuple(sorted(hosts - {""}))


def read_surroundings(hook: CloudManagerHook, execution: Execution) -> Surroundings:
    """What stands around the stage deployment of this execution. Raises as ``read_candidate``."""
    step = _stage_deployment(execution)
    seen = read_siblings(hook, execution, step)
    return Surroundings(
        environment_id=step.environment_id or "",
        hosts=environment_hosts(hook, execution.program_id, step),
        other_pipelines=seen.other_pipelines,
        newer_releases=seen.newer_releases,
        replaced_by=seen.replaced_by,
        aem_updates=seen.aem_updates,
        told=seen.told,
    )
