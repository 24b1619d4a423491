"""What Airflow keeps in its database for tasks and for assets: stand-ins for its state stores."""

from __future__ import annotations

from typing import Any

from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse


class StateStore:
    """Small values by key, as long as the API server answers."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.is_down = False

    def get(self, key: str, default: Any = None) -> Any:
        self._require_up()
        return self.values.get(key, default)

    def set(self, key: str, value: Any) -> None:
        self._require_up()
        self.values[key] = value

    def _require_up(self) -> None:
        if self.is_down:
            raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR))
