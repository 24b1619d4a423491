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
        self.may = threading.Event()
        self.trouble: Exception | None = None

    def __call__(self, together: Sequence[News]) -> None:
        self.may.wait(PATIENCE)
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


@pytest.mark.parametrize("trouble", [RuntimeError("gone"), NotStored("not yet")])
def test_a_failure_is_told_to_each_and_the_next_one_is_stored(trouble: Exception) -> None:
    store = Store()
    store.may.set()
    store.trouble = trouble
    writer = Writer(store)
    with pytest.raises(NotStored):
        writer.put(news("one")).result(PATIENCE)
    store.trouble = None
    writer.put(news("two")).result(PATIENCE)
    assert store.kept == ["two"]


def test_more_than_can_wait_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 3)
    store = Store()
    writer = Writer(store)
    first = writer.put(news("first"))
    until_it_runs(first)
    for number in range(3):
        writer.put(news(str(number)))
    with pytest.raises(NotStored):
        writer.put(news("too much"))
    store.may.set()


def test_one_transaction_holds_only_so_many_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_TOGETHER", 40)
    sizes: list[int] = []
    may = threading.Event()

    def store(together: Sequence[News]) -> None:
        may.wait(PATIENCE)
        sizes.append(sum(len(each.event_ids) for each in together))

    writer = Writer(store)
    batches = [writer.put(News(tuple(f"{number}-{each}" for each in range(20)), ())) for number in range(6)]
    may.set()
    for batch in batches:
        batch.result(PATIENCE)
    assert sum(sizes) == 120
    assert max(sizes) <= 40 + 20
