"""What the process that forks tasks imports and builds once is there for all of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CODE = """
import sys
{before}
from stage_gate.import_ahead import import_ahead
import_ahead()
kinds = sys.modules.get("aem_checks.kinds.availability.key_pages")
print("selectolax.lexbor" in sys.modules, bool(kinds and kinds.KeyPagesSettings.__pydantic_complete__))
"""
IS_A_TASK = "import airflow.sdk.execution_time.task_runner as runner; runner.SUPERVISOR_COMMS = object()"


@pytest.mark.parametrize(("before", "expected"), [("", "True True"), (IS_A_TASK, "False False")])
def test_it_imports_and_builds_for_those_who_fork_and_spares_a_task_itself(
    before: str, expected: str
) -> None:
    told = subprocess.run(
        [sys.executable, "-c", CODE.format(before=before)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "plugins")},
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    assert told.stdout.split("\n")[-2] == expected
