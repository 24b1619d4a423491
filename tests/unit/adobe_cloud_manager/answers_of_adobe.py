"""Documents in the shape of Cloud Manager's, small enough to read."""

from __future__ import annotations

from typing import Any

from adobe_cloud_manager.models import StepState

EXECUTION_PATH = "/api/program/1/pipeline/2/execution/3"
STEP_PATH = f"{EXECUTION_PATH}/phase/4/step/5"
REL = "http://ns.adobe.com/adobecloud/rel/pipeline/"


def step_document(**changes: Any) -> dict[str, Any]:
    return {
        "id": "50",
        "stepId": "5",
        "phaseId": "4",
        "executionId": "3",
        "pipelineId": "2",
        "programId": "1",
        "action": "approval",
        "environmentType": "prod",
        "status": "WAITING",
        "_links": {"self": {"href": STEP_PATH}}
        | {
            f"{REL}{name}": {"href": f"{STEP_PATH}/{name}"}
            for name in ("advance", "cancel", "logs", "metrics")
        },
    } | changes


def execution_document(execution_id: str = "3", **changes: Any) -> dict[str, Any]:
    return {
        "id": execution_id,
        "programId": "1",
        "pipelineId": "2",
        "status": "RUNNING",
        "_embedded": {"stepStates": [step_document()]},
    } | changes


def step(**changes: Any) -> StepState:
    return StepState.parse(step_document(**changes))


def links(**hrefs: str) -> dict[str, Any]:
    return {f"{REL}{name}": {"href": href} for name, href in hrefs.items()}
