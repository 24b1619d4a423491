"""Does each fault break the answer that its rule names, as it says, and no other?"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
import requests
from pydantic import ValidationError

from simulator import Fault, Simulator, rate_limited
from simulator.faults import FaultRules, merged
from unit.simulator.caller import Caller, slow_scenario, step_of


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator.start(slow_scenario()) as simulator:
        yield simulator


@pytest.fixture
def caller(sim: Simulator) -> Caller:
    return Caller(sim)


def approval_href(sim: Simulator, caller: Caller) -> tuple[str, str]:
    execution_id = sim.start_execution()
    sim.skip(2000)
    return execution_id, step_of(caller.execution(execution_id), "approval")["_links"]["self"]["href"]


def test_a_rule_counts_the_requests_that_match_it() -> None:
    rules = FaultRules((Fault(effect="drop", method="get", path="/pipelines$", nth=2, times=2),))
    hits = [bool(rules.pick("api", "GET", "/api/program/1/pipelines")) for _ in range(5)]
    assert hits == [False, True, True, False, False]
    assert not rules.pick("api", "PUT", "/api/program/1/pipelines")
    assert not rules.pick("ims", "GET", "/api/program/1/pipelines")


def test_a_rule_that_is_no_regular_expression_is_refused() -> None:
    with pytest.raises(ValidationError, match="not a regular expression"):
        Fault(effect="drop", path="(")


def test_a_rate_limit_says_when_to_come_back_and_ends(sim: Simulator, caller: Caller) -> None:
    sim.inject(rate_limited("/api/programs", retry_after=7, times=2))
    answers = [caller.get("/api/programs") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert answers[0].headers["X-Simulated"] == "true"


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_error_can_last(sim: Simulator, caller: Caller, status: int) -> None:
    sim.inject(Fault(effect="answer", status=status, body={}, times=None))
    assert [caller.get("/api/programs").status_code for _ in range(3)] == [status] * 3
    sim.clear_faults()
    assert caller.get("/api/programs").status_code == 200


def test_a_lost_answer_is_an_act_that_happened(sim: Simulator, caller: Caller) -> None:
    execution_id, href = approval_href(sim, caller)
    sim.inject(Fault(effect="lose_answer", method="PUT", path="/advance$"))
    with pytest.raises(requests.ConnectionError):
        caller.put(f"{href}/advance", {"approved": True})
    sim.skip(15)
    assert step_of(sim.execution(execution_id), "approval")["status"] == "FINISHED"
    assert len([request for request in sim.requests if request.method == "PUT"]) == 1


def test_a_dropped_request_is_an_act_that_did_not_happen(sim: Simulator, caller: Caller) -> None:
    execution_id, href = approval_href(sim, caller)
    sim.inject(Fault(effect="drop", method="PUT"))
    with pytest.raises(requests.ConnectionError):
        caller.put(f"{href}/advance", {"approved": True})
    sim.skip(15)
    assert step_of(sim.execution(execution_id), "approval")["status"] == "WAITING"
    assert sim.acts == []


def test_a_late_answer_comes_after_the_act_is_in_effect(sim: Simulator, caller: Caller) -> None:
    _, href = approval_href(sim, caller)
    sim.inject(Fault(effect="late_answer", method="PUT", seconds=0.3))
    before = time.monotonic()
    assert caller.put(f"{href}/advance", {"approved": True}).status_code == 202
    assert time.monotonic() - before >= 0.3


def test_latency_delays_the_request(sim: Simulator, caller: Caller) -> None:
    sim.inject(Fault(effect="delay", seconds=0.3))
    before = time.monotonic()
    assert caller.get("/api/programs").status_code == 200
    assert time.monotonic() - before >= 0.3


def test_malformed_json_has_the_right_length_and_cannot_be_read(sim: Simulator, caller: Caller) -> None:
    sim.inject(Fault(effect="malformed"))
    answer = caller.get("/api/programs")
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.content)


def test_a_truncated_body_ends_before_its_length(sim: Simulator, caller: Caller) -> None:
    sim.inject(Fault(effect="truncate"))
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        _ = caller.get("/api/programs").content


def test_tokens_can_expire_in_the_middle(sim: Simulator, caller: Caller) -> None:
    sim.inject(Fault(effect="expire_tokens", nth=2))
    assert [caller.get("/api/programs").status_code for _ in range(3)] == [200, 403, 403]


def test_an_answer_can_be_changed_in_any_place(sim: Simulator, caller: Caller) -> None:
    execution_id = sim.start_execution()
    patch = {"status": "PONDERING", "_embedded": {"stepStates": {"1": {"action": "incantation"}}}}
    sim.inject(Fault(effect="merge", path=f"/execution/{execution_id}$", body=patch))
    changed = caller.execution(execution_id)
    assert changed["status"] == "PONDERING"
    assert [step["action"] for step in changed["_embedded"]["stepStates"][:3]] == [
        "validate",
        "incantation",
        "codeQuality",
    ]
    assert caller.execution(execution_id)["status"] == "RUNNING"


def test_merging_replaces_what_is_not_a_mapping() -> None:
    assert merged({"a": [1, 2], "b": {"c": 1}}, {"a": None, "b": {"d": 2}}) == {
        "a": None,
        "b": {"c": 1, "d": 2},
    }


def test_ims_can_be_broken_too(sim: Simulator) -> None:
    sim.inject(Fault(effect="answer", service="ims", status=500))
    assert [Caller.token(sim).status_code for _ in range(2)] == [500, 200]


def test_requests_are_recorded_as_they_were_sent(sim: Simulator, caller: Caller) -> None:
    caller.get("/api/programs?x=%2F")
    last = sim.requests[-1]
    assert (last.service, last.method, last.path) == ("api", "GET", "/api/programs?x=%2F")
    assert ("x-gw-ims-org-id", sim.org_id) in last.headers
    assert last.header("X-API-KEY") == sim.client_id


def test_an_error_that_echoes_gives_back_what_was_sent(sim: Simulator, caller: Caller) -> None:
    sim.inject(Fault(effect="echo_error", status=500))
    answer = caller.get("/api/programs")
    sent = answer.request.headers["Authorization"]
    assert answer.status_code == 500
    assert sent in answer.json()["message"]
    assert answer.headers["x-echo-authorization"] == sent


def test_a_page_that_echoes_gives_back_what_was_sent_in_headers_and_markup() -> None:
    with Simulator.start() as sim:
        sim.inject(Fault(effect="echo", service="stage", times=None))
        answer = requests.get(f"{sim.stage_url}/us/en.html", auth=("someone", "simulated<>"), timeout=60)
    assert answer.headers["x-echo-authorization"] == answer.request.headers["Authorization"]
    assert "someone:simulated<>" in answer.text
    assert "someone:simulated&lt;&gt;" in answer.text
