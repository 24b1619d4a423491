"""What follows from one look, how soon is the next, and what does a long wait remember?"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adobe_cloud_manager.ending import Ending, Kind
from adobe_cloud_manager.exceptions import CredentialError, NotFound, PermissionDenied, Unavailable
from adobe_cloud_manager.pinned import PinnedExecution
from adobe_cloud_manager.questions import Goal
from adobe_cloud_manager.vigil import Memory, Pause, Read, Vigil, Woken
from adobe_cloud_manager.waiting import advance
from adobe_cloud_manager.watch import DeadEnd, Done, KeepWaiting, look
from unit.adobe_cloud_manager.local_cloud_manager import EXECUTION, PIPELINE, PROGRAM, execution

CREATED = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
PINNED = PinnedExecution(PROGRAM, PIPELINE, EXECUTION)


def test_a_memory_of_another_version_is_taken_as_far_as_it_is_known() -> None:
    assert Memory.of({"begun": True, "took_last": 5.0}) == Memory(begun=True)
    memory = Memory(announced=["x"], durations={"build": [5, 6, 7]})
    assert Memory.of(memory.as_json()) == memory


def test_a_given_interval_is_kept() -> None:
    seen = look(Goal.STAGE_DEPLOYMENT, execution(), CREATED, durations={}, poll_interval=7)
    assert isinstance(seen, KeepWaiting)
    assert seen.next_look == 7


def test_one_look_keeps_waiting_or_is_done_or_a_dead_end() -> None:
    assert isinstance(look(Goal.STAGE_DEPLOYMENT, execution("build"), CREATED), KeepWaiting)
    assert isinstance(look(Goal.STAGE_DEPLOYMENT, execution("uiTest"), CREATED), Done)
    lost = look(Goal.STAGE_DEPLOYMENT, execution("build", "FAILED"), CREATED)
    assert isinstance(lost, DeadEnd)
    assert lost.step is not None
    assert lost.step.action == "build"


@pytest.mark.parametrize("goal", [Goal.PRODUCTION_APPROVAL, Goal.DECISION])
def test_for_the_approval_every_end_is_a_value(goal: Goal) -> None:
    for seen in (
        execution("build", "FAILED"),
        execution(status="CANCELLED"),
        execution("approval", "CANCELLED"),
    ):
        assert isinstance(look(goal, seen, CREATED), Done)


SCHEDULED = {"without": ("approval",)}


@pytest.mark.parametrize("goal", [Goal.PRODUCTION_APPROVAL, Goal.DECISION])
def test_a_schedule_without_an_approval_ends_the_wait_at_once(goal: Goal) -> None:
    """As Adobe's own fixtures have it: deploy stage FINISHED, schedule prod WAITING, deploy prod NOT_STARTED."""
    seen = look(goal, execution("schedule", "WAITING", **SCHEDULED), CREATED)
    assert isinstance(seen, Done)
    assert seen.value["state"] == "absent"
    assert "has no approval among its 11 steps" in seen.sentence
    assert [wait.is_goal for wait in seen.waits] == [False]


@pytest.mark.parametrize("goal", [Goal.PRODUCTION_APPROVAL, Goal.DECISION])
def test_that_nothing_can_be_held_is_said_while_the_build_still_runs(goal: Goal) -> None:
    seen = look(goal, execution("build", **SCHEDULED), CREATED)
    assert isinstance(seen, KeepWaiting)
    [wait] = seen.waits
    assert "has no approval among its 11 steps" in wait.sentence
    assert wait.is_goal


def test_only_a_wait_for_the_approval_is_in_vain() -> None:
    seen = look(Goal.STAGE_DEPLOYMENT, execution("build", **SCHEDULED), CREATED)
    assert isinstance(seen, KeepWaiting)
    assert seen.waits == ()


class Play:
    """Plays a wait without time: ``script`` gives the answers to the readings, pauses only move the clock."""

    def __init__(self, goal: Goal, *, timeout: timedelta = timedelta(hours=8), **more: Any) -> None:
        self.now = CREATED
        self.said: list[tuple[int, str]] = []
        self.pauses: list[float] = []
        self.woken: Woken | None = None
        memory = more.pop("memory", None) or Memory(begun=True, current_checked=1e12)
        self.vigil = Vigil(
            goal,
            PINNED,
            CREATED + timeout,
            say=lambda level, sentence: self.said.append((level, sentence)),
            now=lambda: self.now,
            memory=memory,
            **more,
        )

    def run(self, script: Any) -> Ending:
        steps = self.vigil.steps()
        answer: Any = None
        while True:
            request = advance(steps, answer)
            if isinstance(request, Ending):
                return request
            if isinstance(request, Pause):
                self.now += timedelta(seconds=request.seconds)
                self.pauses.append(request.seconds)
                answer = self.woken
            else:
                answer = script(request, self.now)


@pytest.mark.parametrize("refusal", [CredentialError("bad secret."), PermissionDenied("no profile.")])
def test_a_refused_credential_fails_the_wait_only_after_half_an_hour(refusal: Exception) -> None:
    play = Play(Goal.STAGE_DEPLOYMENT)
    ending = play.run(lambda request, now: refusal)
    assert ending.kind is Kind.REFUSED
    assert timedelta(minutes=30) <= play.now - CREATED <= timedelta(minutes=33)
    assert str(refusal) in ending.sentence
    assert "Admin Console" in ending.sentence


