"""What a plan promises of a gate file: whether the build marker is read, and where requests really go."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from stage_gate.configuration.gate_file import GateFileError, load_gate
from stage_gate.demands import NO_DEMANDS
from stage_gate.pin import Pin
from stage_gate.plan import Plan
from stage_gate.planning import plan_of
from stage_gate.verdict import judge
from unit.stage_gate.samples import CANDIDATE, NOW, STAGE_HOST

MARKED = {"name": "a", "stage": f"https://{STAGE_HOST}", "pages": ["/"], "build_marker": {"meta": "build"}}


def gate_file(folder: Path, sites: list[object], **content: object) -> Path:
    file = folder / "wknd.yaml"
    told = {"pipeline": {"program": "12345", "pipeline": "678901"}, "sites": sites, **content}
    file.write_text(json.dumps(told), encoding="utf-8")
    return file


def planned(folder: Path, sites: list[object], **content: object) -> Plan:
    gate = load_gate(gate_file(folder, sites, **content), demands=NO_DEMANDS, today=NOW.date())
    pin = Pin(
        gate=gate.name,
        gate_digest=gate.digest,
        gate_content=gate.content,
        program_id="12345",
        pipeline_id="678901",
        execution_id="2345678",
        trigger="MANUAL",
        pinned_at=NOW,
    )
    return plan_of(gate, pin, NOW, NO_DEMANDS)


def quarantined(key: str) -> dict[str, object]:
    until = str(NOW.date() + timedelta(days=3))
    return {"policy": {"quarantine": [{"check": key, "owner": "alice", "until": until, "why": "broken"}]}}


@pytest.mark.parametrize(
    ("content", "is_read"),
    [
        ({}, True),
        ({"checks": {"settled": False}}, False),
        ({"checks": {"settled": {"severity": "warn"}}}, False),
        ({"checks": {"settled": {"dry_run": True}}}, False),
        (quarantined("settled"), False),
    ],
)
def test_a_build_marker_counts_only_where_a_check_that_blocks_compares_it(
    tmp_path: Path, content: dict[str, object], is_read: bool
) -> None:
    assert planned(tmp_path, [MARKED], **content).build_marker is is_read


def test_each_site_needs_its_own_build_marker(tmp_path: Path) -> None:
    unmarked = {**MARKED, "name": "b", "build_marker": None}
    assert planned(tmp_path, [MARKED, {**MARKED, "name": "b"}]).build_marker
    assert not planned(tmp_path, [MARKED, unmarked]).build_marker


def test_an_address_that_only_origin_ties_to_stage_is_told_in_the_verdict(tmp_path: Path) -> None:
    behind = {"url": "https://stage.wknd.site", "origin": f"https://{STAGE_HOST}"}
    site = {"name": "a", "stage": behind, "pages": ["/"]}
    plan = planned(tmp_path, [site])
    assert {check.host for check in plan.stage_checks if check.site} == {STAGE_HOST}
    told = "a is asked at stage.wknd.site, which only 'origin' in the gate file ties to stage"
    assert any(told in each for each in judge(plan, CANDIDATE, []).warnings)
    proven = planned(tmp_path, [{**site, "build_marker": {"meta": "build"}}])
    assert not any(told in each for each in judge(proven, CANDIDATE, []).warnings)
    assert not any("origin" in each for each in judge(planned(tmp_path, [MARKED]), CANDIDATE, []).warnings)


def test_stage_is_never_asked_at_the_production_of_another_site(tmp_path: Path) -> None:
    crossed = {"url": "https://www.wknd.site", "origin": f"https://{STAGE_HOST}"}
    sites: list[object] = [
        {**MARKED, "production": "https://www.wknd.site"},
        {"name": "b", "stage": crossed, "pages": ["/"]},
    ]
    file = gate_file(tmp_path, sites)
    with pytest.raises(
        GateFileError, match=r"stage of site b is asked at www\.wknd\.site, which is production"
    ):
        load_gate(file, demands=NO_DEMANDS)
