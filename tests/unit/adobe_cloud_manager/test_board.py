"""What do the waits of one triggerer share, and does none of them suffer for another?"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from adobe_cloud_manager.ending import Ending, Kind
from adobe_cloud_manager.events.hint import HINT_VARIABLE, merged
from adobe_cloud_manager.hooks import cloud_manager_async as hooks
from adobe_cloud_manager.pinned import PinnedExecution
from adobe_cloud_manager.questions import Goal
from adobe_cloud_manager.sensors.milestones import StageDeploymentSensor
from adobe_cloud_manager.triggers import board
from adobe_cloud_manager.triggers.execution_wait import ExecutionTrigger
from unit.adobe_cloud_manager.adobe_double import Adobe
from unit.adobe_cloud_manager.events.triggerer import Supervisor
from unit.adobe_cloud_manager.local_cloud_manager import EXECUTION, PIPELINE, PROGRAM, Json, execution_json
from unit.adobe_cloud_manager.local_server import Received, reply
from unit.adobe_cloud_manager.virtual_time import Clock

SUBJECT = f"{PROGRAM}/{PIPELINE}/{EXECUTION}"
BUILDING, STAGED = execution_json("build"), execution_json("deploy:stage", "FINISHED")
PATIENCE = 120.0
"""Seconds that a busy machine may take for what takes a moment."""


class Pipeline:
    """What the pipeline shows at the moment; ``seen`` are the times at which somebody looked.

    No look is answered while ``free`` is not set. It shows what it showed when it was asked.
    """

    def __init__(self, adobe: Adobe) -> None:
        self.adobe = adobe
        self.shows: Json | bytes = BUILDING
        self.free = threading.Event()
        self.free.set()
        self.seen: list[float] = []
        for execution in [EXECUTION, *map(str, range(100, 160))]:
            adobe.routes[path(execution)] = self.answer
        adobe.routes[path("")] = lambda _: reply(200, execution_json())
        adobe.routes[path("") + "s"] = reply(200, {"_embedded": {"executions": []}})

    def answer(self, request: Received) -> bytes:
        self.seen.append(time.monotonic())
        shows = self.shows
        self.free.wait(PATIENCE)
        if isinstance(shows, bytes):
            return shows
        return reply(200, shows | {"id": request.path.rsplit("/", 1)[1]})


def path(execution: str) -> str:
    return f"/api/program/{PROGRAM}/pipeline/{PIPELINE}/execution/{execution}".rstrip("/")


@pytest.fixture
def pipeline(adobe: Adobe, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    monkeypatch.setattr("adobe_cloud_manager.triggers.hints.HINTS_EVERY", 0.05)
    return Pipeline(adobe)


@pytest.fixture
def supervisor(monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    return Supervisor().install(monkeypatch)


def trigger(**more: Any) -> ExecutionTrigger:
    given: dict[str, Any] = {
        "goal": "stage deployment",
        "program_id": PROGRAM,
        "pipeline_id": PIPELINE,
        "execution_id": EXECUTION,
        "cloud_manager_conn_id": "cloud_manager_default",
        "deadline": time.time() + 300,
        "poll_interval": 600.0,
        "memory": {"begun": True, "current_checked": time.time()},
    }
    return ExecutionTrigger(**given | more)


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def within() -> None:
        async with asyncio.timeout(PATIENCE):
            await main()
        assert board._FLOORS[asyncio.get_running_loop()].boards == {}, "the last wait clears everything away"

    asyncio.run(within())


def begin(*triggers: ExecutionTrigger) -> list[asyncio.Task[Any]]:
    return [asyncio.create_task(anext(one.run())) for one in triggers]  # type: ignore[arg-type]


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 - the condition is a server's, in another thread
        await asyncio.sleep(0.01)


def posts() -> list[board.Post]:
    """The executions that somebody waits for."""
    boards = board._FLOORS[asyncio.get_running_loop()].boards.values()
    return [post for one in boards for post in one.posts.values()]


def seats() -> int:
    """How many waits have begun; each of them asks for its first look as it takes its seat."""
    return sum(len(post.seats) for post in posts())


def is_calm() -> bool:
    """No look is on its way, and no wait has an answer that it did not take."""
    return all(post._look is None and not any(seat._mail for seat in post.seats) for post in posts())


async def begin_together(pipeline: Pipeline, *triggers: ExecutionTrigger) -> list[asyncio.Task[Any]]:
    """Let these waits of one execution begin; their first look has been asked for and is not answered yet."""
    pipeline.free.clear()
    waits = begin(*triggers)
    await until(lambda: pipeline.seen and seats() == len(triggers))
    return waits


async def go_on(pipeline: Pipeline) -> None:
    """Let the look be answered, and every wait take the answer."""
    pipeline.free.set()
    await until(is_calm)


async def end(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def kind_of(task: asyncio.Task[Any]) -> Kind:
    pinned = PinnedExecution(PROGRAM, PIPELINE, EXECUTION)
    payload = task.result().payload
    return Ending.from_event(payload, Goal(payload["goal"]), pinned).kind


def test_all_waits_of_an_execution_are_one_poll_with_one_token_on_one_connection(pipeline: Pipeline) -> None:
    async def main() -> None:
        goals = ["stage deployment", "stage deployment", "production approval", "production deployment"]
        began = time.monotonic()
        waits = begin(*[trigger(goal=goal, poll_interval=0.1) for goal in goals])
        await until(lambda: len(pipeline.seen) > 12)
        assert len(pipeline.seen) <= len(waits) + (time.monotonic() - began) / 0.1
        pipeline.shows = STAGED
        await asyncio.wait(waits[:2])
        assert [kind_of(wait) for wait in waits[:2]] == [Kind.DONE, Kind.DONE]
        await end(*waits)

    run(main)
    assert len(pipeline.adobe.token_calls) == 1
    assert pipeline.adobe.server.connections <= 2, "one for the token, one for the looks, at most"


def test_what_one_wait_sees_another_one_sees_too_without_a_call(pipeline: Pipeline) -> None:
    async def main() -> None:
        calm, quick = begin(trigger(), trigger(goal="production approval", poll_interval=0.05))
        await until(lambda: len(pipeline.seen) > 2)
        pipeline.shows = STAGED
        await calm
        assert kind_of(calm) is Kind.DONE
        assert not quick.done()
        await end(quick)

    run(main)


def test_a_wait_that_is_cancelled_takes_no_answer_from_the_others(pipeline: Pipeline) -> None:
    pipeline.shows = STAGED

    async def main() -> None:
        first, second = await begin_together(pipeline, trigger(), trigger())
        await end(first)
        pipeline.free.set()
        await second
        assert kind_of(second) is Kind.DONE

    run(main)
    assert len(pipeline.seen) == 1


def test_the_last_wait_that_ends_ends_the_look_too(pipeline: Pipeline) -> None:
    async def main() -> None:
        [only] = await begin_together(pipeline, trigger())
        await end(only)
        assert asyncio.all_tasks() == {asyncio.current_task()} or all(
            task.cancelling() for task in asyncio.all_tasks() - {asyncio.current_task()}
        )

    run(main)
    pipeline.free.set()


def test_a_trigger_that_is_built_again_beside_the_old_one_costs_no_call(pipeline: Pipeline) -> None:
    async def main() -> None:
        old, again = trigger(poll_interval=0.3), trigger(poll_interval=0.3)
        [first] = begin(old)
        await until(lambda: pipeline.seen)
        [second] = begin(again)
        await until(lambda: len(pipeline.seen) > 3)
        assert pipeline.seen[-1] - pipeline.seen[0] > 0.6
        await end(first)
        pipeline.shows = STAGED
        await second

    run(main)


def test_a_look_that_fails_is_a_failed_look_of_every_wait(pipeline: Pipeline) -> None:
    pipeline.shows = reply(200, body=b"<html>oops")

    async def main() -> None:
        waits = await begin_together(pipeline, trigger(), trigger())
        await go_on(pipeline)
        await end(*waits)

    with capture_logs() as said:
        run(main)
    assert len([line for line in said if "Could not look at execution" in line["event"]]) == 2
    assert len(pipeline.seen) == 1


def test_a_defect_ends_every_wait_that_asked(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> object:
        raise ZeroDivisionError

    monkeypatch.setattr(board.Board, "read", broken)

    async def main() -> None:
        ends = await asyncio.gather(*begin(trigger(), trigger()), return_exceptions=True)
        assert [type(one) for one in ends] == [ZeroDivisionError, ZeroDivisionError]

    run(main)


@pytest.mark.parametrize("subject", [SUBJECT, f"{PROGRAM}/{PIPELINE}/"])
def test_an_event_wakes_every_wait_of_its_execution_at_once(pipeline: Pipeline, subject: str) -> None:
    async def main() -> None:
        waits = await begin_together(pipeline, trigger(), trigger(goal="production approval"))
        await go_on(pipeline)
        pipeline.shows = execution_json("approval", "WAITING")
        assert board.wake(subject) == 1
        await asyncio.wait(waits)

    with capture_logs() as said:
        run(main)
    assert len(pipeline.seen) == 2
    assert len([line for line in said if "An event of Adobe I/O is about execution" in line["event"]]) == 2


@pytest.mark.parametrize(
    "subject", [f"{PROGRAM}/{PIPELINE}/1", f"{PROGRAM}/1/", f"1/{PIPELINE}/", "", "../..", "a/b/c"]
)
def test_an_event_about_something_else_wakes_nobody(pipeline: Pipeline, subject: str) -> None:
    async def main() -> None:
        [wait] = await begin_together(pipeline, trigger())
        await go_on(pipeline)
        assert board.wake(subject) == 0
        await asyncio.sleep(0.1)  # time enough for a look that must not be
        await end(wait)

    run(main)
    assert len(pipeline.seen) == 1


def test_an_event_that_comes_while_a_look_is_on_its_way_leads_to_another_look(pipeline: Pipeline) -> None:
    async def main() -> None:
        [wait] = await begin_together(pipeline, trigger())
        pipeline.shows = STAGED
        board.wake(SUBJECT)
        pipeline.free.set()
        await wait
        assert kind_of(wait) is Kind.DONE

    run(main)
    assert len(pipeline.seen) == 2


def test_the_hint_variable_wakes_within_seconds(pipeline: Pipeline, supervisor: Supervisor) -> None:
    def hint(subject: str) -> None:
        text = merged(supervisor.variables.get(HINT_VARIABLE), [subject], datetime.now(UTC))
        supervisor.variables[HINT_VARIABLE] = text

    async def main() -> None:
        [wait] = await begin_together(pipeline, trigger())
        await go_on(pipeline)
        hint(f"{PROGRAM}/{PIPELINE}/1")
        await asyncio.sleep(0.3)  # time enough for a look that must not be
        assert len(pipeline.seen) == 1, "that was about another execution"
        pipeline.shows = STAGED
        hint(SUBJECT)
        await wait

    run(main)
    assert len(pipeline.seen) == 2


def test_an_event_that_came_while_the_task_deferred_is_not_lost(
    pipeline: Pipeline, supervisor: Supervisor
) -> None:
    pipeline.shows = STAGED
    supervisor.variables[HINT_VARIABLE] = merged(None, [SUBJECT], datetime.now(UTC))
    sparse = {"begun": True, "next_look": time.time() + 500}

    async def main() -> None:
        for _ in range(2):  # the first begins the reading of hints, the second finds it going on
            beside = begin(trigger(execution_id="100", memory=sparse))
            await asyncio.sleep(0.2)
            [wait] = begin(trigger(memory=sparse))
            await wait
            await end(*beside)

    run(main)


def test_hints_that_cannot_be_read_cost_nothing(pipeline: Pipeline, supervisor: Supervisor) -> None:
    supervisor.is_down = True

    async def main() -> None:
        [wait] = begin(trigger(poll_interval=0.1))
        await until(lambda: len(pipeline.seen) > 3)
        pipeline.shows = STAGED
        await wait

    run(main)


def test_waits_that_begin_at_once_do_not_ask_at_once(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__ADOBE_CLOUD_MANAGER__REQUESTS_PER_MINUTE", "200")

    async def main() -> None:
        began = time.monotonic()
        waits = begin(*[trigger(execution_id=str(number)) for number in range(100, 108)])
        await until(lambda: len(pipeline.seen) == 8)
        assert pipeline.seen[-1] - began >= 7 * 60 / 200 - 0.05
        await end(*waits)

    run(main)


def test_an_event_stands_in_no_line(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever stands in line is asked for every three seconds, so that the last one's turn is in two minutes."""
    monkeypatch.setenv("AIRFLOW__ADOBE_CLOUD_MANAGER__REQUESTS_PER_MINUTE", "20")

    async def main() -> None:
        waits = begin(*[trigger(execution_id=str(number)) for number in range(100, 140)])
        await until(lambda: pipeline.seen and seats() == 40)
        hurried = trigger(execution_id="159", memory={"begun": True, "next_look": time.time() + 500})
        [last] = begin(hurried)
        await until(lambda: seats() == 41)
        pipeline.shows = STAGED
        assert board.wake(f"{PROGRAM}/{PIPELINE}/159") == 1
        await last
        assert len(pipeline.seen) < 18, "it did not wait for those before it"
        await end(*waits)

    run(main)


