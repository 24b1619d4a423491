"""The examples are Dags that Airflow takes, and none of them is loaded where it lies."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization

from unit.stage_gate.test_dags import GATE

DAGS = Path(__file__).resolve().parents[2] / "dags"
EXAMPLES = {
    "gate_with_own_tasks": "stage_gate.wknd",
    "run_our_tests": "run_our_tests",
    "tell_when_on_stage": "tell_when_on_stage",
}


def test_each_example_is_known_here() -> None:
    assert {path.stem for path in (DAGS / "examples").glob("*.py")} == EXAMPLES.keys()


@pytest.fixture
def dags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The Dags folder as it is, with one gate."""
    dags = tmp_path / "dags"
    shutil.copytree(DAGS, dags, ignore=shutil.ignore_patterns("gates"))
    (dags / "gates").mkdir()
    (dags / "gates" / "wknd.yaml").write_text(yaml.safe_dump(GATE))
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", str(dags))
    monkeypatch.setenv("AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT", "600")
    return dags


@pytest.mark.parametrize(("name", "dag_id"), EXAMPLES.items())
def test_an_example_that_is_copied_beside_the_gates_is_a_dag(dags: Path, name: str, dag_id: str) -> None:
    copy = Path(shutil.copy(dags / "examples" / f"{name}.py", dags))
    found = DagBag(copy)
    assert (found.import_errors, list(found.dags)) == ({}, [dag_id])
    assert DagSerialization.to_dict(found.dags[dag_id])["dag"]["dag_id"] == dag_id


def test_where_it_lies_no_example_is_loaded(dags: Path) -> None:
    assert set(DagBag(dags).dags) == {"stage_gate.wknd", "stage_gate.start"}
