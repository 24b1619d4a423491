"""Which pages does a gate's own recording have, and does the choice become part of what is sealed?"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from aem_checks.baseline import Baseline
from aem_checks.coverage.record import FILE, Coverage, read_coverage
from aem_checks.recording import Recording
from simulator import Simulator
from stage_gate.acting.run import GateRun
from stage_gate.configuration.gate_file import load_gate
from stage_gate.evidence import baseline as baselines
from stage_gate.rules.plan import PinnedBaseline
from stage_gate.rules.verdict import judge
from stage_gate.tasks.keeping import Keeper
from stage_gate.tasks.recording import record_stage
from unit.stage_gate.release import Release
from unit.stage_gate.tasks.test_waits import context, signing

__all__ = ["signing"]


@pytest.fixture
def scenario() -> dict[str, Any]:
    """With sites, and a release that is quick to be on stage."""
    steps = ("validate", "build", "codeQuality", "buildImage", "deploy stage", "contentAudit")
    tests = ("productTest", "functionalTest", "uiTest")
    return {
        "timing": {"tail": 0.05, "act": 0.02, "rollback": 0.05},
        "releases": {"good": {"steps": dict.fromkeys((*steps, *tests), 0.02)}},
    }


@pytest.fixture
def release(simulator: Simulator, tmp_path: Path, signing: None) -> Release:
    """A release under a gate that has pages chosen."""
    made = Release(simulator, tmp_path)
    content = yaml.safe_load(made.gate_file.read_text())
    content["sites"][0] |= {"coverage": {"pages": 8, "look_at": 40}, "requests_per_second": 1000}
    made.gate_file.write_text(yaml.safe_dump(content))
    made.gate = load_gate(made.gate_file)
    made.pin = made.pin.model_copy(
        update={"gate_digest": made.gate.digest, "gate_content": made.gate.content}
    )
    (made.evidence.folder / "pin.json").unlink()
    made.evidence.write_pin(made.pin)
    return made


def record(release: Release, folder: Path, baseline: PinnedBaseline | None = None) -> Coverage:
    """Record stage as a task does, and read the choice back."""
    release.begin(baseline=baseline)
    run = GateRun.of(str(release.gate_file), context(release))
    record_stage(run, Keeper(context(release), release.evidence, release.evidence.attempts()))
    coverage = read_coverage(site_folder(release, FILE).read_bytes())
    assert coverage is not None
    return coverage


def site_folder(release: Release, name: str) -> Path:
    return release.evidence.attempt_folder(release.evidence.attempts()) / "sites" / "larkfell" / name


def test_the_pages_of_a_real_site_s_components_are_recorded_and_sealed(
    release: Release, tmp_path: Path
) -> None:
    coverage = record(release, tmp_path)
    recording = Recording.load(site_folder(release, "recording"))
    assert [page.path for page in recording.pages] == list(coverage.recorded)
    assert {"component:carousel", "component:newsletter", "template:article-page"} <= set(coverage.seen)
    assert coverage.missed == ()
    assert coverage.is_least
    shown = {part for path in coverage.recorded for part in coverage.pages[path]}
    assert shown == set(coverage.seen)
    sealed = release.evidence.seal(1, judge)
    files = sealed.manifest.files
    assert {f"sites/larkfell/{FILE}", "sites/larkfell/coverage/measures.json"} <= set(files)


def test_a_baseline_that_can_t_be_read_stops_no_recording(release: Release, tmp_path: Path) -> None:
    gone = PinnedBaseline(execution_id="1", attempt=1, seal_digest="0" * 64, sealed_at=datetime.now(UTC))
    coverage = record(release, tmp_path, gone)
    assert coverage.since == ""
    assert len(coverage.chosen) >= 1


def test_the_choice_of_the_baseline_is_preferred_and_named(
    release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = record(release, tmp_path)
    then = tmp_path / "then"
    shutil.copytree(site_folder(release, "."), then)
    changed = first.model_copy(
        update={"chosen": tuple(path.replace("/us/", "/de/") for path in first.chosen)}
    )
    (then / FILE).write_text(changed.model_dump_json())
    opened = SimpleNamespace(of_site=lambda site: Baseline("execution 1 of 2026-11-01", then))
    monkeypatch.setattr(baselines, "open_baseline", lambda evidence, plan: opened)
    again = record(release, tmp_path)
    assert again.since == "execution 1 of 2026-11-01"
    assert [point.release for point in again.history] == [again.since]
    assert len(again.chosen) == len(first.chosen)
    assert set(again.chosen) & set(changed.chosen), (
        "pages that show the same are taken from the earlier choice"
    )
