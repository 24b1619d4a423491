"""What a run is about, fixed when it begins: which execution, under which gate, in which mode."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import AwareDatetime

from stage_gate.evidence.signing import SignedRecord
from stage_gate.rules.own_tests import OwnTest

RUN_ID_PREFIX = "execution-"
_RUN_ID = re.compile(rf"{RUN_ID_PREFIX}([1-9][0-9]{{0,19}})")


class Pin(SignedRecord):
    """Written once per run, before anything is awaited; every later task starts from it."""

    gate: str
    gate_digest: str
    gate_content: Mapping[str, Any]
    """The gate file as it was resolved (``extends`` included), so that editing it changes no run that has begun."""
    program_id: str
    pipeline_id: str
    execution_id: str
    trigger: str
    pinned_at: AwareDatetime
    own_tests: tuple[OwnTest, ...] = ()
    """What the gate's own Dag file declared then: tests that are Airflow tasks. None where it has no such file."""
    let_through: bool = False
    """Production had been approved, or begun, before the run began."""
    report_only: str = ""
    """Why this execution is reported and never decided; empty for a normal release."""


def run_id_of(execution_id: str) -> str:
    """The run id under which an execution is guarded: one run per execution, whoever starts it."""
    return f"{RUN_ID_PREFIX}{execution_id}"


def execution_id_of(run_id: str) -> str | None:
    """The execution that a run id names; ``None`` where it names none, as with a run started by hand."""
    found = _RUN_ID.fullmatch(run_id)
    return found[1] if found else None
