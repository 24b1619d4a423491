"""Does the writer's thread go on, whatever happens to one delivery?"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future

import pytest

from stage_gate.webhook import writer as module
from stage_gate.webhook.writer import News, NotStored, Writer
from unit.stage_gate.waiting import PATIENCE, until


def news(name: str) -> News:
    return News((name,), ())


def until_it_runs(waiting: Future[None]) -> None:
    until(waiting.running, "it is being stored")


class Store:
    """Keeps what it is given, once it may; fails where that is asked for."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.calls = 0
        self.may = threading.Event()
        self.trouble: Exception | None = None

    def __call__(self, together: Sequence[News]) -> None:
        self.may.wait(PATIENCE)
        self.calls += 1
        if self.trouble is not None:
            raise self.trouble
        self.kept += [each for item in together for each in item.event_ids]


def test_what_was_given_up_before_its_turn_is_left_out_and_harms_nobody() -> None:
    store = Store()
    writer = Writer(store)
    first = writer.put(news("first"))
    until_it_runs(first)
    given_up, last = writer.put(news("given up")), writer.put(news("last"))
    assert given_up.cancel()
    store.may.set()
    last.result(PATIENCE)
    assert store.kept == ["first", "last"]


def test_where_all_was_given_up_there_is_no_transaction() -> None:
    store = Store()
    writer = Writer(store)
    first = writer.put(news("first"))
    until_it_runs(first)
    given_up = [writer.put(news(str(number))) for number in range(3)]
    assert all(each.cancel() for each in given_up)
    store.may.set()
    until(writer._waiting.empty, "what was given up is looked at")
    writer.put(news("last")).result(PATIENCE)
    assert (store.kept, store.calls) == (["first", "last"], 2)


@pytest.mark.parametrize(
    ("trouble", "told", "lines"),
    [
        (
            RuntimeError("gone"),
            "Airflow's database did not take it",
            ["Events of Adobe I/O could not be stored: RuntimeError"],
        ),
        (NotStored("The asset is not known yet."), "The asset is not known yet", []),
    ],
)
def test_a_failure_is_told_to_each_and_the_next_one_is_stored(
    trouble: Exception, told: str, lines: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    store = Store()
    store.may.set()
    store.trouble = trouble
    writer = Writer(store)
    with pytest.raises(NotStored, match=told):
        writer.put(news("one")).result(PATIENCE)
    store.trouble = None
    writer.put(news("two")).result(PATIENCE)
    assert store.kept == ["two"]
    assert [each.getMessage() for each in caplog.records] == lines
    assert all(each.exc_info and each.exc_info[1] is trouble for each in caplog.records), "with its traceback"


def test_one_thread_with_a_name_does_it_and_keeps_no_server_from_ending() -> None:
    store = Store()
    store.may.set()
    writer = Writer(store)
    assert writer._thread is None, "a server forks before its first delivery, and threads do not survive that"
    threads = set()
    for name in ("one", "two"):
        writer.put(news(name)).result(PATIENCE)
        threads.add(writer._thread)
    (thread,) = threads
    assert thread is not None
    assert (thread.name, thread.daemon) == ("stage-gate-events", True)


def test_more_than_can_wait_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 3)
    store = Store()
    writer = Writer(store)
    first = writer.put(news("first"))
    until_it_runs(first)
    for number in range(3):
        writer.put(news(str(number)))
    with pytest.raises(NotStored, match="3 deliveries wait to be stored"):
        writer.put(news("too much"))
    store.may.set()


def test_one_transaction_holds_only_so_many_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_TOGETHER", 40)
    sizes: list[list[int]] = []
    may = threading.Event()

    def store(together: Sequence[News]) -> None:
        may.wait(PATIENCE)
        sizes.append([len(each.event_ids) for each in together])

    def put(size: int) -> Future[None]:
        return writer.put(News(tuple(map(str, range(size))), ()))

    writer = Writer(store)
    first = put(20)
    until_it_runs(first)
    batches = [put(size) for size in (10, 30, 10, 10, 25, 20, 20, 5)]
    may.set()
    for batch in batches:
        batch.result(PATIENCE)
    assert sizes == [[20], [10, 30], [10, 10, 25], [20, 20], [5]]
