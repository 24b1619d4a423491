"""What does Cloud Manager tell a check? Asked of the simulator through the real hook."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from tenacity import wait_none

from adobe_cloud_manager.hooks.cloud_manager import CloudManagerHook
from aem_checks.kinds.parity._content_copies import copies_onto
from simulator import Simulator
from simulator.scenario import load_scenario
from stage_gate.observing.facts import GATHERERS, facts_for

NOVEMBER = "2026.11.23482.20261101T000000Z-260900"


@pytest.fixture
def scenario() -> Any:
    """Stage has an allow list, another AEM and a port that production lacks."""
    told = load_scenario("quick").model_dump()
    program = told["programs"][0]
    stage, production = program["environments"][:2]
    stage["networking"] = {"port_forwards": ["smtp.example.com:465"]}
    stage["aem_release"] = "2026.12.1.x"
    stage["variables"] = [{"name": "KEY", "type": "secretString", "service": "publish"}]
    production["variables"] = []
    program["ip_allow_lists"] = [{"name": "Office", "environments": [stage["id"]]}]
    return told


def facts_of(simulator: Simulator, kind: str, *, program: str | None = None) -> dict[str, Any]:
    hook = CloudManagerHook(backoff=wait_none())
    execution_id = simulator.start_execution("good")
    run: Any = SimpleNamespace(
        reading=hook,
        pin=SimpleNamespace(program_id=program or simulator.program_id),
        read_execution=lambda: hook.get_execution(simulator.program_id, simulator.pipeline_id, execution_id),
    )
    check: Any = SimpleNamespace(kind=kind)
    return facts_for(run, check, None)


def test_names_types_and_services_of_variables_are_told_and_no_values(simulator: Simulator) -> None:
    told = facts_of(simulator, "environment_variables")["environment_variables"]
    assert told == {
        "stage": [{"name": "KEY", "type": "secretString", "service": "publish"}],
        "production": [],
    }


def test_the_aem_release_is_that_of_the_newest_restore_point(simulator: Simulator) -> None:
    assert facts_of(simulator, "aem_version")["aem_release"] == {
        "stage": "2026.12.1.x",
        "production": NOVEMBER,
    }


def test_the_network_of_both_environments_is_told(simulator: Simulator) -> None:
    told = facts_of(simulator, "network_parity")
    office = {"name": "Office", "tier": "PUBLISH", "status": "COMPLETED"}
    assert told["ip_allow_lists"] == {"stage": [office], "production": []}
    assert [row["name"] for row in told["domain_mappings"]["production"]] == ["www.wknd.simulated.invalid"]
    ports = told["advanced_networking"]["stage"][0]["ports"]
    assert ports == ["smtp.example.com:465 -> 30000"]
    assert told["advanced_networking"]["production"] == []


def test_content_copies_are_told_by_where_they_went(simulator: Simulator) -> None:
    simulator.upkeep("content copy", onto="prod", ends_as="FAILED")
    simulator.upkeep("content copy", seconds=3600.0)
    told = facts_of(simulator, "irreversible_content")["content_copies"]
    (over,), (runs,) = told["production"], told["stage"]
    stage, production = over["source"], runs["source"]
    assert stage != production
    assert (over["status"], over["is_over"], over["content_set"]) == (
        "FAILED",
        True,
        "Everything (simulated)",
    )
    assert (runs["status"], runs["is_over"], runs["ended"]) == ("IN_PROGRESS", False, "")
    assert all(over[name].endswith(" UTC") for name in ("begun", "ended"))
    assert copies_onto(told, "production") is not None


def test_what_cannot_be_read_is_absent_and_logged(
    simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    told = facts_of(simulator, "environment_variables", program="4711")
    assert told["environment_variables"] == {}
    assert "The environment variables of stage" in caplog.text


def test_a_check_that_needs_nothing_costs_no_request(simulator: Simulator) -> None:
    before = len(simulator.requests)
    assert facts_of(simulator, "key_pages") == {"commit_id": None, "artifacts_version": None}
    assert len(simulator.requests) - before <= 1


def test_every_kind_that_is_handed_facts_exists() -> None:
    from aem_checks.kinds import all_kinds

    assert GATHERERS.keys() <= all_kinds().keys()
