"""What does the end of a run say when the evidence is full, gone or can't be opened? Never that nothing was touched."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException
from structlog.testing import capture_logs

from simulator import Simulator
from stage_gate import files
from stage_gate.tasks.publishing import NOBODY_CAN_TELL, PublishReport
from unit.stage_gate.release import Release
from unit.stage_gate.test_waits import context, signing

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


def test_evidence_that_is_gone_is_no_proof_that_nothing_was_done(release: Release, tmp_path: Path) -> None:
    release.evidence.folder.rename(tmp_path / "away")
    sentence = end(release, tmp_path)
    assert NOBODY_CAN_TELL in sentence
    assert "not touched" not in sentence


def test_a_store_that_cannot_be_opened_is_named(release: Release, tmp_path: Path) -> None:
    store = release.evidence.store
    store.rename(tmp_path / "away")
    store.symlink_to(tmp_path / "not mounted")
    sentence = end(release, tmp_path)
    assert str(store) in sentence
    assert NOBODY_CAN_TELL in sentence