def test_what_is_asked_about_a_pipeline_is_asked_once_and_outlives_who_asked_first(
    pipeline: Pipeline,
) -> None:
    asked: list[float] = []
    answers = threading.Event()

    def slowly(_: Received) -> bytes:
        asked.append(time.monotonic())
        answers.wait(PATIENCE)
        return reply(200, BUILDING | {"id": EXECUTION})

    pipeline.adobe.routes[path("")] = slowly
    overdue = {"begun": True, "current_checked": 0.0}

    async def main() -> None:
        first, second = await begin_together(pipeline, trigger(memory=overdue), trigger(memory=overdue))
        pipeline.free.set()
        await until(lambda: asked)
        await end(first)
        answers.set()
        [post] = posts()
        await until(lambda: not post.board._running)
        assert not second.done(), "it has its answer and goes on"
        pipeline.shows = STAGED
        board.wake(SUBJECT)
        await second
        assert kind_of(second) is Kind.DONE

    run(main)
    assert len(asked) == 1


def test_a_credential_that_is_refused_is_read_again_from_the_connection(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adobe_cloud_manager.hooks.cloud_manager_async._REFUSED_KEPT", 0.0)
    adobe = pipeline.adobe

    def only_new(request: Received) -> bytes:
        if request.header("x-api-key") == "new-client":
            return reply(200, STAGED)
        pipeline.seen.append(0.0)
        return reply(403, {"error_code": "403003", "message": "Api Key is invalid"})

    adobe.routes[path(EXECUTION)] = only_new

    async def main() -> None:
        [wait] = begin(trigger(poll_interval=0.1))
        await until(lambda: len(pipeline.seen) > 1)
        monkeypatch.setenv("AIRFLOW_CONN_CLOUD_MANAGER_DEFAULT", adobe.connection(login="new-client"))
        await wait
        assert kind_of(wait) is Kind.DONE

    run(main)


def test_the_connection_is_read_once_for_many_waits(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    original = hooks.get_async_connection

    async def counted(**kwargs: Any) -> Any:
        asked.append(kwargs["conn_id"])
        await asyncio.sleep(0.01)
        return await original(**kwargs)

    monkeypatch.setattr(hooks, "get_async_connection", counted)

    async def main() -> None:
        waits = begin(*[trigger(execution_id=str(number)) for number in range(100, 130)])
        await until(lambda: len(pipeline.seen) >= 30)
        await end(*waits)

    run(main)
    assert asked == ["cloud_manager_default"]


def test_a_budget_that_is_too_small_is_told(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__ADOBE_CLOUD_MANAGER__REQUESTS_PER_MINUTE", "10")
    warnings: list[str] = []
    monkeypatch.setattr(board.log, "warning", lambda text, *values: warnings.append(text % values))
    monkeypatch.setattr(board, "time", Clock(5.0))  # as on a machine that has just been started
    original = hooks.get_async_connection

    async def when_all_wait(**kwargs: Any) -> Any:
        await until(lambda: seats() == 20)
        return await original(**kwargs)

    monkeypatch.setattr(hooks, "get_async_connection", when_all_wait)

    async def main() -> None:
        waits = begin(*[trigger(execution_id=str(number)) for number in range(100, 120)])
        await until(lambda: warnings)
        await end(*waits)

    run(main)
    [sentence] = warnings
    assert sentence.startswith("20 executions are waited for")
    assert "10 requests a minute" in sentence


def test_a_task_that_is_ended_says_that_cloud_manager_was_left_as_it_is(pipeline: Pipeline) -> None:
    sensor = StageDeploymentSensor(
        task_id="wait", program_id=PROGRAM, pipeline_id=PIPELINE, execution_id=EXECUTION
    )
    with capture_logs() as said:
        asyncio.run(trigger().on_kill())
        sensor.on_kill()
    assert [line["log_level"] for line in said] == ["warning", "warning"]
    for line in said:
        assert "Cloud Manager was left as it is: the execution goes on there" in line["event"]
        assert "https://experience.adobe.com/" in line["event"]
    assert pipeline.adobe.server.requests == []
