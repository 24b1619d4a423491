"""Does a trigger survive what happens to triggerers, and never block the others?"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.sdk.module_loading import import_string
from airflow.triggers.base import TaskSuccessEvent
from structlog.testing import capture_logs

from adobe_cloud_manager.ending import Ending, GoingOn, Kind
from adobe_cloud_manager.pinned import PinnedExecution
from adobe_cloud_manager.questions import Goal
from adobe_cloud_manager.triggers.execution_wait import ExecutionTrigger
from unit.adobe_cloud_manager.local_cloud_manager import (
    EXECUTION,
    PIPELINE,
    PROGRAM,
    Json,
    LocalCloudManager,
    Reply,
    execution_json,
)

PINNED = PinnedExecution(PROGRAM, PIPELINE, EXECUTION)
PATIENCE = 120.0
"""Seconds that a busy machine may take for what takes a moment."""
STAGED = execution_json("deploy:stage", "FINISHED")


def trigger(**more: Any) -> ExecutionTrigger:
    given: dict[str, Any] = {
        "goal": "stage deployment",
        "program_id": PROGRAM,
        "pipeline_id": PIPELINE,
        "execution_id": EXECUTION,
        "cloud_manager_conn_id": "cloud_manager_default",
        "deadline": time.time() + PATIENCE,
        "poll_interval": 0.02,
    }
    return ExecutionTrigger(**given | more)


def built_again(one: ExecutionTrigger) -> ExecutionTrigger:
    """What another triggerer makes of what Airflow stored."""
    path, kwargs = one.serialize()
    again = import_string(path)(**json.loads(json.dumps(kwargs)))
    assert isinstance(again, ExecutionTrigger)
    return again


def ending_of(one: ExecutionTrigger) -> Ending:
    return Ending.from_event(asyncio.run(anext(one.run())).payload, one.goal, PINNED)


@pytest.fixture
def said() -> Iterator[list[Any]]:
    with capture_logs() as entries:
        yield entries


def test_a_trigger_is_built_again_from_what_it_serialises() -> None:
    one = trigger(memory={"begun": True, "durations": {"build": [270, 300, 3]}, "announced": ["x"]})
    assert built_again(one).serialize() == one.serialize()


def test_a_wait_that_is_done_ends_its_task_if_that_wants_it(
    cloud_manager: LocalCloudManager, said: list[Any]
) -> None:
    cloud_manager.looks = [STAGED]
    resumed = ending_of(trigger())
    assert resumed.sentence not in str(said)
    event = asyncio.run(anext(built_again(trigger(ends_task=True)).run()))
    assert isinstance(event, TaskSuccessEvent)
    assert event.xcoms == {"return_value": resumed.value}
    assert resumed.sentence in str(said), "the task that would say it does not run"


@pytest.mark.parametrize("more", [{"deadline": 0.0}, {"goal": "production deployment"}])
def test_a_wait_that_is_not_done_ends_no_task(cloud_manager: LocalCloudManager, more: dict[str, Any]) -> None:
    cloud_manager.looks = [execution_json("deploy:stage", "FAILED")]
    one = trigger(ends_task=True, **more)
    event = asyncio.run(anext(one.run()))
    assert not isinstance(event, TaskSuccessEvent)
    assert Ending.from_event(event.payload, one.goal, PINNED).kind in (Kind.DEAD_END, Kind.TIMED_OUT)


def test_a_restarted_triggerer_goes_on_with_the_same_execution(cloud_manager: LocalCloudManager) -> None:
    one = trigger()

    async def killed() -> None:
        running = asyncio.ensure_future(anext(one.run()))
        while cloud_manager.count(EXECUTION) < 2:  # noqa: ASYNC110 - the server counts in another thread
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(killed())
    cloud_manager.looks = [STAGED]
    assert ending_of(built_again(one)).kind is Kind.DONE
    assert cloud_manager.acts == []


def test_two_triggers_at_once_do_no_harm(cloud_manager: LocalCloudManager) -> None:
    cloud_manager.looks = [STAGED]

    async def both() -> list[Any]:
        return list(await asyncio.gather(anext(trigger().run()), anext(trigger().run())))

    first, second = asyncio.run(both())
    assert first.payload == second.payload
    assert cloud_manager.acts == []


def test_the_deadline_stays_where_it_was_when_the_trigger_is_built_late(
    cloud_manager: LocalCloudManager,
) -> None:
    late = built_again(trigger(deadline=time.time() - 5))
    ending = ending_of(late)
    assert ending.kind is Kind.TIMED_OUT
    assert cloud_manager.count(EXECUTION) == 1


def test_what_happened_while_no_triggerer_ran_is_still_seen_after_the_deadline(
    cloud_manager: LocalCloudManager,
) -> None:
    cloud_manager.looks = [STAGED]
    assert ending_of(trigger(deadline=time.time() - 5)).kind is Kind.DONE


def test_a_token_that_expires_during_the_wait_is_renewed(cloud_manager: LocalCloudManager) -> None:
    expired = Reply(403, {"error_code": "401013", "message": "Oauth token is not valid"})
    cloud_manager.looks = [execution_json(), expired, execution_json(), expired, STAGED]
    assert ending_of(trigger()).kind is Kind.DONE
    assert sum(path.startswith("/ims/") for _, path, _ in cloud_manager.requests) == 3


def test_a_connection_that_breaks_costs_nothing_but_time(cloud_manager: LocalCloudManager) -> None:
    cloud_manager.looks = [execution_json(), Reply(cut=True), Reply(503), execution_json(), STAGED]
    assert ending_of(trigger()).kind is Kind.DONE


def test_what_was_announced_before_the_task_deferred_is_not_announced_again(
    cloud_manager: LocalCloudManager, said: list[Any]
) -> None:
    waiting = execution_json("codeQuality", "WAITING")
    cloud_manager.looks = [waiting, waiting, STAGED]
    path = next(step for step in waiting["_embedded"]["stepStates"] if step["status"] == "WAITING")
    ending_of(trigger(memory={"begun": True, "announced": [path["_links"]["self"]["href"]]}))
    assert not [entry for entry in said if entry["log_level"] == "warning" and "waits for" in entry["event"]]


def test_a_step_that_waits_a_second_time_is_announced_a_second_time(
    cloud_manager: LocalCloudManager, said: list[Any]
) -> None:
    waiting, running = execution_json("codeQuality", "WAITING"), execution_json("codeQuality")
    cloud_manager.looks = [waiting, waiting, running, waiting, STAGED]
    one, kinds = trigger(), []
    while not kinds or kinds[-1] is not Kind.DONE:
        ending = ending_of(one)
        kinds.append(ending.kind)
        if ending.going_on is not None:
            one = trigger(memory=ending.going_on.memory, deadline=ending.going_on.deadline)
    assert kinds == [Kind.WAITS_FOR_PERSON, Kind.WAITS_FOR_PERSON, Kind.DONE]
    assert len([entry for entry in said if "waits for a person" in entry["event"]]) == 2


def test_a_trigger_of_an_older_version_goes_on(cloud_manager: LocalCloudManager) -> None:
    _, stored = trigger(memory={"begun": True, "announced": ["x 13"]}).serialize()
    del stored["wake_at"]
    cloud_manager.looks = [execution_json(), STAGED]
    assert ending_of(ExecutionTrigger(**stored)).kind is Kind.DONE


def test_an_event_of_an_older_version_is_understood() -> None:
    event = Ending(Kind.DONE, "s", {"execution_id": EXECUTION}).to_event(Goal.STAGE_DEPLOYMENT, PINNED)
    del event["going_on"]
    assert Ending.from_event(event, Goal.STAGE_DEPLOYMENT, PINNED).kind is Kind.DONE


def test_a_time_to_wake_that_passed_while_no_triggerer_ran_wakes_once_after_a_look(
    cloud_manager: LocalCloudManager,
) -> None:
    cloud_manager.looks = [execution_json()]
    late = built_again(trigger(wake_at=time.time() - 3600, memory={"next_look": time.time() + 500}))
    ending = ending_of(late)
    assert ending.kind is Kind.WOKEN
    assert ending.going_on is not None
    assert ending.going_on.deadline == pytest.approx(late.deadline, abs=0.001)
    assert cloud_manager.count(EXECUTION) == 1


def test_a_waiting_trigger_leaves_the_event_loop_to_others(cloud_manager: LocalCloudManager) -> None:
    """While Cloud Manager thinks, and between two looks: both go on until the others had their turns."""
    asked, go_on = threading.Event(), threading.Event()
    in_time: list[bool] = []
    at_once = cloud_manager.answer

    def slowly(method: str, path: str, body: Json | None) -> Reply:
        asked.set()
        in_time.append(go_on.wait(PATIENCE / 4))
        return at_once(method, path, body)

    cloud_manager.answer = slowly  # type: ignore[method-assign]

    async def beside() -> None:
        running = asyncio.ensure_future(anext(trigger(poll_interval=PATIENCE / 2).run()))
        while not asked.is_set():  # noqa: ASYNC110 - the server sets it in another thread
            await asyncio.sleep(0.005)
        await others_have_their_turns()
        go_on.set()
        while cloud_manager.count(EXECUTION) < 1:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)
        await others_have_their_turns()
        assert cloud_manager.count(EXECUTION) == 1
        running.cancel()

    async def others_have_their_turns() -> None:
        for _ in range(50):
            await asyncio.sleep(0.005)

    asyncio.run(beside())
    assert all(in_time)


@pytest.mark.parametrize("goal", list(Goal))
def test_every_ending_comes_back_as_it_was_sent(goal: Goal) -> None:
    for kind in Kind:
        going_on = GoingOn(2.5, {"begun": True}, 1.5) if kind.is_interruption else None
        value = {"execution_id": EXECUTION, "seconds": 1.5}
        ending = Ending(kind, "a sentence", value, "/api/step", going_on)
        assert (
            Ending.from_event(json.loads(json.dumps(ending.to_event(goal, PINNED))), goal, PINNED) == ending
        )
