"""Can everything go wrong on the way of an event that a webhook must bear?"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from simulator import Simulator
from simulator.io_events.letters import STRANGERS_CLIENT
from unit.simulator.caller import slow_scenario
from unit.simulator.webhook import Received, Webhook, signatures

PATH = "/api/program/12345/pipeline/678901/execution/999"


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator.start(slow_scenario()) as simulator:
        yield simulator


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with Webhook() as webhook:
        yield webhook


def forged(sim: Simulator, hook: Webhook, effect: str) -> Received:
    registration = sim.io_events.register(hook.url)
    attempt = sim.io_events.forge(registration, effect, path=PATH)  # type: ignore[arg-type]
    assert attempt.status == 200
    return hook.received[-1]


def test_an_event_comes_twice(sim: Simulator, hook: Webhook) -> None:
    sim.io_events.register(hook.url)
    sim.io_events.fault("duplicate")
    sim.start_execution()
    sim.skip(50)
    sim.io_events.settle()
    ids = [item.headers["x-adobe-event-id"] for item in hook.received]
    assert len(ids) == 3
    assert len(set(ids)) == 2
    assert len({item.headers["x-adobe-delivery-id"] for item in hook.received}) == 3


def test_events_come_in_another_order(sim: Simulator, hook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.io_events.post.HELD_BACK", 600.0)
    sim.io_events.register(hook.url)
    sim.io_events.fault("reorder", count=3)
    sim.start_execution()
    sim.skip(250)
    sim.io_events.settle()
    expected = [event.id for event in sim.io_events.emitted]
    got = [item.headers["x-adobe-event-id"] for item in hook.received]
    assert sorted(got) == sorted(expected)
    assert [each for each in got if each in expected[:3]] == expected[2::-1]


def test_an_answer_that_is_lost_means_another_delivery(sim: Simulator, hook: Webhook) -> None:
    sim.io_events.register(hook.url)
    sim.io_events.fault("answer_lost")
    sim.start_execution()
    sim.skip(61)
    sim.io_events.settle()
    first = [
        item for item in hook.received if item.headers["x-adobe-event-code"] == "pipeline_execution_start"
    ]
    assert [item.headers.get("x-adobe-retry-count") for item in first] == [None, "1"]


def test_a_slow_delivery_takes_its_time_and_is_whole(sim: Simulator, hook: Webhook) -> None:
    sim.io_events.register(hook.url)
    sim.io_events.fault("slow", seconds=0.3)
    sim.start_execution()
    sim.io_events.settle()
    assert max(attempt.took for attempt in sim.io_events.deliveries) > 0.2
    assert all(signatures(sim, item) == [True, True] for item in hook.received)


def test_a_webhook_that_is_slow_gets_it_again(sim: Simulator, hook: Webhook) -> None:
    registration = sim.io_events.register(hook.url, patience=0.1, handshake="none")
    sim.io_events.fault("slow", seconds=600)
    sim.io_events.fault("lose", nth=2, times=None)
    sim.start_execution()
    sim.io_events.settle()
    assert [(each.status, each.registration) for each in sim.io_events.deliveries] == [
        (None, registration.id)
    ]


def test_a_bad_signature_is_a_strangers(sim: Simulator, hook: Webhook) -> None:
    assert signatures(sim, forged(sim, hook, "bad_signature")) == [False, False]


def test_one_of_two_signatures_can_be_bad(sim: Simulator, hook: Webhook) -> None:
    assert signatures(sim, forged(sim, hook, "first_signature_bad")) == [False, True]


def test_a_foreign_event_is_well_signed_for_somebody_else(sim: Simulator, hook: Webhook) -> None:
    received = forged(sim, hook, "foreign_recipient")
    assert signatures(sim, received) == [True, True]
    assert received.json["recipientclientid"] == STRANGERS_CLIENT


def test_one_event_of_a_batch_can_be_foreign(sim: Simulator, hook: Webhook) -> None:
    received = forged(sim, hook, "foreign_batch")
    assert [item["recipient_client_id"] for item in received.json] == [sim.client_id, STRANGERS_CLIENT]
    assert signatures(sim, received) == [True, True]


@pytest.mark.parametrize("effect", ["evil_key_path", "other_host_key"])
def test_an_evil_key_path_would_verify_with_the_strangers_key(
    sim: Simulator, hook: Webhook, effect: str
) -> None:
    received = forged(sim, hook, effect)
    path = received.headers["x-adobe-public-key1-path"]
    url = sim.io_events.url + path if effect == "evil_key_path" else path
    assert requests.get(url, timeout=60).text.startswith("-----BEGIN PUBLIC KEY-----")
    assert sim.requests[-1].service == "stranger"


def test_an_unknown_key_has_a_path_of_the_right_form(sim: Simulator, hook: Webhook) -> None:
    path = forged(sim, hook, "unknown_key").headers["x-adobe-public-key1-path"]
    assert requests.get(sim.io_events.url + path, timeout=60).status_code == 404


def test_signatures_can_be_missing(sim: Simulator, hook: Webhook) -> None:
    assert not any("digital" in name for name in forged(sim, hook, "unsigned").headers)
    assert "x-adobe-digital-signature-2" not in forged(sim, hook, "no_second_signature").headers


def test_an_oversized_and_a_malformed_event_are_signed_by_adobe(sim: Simulator, hook: Webhook) -> None:
    big = forged(sim, hook, "oversize")
    assert len(big.body) > 2 * 1024 * 1024
    broken = forged(sim, hook, "malformed")
    with pytest.raises(ValueError, match=r"JSON|Expecting|Unterminated"):
        _ = broken.json
    assert [signatures(sim, big), signatures(sim, broken)] == [[True, True]] * 2


def test_a_replay_is_the_same_bytes_and_signatures(sim: Simulator, hook: Webhook) -> None:
    sim.io_events.register(hook.url)
    sim.start_execution()
    sim.io_events.settle()
    first = sim.io_events.deliveries[:1]
    sim.skip(3600)
    sim.io_events.settle()
    replayed = sim.io_events.replay(first)
    assert replayed[0].status == 200
    assert hook.received[-1].body == hook.received[0].body
    assert signatures(sim, hook.received[-1]) == [True, True]


def test_keys_rotate_and_the_old_ones_stay(sim: Simulator, hook: Webhook) -> None:
    registration = sim.io_events.register(hook.url)
    sim.io_events.forge(registration, path=PATH)
    sim.io_events.rotate_keys()
    sim.io_events.forge(registration, path=PATH)
    before, after = (
        {value for key, value in item.headers.items() if key.endswith("-path")} for item in hook.received
    )
    assert len(before & after) == 1
    assert all(signatures(sim, item) == [True, True] for item in hook.received)


def test_a_rule_about_an_unknown_trouble_is_refused(sim: Simulator) -> None:
    with pytest.raises(ValueError, match="effect"):
        sim.io_events.fault("explode")
