"""Which execution was tested on stage for what a production-only pipeline releases?

A production-only pipeline builds nothing: it deploys what a stage-only pipeline built, and Cloud Manager does not say
which execution that was (``help/implementing/cloud-manager/configuring-pipelines/stage-prod-only.md`` of Adobe's Cloud
Service documentation; the API shows no source). What both show is the version of the artifacts.
"""

from __future__ import annotations

from collections.abc import Sequence

from adobe_cloud_manager.models import Execution, ExecutionStatus


class NotDeployed(RuntimeError):
    """There is no finished stage deployment behind this execution, so there is no candidate."""


class NoSource(NotDeployed):
    """Nobody can tell which execution was tested on stage, or stage has another build now: production has to wait."""


def source_of(production: Execution, history: Sequence[Execution], source_pipeline: str) -> Execution:
    """The newest execution of ``history``, newest first, that FINISHED with the same build. Raises ``NoSource``.

    The same build: the same ``artifactsVersion``, and the same commit where both executions name one. A version that
    more than one commit was built as names no build, unless production's commit settles which it is.
    """
    version = production.artifacts_version
    if not version:
        raise NoSource(
            f"Cloud Manager does not say which artifacts execution {production.id} releases (no artifactsVersion), so "
            f"nobody can tell which execution of pipeline {source_pipeline} was tested for it."
        )
    same = [each for each in history if each.artifacts_version == version and not each.is_aem_update]
    if not same:
        raise NoSource(
            f"Execution {production.id} releases artifacts {version}, and none of the newest {len(history)} executions "
            f"of pipeline {source_pipeline} has built them."
        )
    found = next((each for each in same if _is_tested(each)), None)
    if found is None:
        raise NoSource(
            f"Execution {production.id} releases artifacts {version} of execution {same[0].id} of pipeline "
            f"{source_pipeline}, which is {same[0].status}: only one that is FINISHED, stage included, was tested."
        )
    if production.commit_id and found.commit_id and production.commit_id != found.commit_id:
        raise NoSource(
            f"Execution {production.id} releases commit {production.commit_id}, and execution {found.id} of pipeline "
            f"{source_pipeline}, with the same artifacts {version}, has built {found.commit_id}."
        )
    commits = sorted({each.commit_id for each in same if each.commit_id} | {production.commit_id} - {""})
    if len(commits) > 1 and not production.commit_id == found.commit_id != "":
        raise NoSource(
            f"Execution {production.id} releases artifacts {version}, which pipeline {source_pipeline} has "
            f"built from more than one commit ({', '.join(commits)}), so nobody can tell which of them was tested."
        )
    return found


def _is_tested(execution: Execution) -> bool:
    step = execution.stage_deployment
    return execution.status == ExecutionStatus.FINISHED and step is not None and step.is_finished
