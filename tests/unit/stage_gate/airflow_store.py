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
        self.is_given_up = False
        """Airflow has put another try in the place of the one that asks."""

    def get(self, key: str, default: Any = None) -> Any:
        self._require_up()
        return self.values.get(key, default)

    def set(self, key: str, value: Any) -> None:
        self._require_up()
        self.values[key] = value

    def _require_up(self) -> None:
        if self.is_down:
            raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR))
        if self.is_given_up:
            detail = {
                "status_code": 404,
                "message": "Server returned error",
                "detail": {"reason": "not_found"},
            }
            raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail=detail))
