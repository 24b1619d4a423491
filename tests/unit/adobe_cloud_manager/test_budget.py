"""The budget of requests, and the patience of reads."""

from __future__ import annotations

import threading

from adobe_cloud_manager.budget import Line, RequestBudget, budget_of
from adobe_cloud_manager.hooks.patience import Deadline


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_minute_holds_no_more_requests_than_the_budget() -> None:
    clock = Clock()
    budget = RequestBudget(3, clock)
    assert [budget.take(100) for _ in range(5)] == [0, 0, 0, 60, 60]
    clock.now += 61
    assert budget.take(100) == 0
    assert budget.take(100) == 59


def test_what_exceeds_the_patience_is_not_taken_from_the_budget() -> None:
    clock = Clock()
    budget = RequestBudget(1, clock)
    assert budget.take(0) == 0
    assert budget.take(59) is None
    assert budget.take(59) is None
    clock.now += 60
    assert budget.take(0) == 0


def test_an_act_counts_and_does_not_wait() -> None:
    budget = RequestBudget(1, Clock())
    budget.note()
    assert budget.take(10) is None


def test_all_hooks_of_a_process_share_the_budget_of_a_credential() -> None:
    assert budget_of("http://a", "c", 5) is budget_of("http://a", "c", 5)
    assert budget_of("http://a", "c", 5) is not budget_of("http://a", "d", 5)


def test_threads_cannot_take_more_than_there_is() -> None:
    budget = RequestBudget(50, Clock())
    taken: list[float | None] = []
    threads = [
        threading.Thread(target=lambda: taken.extend(budget.take(0) for _ in range(20))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken.count(0.0) == 50


def test_looks_that_come_at_once_stand_in_line() -> None:
    clock = Clock()
    line = Line(clock)
    assert [line.take(120) for _ in range(4)] == [0, 0.5, 1, 1.5]
    clock.now += 1.25
    assert line.take(120) == 0.75
    clock.now += 100
    assert [line.take(120), line.take(60), line.take(60)] == [0, 0.5, 1.5]


def test_a_line_of_a_thousand_never_exceeds_the_budget() -> None:
    clock = Clock()
    line, budget = Line(clock), RequestBudget(700, clock)
    for turn in [line.take(700) for _ in range(1000)]:
        clock.now = 1000.0 + turn
        assert budget.take(0.001) is not None


def test_a_deadline_is_absolute_and_never_negative() -> None:
    clock = Clock()
    deadline = Deadline(10, clock)
    clock.now += 4
    assert deadline.left == 6
    clock.now += 100
    assert deadline.left == 0
