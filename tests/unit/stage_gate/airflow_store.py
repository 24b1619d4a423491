"""What Airflow keeps for a task, through tries and being cleared: a stand-in for its ``task_state_store``."""

from __future__ import annotations

from typing import Any

from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse


class TaskStore:
    """Small values by key."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.is_down = False

    def get(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)

    def set(self, key: str, value: Any) -> None:
        if self.is_down:
            raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR))
        self.values[key] = value
