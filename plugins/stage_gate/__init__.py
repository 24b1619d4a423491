"""The gate. For Dag files of a team's own: ``gate_dag``, ``stage_test`` and ``as_stage_test``, imported when asked for."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stage_gate.own_dag import gate_dag as gate_dag
    from stage_gate.own_tests.declaring import as_stage_test as as_stage_test
    from stage_gate.own_tests.declaring import stage_test as stage_test

__all__ = ["as_stage_test", "gate_dag", "stage_test"]

_HOMES = {
    "as_stage_test": "stage_gate.own_tests.declaring",
    "gate_dag": "stage_gate.own_dag",
    "stage_test": "stage_gate.own_tests.declaring",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _require_airflow()
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


@cache
def _require_airflow() -> None:
    """Once, whatever is asked for: to look costs a Dag file as much as a tenth of its gate."""
    from stage_gate.supported import require_airflow

    require_airflow()
