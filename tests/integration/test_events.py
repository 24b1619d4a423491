"""Does every execution get its one run, whatever becomes of Adobe's events on their way to a real Airflow?

Each test plays one story on pipelines of its own. The ways that it does not open are closed: a run that comes has come by
the story's own event. `until_guarded` asserts one run per execution, and that no gate has a run of anything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from integration.event_house import EVENTS_OF_A_BUILD, PROGRAM, EventHouse
from simulator import Fault
from simulator.io_events import Registration
from simulator.io_events.letters import FORGED

pytestmark = [pytest.mark.airflow, pytest.mark.xdist_group("second airflow")]

HOUR, DAY = 3600.0, 86400.0
NEVER = "999"
"""An execution that never was."""
GATES = [
    "plain", "asked-twice", "doubled", "shuffled", "forged", "oversized", "slow", "first-hour", "twelfth-hour",
    "last-hour", "unheard", "heard-again", "before-the-crash", "in-the-crash", "in-the-journal", "while-away",
    "expired", "after-it", "without-events", "awaited",
]  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventHouse]:
    with EventHouse(tmp_path_factory.mktemp("events"), GATES) as house:
        yield house


def path_of(house: EventHouse, gate: str, execution: str) -> str:
    return f"/api/program/{PROGRAM}/pipeline/{house.pipelines[gate]}/execution/{execution}"


def test_a_delivery_is_stored_at_once_and_its_execution_gets_its_run(house: EventHouse) -> None:
    with house.webhook() as hook:
        seen, looks = len(house.events.deliveries), house.looks_by_events()
        execution = house.begin("plain")
        house.until_guarded("plain")
        house.events.settle()
        attempts = house.events.deliveries[seen:]
        assert {each.status for each in attempts} == {200}
        assert max(each.took for each in attempts) < hook.patience
        assert house.looks_by_events() > looks
    subject = f"{PROGRAM}/{house.pipelines['plain']}/{execution}"
    assert any(subject in extra.get("subjects", []) for extra in house.stored())
    assert subject in house.hint()


def test_a_batch_is_taken_from_a_registration_that_was_confirmed_by_its_validation_url(
    house: EventHouse,
) -> None:
    with house.webhook("batch", handshake="async", spelling="new"):
        house.events.rotate_keys()
        seen = len(house.events.deliveries)
        house.begin("asked-twice")
        house.events.settle()
        house.until_guarded("asked-twice")
        assert max(len(each.events) for each in house.delivered(seen)) > 1


def test_duplicated_and_replayed_deliveries_are_stored_once(house: EventHouse) -> None:
    with house.webhook():
        seen = len(house.events.deliveries)
        house.events.fault("duplicate", count=3, times=None)
        house.begin("doubled")
        house.until_guarded("doubled")
        house.deliver()
        taken = house.delivered(seen)
        assert len(taken) == 3 * EVENTS_OF_A_BUILD
        house.until_quiet()
        before, looks = house.stored(), house.looks_by_events()
        assert {each.status for each in house.events.replay(taken[:EVENTS_OF_A_BUILD])} == {200}
        assert house.stored() == before
    assert {house.times_stored(each) for attempt in taken for each in attempt.events} == {1}
    assert house.looks_by_events() == looks
    house.until_guarded("doubled")


def test_events_in_the_wrong_order_lead_to_the_same_run(house: EventHouse) -> None:
    with house.webhook():
        seen = len(house.events.deliveries)
        house.events.fault("reorder", count=EVENTS_OF_A_BUILD)
        house.begin("shuffled")
        house.until_guarded("shuffled")
        house.events.settle()
        emitted = [each.id for each in house.events.emitted[-EVENTS_OF_A_BUILD:]]
        assert [each.events[0] for each in house.delivered(seen)] == emitted[::-1]


def test_forged_events_are_refused_and_a_signed_one_is_no_more_than_a_reason_to_look(
    house: EventHouse,
) -> None:
    house.until_quiet()
    house.begin("forged")  # it runs, and nobody has heard of it: what is believed shows by its run
    with house.webhook() as hook:
        before, looks = house.stored(), house.looks_by_events()
        never = path_of(house, "forged", NEVER)
        answers = {effect: house.events.forge(hook, effect, path=never).status for effect in sorted(FORGED)}
        assert answers == {
            "bad_signature": 403,
            "foreign_batch": 403,
            "foreign_recipient": 403,
            "evil_key_path": 401,
            "other_host_key": 401,
            "unknown_key": 403,
            "unsigned": 401,
        }
        assert house.events.forge(hook, "malformed", path=never).status == 400
        assert not [each for each in house.simulator.requests if each.service == "stranger"]
        assert house.stored() == before
        assert house.looks_by_events() == looks
        assert house.runs("forged") == []
        assert house.events.forge(hook, path=never).status == 200, "Adobe's own signature and our client id"
        house.until_guarded("forged")
    house.assert_only_genuine()


def test_an_oversized_delivery_is_refused_and_the_next_event_makes_up_for_it(house: EventHouse) -> None:
    with house.webhook():
        seen = len(house.events.deliveries)
        house.events.fault("oversize")
        house.begin("oversized")
        first = house.events.emitted[-EVENTS_OF_A_BUILD].id
        house.until_guarded("oversized")
        house.deliver()
        tries = [each.status for each in house.events.deliveries[seen:] if first in each.events]
        assert tries[-1] == 413, "it is not sent again"
        assert set(tries[:-1]) <= {None}, (
            "the answer may be lost with the connection, which is not read to the end"
        )
        assert house.times_stored(first) == 0


def test_a_slow_delivery_is_taken_and_one_that_is_too_slow_holds_nobody_up(house: EventHouse) -> None:
    with house.webhook() as hook:
        seen = len(house.events.deliveries)
        house.events.fault("slow", seconds=0.4, times=None, nth=2)
        house.events.fault("slow", seconds=20.0)
        house.begin("slow")
        too_slow, *others = [each.id for each in house.events.emitted[-EVENTS_OF_A_BUILD:]]
        house.until_guarded("slow")
        house.deliver()
        assert house.tries(too_slow, seen) == [503, 200], "it is sent again, so nothing is lost by it"
        assert {each: house.tries(each, seen) for each in others} == {each: [200] for each in others}
        assert hook.status == "ACTIVE"


def test_a_webhook_that_is_down_for_a_day_hears_of_it_by_the_last_attempt(house: EventHouse) -> None:
    with house.webhook() as hook:
        seen, before = len(house.events.deliveries), house.stored()
        house.events.fault("down", seconds=DAY, registration=hook.id)
        house.begin("first-hour")
        firsts = {each.id for each in house.events.emitted[-EVENTS_OF_A_BUILD:]}
        _let_pass(house, 12 * HOUR)
        house.begin("twelfth-hour")
        _let_pass(house, 11.5 * HOUR)
        house.begin("last-hour")
        assert hook.status == "UNSTABLE"
        assert house.stored() == before
        assert [house.runs(gate) for gate in ("first-hour", "twelfth-hour", "last-hour")] == [[], [], []]
        house.deliver()
        for gate in ("first-hour", "twelfth-hour", "last-hour"):
            house.until_guarded(gate)
        attempts = [each for each in house.events.deliveries[seen:] if each.events[0] in firsts]
    _assert_schedule(attempts)
    assert {house.times_stored(each) for each in firsts} == {1}


def _let_pass(house: EventHouse, seconds: float) -> None:
    house.events.settle()
    house.simulator.skip(seconds)
    house.events.settle()


def _assert_schedule(attempts: list[Any]) -> None:
    """1, 2, 4, 8, 15, 15… minutes for a day: a hundred attempts, of which only the last one arrives."""
    for event in {each.events[0] for each in attempts}:
        tries = [each for each in attempts if each.events[0] == event]
        gaps = [round((b.at - a.at) / 60) for a, b in pairwise(tries)]
        assert gaps == [1, 2, 4, 8, *[15] * 95]
        assert [each.status for each in tries] == [None] * 99 + [200]


def test_what_a_disabled_registration_missed_is_found_with_the_first_event_after_it(
    house: EventHouse,
) -> None:
    with house.webhook() as hook:
        seen = len(house.events.deliveries)
        house.events.disable(hook)
        house.begin("unheard")
        house.events.settle()
        assert house.events.deliveries[seen:] == []
        house.events.enable(hook)
        assert hook.status == "ACTIVE"
        assert house.runs("unheard") == []
        house.begin("heard-again")
        house.until_guarded("heard-again")
        house.until_guarded("unheard")


def test_an_api_server_that_is_killed_in_the_middle_of_a_delivery_gets_it_again(house: EventHouse) -> None:
    events = house.events
    with house.webhook("batch", speed=0.1) as hook:  # nothing is sent again while the API server starts
        seen = len(events.deliveries)
        house.begin("before-the-crash")
        house.until_guarded("before-the-crash")
        house.until_waits("before-the-crash")
        house.until_quiet()
        known = house.delivered(seen)
        seen = len(events.deliveries)
        events.fault("slow", seconds=30.0, times=None)
        events.fault("answer_lost", times=None)
        begun = events.begun
        house.begin("in-the-crash")
        house.until(lambda: events.begun > begun, "nothing of the body is there")
        house.restart("api-server")
        events.settle()
        assert {each.status for each in events.deliveries[seen:]} == {None}
        assert house.runs("in-the-crash") == []
        house.deliver()
        house.until_guarded("in-the-crash")
        _assert_all_taken_once(house, hook, seen)
        before = house.stored()
        assert {each.status for each in events.replay(known)} == {200}, "this API server has not seen them"
        assert house.stored() == before


def _assert_all_taken_once(house: EventHouse, hook: Registration, since: int) -> None:
    """Sent three times each: nobody took it, its answer was lost, it was known."""
    attempts = [each for each in house.events.deliveries[since:] if each.registration == hook.id]
    for event in {each for attempt in attempts for each in attempt.events}:
        tries = [each for each in attempts if event in each.events]
        assert [each.status for each in tries] == [None, None, 200]
        assert ["answer was lost" in each.error for each in tries] == [False, True, False]
        assert house.times_stored(event) == 1


def test_a_journal_is_read_on_where_it_was_when_the_triggerer_was_killed(house: EventHouse) -> None:
    with house.journal() as url:
        house.begin("in-the-journal")
        house.until_guarded("in-the-journal")
        house.airflow.kill("triggerer")
        asked = len(house.simulator.requests)
        house.begin("while-away")
        house.airflow.start_component("triggerer")
        house.until_guarded("while-away")
        subject = f"{PROGRAM}/{house.pipelines['while-away']}/{house.genuine['while-away'][0]}"
        assert any(subject in extra.get("payload", {}).get("subjects", []) for extra in house.stored())
        assert subject in house.hint()
        questions = _questions(house, url, asked)
        assert questions
        assert not [each for each in questions if "latest=true" in each], "it was not read for the first time"


def test_an_expired_position_of_the_journal_costs_no_run(house: EventHouse) -> None:
    with house.journal() as url:
        away = Fault(effect="answer", service="io-events", path="/events/organizations/", times=None)
        house.simulator.inject(away)
        asked = len(house.simulator.requests)
        house.until(lambda: _questions(house, url, asked), "the journal is not asked any more")
        house.begin("expired")
        house.events.expire_journals()
        house.begin("after-it")
        assert house.runs("expired") == house.runs("after-it") == []
        asked = len(house.simulator.requests)
        house.simulator.clear_faults()
        house.until_guarded("after-it")
        house.until_guarded("expired")
        assert "" in _questions(house, url, asked), (
            "it went on at the oldest events, so its position was gone"
        )


def _questions(house: EventHouse, journal_url: str, since: int) -> list[str]:
    """The queries with which the journal was read."""
    requests = [each for each in house.simulator.requests[since:] if each.service == "io-events"]
    ours = journal_url.removeprefix(house.events.url)
    return [query for path, _, query in (each.path.partition("?") for each in requests) if path == ours]


def test_a_day_without_any_event_loses_nothing_but_the_time_to_the_next_look(house: EventHouse) -> None:
    house.until_quiet()
    house.begin("without-events")
    before = house.stored()
    house.simulator.skip(DAY)
    assert house.runs("without-events") == []
    house.look_as_the_timer_does()
    house.until_guarded("without-events")
    assert house.stored() == before, "no event had a part in it"


def test_a_wait_that_would_look_again_in_five_minutes_is_woken_by_an_event(house: EventHouse) -> None:
    house.until_quiet()
    execution = house.begin("awaited", "testing")
    house.until(lambda: _steps(house, execution).get("deploy", "") == "RUNNING", "stage is not deployed to")
    house.look_as_the_timer_does()
    house.until_guarded("awaited")
    run_id = house.until_waits("awaited")
    house.until(lambda: "again in 300 s" in house.log("awaited", run_id), "the wait is not sparse")
    house.look_as_the_timer_does()  # by its end the scheduler has heard that the wait's task has paused
    with house.webhook():
        seen = len(house.events.deliveries)
        house.simulator.skip(HOUR)
        house.events.settle()
        assert house.delivered(seen), "the deployment's end was told"
        house.until(lambda: house.state("awaited", run_id) == "success", "the wait was not woken")
        house.client.api("PATCH", f"/dags/stage_gate.awaited/dagRuns/{run_id}", {"state": "failed"})
    woken = "An event of Adobe I/O is about"
    house.until(  # a triggerer writes its part of a log a little later
        lambda: any(woken in said for said in _of_both_waits(house, run_id)),
        "no log says what woke the waits",
    )
    said = next(each for each in _of_both_waits(house, run_id) if woken in each)
    assert f"execution {execution}" in said
    assert said.index("again in 300 s") < said.index(woken)


def _of_both_waits(house: EventHouse, run_id: str) -> list[str]:
    """The logs of the two waits, which share each look: the one that hears of an event first says so, for both."""
    tasks = ("wait_for_stage_deployment", "wait_for_approval_step")
    return [re.sub(r"\s+", " ", house.log("awaited", run_id, task)) for task in tasks]


def _steps(house: EventHouse, execution: str) -> dict[str, str]:
    """The steps of an execution that have begun: action and status."""
    steps = house.simulator.execution(execution)["_embedded"]["stepStates"]
    return {each["action"]: each["status"] for each in steps if each["status"] != "NOT_STARTED"}


def test_nothing_has_a_run_but_what_really_began(house: EventHouse) -> None:
    house.until_quiet()
    house.assert_one_run_per_execution()
