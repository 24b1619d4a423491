"""A run that somebody starts by hand names an execution, finds its one run, and says where that is."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, DagRunTriggerException, ParamValidationError

from simulator import Simulator
from stage_gate.configuration.gate_file import load_gate
from stage_gate.dag import build_gate_dag
from stage_gate.links import ExecutionRunLink
from stage_gate.tasks.pin import PinCandidate, StartExecutionRun
from unit.stage_gate.runs_of_airflow import RunsOfAirflow


@pytest.fixture
def gate_file(tmp_path: Path) -> Path:
    content = {
        "pipeline": {"program": "12345", "pipeline": "678901"},
        "sites": [{"name": "larkfell", "stage": "https://stage.simulated.invalid", "pages": ["/"]}],
    }
    file = tmp_path / "larkfell.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


def pinned_by_hand(gate_file: Path, execution: str | None) -> tuple[list[str], dict[str, Any]]:
    """Which task follows, and what it is told."""
    pushed: dict[str, Any] = {}
    ti = SimpleNamespace(xcom_push=lambda key, value: pushed.update({key: value}))
    task = PinCandidate(task_id="pin_candidate", gate_file=str(gate_file), waits=["wait"], fold="fold")
    context: Any = {"run_id": "manual__1", "params": {"execution": execution}, "ti": ti}
    return task.choose_branch(context), pushed


def form(gate_file: Path) -> DAG:
    return build_gate_dag(load_gate(gate_file), gate_file, "")


@pytest.mark.parametrize("value", ["current", "", None, "2345678"])
def test_the_form_takes_an_execution_or_the_current_one(gate_file: Path, value: str | None) -> None:
    assert form(gate_file).params.get_param("execution").resolve(value) == value


@pytest.mark.parametrize(
    "value", ["0", "0123", "12a", " 12", "latest", 12, ["12"], "9" * 21, "execution-12", "{{ 1 }}"]
)
def test_the_form_refuses_what_can_be_no_execution(gate_file: Path, value: object) -> None:
    with pytest.raises(ParamValidationError):
        form(gate_file).params.get_param("execution").resolve(value)


@pytest.mark.parametrize("asked", ["current", "", None])
def test_nothing_named_means_the_execution_that_runs(
    simulator: Simulator, gate_file: Path, asked: str | None
) -> None:
    execution = simulator.start_execution("quality-waits")
    assert pinned_by_hand(gate_file, asked) == (["fold"], {"execution_run_id": f"execution-{execution}"})


def test_an_execution_that_is_over_can_be_named(simulator: Simulator, gate_file: Path) -> None:
    execution = simulator.start_execution("quality-waits")
    simulator.person("cancel", execution)
    assert pinned_by_hand(gate_file, execution) == (["fold"], {"execution_run_id": f"execution-{execution}"})


def test_an_execution_that_is_none_of_this_pipeline_starts_no_run(
    simulator: Simulator, gate_file: Path
) -> None:
    with pytest.raises(AirflowFailException, match="Execution 99 does not exist in pipeline 678901"):
        pinned_by_hand(gate_file, "99")


@pytest.mark.parametrize(("state", "told"), [("", "starts now"), ("failed", "is there already (failed)")])
def test_the_log_says_where_the_run_of_the_execution_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], state: str, told: str
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com/")
    airflow = RunsOfAirflow(monkeypatch)
    if state:
        airflow.states["stage_gate.start", "execution-7"] = state
    task = StartExecutionRun(task_id="fold", execution_run_id="execution-7")
    with pytest.raises(DagRunTriggerException) as started:
        task.execute(airflow.context)
    assert started.value.dag_run_id == "execution-7"
    assert started.value.skip_when_already_exists
    assert started.value.note == "Started by hand, from run manual__1."
    page = "https://airflow.example.com/dags/stage_gate.start/runs/execution-7"
    assert any(told in line and page in line for line in capsys.readouterr().out.splitlines())
    key: Any = SimpleNamespace(dag_id="stage_gate.start")
    assert ExecutionRunLink().get_link(task, ti_key=key) == page
