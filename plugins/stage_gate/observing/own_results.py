"""How are Cloud Manager's own results of a release read: its steps, their metrics, and what earlier releases had?"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from adobe_cloud_manager.exceptions import CloudManagerError
from adobe_cloud_manager.models import Execution, StepState, StepStatus
from adobe_cloud_manager.pinned import PinnedExecution
from stage_gate.rules.cloud_manager_results import ACTIONS, WITH_METRICS, EarlierTests, Seen, SeenStep

if TYPE_CHECKING:
    from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook

log = logging.getLogger(__name__)

_LOOKED_AT = 20
_TESTS = frozenset(ACTIONS.values()) - WITH_METRICS
_SAYS_SOMETHING = frozenset({StepStatus.FINISHED, StepStatus.FAILED, StepStatus.INCOMPLETE})


def read_own_results(hook: CloudManagerHook, pinned: PinnedExecution) -> Seen:
    """Everything that ``judge_results`` needs. Never raises ``CloudManagerError``: what can't be read is said."""
    began_at = datetime.now(UTC)
    link = pinned.ui_link()
    try:
        execution = hook.get_execution(pinned.program_id, pinned.pipeline_id, pinned.execution_id)
    except CloudManagerError as error:
        return Seen(link=link, began_at=began_at, read_at=datetime.now(UTC), unread=str(error))
    steps = tuple(_read_step(hook, step) for step in execution.steps if step.action in ACTIONS.values())
    earlier, history_unread = _read_earlier(hook, execution)
    return Seen(
        link=link,
        began_at=began_at,
        read_at=datetime.now(UTC),
        steps=steps,
        earlier=earlier,
        history_unread=history_unread,
    )


def _read_step(hook: CloudManagerHook, step: StepState) -> SeenStep:
    seen = SeenStep(action=step.action, name=step.name, status=step.status)
    if step.action not in WITH_METRICS:
        return seen
    try:
        return seen.model_copy(update={"metrics": hook.get_metrics(step)})
    except CloudManagerError as error:
        log.warning("The metrics of %s can't be read: %s", step.name, error)
        return seen.model_copy(update={"unread": f"The metrics of {step.name} can't be read: {error}"})


def _read_earlier(hook: CloudManagerHook, execution: Execution) -> tuple[dict[str, EarlierTests], str]:
    """How each kind of test ended in the newest earlier release in which it ended, and what could not be read."""
    try:
        history = hook.list_executions(execution.program_id, execution.pipeline_id, limit=_LOOKED_AT)
        found = _newest_ends(hook, _before(execution, history))
    except CloudManagerError as error:
        log.warning("The releases before execution %s can't be read: %s", execution.id, error)
        return {}, str(error)
    missing = ", ".join(sorted(_TESTS - found.keys()))
    if missing and len(history) >= _LOOKED_AT:
        return found, f"None of the {_LOOKED_AT} newest executions came to an end of {missing}."
    return found, ""


def _newest_ends(hook: CloudManagerHook, before: Sequence[Execution]) -> dict[str, EarlierTests]:
    found: dict[str, EarlierTests] = {}
    for each in before:
        told = each if each.steps else hook.get_execution(each.program_id, each.pipeline_id, each.id)
        for step in told.steps:
            if step.action in _TESTS and step.status in _SAYS_SOMETHING:
                found.setdefault(step.action, EarlierTests(execution_id=told.id, status=step.status))
        if found.keys() >= _TESTS:
            break
    return found


def _before(execution: Execution, history: Sequence[Execution]) -> list[Execution]:
    """The releases that were begun before this one, newest first; AEM updates are none.

    Raises ``CloudManagerError`` where the history does not go back that far.
    """
    ids = [each.id for each in history]
    if execution.id not in ids:
        raise CloudManagerError(
            f"Execution {execution.id} is not among the {len(ids)} newest executions of its pipeline, so what "
            "ran before it is unknown."
        )
    return [each for each in history[ids.index(execution.id) + 1 :] if not each.is_aem_update]
