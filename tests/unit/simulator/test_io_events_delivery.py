"""Do events reach a webhook as from Adobe: signed, at least once, for a day, and only where they are wanted?"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import requests

from simulator import Simulator
from simulator.io_events.schedule import DAY
from unit.simulator.caller import eventually, slow_scenario
from unit.simulator.webhook import Webhook, signatures

MINUTE = 60.0


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator.start(slow_scenario()) as simulator:
        yield simulator


def one_event(sim: Simulator, hook_url: str, **options: Any) -> Any:
    """A registration, and an execution whose start is the only event that it gets told of at first."""
    registration = sim.io_events.register(hook_url, **options)
    sim.io_events.fault("lose", nth=2, times=None)
    sim.start_execution()
    sim.io_events.settle()
    return registration


def test_a_delivery_has_the_documented_headers_and_two_good_signatures(sim: Simulator) -> None:
    with Webhook() as hook:
        one_event(sim, hook.url)
    received = hook.received[0]
    assert signatures(sim, received) == [True, True]
    assert received.headers["x-adobe-event-code"] == "pipeline_execution_start"
    assert received.headers["x-adobe-provider"] == "cloudmanager"
    assert received.headers["x-adobe-event-id"] == received.json["event_id"] == received.json["eventid"]
    assert received.json["recipient_client_id"] == received.json["recipientclientid"] == sim.client_id
    assert {"x-request-id", "x-adobe-delivery-id", "x-adobe-signature"} <= set(received.headers)
    assert "x-adobe-retry-count" not in received.headers


def test_every_change_is_told_except_the_starts_that_adobe_keeps_to_itself(sim: Simulator) -> None:
    execution = sim.start_execution()
    sim.skip(2000)
    sim.person("approve", execution)
    sim.skip(2000)
    codes = [event.code for event in sim.io_events.emitted]
    assert codes[0] == "pipeline_execution_start"
    assert codes[-1] == "pipeline_execution_end"
    assert codes.count("pipeline_execution_step_end") == 11
    assert codes.count("pipeline_execution_step_start") == 9  # without codeQuality and approval
    assert codes.count("pipeline_execution_step_waiting") == 1
    assert len({event.id for event in sim.io_events.emitted}) == len(codes)


def test_an_event_that_fails_comes_again_as_the_same_event_on_adobes_schedule(sim: Simulator) -> None:
    with Webhook(503, 500, 429, 599) as hook:
        one_event(sim, hook.url)
        sim.skip(60 * MINUTE)
        sim.io_events.settle()
    assert [item.headers.get("x-adobe-retry-count") for item in hook.received] == [None, "1", "2", "3", "4"]
    assert len({item.headers["x-adobe-event-id"] for item in hook.received}) == 1
    assert len({item.headers["x-adobe-delivery-id"] for item in hook.received}) == 5
    times = [attempt.at for attempt in sim.io_events.deliveries]
    assert [round((later - earlier) / MINUTE) for earlier, later in pairwise(times)] == [1, 2, 4, 8]


@pytest.mark.parametrize("status", [301, 400, 401, 404, 413, 505])
def test_what_is_refused_is_lost(sim: Simulator, status: int) -> None:
    with Webhook(status) as hook:
        one_event(sim, hook.url)
        sim.skip(2 * DAY)
        sim.io_events.settle()
        assert len(hook.received) == 1


def test_a_webhook_that_is_down_for_three_hours_loses_nothing(sim: Simulator) -> None:
    with Webhook() as hook:
        sim.io_events.register(hook.url)
        sim.io_events.fault("down", seconds=180 * MINUTE)
        execution = sim.start_execution()
        sim.skip(2000)
        sim.io_events.settle()
        assert hook.received == []
        sim.skip(240 * MINUTE)
        sim.io_events.settle()
    assert len(hook.received) == len(sim.io_events.emitted) == 19
    assert execution in hook.received[0].paths[0]


def test_after_a_day_an_event_is_dropped(sim: Simulator) -> None:
    with Webhook() as hook:
        sim.io_events.fault("down", seconds=24 * 60 * MINUTE + 30)
        one_event(sim, hook.url)
        sim.skip(3 * DAY)
        sim.io_events.settle()
        assert hook.received == []


def test_an_event_comes_through_when_the_webhook_is_back_before_the_day_is_over(sim: Simulator) -> None:
    with Webhook() as hook:
        sim.io_events.fault("down", seconds=24 * 60 * MINUTE - 30)
        one_event(sim, hook.url)
        sim.skip(3 * DAY)
        sim.io_events.settle()
        assert [item.headers["x-adobe-retry-count"] for item in hook.received] == ["99"]


def test_a_day_of_retries_is_a_hundred_attempts(sim: Simulator) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/hook"
        one_event(sim, url, handshake="none")
        sim.skip(2 * DAY)
        sim.io_events.settle()
    attempts = sim.io_events.deliveries
    assert len(attempts) == 100
    assert [attempt.retry for attempt in attempts] == list(range(100))
    assert attempts[-1].at - attempts[0].at == pytest.approx(DAY)
    assert {attempt.status for attempt in attempts} == {None}


def test_a_registration_that_fails_is_unstable_and_a_day_later_disabled(sim: Simulator) -> None:
    with Webhook() as hook:
        registration = sim.io_events.register(hook.url)
        sim.io_events.fault("down", seconds=10 * DAY)
        sim.start_execution()
        sim.skip(2 * 60 * MINUTE)
        sim.io_events.settle()
        assert registration.status == "UNSTABLE"
        sim.skip(20 * 60 * MINUTE)
        sim.io_events.settle()
        assert registration.status == "UNSTABLE"
        sim.start_execution(beside=True)
        sim.skip(6 * 60 * MINUTE)
        sim.io_events.settle()
        assert registration.status == "DISABLED"
        tried = len(sim.io_events.deliveries)
        sim.io_events.clear_faults()
        sim.skip(DAY)
        sim.io_events.settle()
        assert len(sim.io_events.deliveries) == tried
        sim.io_events.enable(registration)
        assert registration.status == "ACTIVE"


def test_a_disabled_registration_gets_nothing_and_its_journal_goes_on(sim: Simulator) -> None:
    with Webhook() as hook:
        registration = sim.io_events.register(hook.url)
        sim.io_events.disable(registration)
        sim.start_execution()
        sim.io_events.settle()
    assert hook.received == []
    assert registration.journal.newest > 0


def test_a_batch_has_at_most_twenty_events(sim: Simulator) -> None:
    with Webhook() as hook:
        sim.io_events.register(hook.url, style="batch")
        sim.start_execution()
        sim.start_execution(beside=True)
        sim.skip(2000)
        sim.io_events.settle()
    sizes = [len(item.json) for item in hook.received]
    assert sum(sizes) == 38
    assert max(sizes) <= 20
    assert len(sizes) < 10
    assert signatures(sim, hook.received[-1]) == [True, True]


@pytest.mark.parametrize(
    ("spelling", "keys"),
    [("old", {"event_id", "recipient_client_id"}), ("new", {"eventid", "recipientclientid"})],
)
def test_ids_are_spelt_as_the_registration_says(sim: Simulator, spelling: str, keys: set[str]) -> None:
    with Webhook() as hook:
        one_event(sim, hook.url, spelling=spelling, client_id="simulated-other")
    assert set(hook.received[0].json) == {"event", *keys}
    assert "simulated-other" in hook.received[0].json.values()


def test_delays_can_be_compressed_instead_of_skipped(sim: Simulator) -> None:
    with Webhook(503, 503) as hook:
        one_event(sim, hook.url, speed=6000)
        eventually(lambda: len(hook.received) == 3)


def test_it_delivers_to_this_machine_only(sim: Simulator) -> None:
    with pytest.raises(ValueError, match="this machine only"):
        sim.io_events.register("https://gate.example.com/hook")


@pytest.mark.parametrize("answer", ["text", "json"])
def test_a_challenge_that_comes_back_activates(sim: Simulator, answer: str) -> None:
    with Webhook(challenge=answer) as hook:
        assert sim.io_events.register(hook.url).status == "ACTIVE"


@pytest.mark.parametrize("handshake", ["sync", "async"])
def test_without_the_challenge_the_validation_url_must_be_fetched(sim: Simulator, handshake: Any) -> None:
    with Webhook(challenge="nothing") as hook:
        registration = sim.io_events.register(hook.url, handshake=handshake)
        assert registration.status == "PENDING"
        url = hook.received[0].json["validationUrl"]
    assert url.startswith(sim.environment()["AIRFLOW__ADOBE_CLOUD_MANAGER__EVENT_VALIDATION_URL"] + "?id=")
    assert requests.get(url.replace("challenge=", "challenge=x"), timeout=60).status_code == 400
    assert registration.status == "PENDING"
    assert requests.get(url, timeout=60).status_code == 200
    assert registration.status == "ACTIVE"


def test_the_validation_url_is_good_for_five_minutes(sim: Simulator) -> None:
    with Webhook(challenge="nothing") as hook:
        registration = sim.io_events.register(hook.url)
    sim.skip(301)
    assert requests.get(hook.received[0].json["validationUrl"], timeout=60).status_code == 400
    assert registration.status == "DISABLED"


def test_a_webhook_that_is_not_there_is_not_registered(sim: Simulator) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/hook"
        assert sim.io_events.register(url).status == "DISABLED"
