"""How does a test let time pass without waiting for it? By a clock that moves only when somebody sleeps by it."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import partial

import pytest
from tenacity import RetryCallState
from tenacity.wait import wait_base

from adobe_cloud_manager.hooks.patience import Deadline
from unit.adobe_cloud_manager.adobe_double import Adobe
from unit.adobe_cloud_manager.local_server import Received

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC).timestamp()


class Clock:
    """Stands still while nobody sleeps, in seconds; it may take the place of the module ``time``."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds


class OneRetry(wait_base):
    """Try a read again once and at once; a fault that lasts is met twice, and no time is spent."""

    def __call__(self, retry_state: RetryCallState) -> float:
        return 0.0 if retry_state.attempt_number == 1 else 1e9


def waits_go_by(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sensors and triggers read this clock, and a pause between two looks moves it; looks take no time."""

    class Moment(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.fromtimestamp(clock.now, tz)

    async def pause(seat: object, seconds: float) -> None:
        clock.sleep(seconds)

    monkeypatch.setattr("adobe_cloud_manager.vigil.datetime", Moment)
    monkeypatch.setattr("adobe_cloud_manager.sensors.milestones.datetime", Moment)
    monkeypatch.setattr("adobe_cloud_manager.waiting.time", clock)
    monkeypatch.setattr("adobe_cloud_manager.triggers.board.Seat.pause", pause)


def every_answer_takes(seconds: float, adobe: Adobe, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The deadlines of both hooks go by this clock, which every answer of this Adobe moves so far."""
    clock, respond = Clock(), adobe.server.respond

    def slowly(request: Received) -> bytes:
        clock.sleep(seconds)
        return respond(request)

    adobe.server.respond = slowly
    for module in ("cloud_manager", "cloud_manager_async"):
        monkeypatch.setattr(f"adobe_cloud_manager.hooks.{module}.Deadline", partial(Deadline, clock=clock))
    return clock
