"""How do content copies and restores look in JSON?"""

from __future__ import annotations

from simulator.cloud_manager.resources import Json, links, timestamp
from simulator.upkeep import ContentFlow, Restore


def content_flow(flow: ContentFlow, now: float) -> Json:
    """A content copy, with the id and times that Adobe's library has and the specification has not."""
    program = f"/api/program/{flow.program_id}"
    ended = flow.created_at + flow.plan.seconds
    return {
        "_links": links(
            f"{program}/contentFlow/{flow.id}",
            program=program,
            environment=f"{program}/environment/{flow.source.id}",
            destEnvironment=f"{program}/environment/{flow.target.id}",
        ),
        "contentFlowId": flow.id,
        "contentSetId": "6402",
        "contentSetName": "Everything (simulated)",
        "srcEnvironmentId": flow.source.id,
        "srcEnvironmentName": flow.source.name,
        "destEnvironmentId": flow.target.id,
        "destEnvironmentName": flow.target.name,
        "programId": flow.program_id,
        "destProgramId": flow.program_id,
        "tier": "author",
        "status": flow.status(now),
        "createdAt": timestamp(flow.created_at),
        "updatedAt": timestamp(ended if flow.is_over(now) else now),
    }


def restore_execution(restore: Restore, program_id: str, environment_id: str, now: float) -> Json:
    program = f"/api/program/{program_id}"
    environment = f"{program}/environment/{environment_id}"
    ended = restore.created_at + restore.plan.seconds
    return {
        "_links": links(
            f"{environment}/restoreExecution/{restore.id}", program=program, environment=environment
        ),
        "id": restore.id,
        "programId": program_id,
        "environmentId": environment_id,
        "status": restore.status(now),
        "createdAt": timestamp(restore.created_at),
        "updatedAt": timestamp(ended if restore.is_over(now) else now),
    }
