"""Is an Airflow that can't run a gate told so in one sentence, before anything of it is imported?"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import pytest

from stage_gate import supported
from stage_gate.cli import main
from stage_gate.dag_file import dags
from stage_gate.supported import UnsupportedAirflow, unsupported


def _has(monkeypatch: pytest.MonkeyPatch, **installed: str) -> None:
    def version(name: str) -> str:
        try:
            return installed[name.replace("-", "_")]
        except KeyError:
            raise PackageNotFoundError(name) from None

    monkeypatch.setattr(supported, "version", version)


@pytest.mark.parametrize("found", ["3.3.0", "3.3.0rc1", "3.3.2", "3.4.1", "3.10.0+astro.1"])
def test_what_has_the_parts_is_taken(found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _has(monkeypatch, apache_airflow_core=found)
    assert unsupported() is None


@pytest.mark.parametrize("found", ["3.2.2", "3.0.6", "4.0.0", "4.0.0b1"])
def test_what_has_not_is_named_with_its_version(found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _has(monkeypatch, apache_airflow_core=found)
    assert unsupported() == f"runs on Airflow 3.3 and newer, below 4.0, and this is {found}"


def test_an_airflow_2_without_a_core_of_its_own_is_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    _has(monkeypatch, apache_airflow="2.11.0")
    assert str(unsupported()).endswith("and this is 2.11.0")


def test_no_airflow_at_all_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    _has(monkeypatch)
    assert str(unsupported()).endswith("and this is none")


def test_the_dag_file_says_so_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    _has(monkeypatch, apache_airflow_core="3.2.2")
    with pytest.raises(
        UnsupportedAirflow, match=r"this is 3\.2\.2: no gate guards here\. To do: Upgrade Airflow"
    ):
        dags()


def test_doctor_says_so_first_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _has(monkeypatch, apache_airflow_core="3.1.8")
    assert main(["doctor", "wknd"]) == 1
    said = capsys.readouterr().out
    assert "this is 3.1.8" in said
    assert "Upgrade Airflow" in said
    assert "Gate file" not in said
