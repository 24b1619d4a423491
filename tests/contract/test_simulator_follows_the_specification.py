"""Does every answer of the simulated Cloud Manager API follow Adobe's specification, in every state?"""

from __future__ import annotations

from typing import Any

import pytest
import requests

from contract.swagger import problems
from simulator import Simulator, load_scenario
from unit.simulator.caller import LONG, Caller, slow_scenario, step_of

# What Adobe's fixtures and libraries show, and the specification does not list.
KNOWN_GAPS = (
    "PipelineExecutionStepState has no executionId",
    "PipelineExecutionStepState has no pipelineId",
    "PipelineExecutionStepState has no programId",
    "PipelineExecutionStepState has no updatedAt",
    "EmbeddedProgram has no http://ns.adobe.com/adobecloud/rel/pipelines",
    "EmbeddedProgram has no http://ns.adobe.com/adobecloud/rel/environments",
    "EmbeddedProgram has no http://ns.adobe.com/adobecloud/rel/ipAllowlists",
    "ContentFlow has no contentFlowId",
    "ContentFlow has no createdAt",
    "ContentFlow has no destProgramId",
    "ContentFlow has no programId",
    "ContentFlow has no updatedAt",
)


def unexpected(method: str, path: str, answer: requests.Response) -> list[str]:
    """What in an answer is against the specification, known gaps apart."""
    found = problems(method, path, answer.status_code, answer.json())
    return [each for each in found if not each.endswith(KNOWN_GAPS)]


def validated(caller: Caller, path: str) -> Any:
    """GET a path and fail unless the answer follows the specification; its JSON."""
    answer = caller.get(path)
    assert unexpected("GET", path.partition("?")[0], answer) == []
    return answer.json()


def validate_everything_of(caller: Caller, execution_id: str, done: set[tuple[str, str]]) -> dict[str, Any]:
    """Every resource of an execution that is not among those done; the execution as it was shown."""
    shown = validated(caller, f"{caller.pipeline}/execution/{execution_id}")
    validated(caller, f"{caller.pipeline}/executions?start=0&limit=5")
    validated(caller, f"{caller.pipeline}/execution")
    validated(caller, caller.pipeline)
    for step in shown["_embedded"]["stepStates"]:
        href = step["_links"]["self"]["href"]
        if (href, step["status"]) not in done:
            for path in (href, f"{href}/metrics", f"{href}/logs", f"{href}/artifacts"):
                validated(caller, path)
            done.add((href, step["status"]))
    return dict(shown)


def walk(sim: Simulator, execution_id: str, *, person: str) -> set[tuple[str, str]]:
    """Let an execution pass through all its states, a person deciding where one waits; all states seen."""
    caller, seen, done = Caller(sim), set[tuple[str, str]](), set[tuple[str, str]]()
    decided = set[str]()
    for _ in range(60):
        shown = validate_everything_of(caller, execution_id, done)  # one reading: what is decided was seen
        steps = shown["_embedded"]["stepStates"]
        seen |= {(step["action"], step["status"]) for step in steps}
        if shown["status"] not in ("RUNNING", "CANCELLING"):
            return seen | {("execution", shown["status"])}
        waiting = [step["id"] for step in steps if step["status"] == "WAITING"]
        if waiting and not set(waiting) <= decided:
            decided |= set(waiting)
            sim.person(person, execution_id)  # type: ignore[arg-type]
            sim.skip(10)
        else:
            sim.skip(LONG / 3)
    return seen


RELEASES: dict[str, tuple[dict[str, Any], str, set[tuple[str, str]]]] = {
    "good": ({"uiTest": {"seconds": LONG, "outcome": "incomplete"}}, "approve", {
        ("build", "RUNNING"), ("approval", "WAITING"), ("uiTest", "INCOMPLETE"), ("deploy", "FINISHED"),
        ("execution", "FINISHED")}),
    "rejected": ({}, "reject", {("approval", "CANCELLED"), ("execution", "CANCELLED")}),
    "build fails": ({"build": "failed"}, "approve", {("build", "FAILED"), ("execution", "FAILED")}),
    "build errors": ({"build": "error"}, "approve", {("build", "ERROR"), ("execution", "ERROR")}),
    "quality waits": ({"codeQuality": "waiting"}, "approve",
                      {("codeQuality", "WAITING"), ("execution", "FINISHED")}),
    "quality fails": ({"codeQuality": "failed"}, "approve", {("execution", "FAILED")}),
    "stage rolls back": ({"deploy stage": {"seconds": LONG, "outcome": "rolled back"}}, "approve",
                         {("deploy", "ROLLING_BACK"), ("deploy", "ROLLED_BACK"), ("execution", "FAILED")}),
    "test fails": ({"productTest": "failed"}, "approve", {("productTest", "FAILED"), ("execution", "FAILED")}),
    "canary": ({"deploy prod": "waiting"}, "approve", {("deploy", "WAITING"), ("execution", "FINISHED")}),
}  # fmt: skip


@pytest.mark.parametrize("name", RELEASES)
def test_every_state_of_an_execution_follows_the_specification(name: str) -> None:
    steps, person, expected = RELEASES[name]
    scenario = slow_scenario(steps=steps)
    scenario["timing"]["rollback"] = LONG  # as long as a step, so that no state is over between two looks
    with Simulator.start(scenario) as sim:
        seen = walk(sim, sim.start_execution(), person=person)
    assert expected <= seen