def test_a_credential_that_is_accepted_again_in_time_costs_nothing() -> None:
    play = Play(Goal.STAGE_DEPLOYMENT)
    refused = CredentialError("bad secret.")

    def script(request: Read, now: datetime) -> object:
        minutes = (now - CREATED).total_seconds() / 60
        if minutes > 100:
            return execution("uiTest")
        return refused if minutes < 25 or 30 < minutes < 55 else execution()

    assert play.run(script).kind is Kind.DONE


@pytest.mark.parametrize("error", [Unavailable("down."), ConnectionResetError("reset"), TimeoutError("slow")])
def test_cloud_manager_may_be_down_for_hours(error: Exception) -> None:
    play = Play(Goal.STAGE_DEPLOYMENT)
    ending = play.run(
        lambda request, now: error if now < CREATED + timedelta(hours=7) else execution("uiTest")
    )
    assert ending.kind is Kind.DONE
    assert max(play.pauses) <= 120
    assert all(level == logging.WARNING for level, _ in play.said)


def test_a_single_404_is_no_dead_end_and_two_are() -> None:
    answers = iter([NotFound("404."), execution(), NotFound("404."), Unavailable("x."), NotFound("404.")])
    last = iter([NotFound("404.")])
    ending = Play(Goal.STAGE_DEPLOYMENT).run(lambda request, now: next(answers, None) or next(last))
    assert ending.kind is Kind.DEAD_END
    assert "404, twice" in ending.sentence


def test_a_defect_of_this_program_is_not_taken_for_a_failed_look() -> None:
    with pytest.raises(ZeroDivisionError):
        Play(Goal.STAGE_DEPLOYMENT).run(lambda request, now: ZeroDivisionError())


def test_an_event_that_woke_a_wait_is_told() -> None:
    play = Play(Goal.STAGE_DEPLOYMENT)
    answers = iter([execution(), execution("uiTest")])
    play.woken = Woken.BY_EVENT
    assert play.run(lambda request, now: next(answers)).kind is Kind.DONE
    assert [sentence for _, sentence in play.said if "event" in sentence] == [
        f"An event of Adobe I/O is about {PINNED}: looking now."
    ]


def test_the_approval_that_is_waited_for_is_announced_once() -> None:
    play = Play(Goal.DECISION, timeout=timedelta(days=3), poll_interval=3600.0)
    ending = play.run(lambda request, now: execution("approval", "WAITING"))
    assert ending.kind is Kind.TIMED_OUT
    [announced] = [sentence for level, sentence in play.said if level == logging.WARNING]
    assert "production has to be approved or rejected" in announced


def test_a_wait_that_is_not_answered_by_its_deadline_says_so() -> None:
    play = Play(Goal.STAGE_DEPLOYMENT, timeout=timedelta(hours=1))
    ending = play.run(lambda request, now: execution())
    assert ending.kind is Kind.TIMED_OUT
    assert play.now == CREATED + timedelta(hours=1)


def test_the_current_execution_is_asked_for_every_twenty_minutes_only() -> None:
    play = Play(Goal.STAGE_DEPLOYMENT, timeout=timedelta(hours=1), memory=Memory())
    asked: list[datetime] = []

    def script(request: Read, now: datetime) -> object:
        if request is Read.HISTORY:
            return ()
        if request is Read.CURRENT:
            asked.append(now)
        return execution()

    play.run(script)
    assert len(asked) == 2


def test_a_history_that_cannot_be_read_does_not_stop_the_wait() -> None:
    play = Play(Goal.STAGE_DEPLOYMENT, memory=Memory())
    ending = play.run(
        lambda request, now: Unavailable("down.") if request is Read.HISTORY else execution("uiTest")
    )
    assert ending.kind is Kind.DONE
    assert "how long it takes is not known: down." in play.said[0][1]


def test_another_current_execution_seen_once_is_no_dead_end() -> None:
    play = Play(Goal.STAGE_DEPLOYMENT, timeout=timedelta(hours=1), memory=Memory())
    currents = iter([execution(id="999")])

    def script(request: Read, now: datetime) -> object:
        if request is Read.HISTORY:
            return ()
        return next(currents, execution()) if request is Read.CURRENT else execution()

    assert play.run(script).kind is Kind.TIMED_OUT


def test_an_approval_that_is_listed_late_is_waited_for_all_the_same() -> None:
    play = Play(Goal.PRODUCTION_APPROVAL)
    answers = iter([execution("build", **SCHEDULED), execution("uiTest"), execution("approval", "WAITING")])
    ending = play.run(lambda request, now: next(answers))
    assert ending.value["state"] == "waiting"
    assert [said for level, said in play.said if level == logging.WARNING and "no approval" in said] != []


def test_what_waits_for_a_person_is_told_before_the_wait_ends_and_told_once() -> None:
    play = Play(Goal.PRODUCTION_APPROVAL)
    seen = execution("schedule", "WAITING", **SCHEDULED)
    first = play.run(lambda request, now: seen)
    assert first.kind is Kind.WAITS_FOR_PERSON
    assert "has to be scheduled or cancelled" in first.sentence
    assert first.going_on is not None
    again = Play(Goal.PRODUCTION_APPROVAL, memory=Memory.of(first.going_on.memory))
    assert again.run(lambda request, now: seen).value["state"] == "absent"
    assert again.pauses == []
