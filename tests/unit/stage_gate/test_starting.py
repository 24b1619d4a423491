"""The reconciler starts what it can, and what it can't start is red."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException, DagRunTriggerException

from stage_gate.starting import FindExecutions, StartRun


def found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    def current(self: FindExecutions, path: Path) -> list[dict[str, str]]:
        if path.stem == "locked":
            raise RuntimeError("the credential is refused")
        return [{"gate_dag_id": f"stage_gate.{path.stem}", "execution_run_id": "execution-1"}]

    monkeypatch.setattr(FindExecutions, "_current", current)
    return FindExecutions(task_id="find", gates_folder=str(folder)).execute({})


def test_a_gate_that_cannot_be_started_is_red_and_keeps_no_other_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("good", "locked"):
        (tmp_path / f"{name}.yaml").touch()
    good, locked = (StartRun(task_id="start_run", **each) for each in found(tmp_path, monkeypatch))
    with pytest.raises(DagRunTriggerException) as started:
        good.execute({})
    assert (started.value.trigger_dag_id, started.value.dag_run_id) == ("stage_gate.good", "execution-1")
    with pytest.raises(AirflowFailException, match=r"locked.*the credential is refused"):
        locked.execute({})


def test_no_gate_file_at_all_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AirflowFailException, match="nothing is guarded"):
        found(tmp_path / "not-mounted", monkeypatch)
