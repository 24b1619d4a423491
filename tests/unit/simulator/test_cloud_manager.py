"""Does the simulated API behave as Adobe's: links per state, pages, logs, starting, refusing?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from simulator import Simulator
from simulator.scenario import standard_programs
from unit.simulator.caller import LONG, REL, Caller, rels, slow_scenario, step_of

FINISHED = {"logs", "metrics", "self"}


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator.start(
        slow_scenario(steps={"codeQuality": "waiting", "uiTest": "incomplete"})
    ) as simulator:
        yield simulator


def test_links_are_there_only_when_the_action_is_possible(sim: Simulator) -> None:
    caller, execution_id = Caller(sim), sim.start_execution()
    sim.skip(1.5 * LONG)
    shown = caller.execution(execution_id)
    assert rels(step_of(shown, "validate")) == {"self"}
    assert rels(step_of(shown, "build")) == {"cancel", *FINISHED}
    assert rels(step_of(shown, "codeQuality")) == {"self"}
    sim.skip(LONG)
    shown = caller.execution(execution_id)
    assert rels(step_of(shown, "build")) == FINISHED
    assert rels(step_of(shown, "codeQuality")) == {"advance", "cancel", *FINISHED}
    sim.person("approve", execution_id)
    sim.skip(20 * LONG)
    shown = caller.execution(execution_id)
    assert rels(step_of(shown, "approval")) == {"advance", "cancel", "self"}
    assert rels(step_of(shown, "deploy", "prod")) == {"self"}
    assert rels(step_of(shown, "uiTest")) == FINISHED
    sim.person("approve", execution_id)
    sim.skip(2 * LONG)
    shown = caller.execution(execution_id)
    assert rels(step_of(shown, "approval")) == {"self"}
    assert rels(step_of(shown, "deploy", "prod")) == {"reExecute", *FINISHED}


def test_deployments_name_the_urls_of_their_environment(sim: Simulator) -> None:
    shown = Caller(sim).execution(sim.start_execution())
    urls = step_of(shown, "deploy", "stage")["details"]["environmentUrls"]
    assert [item["instanceType"] for item in urls] == ["author", "publish"]
    assert "e7654321" in urls[1]["instanceUrl"]


def test_the_production_deployment_can_be_executed_again(sim: Simulator) -> None:
    caller, execution_id = Caller(sim), sim.start_execution()
    for _ in range(2):
        sim.skip(15 * LONG)
        sim.person("approve", execution_id)
    sim.skip(15 * LONG)
    deploy = step_of(caller.execution(execution_id), "deploy", "prod")
    again = caller.put(deploy["_links"][f"{REL}pipeline/reExecute"]["href"])
    assert (again.status_code, again.json()["trigger"]) == (201, "RE_EXECUTE")
    assert [step["action"] for step in again.json()["_embedded"]["stepStates"]] == ["deploy"]


def test_a_log_is_behind_a_redirect_grows_and_has_ranges(sim: Simulator) -> None:
    caller, execution_id = Caller(sim), sim.start_execution()
    sim.skip(1.5 * LONG)
    href = step_of(caller.execution(execution_id), "build")["_links"][f"{REL}pipeline/logs"]["href"]
    direct = caller.get(href, headers={"Accept": "*/*"})
    url = caller.get(href).json()["redirect"]
    assert (direct.status_code, direct.headers["Location"]) == (307, url)
    first = requests.get(url, timeout=60)
    rest = {"Range": f"bytes={len(first.content)}-"}
    sim.skip(LONG)
    more = requests.get(url, headers=rest, timeout=60)
    assert more.status_code == 206
    assert (first.text + more.text) == requests.get(url, timeout=60).text
    assert requests.get(url, headers={"Range": "bytes=99999-"}, timeout=60).status_code == 416
    assert requests.get(url, headers={"Range": "bytes=-9"}, timeout=60).text == "FINISHED\n"


def test_the_blob_store_refuses_adobes_headers(sim: Simulator) -> None:
    caller, execution_id = Caller(sim), sim.start_execution()
    sim.skip(3 * LONG)
    build = step_of(caller.execution(execution_id), "build")
    url = caller.get(build["_links"][f"{REL}pipeline/logs"]["href"]).json()["redirect"]
    assert requests.get(url, headers={"x-api-key": "simulated"}, timeout=60).status_code == 400


def test_pages_have_a_next_link_even_on_the_last_one_and_end_with_an_empty_page() -> None:
    programs = standard_programs()
    programs[0]["pipelines"][0]["history"] = 5
    with Simulator.start({**slow_scenario(), "programs": programs}) as sim:
        caller = Caller(sim)
        newest = sim.start_execution()
        seen: list[str] = []
        path = f"{caller.pipeline}/executions?start=0&limit=2"
        sizes = []
        while True:
            page = caller.get(path).json()
            items = page["_embedded"]["executions"]
            sizes.append(len(items))
            if not items:
                break
            seen += [item["id"] for item in items]
            path = page["_links"]["next"]["href"]
    assert sizes == [2, 2, 2, 0]
    assert seen[0] == newest
    assert seen == sorted(seen, reverse=True)


def test_a_pipeline_is_busy_until_its_execution_is_over(sim: Simulator) -> None:
    caller = Caller(sim)
    assert caller.get(f"{caller.pipeline}/execution").status_code == 404
    first = caller.put(f"{caller.pipeline}/execution")
    busy = caller.put(f"{caller.pipeline}/execution")
    assert (first.status_code, busy.status_code) == (201, 412)
    assert busy.headers["Content-Type"] == "application/problem+json"
    assert caller.get(f"{caller.pipeline}/execution").json()["id"] == first.json()["id"]
    assert caller.get(caller.pipeline).json()["status"] == "BUSY"
    sim.person("cancel", first.json()["id"])
    sim.skip(LONG)
    assert caller.get(f"{caller.pipeline}/execution").status_code == 404
    assert caller.get(caller.pipeline).json()["status"] == "IDLE"


def test_secret_variables_show_no_value_and_domains_their_status(sim: Simulator) -> None:
    caller = Caller(sim)
    path = f"/api/program/{sim.program_id}/environment/7654321"
    variables = caller.get(f"{path}/variables").json()["_embedded"]["variables"]
    assert ["value" in item for item in variables] == [True, False]
    domains = caller.get(f"/api/program/{sim.program_id}/domain-mappings").json()["domainMappings"]
    assert [item["domainMappingStatus"] for item in domains] == ["DEPLOYED"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/program/9",
        "/api/program/12345/pipeline/9",
        "/api/program/12345/environment/9",
        "/api/program/12345/pipeline/678901/execution/9",
        "/api/tenant/9",
        "/api/nothing",
    ],
)
def test_what_is_not_there_is_a_problem_document(sim: Simulator, path: str) -> None:
    answer = Caller(sim).get(path)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["x-request-id"].startswith("simulated-")


def test_the_three_families_of_errors_can_be_met(sim: Simulator) -> None:
    caller, execution_id = Caller(sim), sim.start_execution()
    gateway = caller.get("/api/programs", headers={"x-api-key": "simulated-other"})
    assert (gateway.status_code, gateway.json()["error_code"]) == (403, "403003")
    assert gateway.headers["Content-Type"] == "application/json"
    sim.skip(3 * LONG)
    href = step_of(caller.execution(execution_id), "codeQuality")["_links"]["self"]["href"]
    violation = caller.put(f"{href}/advance", {"metrics": []})
    assert violation.status_code == 400
    assert violation.json()["errors"]["advance.arg0"]["code"] == "VALIDATION_ERROR_CODE"
    bad = caller.get(f"{caller.pipeline}/executions?start=x")
    assert bad.json()["invalidParams"] == [{"name": "start", "reason": "start and limit are numbers"}]


def test_two_people_cannot_both_decide(sim: Simulator) -> None:
    caller, execution_id = Caller(sim), sim.start_execution()
    sim.skip(3 * LONG)
    sim.person("approve", execution_id)
    sim.skip(20 * LONG)
    href = step_of(caller.execution(execution_id), "approval")["_links"]["self"]["href"]
    assert caller.put(f"{href}/advance", {"approved": True}).status_code == 202
    assert caller.put(f"{href}/cancel", {"approved": False}).status_code == 403
    sim.skip(15)
    late = caller.put(f"{href}/advance", {"approved": True})
    assert (late.status_code, late.json()["title"]) == (403, "Step cannot be changed")
    assert [act.status for act in sim.acts if act.action == "approval"] == [202, 403, 403]


def test_every_name_shows_that_it_is_simulated() -> None:
    environment = {"id": "2", "name": "acme-stage", "type": "stage"}
    pipeline = {"id": "3", "name": "Main", "stage": "2"}
    program = {"id": "1", "name": "Acme", "environments": [environment], "pipelines": [pipeline]}
    with Simulator.start({"sites": False, "programs": [program]}) as sim:
        caller = Caller(sim)
        names = [
            caller.get(f"/api/program/1{path}").json()["name"]
            for path in ("", "/pipeline/3", "/environment/2")
        ]
    assert names == ["Acme (simulated)", "Main (simulated)", "acme-stage (simulated)"]


@pytest.mark.parametrize(
    ("trigger", "user", "shown"),
    [
        ("MANUAL", None, "0123456789ABCDE@AdobeID"),
        ("MANUAL", "ALICE1234567890@AdobeID", "ALICE1234567890@AdobeID"),
        ("ON_COMMIT", None, None),
        ("PUSH_UPGRADES", None, None),
    ],
)
def test_an_execution_names_who_started_it_and_nobody_where_it_started_by_itself(
    sim: Simulator, trigger: Any, user: str | None, shown: str | None
) -> None:
    execution = sim.execution(sim.start_execution(trigger=trigger, user=user))
    assert execution.get("user") == shown


def test_one_that_was_started_through_the_api_names_the_technical_account(sim: Simulator) -> None:
    caller = Caller(sim)
    started = caller.put(f"{caller.pipeline}/execution").json()
    assert started["user"].endswith("@techacct.adobe.com")
