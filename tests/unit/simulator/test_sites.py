"""Do the AEM sites follow the deployments of the executions?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from simulator import Fault, Simulator
from unit.simulator.caller import eventually, exchange, step_of

STEPS = {"deploy stage": 0.3, "deploy prod": 0.2}
SCENARIO: dict[str, Any] = {
    "timing": {"tail": 0.05, "act": 0.02, "rollback": 0.1},
    "releases": {
        "good": {"steps": STEPS},
        "broken": {"steps": STEPS, "stage": {"defects": ["querybuilder_open"]}},
        "unreachable": {"steps": STEPS, "stage": {"access": "ip-blocked"}},
        "late": {"steps": STEPS, "stage": {"mutable_content_after": 0.5}},
        "very late": {"steps": STEPS, "stage": {"mutable_content_after": 3600}},
        "rolls back": {
            "steps": {"deploy stage": {"seconds": 0.3, "outcome": "rolled back"}},
            "stage": {"defects": ["querybuilder_open"]},
        },
    },
}


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator.start(SCENARIO) as simulator:
        yield simulator


def status(url: str) -> int:
    return requests.get(url, timeout=60, allow_redirects=False).status_code


def deployed(sim: Simulator, release: str) -> str:
    execution_id = sim.start_execution(release, beside=True)
    eventually(lambda: step_of(sim.execution(execution_id), "approval")["status"] == "WAITING")
    return execution_id


def nodes(sim: Simulator, environment_id: str) -> set[str]:
    return set(sim.state()["sites"][environment_id]["nodes"])


def test_a_build_reaches_stage_and_after_approval_production(sim: Simulator) -> None:
    execution_id = deployed(sim, "good")
    version = sim.execution(execution_id)["artifactsVersion"]
    eventually(lambda: nodes(sim, "7654321") == {version})
    assert version not in nodes(sim, "7654322")
    sim.person("approve", execution_id)
    eventually(lambda: sim.execution(execution_id)["status"] == "FINISHED")
    eventually(lambda: nodes(sim, "7654322") == {version})
    assert version in requests.get(f"{sim.production_url}/us/en.html?fresh=1", timeout=60).text


def test_the_defects_of_a_release_are_on_stage_and_not_on_production(sim: Simulator) -> None:
    deployed(sim, "broken")
    eventually(lambda: status(f"{sim.stage_url}/bin/querybuilder.json") == 200)
    assert status(f"{sim.production_url}/bin/querybuilder.json") == 404


def test_an_ip_allow_list_closes_stage_until_the_next_deployment(sim: Simulator) -> None:
    deployed(sim, "unreachable")
    assert status(f"{sim.stage_url}/us/en.html") == 405
    assert status(f"{sim.production_url}/us/en.html") == 200
    deployed(sim, "good")
    assert status(f"{sim.stage_url}/us/en.html") == 200


def test_mutable_content_can_arrive_after_the_deployment(sim: Simulator) -> None:
    version = sim.execution(deployed(sim, "very late"))["artifactsVersion"]
    eventually(lambda: nodes(sim, "7654321") == {version})
    assert sim.state()["sites"]["7654321"]["mutable_content"] != version
    version = sim.execution(deployed(sim, "late"))["artifactsVersion"]
    eventually(lambda: sim.state()["sites"]["7654321"]["mutable_content"] == version)


def test_a_deployment_that_rolls_back_leaves_the_build_before_it(sim: Simulator) -> None:
    execution_id = sim.start_execution("rolls back")
    eventually(lambda: sim.execution(execution_id)["status"] == "FAILED")
    eventually(lambda: nodes(sim, "7654321") == {"initial-7654321-simulated"})
    assert status(f"{sim.stage_url}/bin/querybuilder.json") == 404


def test_time_that_is_skipped_completes_a_deployment() -> None:
    release = {"steps": {"deploy stage": 3600}}
    with Simulator.start({**SCENARIO, "releases": {"slow": release}}) as sim:
        execution_id = sim.start_execution()
        eventually(lambda: step_of(sim.execution(execution_id), "deploy", "stage")["status"] == "RUNNING")
        sim.skip(3600)
        version = sim.execution(execution_id)["artifactsVersion"]
        eventually(lambda: nodes(sim, "7654321") == {version})


def test_a_site_changes_behind_the_gates_back(sim: Simulator) -> None:
    sim.set_site("stage", defects={"querybuilder_open"})
    assert status(f"{sim.stage_url}/bin/querybuilder.json?fresh=1") == 200
    sim.set_site("stage", access="basic")
    url = f"{sim.stage_url}/us/en.html"
    connection = json.loads(sim.environment()["AIRFLOW_CONN_SIMULATED_STAGE"])
    login = (connection["login"], connection["password"])
    assert (status(url), requests.get(url, auth=login, timeout=60).status_code) == (401, 200)


def test_sites_are_marked_recorded_and_broken_by_rule(sim: Simulator) -> None:
    answer = requests.get(f"{sim.stage_url}/us/en.html?x=1", timeout=60)
    assert answer.headers["X-Simulated"] == "true"
    assert [(each.service, each.path) for each in sim.requests] == [("stage", "/us/en.html?x=1")]
    sim.inject(Fault(effect="truncate", service="stage"))
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        _ = requests.get(f"{sim.stage_url}/us/en.html?x=2", timeout=60).content
    assert status(f"{sim.production_author_url}/libs/granite/core/content/login.html") == 200


def test_the_author_takes_a_token_of_the_simulated_ims(sim: Simulator) -> None:
    token = exchange(sim).json()["access_token"]
    url = f"{sim.stage_author_url}/content.1.json"
    answer = requests.get(
        url, headers={"Authorization": f"Bearer {token}"}, timeout=60, allow_redirects=False
    )
    assert answer.status_code == 200
    assert status(url) != 200
