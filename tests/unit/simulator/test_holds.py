"""Does a hold keep a request waiting in one exact moment, and is what was sent carried out when its sender is gone?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import pytest

from simulator import Simulator
from simulator.holds import Hold
from unit.simulator.caller import Caller, eventually, slow_scenario, step_of

APPROVED = {"approved": True}


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator.start(slow_scenario()) as simulator:
        yield simulator


def is_put(request: object) -> bool:
    return getattr(request, "method", "") == "PUT"


def waiting_step(sim: Simulator, caller: Caller) -> tuple[str, str]:
    execution = sim.start_execution()
    sim.skip(2000)
    return execution, step_of(caller.execution(execution), "approval")["_links"]["self"]["href"]


@pytest.mark.parametrize(("answered", "carried_out"), [(False, 0), (True, 1)])
def test_a_held_request_waits_before_it_is_carried_out_or_with_its_answer(
    sim: Simulator, answered: bool, carried_out: int
) -> None:
    caller = Caller(sim)
    _, href = waiting_step(sim, caller)
    hold = sim.hold(Hold(is_put, answered=answered))
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(caller.put, f"{href}/advance", APPROVED)
        eventually(lambda: hold.caught)
        assert not answer.done()
        assert len(sim.acts) == carried_out
        assert caller.get(href.partition("/phase/")[0]).status_code == 200
        sim.let_go(hold)
        assert answer.result(60).status_code == 202
    assert len(sim.acts) == 1


def test_what_was_sent_is_carried_out_although_its_sender_has_hung_up(sim: Simulator) -> None:
    caller = Caller(sim)
    _, href = waiting_step(sim, caller)
    hold = sim.hold(Hold(is_put))
    connection = HTTPConnection(sim.api_url.removeprefix("http://"))
    headers = {**caller.headers, "Content-Type": "application/json"}
    connection.request("PUT", f"{href}/advance", json.dumps(APPROVED), headers)
    eventually(lambda: hold.caught)
    connection.close()
    assert sim.acts == []
    sim.let_go(hold)
    eventually(lambda: sim.acts)
    assert [act.status for act in sim.acts] == [202]
