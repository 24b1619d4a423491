"""Which steps tell of production where no approval says that it is production's? Pure, no clock."""

from __future__ import annotations

from adobe_cloud_manager.models import Execution, StepState
from adobe_cloud_manager.vocabulary import PRODUCTION, Action

_BEHIND_THE_APPROVAL = frozenset({Action.SCHEDULE, Action.MANAGED})


def unplaced_approval(execution: Execution) -> StepState | None:
    """An approval that may be production's and does not say so; ``None`` where there is none, or another one says so.

    ``environmentType`` of a step is optional in the specification. What stands before the stage deployment is about stage.
    """
    if execution.production_approval is not None:
        return None
    stage = execution.stage_deployment
    behind = execution.steps[execution.steps.index(stage) :] if stage else execution.steps
    found = [step for step in behind if step.action == Action.APPROVAL and step.environment_type is None]
    return next((step for step in found if not step.is_terminal), found[-1] if found else None)


def steps_to_production(execution: Execution) -> list[StepState]:
    """The steps behind the place of an approval for production: schedule, Adobe's engineer, deployment."""
    return [
        step
        for step in execution.steps
        if (step.action == Action.DEPLOY and step.environment_type == PRODUCTION)
        or (step.action in _BEHIND_THE_APPROVAL and step.environment_type in (PRODUCTION, None))
    ]