def test_a_scheduled_pipeline_and_a_paused_stage_deployment_follow_it_too() -> None:
    scenario = load_scenario(slow_scenario(steps={"deploy stage": "waiting"})).model_dump()
    scenario["programs"][0]["pipelines"][0]["schedule"] = True
    with Simulator.start(scenario) as sim:
        seen = walk(sim, sim.start_execution(), person="approve")
    assert {("schedule", "WAITING"), ("deploy", "WAITING"), ("execution", "FINISHED")} <= seen


def test_a_split_pair_follows_it_too() -> None:
    split = load_scenario("split").model_dump()
    long = slow_scenario(steps={"artifactPreparation": LONG})
    with Simulator.start({**long, "programs": split["programs"]}) as sim:
        sim.start_execution(pipeline="678911")
        sim.skip(20 * LONG)
        caller = Caller(sim)
        answer = caller.put(
            f"{caller.pipeline}/execution?sourceExecutionId={sim.state()['executions'][0]['id']}"
        )
        assert unexpected("PUT", f"{caller.pipeline}/execution", answer) == []
        seen = walk(sim, answer.json()["id"], person="approve")
    assert {("artifactPreparation", "RUNNING"), ("approval", "WAITING"), ("execution", "FINISHED")} <= seen


def test_every_resource_around_executions_follows_the_specification() -> None:
    scenario = load_scenario(slow_scenario()).model_dump()
    for plan in scenario["programs"][0]["pipelines"]:
        plan |= {"history": 2, "show_steps": True}
    scenario["programs"][0]["ip_allow_lists"] = [{"name": "Office", "environments": ["7654321"]}]
    for plan in scenario["programs"][0]["environments"]:
        plan["networking"] = {"port_forwards": ["smtp.example.com:465"]}
    with Simulator.start(scenario) as sim:
        caller = Caller(sim)
        tenant = validated(caller, "/api/tenants")["_embedded"]["tenants"][0]["id"]
        validated(caller, f"/api/tenant/{tenant}")
        validated(caller, f"/api/tenant/{tenant}/programs")
        validated(caller, "/api/programs")
        program = f"/api/program/{sim.program_id}"
        lists = (
            "/pipelines",
            "/environments",
            "/environments?type=stage",
            "/domain-mappings",
            "/ipAllowlists",
        )
        for path in ("", *lists):
            validated(caller, program + path)
        for environment in validated(caller, f"{program}/environments")["_embedded"]["environments"]:
            for path in ("", "/variables", "/domain-mappings", "/advancedNetworking", "/restorePoints"):
                validated(caller, f"{program}/environment/{environment['id']}{path}")
        for pipeline in validated(caller, f"{program}/pipelines")["_embedded"]["pipelines"]:
            for path in ("", "/variables", "/executions", "/execution"):
                validated(caller, f"{program}/pipeline/{pipeline['id']}{path}")


def test_start_advance_and_cancel_answer_as_specified() -> None:
    with Simulator.start(slow_scenario()) as sim:
        caller = Caller(sim)
        path = f"{caller.pipeline}/execution"
        started, again = caller.put(path), caller.put(path)
        assert unexpected("PUT", path, started) == []
        assert unexpected("PUT", path, again) == []
        assert (started.status_code, again.status_code) == (201, 412)
        assert started.headers["Location"] == f"{path}/{started.json()['id']}"
        sim.skip(20 * LONG)
        approval = step_of(caller.execution(started.json()["id"]), "approval")["_links"]["self"]["href"]
        assert problems("PUT", f"{approval}/advance", 202, None) == []
        assert caller.put(f"{approval}/advance", {"approved": True}).status_code == 202


def test_a_wrong_answer_is_found_wrong() -> None:
    path = "/api/program/1/pipeline/2/execution/3"
    assert problems("GET", path, 200, {"id": 3}) != []
    assert problems("GET", path, 200, {"status": "DONE"}) != []
    assert problems("GET", path, 200, {"_links": {"http://ns.adobe.com/adobecloud/rel/programm": {}}}) != []
    assert problems("GET", path, 418, {}) != []


def test_what_is_done_to_an_environment_follows_it_in_every_state() -> None:
    with Simulator.start(slow_scenario()) as sim:
        caller = Caller(sim)
        program = f"/api/program/{sim.program_id}"
        stage = f"{program}/environment/7654321"
        sim.upkeep("content copy", seconds=LONG)
        sim.upkeep("restore", seconds=LONG)
        sim.upkeep("variable", seconds=LONG, variable={"name": "NEW", "service": "publish"})
        seen = set()
        for _ in range(2):
            flows = validated(caller, f"{program}/contentFlows?start=0&limit=20")
            restores = validated(caller, f"{stage}/restoreExecutions?start=0&limit=20")
            variables = validated(caller, f"{stage}/variables")
            seen |= {each["status"] for each in flows["_embedded"]["contentFlows"]}
            seen |= {each["status"] for each in restores["_embedded"]["restoreExecutions"]}
            seen |= {each["status"] for each in variables["_embedded"]["variables"]}
            seen.add(validated(caller, stage)["status"])
            sim.skip(2 * LONG)
        assert seen == {
            "IN_PROGRESS", "COMPLETED", "running", "finished", "creating", "ready", "restoring"
        }  # fmt: skip
