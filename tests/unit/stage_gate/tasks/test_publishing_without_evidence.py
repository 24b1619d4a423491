"""What does the end of a run say when the evidence is full, gone or can't be opened? Never that nothing was touched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException
from structlog.testing import capture_logs

from simulator import Simulator
from simulator.faults import Fault
from stage_gate.evidence import files
from stage_gate.tasks.publishing import NOBODY_CAN_TELL, PublishReport
from unit.stage_gate.release import Release
from unit.stage_gate.tasks.test_waits import context, signing

__all__ = ["signing"]


@pytest.fixture
def release(simulator: Simulator, tmp_path: Path, signing: None) -> Release:
    return Release(simulator, tmp_path)


def end(release: Release, folder: Path) -> str:
    """The sentence with which the run fails."""
    with pytest.raises(AirflowFailException) as failure:
        PublishReport(task_id="end", gate_file=str(folder / "larkfell.yaml")).execute(context(release))
    return str(failure.value)


def test_a_report_that_cannot_be_written_is_told_in_the_log(
    release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "_write", full)
    with capture_logs() as said:
        sentence = end(release, tmp_path)
    events = [entry["event"] % entry.get("positional_args", ()) for entry in said]
    assert any("free or repair the evidence store" in event for event in events)
    assert any(release.execution_id in event for event in events)
    assert "production was not touched by it" in sentence
    assert "No space left on device" in sentence


def lose_the_folder(release: Release, away: Path) -> None:
    release.evidence.folder.rename(away)


def lose_the_store(release: Release, away: Path) -> None:
    """As a lost mount does."""
    store = release.evidence.store
    store.rename(away)
    store.symlink_to(away.with_name("not mounted"))


LOSSES = pytest.mark.parametrize("lose", [lose_the_folder, lose_the_store])


@LOSSES
def test_evidence_that_is_gone_is_no_proof_that_nothing_was_done(
    release: Release, tmp_path: Path, lose: Callable[[Release, Path], None]
) -> None:
    lose(release, tmp_path / "away")
    sentence = end(release, tmp_path)
    assert NOBODY_CAN_TELL in sentence
    assert "not touched" not in sentence


@LOSSES
@pytest.mark.parametrize(
    ("person", "seen"), [("approve", "Production was approved"), ("reject", "Production was not approved")]
)
def test_without_evidence_it_says_how_cloud_manager_shows_production(
    release: Release, tmp_path: Path, lose: Callable[[Release, Path], None], person: str, seen: str
) -> None:
    release.simulator.person(person, release.execution_id)
    release.simulator.skip(60)
    lose(release, tmp_path / "away")
    assert seen in end(release, tmp_path)


@LOSSES
def test_without_evidence_and_without_cloud_manager_it_says_so_and_no_more(
    release: Release, tmp_path: Path, lose: Callable[[Release, Path], None]
) -> None:
    release.simulator.inject(Fault(effect="answer", status=403, times=None))
    lose(release, tmp_path / "away")
    assert "Production waits unless a request had left; Cloud Manager does not say how it stands: " in end(
        release, tmp_path
    )


@LOSSES
def test_without_evidence_and_gate_file_it_says_so_and_no_more(
    release: Release, tmp_path: Path, lose: Callable[[Release, Path], None]
) -> None:
    release.gate_file.write_text("nothing: of use\n")
    lose(release, tmp_path / "away")
    assert "Production waits unless a request had left; Cloud Manager does not say how it stands: " in end(
        release, tmp_path
    )


def test_without_evidence_a_setting_of_the_deployment_that_is_none_hides_nothing_of_this(
    release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__STAGE_GATE__MINIMUM_FACTS", "weather")
    lose_the_store(release, tmp_path / "away")
    sentence = end(release, tmp_path)
    assert NOBODY_CAN_TELL in sentence
    assert "weather is unknown" in sentence


def test_a_store_that_cannot_be_opened_is_named(release: Release, tmp_path: Path) -> None:
    lose_the_store(release, tmp_path / "away")
    sentence = end(release, tmp_path)
    assert f"is what it leads to mounted?: '{release.evidence.store}'" in sentence
    assert NOBODY_CAN_TELL in sentence
