"""How do triggers read and write the shared hint without blocking?"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from adobe_cloud_manager.events.hint import HINT_VARIABLE, merged

log = logging.getLogger(__name__)
DESCRIPTION = "Executions that Adobe I/O Events spoke of lately: a reason to look sooner, never more. Written by machines."


async def read_hint() -> str | None:
    """The Variable's text; ``None`` where there is none, or outside a triggerer.

    Raises what the way to Airflow's API server raises when it is down.
    """
    from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
    from airflow.sdk.execution_time.comms import ErrorResponse, GetVariable, VariableResult

    comms = _comms()
    if comms is None:
        return None
    try:
        answer = await comms.asend(GetVariable(key=HINT_VARIABLE))
    except AirflowRuntimeError as error:
        answer = error.error
    if isinstance(answer, ErrorResponse) and answer.error != ErrorType.VARIABLE_NOT_FOUND:
        raise AirflowRuntimeError(answer)
    return answer.value if isinstance(answer, VariableResult) else None


async def leave_hint(subjects: Iterable[str], now: datetime | None = None) -> None:
    """Add these subjects to the Variable.

    It never raises: a hint that gets lost costs the time to the next planned look, and is logged.
    """
    named = sorted(set(subjects))
    if not named:
        return
    from airflow.sdk.execution_time.comms import PutVariable

    try:
        if (comms := _comms()) is not None:
            text = merged(await read_hint(), named, now or datetime.now(UTC))
            await comms.asend(PutVariable(key=HINT_VARIABLE, value=text, description=DESCRIPTION))
    except Exception as error:  # noqa: BLE001 - whatever it is, it may cost a hint, not the events
        log.warning(
            "The hint about %d executions could not be stored (%s); their waits go on at their own pace.",
            len(named),
            type(error).__name__,
        )


def _comms() -> Any:
    """The triggerer's line to its supervisor; ``None`` where this process is no triggerer's."""
    from airflow.sdk.execution_time import task_runner

    return getattr(task_runner, "SUPERVISOR_COMMS", None)
